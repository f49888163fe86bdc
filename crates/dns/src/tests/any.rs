//! What holds for any message, and after any story of a cluster's objects.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use proptest::prelude::*;

use super::*;

/// Names of the cluster of `services`, with some that aren't there.
const NAMES: &[&str] = &[
    "cluster.local.",
    "svc1.testns.svc.cluster.local.",
    "_http._tcp.hdls1.testns.svc.cluster.local.",
    "ring-a.testns.svc.cluster.local.",
    "alias-of-alias.testns.svc.cluster.local.",
    "crowd.testns.svc.cluster.local.",
    "fd00--5.podns.pod.cluster.local.",
    "1.0.0.10.in-addr.arpa.",
    "nothing.testns.svc.cluster.local.",
    "example.com.",
];
const TYPES: &[&str] = &["A", "AAAA", "SRV", "PTR", "CNAME", "NS", "SOA", "TXT", "ANY"];

fn question() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(NAMES);
    let kind = prop::sample::select(TYPES);
    let copies = prop_oneof![8 => Just(1_usize), 1 => 0..40_usize];
    (name, kind, prop::option::of(any::<u16>()), copies).prop_map(|(name, kind, payload, copies)| {
        let mut request = request(&format!("{name} {kind}"));
        request.queries = vec![request.queries.remove(0); copies];
        request.edns = payload.map(|payload| {
            let mut edns = hickory_proto::op::Edns::new();
            edns.set_max_payload(payload);
            edns
        });
        request.to_vec().unwrap()
    })
}

/// Bytes, a header with bytes, and questions with a few bytes changed.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..600);
    let counts = (0..3u8, 0..2u8);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    prop_oneof![
        1 => bytes(),
        1 => (counts, bytes()).prop_map(|((questions, additionals), bytes)| {
            let mut message = vec![1, 2, 1, 0, 0, questions, 0, 0, 0, 0, 0, additionals];
            message.extend(bytes);
            message
        }),
        4 => (question(), changes).prop_map(|(mut bytes, changes)| {
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            bytes
        }),
    ]
}

/// That of `services`, and a service whose answers are too large for any datagram.
fn crowded() -> Zone {
    let mut zone = zone(&services::cluster());
    zone.set_service(&service("crowd.testns", json!({"clusterIP": "None"})), true);
    let endpoints: Vec<String> = (0..250).map(|number| format!("10.244.3.{number}")).collect();
    let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
    zone.set_slice(&slice("crowd.testns", 1, &endpoints, http()), true);
    zone
}

thread_local! {
    static CROWDED: Zone = crowded();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn no_answer_is_larger_than_allowed(message in message()) {
        let edns = Message::from_vec(&message).ok().and_then(|message| message.edns);
        let limit = edns.map_or(512, |edns| edns.max_payload().clamp(512, 1232));
        for (transport, limit) in [(Transport::Udp, limit), (Transport::Tcp, u16::MAX)] {
            let response = CROWDED.with(|zone| respond(zone, &message, transport));
            if let Some(bytes) = response.alone() {
                prop_assert!(bytes.len() <= usize::from(limit));
                let response = Message::from_vec(&bytes).unwrap();
                prop_assert_eq!(response.metadata.message_type, MessageType::Response);
                prop_assert_eq!(&bytes[..2], &message[..2]);
            }
        }
    }
}

/// A change of a small cluster; its numbers choose from few names, so that changes meet.
#[derive(Debug, Clone)]
enum Step {
    SetNamespace(u8, bool),
    SetService {
        name: u8,
        kind: u8,
    },
    RemoveService(u8),
    SetSlice {
        name: u8,
        service: u8,
        endpoints: Vec<u8>,
    },
    RemoveSlice(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let endpoints = prop::collection::vec(0..6u8, 0..4);
    prop_oneof![
        2 => (0..2u8, any::<bool>()).prop_map(|(name, is_there)| Step::SetNamespace(name, is_there)),
        4 => (0..4u8, 0..5u8).prop_map(|(name, kind)| Step::SetService { name, kind }),
        2 => (0..4u8).prop_map(Step::RemoveService),
        5 => (0..4u8, 0..3u8, endpoints)
            .prop_map(|(name, service, endpoints)| Step::SetSlice { name, service, endpoints }),
        2 => (0..4u8).prop_map(Step::RemoveSlice),
    ]
}

/// What is there, by its number.
#[derive(Default)]
struct Left {
    namespaces: BTreeSet<u8>,
    services: BTreeMap<u8, Service>,
    slices: BTreeMap<u8, EndpointSlice>,
}

impl Left {
    fn take(&mut self, step: &Step, zone: &mut Zone) {
        match step {
            Step::SetNamespace(name, is_there) => {
                zone.set_namespace(&namespace(&format!("n{name}")), *is_there);
                if *is_there {
                    self.namespaces.insert(*name);
                } else {
                    self.namespaces.remove(name);
                }
            }
            Step::SetService { name, kind } => {
                let service = a_service(*name, *kind);
                zone.set_service(&service, true);
                self.services.insert(*name, service);
            }
            Step::RemoveService(name) => {
                if let Some(service) = self.services.remove(name) {
                    zone.set_service(&service, false);
                }
            }
            Step::SetSlice {
                name,
                service,
                endpoints,
            } => {
                let slice = a_slice(*name, *service, endpoints);
                zone.set_slice(&slice, true);
                self.slices.insert(*name, slice);
            }
            Step::RemoveSlice(name) => {
                if let Some(slice) = self.slices.remove(name) {
                    zone.set_slice(&slice, false);
                }
            }
        }
    }

