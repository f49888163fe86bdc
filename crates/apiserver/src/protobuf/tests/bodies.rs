//! Whole bodies: those that kubectl sends, and those that are none.

use podlab_api::object::Kind;
use serde_json::{Value, json};

use super::super::to_json;
use super::{body, bytes, enveloped, number};
use crate::schema::{self, DELETE_OPTIONS, SCALE};

/// A body that kubectl 1.37 has sent, and what it prints with `--dry-run=client -o json` if it has that.
macro_rules! sent {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!($name, ".hex")),
            include_str!(concat!($name, ".json")),
        )
    };
}

#[test]
fn what_kubectl_sends_is_what_it_prints() {
    for (kind, (name, dump, printed)) in [
        (Kind::ConfigMap, sent!("configmap")),
        (Kind::Deployment, sent!("deployment")),
        (Kind::Deployment, sent!("deployment-command")),
        (Kind::Namespace, sent!("namespace")),
        (Kind::Pod, sent!("pod")),
        (Kind::Secret, sent!("secret")),
        (Kind::Secret, sent!("secret-registry")),
        (Kind::Service, sent!("service-clusterip")),
        (Kind::Service, sent!("service-externalname")),
        (Kind::Service, sent!("service-headless")),
        (Kind::Service, sent!("service-loadbalancer")),
        (Kind::Service, sent!("service-nodeport")),
        (Kind::ServiceAccount, sent!("serviceaccount")),
    ] {
        let printed: Value = serde_json::from_str(printed).unwrap();
        assert_eq!(to_json(schema::of(kind), &body(dump)), Ok(printed), "{name}");
    }
    let (_, dump, printed) = sent!("deleteoptions");
    let printed: Value = serde_json::from_str(printed).unwrap();
    assert_eq!(to_json(DELETE_OPTIONS, &body(dump)), Ok(printed));
}

#[test]
fn a_body_says_what_it_is_or_is_what_is_wanted() {
    let scale = bytes(2, number(1, 3));
    for (api_version, kind, expected) in [
        (
            "autoscaling/v1",
            "Scale",
            json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "spec": {"replicas": 3}}),
        ),
        ("", "", json!({"spec": {"replicas": 3}})),
        // Of another kind its fields aren't read.
        ("v1", "Pod", json!({"apiVersion": "v1", "kind": "Pod"})),
    ] {
        assert_eq!(
            to_json(SCALE, &enveloped(api_version, kind, &scale)),
            Ok(expected),
            "{kind}"
        );
    }
}

#[test]
fn what_is_wrong_is_told_in_the_servers_words() {
    let no_prefix = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]";
    let unrecognized = |why: &str, summary: &str| {
        format!("the object provided is unrecognized (must be of type ConfigMap): {why} ({summary})")
    };
    let unhandled =
        |why: &str| format!("ConfigMap in version \"v1\" cannot be handled as a ConfigMap: {why}");
    let map = |raw: &[u8]| enveloped("v1", "ConfigMap", raw);
    for (body, expected) in [
        (b"".to_vec(), unrecognized("empty data", "<empty>")),
        (b"k8s".to_vec(), unrecognized(no_prefix, "6b3873")),
        (
            b"{\"kind\":\"ConfigMap\"}".to_vec(),
            unrecognized(no_prefix, "{\"kind\":\"ConfigMap\"}"),
        ),
        (b"k8s\0".to_vec(), unrecognized("empty body", "6b387300")),
        (
            b"k8s\0\x12\x05a".to_vec(),
            unrecognized("unexpected EOF", "6b387300120561"),
        ),
        (
            b"k8s\0\x08\x01".to_vec(),
            unrecognized("proto: wrong wireType = 0 for field TypeMeta", "6b3873000801"),
        ),
        (
            map(&number(2, 1)),
            unhandled("proto: wrong wireType = 0 for field Data"),
        ),
        (
            map(&bytes(1, bytes(9, [0x0d, 1, 2, 3, 4]))),
            unhandled("proto: wrong wireType = 5 for field Seconds"),
        ),
        (
            map(b"\0\x01"),
            unhandled("proto: ConfigMap: illegal tag 0 (wire type 0)"),
        ),
        (
            map(b"\x0c"),
            unhandled("proto: ConfigMap: wiretype end group for non-group"),
        ),
        (map(b"\x0f"), unhandled("proto: illegal wireType 7")),
        (map(&[0xff; 11]), unhandled("proto: integer overflow")),
        (
            map(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
            unhandled("proto: negative length found during unmarshaling"),
        ),
        (
            map(&bytes(1, bytes(9, number(1, i64::MAX)))),
            unhandled("time 9223372036854775807 is out of range"),
        ),
    ] {
        let error = to_json(schema::of(Kind::ConfigMap), &body).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
