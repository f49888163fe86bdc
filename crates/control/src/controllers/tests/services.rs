//! Addresses and types of services, in Kubernetes' words.

use k8s_openapi::api::core::v1::Endpoints;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use serde_json::Value;

use super::*;

impl Lab {
    fn apply_service(&self, name: &str, spec: Value) -> Result<Applied, String> {
        let mut spec = spec;
        if spec["ports"].is_null() {
            spec["ports"] = json!([{ "port": 80 }]);
        }
        let service = serde_json::from_value(json!({ "metadata": { "name": name }, "spec": spec })).unwrap();
        self.registry
            .apply(Object::Service(service))
            .map_err(|error| error.to_string())
    }

    fn cluster_ip(&self, name: &str) -> Option<String> {
        let service = self.registry.store().get::<Service>(&in_default(name)).unwrap();
        let spec = service.spec.as_ref().unwrap();
        assert_eq!(
            spec.cluster_ips,
            spec.cluster_ip.clone().map(|address| vec![address])
        );
        spec.cluster_ip.clone()
    }

    fn apply_range(&self, name: &str, cidr: &str) -> Result<Applied, String> {
        let range = json!({ "metadata": { "name": name }, "spec": { "cidrs": [cidr] } });
        let range = serde_json::from_value(range).unwrap();
        self.registry
            .apply(Object::ServiceCIDR(range))
            .map_err(|error| error.to_string())
    }
}

fn cluster_scoped(name: &str) -> NamespacedName {
    NamespacedName {
        namespace: String::new(),
        name: name.to_owned(),
    }
}

#[test]
fn a_cluster_ip_is_kept_refused_and_released() {
    let lab = Lab::new();
    let apply = |name: &str, address: Option<&str>| lab.apply_service(name, json!({ "clusterIP": address }));
    assert_eq!(apply("a", Some("10.96.0.10")), Ok(Applied::Created));
    assert_eq!(apply("a", None), Ok(Applied::Unchanged));
    for (name, address, message) in [
        (
            "b",
            "10.96.0.10",
            "spec.clusterIPs: Invalid value: [\"10.96.0.10\"]: failed to allocate IP 10.96.0.10: provided IP is already allocated",
        ),
        (
            "b",
            "10.96.0.1",
            "spec.clusterIPs: Invalid value: [\"10.96.0.1\"]: failed to allocate IP 10.96.0.1: provided IP is already allocated",
        ),
        (
            "b",
            "10.10.0.1",
            "spec.clusterIPs: Invalid value: [\"10.10.0.1\"]: failed to allocate IP 10.10.0.1: the provided network does not match the current range",
        ),
        (
            "a",
            "10.96.0.11",
            "spec.clusterIPs[0]: Invalid value: [\"10.96.0.11\"]: may not change once set",
        ),
        (
            "a",
            "None",
            "spec.clusterIPs[0]: Invalid value: [\"None\"]: may not change once set",
        ),
    ] {
        let error = apply(name, Some(address)).unwrap_err();
        assert_eq!(error, format!("Service \"{name}\" is invalid: {message}"));
    }
    lab.registry.delete(Kind::Service, &in_default("a")).unwrap();
    assert_eq!(apply("b", Some("10.96.0.10")), Ok(Applied::Created));
}

#[test]
fn a_used_up_range_is_an_internal_error() {
    let lab = Lab::with_range("10.96.0.0/30");
    lab.apply_service("a", json!({})).unwrap();
    assert_eq!(
        lab.apply_service("b", json!({})).unwrap_err(),
        "Internal error occurred: failed to allocate a serviceIP: range is full"
    );
    lab.apply_service("headless", json!({ "clusterIP": "None" }))
        .unwrap();
    lab.registry.delete(Kind::Service, &in_default("a")).unwrap();
    lab.apply_service("b", json!({})).unwrap();
}

/// The range has room for one service: what is released can be seen.
#[test]
fn a_type_that_changes_takes_or_releases_the_address() {
    let lab = Lab::with_range("10.96.0.0/30");
    let external =
        json!({ "type": "ExternalName", "externalName": "example.com", "ports": [{ "port": 80 }] });
    lab.apply_service("a", json!({ "clusterIP": "10.96.0.2" }))
        .unwrap();
    assert_eq!(lab.apply_service("a", external.clone()), Ok(Applied::Configured));
    assert_eq!(lab.cluster_ip("a"), None);
    lab.apply_service("b", json!({ "clusterIP": "10.96.0.2" }))
        .unwrap();
    assert!(
        lab.apply_service("a", json!({}))
            .unwrap_err()
            .contains("range is full")
    );
    assert_eq!(lab.cluster_ip("a"), None, "a refused change changes nothing");
    lab.registry.delete(Kind::Service, &in_default("b")).unwrap();
    lab.apply_service("a", json!({})).unwrap();
    assert_eq!(lab.cluster_ip("a").as_deref(), Some("10.96.0.2"));
    for kind in ["NodePort", "LoadBalancer", "ClusterIP"] {
        lab.apply_service("a", json!({ "type": kind })).unwrap();
        assert_eq!(lab.cluster_ip("a").as_deref(), Some("10.96.0.2"), "{kind}");
    }
    lab.apply_service("a", external).unwrap();
    lab.apply_service("a", json!({ "clusterIP": "None" })).unwrap();
    assert_eq!(lab.cluster_ip("a").as_deref(), Some("None"));
    assert!(
        lab.apply_service("a", json!({ "clusterIP": "10.96.0.2" }))
            .is_err()
    );
}