    fn as_new(&self) -> Zone {
        let namespaces: Vec<String> = self.namespaces.iter().map(|name| format!("n{name}")).collect();
        let namespaces: Vec<&str> = namespaces.iter().map(String::as_str).collect();
        let services: Vec<_> = self.services.values().cloned().collect();
        let slices: Vec<_> = self.slices.values().cloned().collect();
        zone(&cluster(&namespaces, &services, &slices))
    }

    fn remove_all(&mut self, zone: &mut Zone) {
        let services = self.services.keys().copied().map(Step::RemoveService);
        let slices = self.slices.keys().copied().map(Step::RemoveSlice);
        let namespaces = self
            .namespaces
            .iter()
            .map(|name| Step::SetNamespace(*name, false));
        let steps: Vec<_> = services.chain(slices).chain(namespaces).collect();
        for step in steps {
            self.take(&step, zone);
        }
    }
}

/// The service `s0.n0`, `s1.n0`, `s0.n1`, or `s1.n1`.
fn a_service(number: u8, kind: u8) -> Service {
    let name = format!("s{}.n{}", number % 2, number / 2);
    match kind {
        0 => service(&name, json!({"clusterIP": "None"})),
        1 => external(&name, "s1.n1.svc.cluster.local"),
        _ => cluster_ip(&name, &[&format!("10.96.0.{kind}")]),
    }
}

/// A slice of `s0`, of `s1`, or of no service.
fn a_slice(number: u8, service: u8, endpoints: &[u8]) -> EndpointSlice {
    let endpoints: Vec<String> = endpoints
        .iter()
        .map(|endpoint| {
            format!(
                "10.96.0.{endpoint}{}",
                if endpoint % 2 == 0 { "" } else { " odd" }
            )
        })
        .collect();
    let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
    let home = format!("s{}.n{}", service % 2, number / 2);
    let mut slice = slice(&home, 0, &endpoints, http());
    slice.metadata.name = Some(format!("slice-{number}"));
    if service == 2 {
        slice.metadata.labels = None;
    }
    slice
}

/// All that a small cluster can be asked.
fn all_questions() -> Vec<String> {
    let mut questions: Vec<String> = (0..6)
        .map(|number| format!("{number}.0.96.10.in-addr.arpa. PTR"))
        .collect();
    for namespace in ["n0", "n1"] {
        let mut names = vec![format!("{namespace}.svc")];
        for service in ["s0", "s1"] {
            let service = format!("{service}.{namespace}.svc");
            names.extend(["odd", "10-96-0-2", "_http._tcp"].map(|front| format!("{front}.{service}")));
            names.push(service);
        }
        for name in names {
            questions.extend(["A", "SRV", "CNAME"].map(|kind| format!("{name}.cluster.local. {kind}")));
        }
    }
    questions
}

proptest! {
    #[test]
    fn any_story_comes_to_what_is_left(story in prop::collection::vec(step(), 0..40)) {
        let (mut left, mut zone) = (Left::default(), super::zone(&cluster(&[], &[], &[])));
        for step in &story {
            left.take(step, &mut zone);
        }
        let new = left.as_new();
        for question in all_questions() {
            let (old, new) = (answer(&zone, &question), answer(&new, &question));
            prop_assert_eq!(old, new, "{}", question);
        }
        left.remove_all(&mut zone);
        prop_assert!(zone.is_empty(), "{:#?}", zone);
    }
}
