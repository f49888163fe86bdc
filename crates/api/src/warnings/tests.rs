//! What is warned of, word for word.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Endpoints, Node, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::defaults::default_object;
use crate::object::Resource;

fn warned<T: Resource + DeserializeOwned>(value: Value) -> Vec<(String, String)> {
    let object: T = serde_json::from_value(value).unwrap();
    let mut object = object.into_object();
    default_object(&mut object);
    let warnings = warnings(&object).into_iter();
    warnings.map(|warning| (warning.place, warning.message)).collect()
}

/// The fields of a specification, what is pointed at, and what is said; `None` for nothing.
type Case = (Value, Option<(&'static str, &'static str)>);

#[test]
fn services() {
    let cases: [Case; 11] = [
        (json!({}), None),
        (json!({ "clusterIP": "None" }), None),
        (
            json!({ "clusterIP": "None", "sessionAffinity": "ClientIP" }),
            Some((
                "spec.sessionAffinity",
                "spec.SessionAffinity is ignored for headless services",
            )),
        ),
        (
            json!({ "clusterIP": "None", "externalIPs": ["192.0.2.1"] }),
            Some((
                "spec.externalIPs",
                "spec.externalIPs is ignored for headless services",
            )),
        ),
        (
            json!({ "clusterIP": "None", "loadBalancerIP": "192.0.2.1" }),
            Some((
                "spec.loadBalancerIP",
                "spec.loadBalancerIP is ignored for headless services",
            )),
        ),
        (
            json!({ "type": "ExternalName", "externalName": "a.b", "externalIPs": ["192.0.2.1"] }),
            Some((
                "spec.externalIPs",
                "spec.externalIPs is ignored when spec.type is \"ExternalName\"",
            )),
        ),
        (
            json!({ "externalName": "a.b" }),
            Some((
                "spec.externalName",
                "spec.externalName is ignored when spec.type is not \"ExternalName\"",
            )),
        ),
        (
            json!({ "trafficDistribution": "PreferClose" }),
            Some((
                "spec.trafficDistribution",
                "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"",
            )),
        ),
        (
            json!({ "clusterIP": "2001:DB8::1" }),
            Some((
                "spec.clusterIPs[0]",
                "spec.clusterIPs[0]: IPv6 address \"2001:DB8::1\" should be in RFC 5952 canonical format \
                 (\"2001:db8::1\")",
            )),
        ),
        (
            json!({ "type": "LoadBalancer", "loadBalancerSourceRanges": ["10.1.0.0/8"] }),
            Some((
                "spec.loadBalancerSourceRanges[0]",
                "spec.loadBalancerSourceRanges[0]: CIDR value \"10.1.0.0/8\" is ambiguous in this context (should be \
                 \"10.0.0.0/8\" or \"10.1.0.0/32\"?)",
            )),
        ),
        (
            json!({ "type": "LoadBalancer", "loadBalancerSourceRanges": ["2001:DB8::/64"] }),
            Some((
                "spec.loadBalancerSourceRanges[0]",
                "spec.loadBalancerSourceRanges[0]: IPv6 CIDR value \"2001:DB8::/64\" should be in RFC 5952 canonical \
                 format (\"2001:db8::/64\")",
            )),
        ),
    ];
    for (spec, expected) in cases {
        let expected: Vec<_> = expected
            .map(|(place, message)| (place.into(), message.into()))
            .into_iter()
            .collect();
        assert_eq!(
            warned::<Service>(json!({ "metadata": {}, "spec": spec })),
            expected
        );
    }
}

#[test]
fn an_annotation_of_services_has_a_new_name() {
    let key = "service.kubernetes.io/topology-aware-hints";
    let metadata = json!({ "annotations": { key: "auto" } });
    let message = "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use \
                   service.kubernetes.io/topology-mode instead";
    assert_eq!(
        warned::<Service>(json!({ "metadata": metadata })),
        [(format!("metadata.annotations[{key}]"), message.to_owned())]
    );
}

