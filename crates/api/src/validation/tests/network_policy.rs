//! NetworkPolicies.

use k8s_openapi::api::networking::v1::NetworkPolicy;

use super::*;

fn spec(spec: Value) -> Value {
    json!({ "metadata": { "name": "web" }, "spec": spec })
}

#[test]
fn ports_of_network_policies() {
    let cases = [
        (json!({}), vec![]),
        (json!({ "port": 80, "endPort": 90 }), vec![]),
        (json!({ "port": "http" }), vec![]),
        (
            json!({ "protocol": "tcp" }),
            vec!["protocol: Unsupported value: \"tcp\": supported values: \"TCP\", \"UDP\", \"SCTP\""],
        ),
        (
            json!({ "port": 0 }),
            vec!["port: Invalid value: 0: must be between 1 and 65535, inclusive"],
        ),
        (
            json!({ "port": 80, "endPort": 79 }),
            vec!["endPort: Invalid value: 79: must be greater than or equal to `port`"],
        ),
        (
            json!({ "port": "http", "endPort": 90 }),
            vec!["endPort: Invalid value: 90: may not be specified when `port` is non-numeric"],
        ),
        (
            json!({ "endPort": 90 }),
            vec!["endPort: Invalid value: 90: may not be specified when `port` is not specified"],
        ),
    ];
    for (port, expected) in cases {
        for direction in ["ingress", "egress"] {
            let policy = spec(json!({ "podSelector": {}, direction: [{}, { "ports": [port] }] }));
            let said: Vec<String> = expected
                .iter()
                .map(|why| format!("spec.{direction}[1].ports[0].{why}"))
                .collect();
            assert_eq!(errors::<NetworkPolicy>(policy), said, "{port}");
        }
    }
}

#[test]
fn peers_of_network_policies() {
    let block = |cidr: &str, except: &[&str]| json!({ "ipBlock": { "cidr": cidr, "except": except } });
    let cases = [
        (json!({ "podSelector": {}, "namespaceSelector": {} }), vec![]),
        (block("10.0.0.0/8", &["10.1.0.0/16"]), vec![]),
        (json!({}), vec![": Required value: must specify a peer"]),
        (
            json!({ "podSelector": {}, "ipBlock": { "cidr": "10.0.0.0/8" } }),
            vec![": Forbidden: may not specify both ipBlock and another peer"],
        ),
        (json!({ "ipBlock": {} }), vec![".ipBlock.cidr: Required value"]),
        (
            block("10.0.0.1", &[]),
            vec![
                ".ipBlock.cidr: Invalid value: \"10.0.0.1\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or \
                 2001:db8::/64)",
            ],
        ),
        (
            block("10.0.0.0/8", &["10.0.0.0/8", "192.168.0.0/16"]),
            vec![
                ".ipBlock.except[0]: Invalid value: \"10.0.0.0/8\": must be a strict subset of `cidr`",
                ".ipBlock.except[1]: Invalid value: \"192.168.0.0/16\": must be a strict subset of `cidr`",
            ],
        ),
        (
            json!({ "podSelector": { "matchExpressions": [{ "key": "app", "operator": "Is" }] } }),
            vec![
                ".podSelector.matchExpressions[0].operator: Invalid value: \"Is\": not a valid selector operator",
            ],
        ),
    ];
    for (peer, expected) in cases {
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            let policy = spec(json!({ "podSelector": {}, direction: [{ peers: [peer] }] }));
            let said: Vec<String> = expected
                .iter()
                .map(|why| format!("spec.{direction}[0].{peers}[0]{why}"))
                .collect();
            assert_eq!(errors::<NetworkPolicy>(policy), said, "{peer}");
        }
    }
}

#[test]
fn types_of_network_policies() {
    let types = |fields: Value| {
        let Object::NetworkPolicy(policy) = object::<NetworkPolicy>(spec(fields)) else {
            panic!("a NetworkPolicy")
        };
        policy.spec.unwrap().policy_types.unwrap()
    };
    assert_eq!(types(json!({})), ["Ingress"]);
    assert_eq!(types(json!({ "ingress": [{}], "egress": [] })), ["Ingress"]);
    assert_eq!(types(json!({ "egress": [{}] })), ["Ingress", "Egress"]);
    assert_eq!(types(json!({ "policyTypes": ["Egress"] })), ["Egress"]);
    assert_eq!(
        errors::<NetworkPolicy>(spec(json!({ "policyTypes": ["egress"] }))),
        ["spec.policyTypes[0]: Unsupported value: \"egress\": supported values: \"Ingress\", \"Egress\""]
    );
    assert_eq!(
        errors::<NetworkPolicy>(spec(json!({ "policyTypes": ["Egress", "Egress", "Ingress"] }))),
        [
            "spec.policyTypes: Invalid value: [\"Egress\",\"Egress\",\"Ingress\"]: may not specify more than two policyTypes"
        ]
    );
}
