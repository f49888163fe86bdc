//! Which endpoints a node uses, as a table: the cases of Kubernetes' own proxy.

use serde_json::{Value, json};

use super::*;

/// Who answers on `node-1` in zone `a`: a word for each endpoint that is
/// `NAME@NODE` and then, after a colon each, `STATE` or `zone=Z` or `node=N` for its hints.
fn answers(policy: &str, endpoints: &[&str]) -> String {
    let service: Service =
        serde_json::from_value(json!({ "spec": { "internalTrafficPolicy": policy } })).unwrap();
    let place = Place {
        node: "node-1".to_owned(),
        zone: Some("a".to_owned()),
    };
    let parsed: Vec<Endpoint> = endpoints.iter().map(|text| endpoint(text)).collect();
    let addresses = (0..).map(|byte| SocketAddr::from(([10, 0, 0, byte], 80)));
    let candidates: Vec<_> = addresses
        .zip(&parsed)
        .map(|(address, endpoint)| Candidate { address, endpoint })
        .collect();
    match answer(&service, &candidates, &place) {
        Answer::Silence => "silence".to_owned(),
        Answer::By(chosen) => {
            let names = candidates
                .iter()
                .zip(endpoints)
                .filter(|(it, _)| chosen.contains(&it.address));
            let names: Vec<_> = names.filter_map(|(_, text)| text.split('@').next()).collect();
            names.join(" ")
        }
    }
}

fn endpoint(text: &str) -> Endpoint {
    let mut words = text.split(['@', ':']).skip(1);
    let mut endpoint = json!({ "addresses": ["10.0.0.1"], "nodeName": words.next() });
    for word in words {
        let conditions = |ready: bool, serving: bool, terminating: bool| -> Value {
            json!({ "ready": ready, "serving": serving, "terminating": terminating })
        };
        match word.split_once('=') {
            Some(("zone", zone)) => endpoint["hints"]["forZones"] = json!([{ "name": zone }]),
            Some((_, node)) => endpoint["hints"]["forNodes"] = json!([{ "name": node }]),
            None if word == "leaving" => endpoint["conditions"] = conditions(false, true, true),
            None if word == "gone" => endpoint["conditions"] = conditions(false, false, true),
            None => endpoint["conditions"] = conditions(false, false, false),
        }
    }
    serde_json::from_value(endpoint).unwrap()
}

#[test]
fn a_node_uses_these_endpoints() {
    let rows: &[(&str, &[&str], &str)] = &[
        ("Cluster", &["x@node-1", "y@node-2"], "x y"),
        ("Cluster", &["x@node-1:unready", "y@node-2"], "y"),
        ("Cluster", &["x@node-1:leaving", "y@node-2"], "y"),
        ("Cluster", &["x@node-1:leaving", "y@node-2:unready"], "x"),
        ("Cluster", &["x@node-1:gone", "y@node-2:unready"], ""),
        ("Cluster", &[], ""),
        // Hints count when all ready endpoints have them, and one is for this place.
        ("Cluster", &["x@node-1:zone=a", "y@node-2:zone=b"], "x"),
        ("Cluster", &["x@node-1:zone=a", "y@node-2"], "x y"),
        ("Cluster", &["x@node-3:zone=b", "y@node-2:zone=b"], "x y"),
        ("Cluster", &["x@node-1:zone=a", "y@node-2:unready"], "x"),
        ("Cluster", &["x@node-1:zone=a:unready", "y@node-2:zone=b"], "y"),
        (
            "Cluster",
            &["x@node-1:zone=a:leaving", "y@node-2:zone=b:leaving"],
            "x y",
        ),
        (
            "Cluster",
            &["x@node-1:node=node-1:zone=a", "y@node-2:node=node-2:zone=a"],
            "x",
        ),
        (
            "Cluster",
            &["x@node-3:node=node-3:zone=a", "y@node-2:node=node-2:zone=b"],
            "x",
        ),
        ("Cluster", &["x@node-1:node=node-1", "y@node-2:zone=a"], "x y"),
        // Local: this node's only, and hints don't count.
        ("Local", &["x@node-1", "y@node-2"], "x"),
        ("Local", &["x@node-1:zone=b", "y@node-2:zone=a"], "x"),
        (
            "Local",
            &["x@node-1:unready", "y@node-1:leaving", "z@node-2"],
            "y",
        ),
        ("Local", &["x@node-1:unready", "y@node-2"], "silence"),
        ("Local", &["y@node-2:leaving"], "silence"),
        ("Local", &["x@node-1:unready", "y@node-2:unready"], ""),
        ("Local", &[], ""),
    ];
    for (policy, endpoints, expected) in rows {
        assert_eq!(answers(policy, endpoints), *expected, "{policy} {endpoints:?}");
    }
}
