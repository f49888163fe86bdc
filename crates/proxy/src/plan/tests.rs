//! Stories of a cluster's services.

mod any;

use std::fmt::Write;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use podlab_control::store::{Store, Watch};
use serde_json::{Value, json};

use super::*;

/// A store, and a plan that follows it.
struct Follower {
    store: Store,
    watch: Watch,
    plan: Plan,
    story: String,
}

impl Follower {
    fn new() -> Self {
        Self::of(Store::new(Arc::new(|| Time(Timestamp::UNIX_EPOCH))))
    }

    fn of(store: Store) -> Self {
        Self {
            watch: store.watch(),
            store,
            plan: Plan::new(
                "node-1".to_owned(),
                PodRanges {
                    cluster: "10.244.0.0/16".parse().unwrap(),
                    node: "10.244.0.0/24".parse().unwrap(),
                },
            ),
            story: String::new(),
        }
    }

    fn commit(&mut self) -> Transaction {
        while let Some(event) = self.watch.try_next() {
            self.plan.record(&event);
        }
        self.plan.commit()
    }

    fn tell(&mut self, what: &str) {
        let transaction = self.commit();
        // The text of the chains has its own files; here is only which are new.
        let chains: String = transaction
            .add_chains
            .iter()
            .map(|Chain { number, pick }| {
                format!("add chain ip podlab-proxy {} {{ … }} # {number}\n", pick.chain())
            })
            .collect();
        let elements = Transaction {
            add_chains: BTreeSet::new(),
            ..transaction
        };
        writeln!(self.story, "## {what}\n{chains}{elements}").unwrap();
    }

    fn set_service(&self, name: &str, spec: Value) {
        self.set_annotated_service(name, json!({}), spec);
    }

    fn set_annotated_service(&self, name: &str, annotations: Value, spec: Value) {
        let metadata = json!({ "namespace": "default", "name": name, "annotations": annotations });
        let service: Service = serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap();
        if self.store.update(service.clone()).is_err() {
            self.store.create(service).unwrap();
        }
    }

    fn set_slice(&self, name: &str, service: &str, ports: Value, endpoints: Value) {
        let labels = json!({ "kubernetes.io/service-name": service });
        let metadata = json!({ "namespace": "default", "name": name, "labels": labels });
        let slice: EndpointSlice = serde_json::from_value(json!({
            "metadata": metadata, "addressType": "IPv4", "ports": ports, "endpoints": endpoints,
        }))
        .unwrap();
        if self.store.update(slice.clone()).is_err() {
            self.store.create(slice).unwrap();
        }
    }

    fn remove<T: podlab_api::object::Resource>(&self, name: &str) -> bool {
        self.store.remove::<T>(&in_default(name)).is_ok()
    }
}

fn in_default(name: &str) -> NamespacedName {
    NamespacedName {
        namespace: "default".into(),
        name: name.into(),
    }
}

fn pods(last_bytes: &[u8]) -> Value {
    last_bytes
        .iter()
        .map(|byte| json!({ "addresses": [format!("10.244.0.{byte}")] }))
        .collect()
}

fn pod(last_byte: u8, ready: bool, serving: bool, terminating: bool) -> Value {
    json!({
        "addresses": [format!("10.244.0.{last_byte}")],
        "conditions": { "ready": ready, "serving": serving, "terminating": terminating },
    })
}

#[test]
fn a_service_comes_and_goes() {
    let mut cluster = Follower::new();
    let http = json!([{ "port": 8080 }]);
    cluster.set_service(
        "web",
        json!({ "clusterIP": "10.96.0.10", "ports": [{ "port": 80 }] }),
    );
    cluster.tell("a service, without endpoints");
    cluster.set_slice("web-1", "web", http.clone(), pods(&[5, 6, 7]));
    cluster.tell("three endpoints");
    cluster.set_slice("web-1", "web", http.clone(), pods(&[5, 7]));
    cluster.tell("the middle one goes: the last one takes its slot");
    cluster.set_slice("web-1", "web", http.clone(), pods(&[7, 8]));
    cluster.tell("a pod is replaced: the new one takes its slot, and no verdict changes");
    cluster.set_slice("web-2", "web", http.clone(), pods(&[8, 9]));
    cluster.tell("another slice, with a pod that is in the first one too");
    cluster.set_slice("web-1", "web", http, json!([]));
    cluster.tell("the first slice is emptied");
    cluster
        .store
        .modify(&in_default("web"), |service: &mut Service| {
            service.metadata.generation = Some(2);
        })
        .unwrap();
    cluster.tell("a change that is no change here: nothing");
    cluster.set_service(
        "web",
        json!({ "clusterIP": "10.96.0.11", "ports": [{ "port": 80 }] }),
    );
    cluster.tell("another ClusterIP");
    cluster.remove::<Service>("web");
    cluster.tell("the service goes");
    cluster.remove::<EndpointSlice>("web-1");
    cluster.remove::<EndpointSlice>("web-2");
    cluster.tell("its slices follow: nothing is left to do");
    insta::assert_snapshot!(cluster.story);
}