#[test]
fn pods() {
    let port = |more: Value| {
        let mut port = json!({ "containerPort": 80 });
        port.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        port
    };
    let ports = |one: Value, other: Value| json!({ "containers": [{ "name": "a", "ports": [port(one)] }, { "name": "b", "ports": [port(other)] }] });
    let variables = |second: Value| {
        let mut second = second;
        second["name"] = json!("A");
        json!({ "containers": [{ "name": "a", "env": [{ "name": "A", "value": "1" }, second] }] })
    };
    let cases: [Case; 13] = [
        (ports(json!({}), json!({ "protocol": "UDP" })), None),
        (
            ports(json!({}), json!({})),
            Some((
                "spec.containers[1].ports[0]",
                "duplicate port definition with spec.containers[0].ports[0]",
            )),
        ),
        (
            ports(json!({ "hostPort": 80 }), json!({})),
            Some((
                "spec.containers[1].ports[0]",
                "overlapping port definition with spec.containers[0].ports[0]",
            )),
        ),
        (
            ports(
                json!({ "hostPort": 80 }),
                json!({ "hostPort": 80, "hostIP": "127.0.0.1" }),
            ),
            Some((
                "spec.containers[1].ports[0]",
                "dangerously ambiguous port definition with spec.containers[0].ports[0]",
            )),
        ),
        (ports(json!({ "hostPort": 80 }), json!({ "hostPort": 81 })), None),
        (
            json!({ "containers": [{ "name": "a", "ports": [port(json!({ "hostIP": "127.0.0.1" }))] }] }),
            Some((
                "spec.containers[0].ports[0]",
                "hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:127.0.0.1}",
            )),
        ),
        (
            variables(json!({ "value": "2" })),
            Some((
                "spec.containers[0].env[1]",
                "hides previous definition of \"A\", which may be dropped when using apply",
            )),
        ),
        (variables(json!({ "value": "$(A)2" })), None),
        (
            json!({ "containers": [], "hostAliases": [{ "ip": "10.0.0.1" }, { "ip": "10.0.0.1" }] }),
            Some(("spec.hostAliases[1].ip", "duplicate ip \"10.0.0.1\"")),
        ),
        (
            json!({ "containers": [], "imagePullSecrets": [{ "name": "a" }, { "name": "a" }] }),
            Some(("spec.imagePullSecrets[1].name", "duplicate name \"a\"")),
        ),
        (
            json!({ "containers": [], "terminationGracePeriodSeconds": -1 }),
            Some((
                "spec.terminationGracePeriodSeconds",
                "must be >= 0; negative values are invalid and will be treated as 1",
            )),
        ),
        (
            json!({ "containers": [], "nodeSelector": { "beta.kubernetes.io/os": "linux" } }),
            Some((
                "spec.nodeSelector[beta.kubernetes.io/os]",
                "deprecated since v1.14; use \"kubernetes.io/os\" instead",
            )),
        ),
        (
            json!({ "containers": [], "volumes": [{ "name": "a", "gitRepo": { "repository": "b" } }] }),
            Some(("spec.volumes[0].gitRepo", "deprecated in v1.11")),
        ),
    ];
    for (spec, expected) in cases {
        let expected: Vec<_> = expected
            .map(|(place, message)| (place.to_owned(), format!("{place}: {message}")))
            .into_iter()
            .collect();
        assert_eq!(warned::<Pod>(json!({ "metadata": {}, "spec": spec })), expected);
    }
}

#[test]
fn templates_and_names() {
    let resources =
        json!({ "limits": { "memory": "100m", "cpu": "100m" }, "requests": { "memory": "1000m" } });
    let template = json!({
        "metadata": { "annotations": { "security.alpha.kubernetes.io/sysctls": "" } },
        "spec": { "containers": [{ "name": "a", "resources": resources }] },
    });
    let deployment =
        json!({ "metadata": { "name": "web-v1.1" }, "spec": { "selector": {}, "template": template } });
    let messages: Vec<_> = warned::<Deployment>(deployment)
        .into_iter()
        .map(|(_, message)| message)
        .collect();
    assert_eq!(
        messages,
        [
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS \
             label is recommended: [must not contain dots]",
            "spec.template.metadata.annotations[security.alpha.kubernetes.io/sysctls]: non-functional in v1.11+; use \
             the \"sysctls\" field instead",
            "spec.template.spec.containers[0].resources.limits[memory]: fractional byte value \"100m\" is invalid, \
             must be an integer",
        ]
    );
}