#[test]
fn more_ranges_give_more_addresses() {
    let lab = Lab::with_range("10.96.0.0/30");
    lab.apply_service("a", json!({})).unwrap();
    lab.apply_range("more", "10.97.0.0/30").unwrap();
    lab.apply_service("b", json!({})).unwrap();
    assert!(lab.cluster_ip("b").unwrap().starts_with("10.97.0."));
    assert_eq!(lab.apply_range("more", "10.97.0.0/30"), Ok(Applied::Unchanged));
    assert_eq!(
        lab.apply_range("more", "10.98.0.0/30").unwrap_err(),
        "ServiceCIDR.networking.k8s.io \"more\" is invalid: spec.cidrs[0]: Invalid value: \"10.98.0.0/30\": field is immutable"
    );
    assert_eq!(
        lab.apply_range("bad", "10.98.0.0").unwrap_err(),
        "ServiceCIDR.networking.k8s.io \"bad\" is invalid: spec.cidrs[0]: Invalid value: \"10.98.0.0\": must be a valid CIDR value, \
         (e.g. 10.9.8.0/24 or 2001:db8::/64)"
    );
}

#[test]
fn a_range_stays_as_long_as_a_service_has_an_address_of_it() {
    let lab = Lab::with_range("10.96.0.0/30");
    let more = cluster_scoped("more");
    lab.apply_range("more", "10.97.0.0/30").unwrap();
    lab.apply_service("a", json!({ "clusterIP": "10.97.0.1" }))
        .unwrap();
    lab.registry.delete(Kind::ServiceCIDR, &more).unwrap();
    let range = lab.registry.store().get::<ServiceCIDR>(&more).unwrap();
    let ready = &range.status.as_ref().unwrap().conditions.as_ref().unwrap()[0];
    assert_eq!((&*ready.status, &*ready.reason), ("False", "Terminating"));
    assert!(
        lab.apply_service("b", json!({ "clusterIP": "10.97.0.2" }))
            .is_err(),
        "no new ones"
    );
    lab.registry.delete(Kind::Service, &in_default("a")).unwrap();
    assert!(lab.registry.store().get::<ServiceCIDR>(&more).is_none());
}

/// As the condition of the first one says.
#[test]
fn another_range_takes_over_the_addresses_of_one_that_goes() {
    let lab = Lab::with_range("10.96.0.0/30");
    let more = cluster_scoped("more");
    let is_there = || lab.registry.store().get::<ServiceCIDR>(&more).is_some();
    lab.apply_range("more", "10.97.0.0/30").unwrap();
    lab.apply_service("a", json!({ "clusterIP": "10.97.0.1" }))
        .unwrap();
    lab.registry.delete(Kind::ServiceCIDR, &more).unwrap();
    assert!(is_there());
    lab.apply_range("larger", "10.97.0.0/24").unwrap();
    assert!(!is_there());
    lab.apply_range("more", "10.97.0.0/24").unwrap();
    lab.registry.delete(Kind::ServiceCIDR, &more).unwrap();
    assert!(!is_there(), "the larger one is the same");
}

/// A service and its pods in each of ten namespaces, all with the same names, a thousand times.
#[test]
fn ten_thousand_services_leave_nothing() {
    let mut lab = Lab::with_range("10.96.0.0/24");
    let store = lab.registry.store().clone();
    let namespaces: Vec<String> = (0..10).map(|number| format!("shop-{number}")).collect();
    for name in &namespaces {
        let namespace = serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap();
        lab.registry.apply(Object::Namespace(namespace)).unwrap();
    }
    for round in 0..1_000 {
        for (number, namespace) in namespaces.iter().enumerate() {
            let metadata = json!({ "namespace": namespace, "name": "web" });
            let spec = json!({ "selector": { "app": "web" }, "ports": [{ "port": 80 }] });
            let service = serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap();
            lab.registry.apply(Object::Service(service)).unwrap();
            let pod: Pod = serde_json::from_value(json!({
                "metadata": { "namespace": namespace, "name": "web", "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "c", "image": "i" }] },
                "status": { "phase": "Running", "podIP": format!("10.244.{}.{number}", round % 200) },
            }))
            .unwrap();
            store.create(pod).unwrap();
        }
        lab.controllers.run();
        for (number, namespace) in namespaces.iter().enumerate() {
            let slices = store.list_in::<EndpointSlice>(namespace);
            let addresses: Vec<_> = slices.iter().flat_map(|slice| &slice.endpoints).collect();
            assert_eq!(
                (slices.len(), addresses.len()),
                (1, 1),
                "its own pod, not those of other namespaces"
            );
            assert_eq!(
                addresses[0].addresses,
                [format!("10.244.{}.{number}", round % 200)]
            );
            let name = NamespacedName {
                namespace: namespace.clone(),
                name: "web".to_owned(),
            };
            lab.registry.delete(Kind::Service, &name).unwrap();
            store.remove::<Pod>(&name).unwrap();
        }
        lab.controllers.run();
    }
    assert_eq!(store.list::<Service>().len(), 1, "the API's own");
    assert!(store.list::<EndpointSlice>().is_empty() && store.list::<Endpoints>().is_empty());
    let mut anew = Controllers::new(lab.registry.clone());
    anew.run();
    assert_eq!(lab.controllers.index, anew.index);
    for number in 0..253 {
        lab.apply_service(&format!("service-{number}"), json!({}))
            .unwrap();
    }
}