#[test]
fn ports_have_names_protocols_and_numbers_of_their_own() {
    let mut cluster = Follower::new();
    let dns = json!([
        { "name": "dns", "port": 53, "protocol": "UDP" },
        { "name": "dns-tcp", "port": 53, "protocol": "TCP" },
        { "name": "sctp", "port": 53, "protocol": "SCTP" },
    ]);
    cluster.set_service("dns", json!({ "clusterIP": "10.96.0.10", "ports": dns }));
    let ports = |number| {
        json!([
            { "name": "dns", "port": number, "protocol": "UDP" },
            { "name": "dns-tcp", "port": number, "protocol": "TCP" },
            { "name": "metrics", "port": 9153, "protocol": "TCP" },
            { "name": "dns-tcp", "port": 1, "protocol": "UDP" },
        ])
    };
    cluster.set_slice("dns-1", "dns", ports(53), pods(&[5]));
    cluster.set_slice("dns-2", "dns", ports(5353), pods(&[6]));
    cluster.tell("two ports, whose named targetPort differs from pod to pod");
    cluster.remove::<EndpointSlice>("dns-1");
    cluster.tell("the first slice goes: UDP flows with its pod are forgotten");
    cluster.set_service(
        "dns",
        json!({ "clusterIP": "10.96.0.10", "ports": [{ "name": "dns-tcp", "port": 53 }] }),
    );
    cluster.tell("the UDP port goes");
    insta::assert_snapshot!(cluster.story);
}

#[test]
fn endpoints_that_terminate_serve_when_no_other_does() {
    let mut cluster = Follower::new();
    let http = json!([{ "port": 8080 }]);
    cluster.set_service(
        "web",
        json!({ "clusterIP": "10.96.0.10", "ports": [{ "port": 80 }] }),
    );
    let leaves = pod(6, false, true, true);
    cluster.set_slice(
        "web",
        "web",
        http.clone(),
        json!([pod(5, true, true, false), leaves]),
    );
    cluster.tell("one is ready, one terminates");
    cluster.set_slice(
        "web",
        "web",
        http.clone(),
        json!([pod(5, false, false, false), leaves, pod(7, false, false, true)]),
    );
    cluster.tell("none is ready, and of those that terminate one serves");
    cluster.set_slice("web", "web", http.clone(), json!([pod(5, false, false, false)]));
    cluster.tell("none at all");
    insta::assert_snapshot!(cluster.story);
}

#[test]
fn what_has_no_cluster_ip_is_passed_over() {
    let mut cluster = Follower::new();
    let ports = json!([{ "port": 80 }]);
    for spec in [
        json!({ "clusterIP": "None", "ports": ports }),
        json!({ "ports": ports }),
        json!({ "type": "ExternalName", "externalName": "example.com", "clusterIP": "10.96.0.10", "ports": ports }),
        json!({ "clusterIP": "fd00::1", "ports": ports }),
    ] {
        cluster.set_service("web", spec.clone());
        cluster.set_slice("web", "web", json!([{ "port": 8080 }]), pods(&[5]));
        assert_eq!(cluster.commit(), Transaction::default(), "{spec}");
    }
}

#[test]
fn of_a_slice_only_first_addresses_count_and_none_of_one_for_others() {
    let mut cluster = Follower::new();
    let port = json!([{ "port": 80 }]);
    cluster.set_service("web", json!({ "clusterIP": "10.96.0.10", "ports": port }));
    cluster.set_slice(
        "web",
        "web",
        port,
        json!([{ "addresses": ["10.244.0.2", "10.244.0.3"] }]),
    );
    let pods = |transaction: &Transaction| {
        let pod = |element: &Element| match element {
            Element::Endpoint { endpoint, .. } => Some(endpoint.to_string()),
            _ => None,
        };
        let of = |elements: &[Element]| elements.iter().filter_map(pod).collect::<Vec<_>>();
        (of(&transaction.add), of(&transaction.delete))
    };
    assert_eq!(
        pods(&cluster.commit()),
        (vec!["10.244.0.2:80".to_owned()], vec![])
    );
    let label = |slice: &mut EndpointSlice| {
        let labels = slice.metadata.labels.get_or_insert_default();
        labels.insert("service.kubernetes.io/headless".to_owned(), String::new());
    };
    cluster.store.modify(&in_default("web"), label).unwrap();
    assert_eq!(
        pods(&cluster.commit()),
        (vec![], vec!["10.244.0.2:80".to_owned()])
    );
}

#[test]
fn a_slice_can_change_its_service() {
    let mut cluster = Follower::new();
    for (name, address) in [("blue", "10.96.0.10"), ("green", "10.96.0.11")] {
        cluster.set_service(name, json!({ "clusterIP": address, "ports": [{ "port": 80 }] }));
    }
    cluster.set_slice("slice", "blue", json!([{ "port": 8080 }]), pods(&[5]));
    cluster.tell("to the first");
    cluster.set_slice("slice", "green", json!([{ "port": 8080 }]), pods(&[5]));
    cluster.tell("to the second: the pod is an endpoint still");
    insta::assert_snapshot!(cluster.story);
}