#[test]
fn endpoints() {
    let fqdn = json!({ "metadata": {}, "addressType": "FQDN", "endpoints": [] });
    let deprecated = ("addressType", "spec.addressType: FQDN endpoints are deprecated");
    assert_eq!(
        warned::<EndpointSlice>(fqdn),
        [(deprecated.0.to_owned(), deprecated.1.to_owned())]
    );
    let endpoints = json!([{ "addresses": ["2001:db8:0::1"] }]);
    let slice = json!({ "metadata": {}, "addressType": "IPv6", "endpoints": endpoints });
    let canonical = "endpoints[0].addresses[0]: IPv6 address \"2001:db8:0::1\" should be in RFC 5952 canonical format \
                     (\"2001:db8::1\")";
    assert_eq!(warned::<EndpointSlice>(slice)[0].1, canonical);
    let older = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
    assert_eq!(
        warned::<Endpoints>(json!({ "metadata": {} })),
        [("kind".to_owned(), older.to_owned())]
    );
}

#[test]
fn certificates_and_keys() {
    let pem = |kind: &str| format!("-----BEGIN {kind}-----\nYWJj\n-----END {kind}-----\n");
    let (certificate, key) = (pem("CERTIFICATE"), pem("EC PRIVATE KEY"));
    let both = pem("EC PARAMETERS") + &key;
    let cases = [
        (&*certificate, &*key, None),
        (&certificate, &both, None),
        (
            "abc",
            &key,
            Some((
                "data[tls.crt]",
                "tls: failed to find any PEM data in certificate input",
            )),
        ),
        (
            &key,
            &certificate,
            Some((
                "data[tls.crt]",
                "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may \
                 have been switched",
            )),
        ),
        (
            &certificate,
            "",
            Some(("data[tls.key]", "tls: failed to find any PEM data in key input")),
        ),
        (
            &certificate,
            &certificate,
            Some((
                "data[tls.key]",
                "tls: found a certificate rather than a key in the PEM for the private key",
            )),
        ),
    ];
    for (certificate, key, expected) in cases {
        let secret = json!({
            "metadata": {}, "type": "kubernetes.io/tls", "stringData": { "tls.crt": certificate, "tls.key": key },
        });
        let expected = expected.map(|(place, message)| (place.to_owned(), message.to_owned()));
        assert_eq!(warned::<Secret>(secret), Vec::from_iter(expected));
    }
}

#[test]
fn what_is_no_longer_used_and_ranges_that_mean_something_else() {
    let said = |warnings: Vec<(String, String)>| {
        warnings
            .into_iter()
            .map(|(_, message)| message)
            .collect::<Vec<_>>()
    };
    let annotations = json!({ "kubernetes.io/enforce-mountable-secrets": "true" });
    assert_eq!(
        said(warned::<ServiceAccount>(
            json!({ "metadata": { "annotations": annotations } })
        )),
        [
            "metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate \
             namespaces to isolate access to mounted secrets"
        ]
    );
    assert_eq!(
        said(warned::<Node>(
            json!({ "metadata": {}, "spec": { "configSource": {}, "externalID": "a" } })
        )),
        [
            "spec.configSource: the feature is removed",
            "spec.externalID: this field is deprecated, and is unused by Kubernetes"
        ]
    );
    let block = json!({ "ipBlock": { "cidr": "10.0.0.1/8", "except": ["10.1.0.0/16", "10.2.0.1/16"] } });
    let policy = json!({ "metadata": {}, "spec": { "egress": [{ "to": [block] }] } });
    assert_eq!(
        said(warned::<NetworkPolicy>(policy)),
        [
            "spec.egress[0].to[0].ipBlock.cidr: CIDR value \"10.0.0.1/8\" is ambiguous in this context (should be \
             \"10.0.0.0/8\" or \"10.0.0.1/32\"?)",
            "spec.egress[0].to[0].ipBlock.except[1]: CIDR value \"10.2.0.1/16\" is ambiguous in this context (should be \
             \"10.2.0.0/16\" or \"10.2.0.1/32\"?)"
        ]
    );
}
