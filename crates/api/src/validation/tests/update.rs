//! What updates may not change.

use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;

use super::*;
use crate::validation::validate_update;

fn refused<T: Resource + DeserializeOwned>(old: Value, new: Value) -> Vec<String> {
    said(&validate_update(&object::<T>(new), &object::<T>(old)))
}

#[test]
fn services() {
    let ports = json!([{ "port": 80 }]);
    let given = json!({ "clusterIP": "10.96.0.1", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack" });
    let pair = json!({ "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "2001:db8::1"] });
    let balanced = json!({ "type": "LoadBalancer", "loadBalancerClass": "example.com/a" });
    let nothing: Vec<&str> = Vec::new();
    for (old, new, expected) in [
        (given.clone(), given.clone(), nothing.clone()),
        (
            given.clone(),
            json!({ "clusterIP": "10.96.0.2" }),
            vec!["spec.clusterIPs[0]: Invalid value: [\"10.96.0.2\"]: may not change once set"],
        ),
        (
            given.clone(),
            json!({ "clusterIP": "None" }),
            vec!["spec.clusterIPs[0]: Invalid value: [\"None\"]: may not change once set"],
        ),
        (
            given.clone(),
            json!({}),
            vec!["spec.clusterIPs[0]: Invalid value: []: primary clusterIP can not be unset"],
        ),
        (
            pair.clone(),
            json!({ "clusterIP": "10.96.0.1", "ipFamilyPolicy": "PreferDualStack" }),
            vec![
                "spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to 'SingleStack' when releasing \
                 the secondary clusterIP",
            ],
        ),
        (
            pair.clone(),
            json!({ "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "2001:db8::2"] }),
            vec![
                "spec.clusterIPs[1]: Invalid value: [\"10.96.0.1\",\"2001:db8::2\"]: may not change once set",
            ],
        ),
        (given.clone(), pair, nothing.clone()),
        (
            given.clone(),
            json!({ "clusterIP": "10.96.0.1", "ipFamilies": ["IPv6"] }),
            vec![
                "spec.ipFamilies[0]: Invalid value: [\"IPv6\"]: may not change once set",
                "spec.clusterIPs[0]: Invalid value: \"10.96.0.1\": expected an IPv6 value as indicated by \
                 `ipFamilies[0]`",
            ],
        ),
        (
            given,
            json!({ "type": "ExternalName", "externalName": "example.com" }),
            nothing.clone(),
        ),
        (
            balanced.clone(),
            json!({ "type": "LoadBalancer" }),
            vec!["spec.loadBalancerClass: Invalid value: null: may not change once set"],
        ),
        (balanced, json!({ "type": "NodePort" }), nothing),
    ] {
        let whole = |spec: Value| {
            let mut spec = spec;
            spec["ports"] = ports.clone();
            service(spec)
        };
        assert_eq!(refused::<Service>(whole(old), whole(new)), expected);
    }
}

#[test]
fn pods() {
    let old = json!({ "activeDeadlineSeconds": 10, "tolerations": [{ "key": "a", "operator": "Exists" }] });
    let with = |more: Value| {
        let mut fields = old.clone();
        fields
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        pod(fields)
    };
    let one = |image: &str| json!([{ "name": "web", "image": image }]);
    let two = json!([{ "name": "web", "image": "podlab/echo" }, { "name": "b", "image": "podlab/echo" }]);
    let added = json!([{ "key": "b", "operator": "Exists" }, { "key": "a", "operator": "Exists", "tolerationSeconds": 5 }]);
    for (new, expected) in [
        (
            json!({ "containers": one("podlab/echo:2"), "activeDeadlineSeconds": 5, "tolerations": added }),
            None,
        ),
        (
            json!({ "containers": two }),
            Some("spec.containers: Forbidden: pod updates may not add or remove containers"),
        ),
        (
            json!({ "hostname": "other" }),
            Some(
                "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,\
                 `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to \
                 existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                 previously negative)",
            ),
        ),
        (
            json!({ "activeDeadlineSeconds": 11 }),
            Some(
                "spec.activeDeadlineSeconds: Invalid value: 11: must be less than or equal to previous value",
            ),
        ),
        (
            json!({ "activeDeadlineSeconds": null }),
            Some(
                "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value",
            ),
        ),
        (
            json!({ "tolerations": [] }),
            Some(
                "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
            ),
        ),
    ] {
        let mut new = new;
        if new["containers"].is_array() && new["containers"].as_array().unwrap().len() == 1 {
            // The default follows the image's tag.
            new["containers"][0]["imagePullPolicy"] = json!("Always");
        }
        assert_eq!(
            refused::<Pod>(with(json!({})), with(new)),
            expected.into_iter().collect::<Vec<_>>()
        );
    }
}

#[test]
fn selectors_families_and_ranges() {
    let other = json!({ "matchLabels": { "app": "web", "tier": "b" } });
    let labels = json!({ "app": "web", "tier": "b" });
    let mut changed = deployment(json!({ "selector": other }));
    changed["spec"]["template"]["metadata"]["labels"] = labels;
    let expected = "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"web\",\"tier\":\"b\"}}: field is immutable";
    assert_eq!(refused::<Deployment>(deployment(json!({})), changed), [expected]);

    let slice =
        |family: &str| json!({ "metadata": { "name": "web" }, "addressType": family, "endpoints": [] });
    assert_eq!(
        refused::<EndpointSlice>(slice("IPv4"), slice("IPv6")),
        ["addressType: Invalid value: \"IPv6\": field is immutable"]
    );

    let range = |cidrs: Value| json!({ "metadata": { "name": "more" }, "spec": { "cidrs": cidrs } });
    for (cidrs, expected) in [
        (json!(["10.0.0.0/16"]), None),
        (json!(["10.0.0.0/16", "2001:db8::/64"]), None),
        (
            json!(["10.1.0.0/16"]),
            Some("spec.cidrs[0]: Invalid value: \"10.1.0.0/16\": field is immutable"),
        ),
        (
            json!([]),
            Some("spec.cidrs: Invalid value: []: field is immutable"),
        ),
        (
            json!(["10.0.0.0/16", "x"]),
            Some(
                "spec.cidrs[1]: Invalid value: \"x\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            ),
        ),
    ] {
        let found = refused::<ServiceCIDR>(range(json!(["10.0.0.0/16"])), range(cidrs));
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }
}