/// Flows with the new service's endpoints aren't those that are to be forgotten, even if no more come to these.
#[test]
fn an_address_goes_from_one_service_to_another() {
    let mut cluster = Follower::new();
    let ports = json!([{ "port": 53, "protocol": "UDP" }]);
    let at =
        |address: &str| json!({ "clusterIP": address, "ports": ports, "internalTrafficPolicy": "Local" });
    cluster.set_service("old", at("10.96.0.10"));
    cluster.set_slice("old", "old", ports.clone(), pods(&[5]));
    let elsewhere = json!([{ "addresses": ["10.244.1.6"], "nodeName": "node-2" }]);
    cluster.set_slice("new", "new", ports.clone(), elsewhere);
    cluster.commit();
    cluster.remove::<Service>("old");
    cluster.set_service("new", at("10.96.0.10"));
    let transaction = cluster.commit();
    let serving = BTreeSet::from(["10.244.1.6:53".parse().unwrap()]);
    let service = "10.96.0.10:53".parse().unwrap();
    assert_eq!(transaction.udp, BTreeMap::from([(service, serving)]));
}

#[test]
fn clients_stay_with_their_endpoints() {
    let mut cluster = Follower::new();
    let http = json!([{ "port": 8080 }]);
    let affinity = |seconds: Option<u32>| {
        let config = seconds.map(|seconds| json!({ "clientIP": { "timeoutSeconds": seconds } }));
        let affinity = if seconds.is_some() { "ClientIP" } else { "None" };
        json!({
            "clusterIP": "10.96.0.10", "ports": [{ "port": 80 }],
            "sessionAffinity": affinity, "sessionAffinityConfig": config,
        })
    };
    cluster.set_service("web", affinity(Some(10_800)));
    cluster.set_slice("web", "web", http.clone(), pods(&[5, 6]));
    cluster.tell("each endpoint has an identity, which its clients remember");
    cluster.set_slice("web", "web", http, pods(&[6, 7]));
    cluster.tell("one goes, and nobody ever has its identity again; the other one keeps its own");
    cluster.set_service("web", affinity(Some(60)));
    cluster.tell("for a shorter time");
    cluster.set_service("web", affinity(None));
    cluster.tell("no longer");
    insta::assert_snapshot!(cluster.story);
}

#[test]
fn endpoints_take_turns() {
    let mut cluster = Follower::new();
    let http = json!([{ "port": 8080 }]);
    cluster.set_slice("web", "web", http.clone(), pods(&[5, 6]));
    let spec = json!({ "clusterIP": "10.96.0.10", "ports": [{ "port": 80 }] });
    let annotations = json!({ "podlab.dev/load-balancing": "RoundRobin" });
    cluster.set_annotated_service("web", annotations, spec);
    cluster.tell("a chain for this service alone counts whose turn it is");
    cluster.set_slice("web", "web", http.clone(), pods(&[6, 7]));
    cluster.tell("a pod is replaced: the count goes on");
    cluster.set_slice("web", "web", http, pods(&[6, 7, 8]));
    cluster.tell("another one");
    cluster.remove::<Service>("web");
    cluster.tell("the service goes, and its chain with it");
    insta::assert_snapshot!(cluster.story);
}

#[test]
fn an_internal_traffic_policy_keeps_to_the_node() {
    let mut cluster = Follower::new();
    let http = json!([{ "port": 8080 }]);
    let on = |node: &str, byte: u8| json!({ "addresses": [format!("10.244.0.{byte}")], "nodeName": node });
    let spec = json!({
        "clusterIP": "10.96.0.10", "ports": [{ "port": 80 }], "internalTrafficPolicy": "Local",
    });
    cluster.set_service("agent", spec);
    cluster.set_slice(
        "agent",
        "agent",
        http.clone(),
        json!([on("node-1", 5), on("node-2", 6)]),
    );
    cluster.tell("only the endpoint of this node");
    cluster.set_slice("agent", "agent", http.clone(), json!([on("node-2", 6)]));
    cluster.tell("all of them are on other nodes: silence");
    cluster.set_slice("agent", "agent", http, json!([]));
    cluster.tell("nobody anywhere: refused");
    insta::assert_snapshot!(cluster.story);
}

#[test]
fn ranges_of_cluster_ips_are_one_set() {
    let mut cluster = Follower::new();
    for (name, cidrs) in [
        ("kubernetes", json!(["10.96.0.0/16", "fd00::/112"])),
        ("more", json!(["10.97.0.0/16"])),
        ("inside", json!(["10.96.8.0/24"])),
        ("elsewhere", json!(["172.20.0.0/16"])),
    ] {
        let range: ServiceCIDR =
            serde_json::from_value(json!({ "metadata": { "name": name }, "spec": { "cidrs": cidrs } }))
                .unwrap();
        cluster.store.create(range).unwrap();
        cluster.tell(name);
    }
    let name = NamespacedName {
        namespace: String::new(),
        name: "more".into(),
    };
    cluster.store.remove::<ServiceCIDR>(&name).unwrap();
    cluster.tell("without more");
    insta::assert_snapshot!(cluster.story);
}
