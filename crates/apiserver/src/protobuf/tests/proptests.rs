//! Bodies that nobody has thought of: an answer, and never more.

use podlab_api::object::Kind;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::to_json;
use super::{body, enveloped};
use crate::schema;

fn changed(mut body: Vec<u8>, changes: &[(usize, u8)], length: usize) -> Vec<u8> {
    for (index, byte) in changes {
        let index = index % body.len();
        body[index] = *byte;
    }
    body.truncate(length);
    body
}

proptest! {
    #[test]
    fn any_bytes_are_answered(raw in any::<Vec<u8>>(), kind in select(Kind::ALL)) {
        let component = schema::of(kind);
        let _ = to_json(component, &raw);
        let _ = to_json(component, &enveloped(kind.api_version(), kind.as_str(), &raw));
    }

    #[test]
    fn changed_bodies_are_answered(
        changes in prop::collection::vec(any::<(usize, u8)>(), 0..5),
        length in 0..500_usize,
    ) {
        for (kind, dump) in [
            (Kind::Pod, include_str!("pod.hex")),
            (Kind::Deployment, include_str!("deployment-command.hex")),
            (Kind::Service, include_str!("service-clusterip.hex")),
            (Kind::Secret, include_str!("secret.hex")),
        ] {
            let _ = to_json(schema::of(kind), &changed(body(dump), &changes, length));
        }
    }
}
