//! EndpointSlices as Kubernetes' controllers write them.

use k8s_openapi::api::core::v1::Endpoints;
use k8s_openapi::serde::de::DeserializeOwned;
use serde_json::Value;

use super::*;

impl Lab {
    /// A pod as a running kubelet shows it; `extra` is merged into its manifest.
    fn running_pod(&mut self, name: &str, address: &str, extra: Value) {
        let mut pod = json!({
            "metadata": { "name": name, "namespace": "default", "labels": { "app": "web" } },
            "spec": { "nodeName": "node-1", "containers": [{ "name": "c", "image": "i" }] },
            "status": {
                "phase": "Running", "podIP": address,
                "conditions": [{ "type": "Ready", "status": "True" }],
            },
        });
        merge(&mut pod, extra);
        let pod: Pod = serde_json::from_value(pod).unwrap();
        if self.registry.store().update(pod.clone()).is_err() {
            self.registry.store().create(pod).unwrap();
        }
        self.controllers.run();
    }

    fn apply_json<T: Resource + DeserializeOwned>(&mut self, object: Value) {
        let object: T = serde_json::from_value(object).unwrap();
        self.registry.apply(object.into_object()).unwrap();
        self.controllers.run();
    }

    fn web(&mut self, spec: Value) {
        let mut service = json!({
            "metadata": { "name": "web", "labels": { "team": "shop" } },
            "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80 }] },
        });
        merge(&mut service["spec"], spec);
        self.apply_json::<Service>(service);
    }

    fn endpoints(&self, name: &str) -> Value {
        let endpoints = self.registry.store().get::<Endpoints>(&in_default(name)).unwrap();
        serde_json::to_value(&*endpoints).unwrap()
    }

    fn slices(&self) -> Vec<Value> {
        let slices = self.registry.store().list::<EndpointSlice>();
        slices
            .iter()
            .map(|slice| serde_json::to_value(&**slice).unwrap())
            .collect()
    }
}

fn merge(into: &mut Value, extra: Value) {
    match (into, extra) {
        (Value::Object(into), Value::Object(extra)) => {
            for (key, value) in extra {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, extra) => *into = extra,
    }
}

#[test]
fn a_slice_says_whose_it_is() {
    let mut lab = Lab::new();
    lab.web(json!({ "clusterIP": "None", "ports": [{ "name": "h", "port": 80, "appProtocol": "kubernetes.io/h2c" }] }));
    lab.running_pod(
        "a",
        "10.244.0.2",
        json!({ "spec": { "hostname": "zero", "subdomain": "web" } }),
    );
    let slice = &lab.slices()[0];
    assert_eq!(
        slice["metadata"]["labels"],
        json!({
            "team": "shop",
            "kubernetes.io/service-name": "web",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            "service.kubernetes.io/headless": "",
        })
    );
    let owner = &slice["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["kind"], &owner["name"], &owner["controller"]),
        (&json!("Service"), &json!("web"), &json!(true))
    );
    assert_eq!(
        slice["ports"],
        json!([{ "name": "h", "protocol": "TCP", "port": 80, "appProtocol": "kubernetes.io/h2c" }])
    );
    let endpoint = &slice["endpoints"][0];
    assert_eq!(
        (
            &endpoint["hostname"],
            &endpoint["nodeName"],
            &endpoint["targetRef"]["name"]
        ),
        (&json!("zero"), &json!("node-1"), &json!("a"))
    );
}

#[test]
fn conditions_follow_the_pod() {
    let not_ready = json!([{ "type": "Ready", "status": "False" }]);
    let deleted = json!({ "deletionTimestamp": "1970-01-01T00:00:00Z" });
    for (what, publish, extra, expected) in [
        ("ready", false, json!({}), [true, true, false]),
        (
            "not ready",
            false,
            json!({ "status": { "conditions": not_ready } }),
            [false, false, false],
        ),
        (
            "published",
            true,
            json!({ "status": { "conditions": not_ready } }),
            [true, false, false],
        ),
        (
            "leaving",
            false,
            json!({ "metadata": deleted }),
            [false, true, true],
        ),
        (
            "published, leaving",
            true,
            json!({ "metadata": deleted }),
            [true, true, true],
        ),
    ] {
        let mut lab = Lab::new();
        lab.web(json!({ "publishNotReadyAddresses": publish }));
        lab.running_pod("a", "10.244.0.2", extra);
        let conditions = &lab.slices()[0]["endpoints"][0]["conditions"];
        let seen = ["ready", "serving", "terminating"].map(|name| conditions[name].as_bool().unwrap());
        assert_eq!(seen, expected, "{what}");
    }
    let mut lab = Lab::new();
    lab.web(json!({}));
    lab.running_pod("a", "10.244.0.2", json!({ "status": { "phase": "Succeeded" } }));
    assert_eq!(
        lab.slices()[0]["endpoints"],
        json!([]),
        "who is done is no endpoint"
    );
}

#[test]
fn a_slice_stays_the_same_object_whatever_becomes_of_it() {
    let mut lab = Lab::new();
    lab.web(json!({}));
    assert_eq!(
        lab.slices()[0]["ports"],
        json!([]),
        "there is one without pods, too"
    );
    let uid = lab.slices()[0]["metadata"]["uid"].clone();
    let slice = |lab: &Lab| {
        let slices = lab.slices();
        assert_eq!((slices.len(), &slices[0]["metadata"]["uid"]), (1, &uid));
        (
            slices[0]["ports"][0]["port"].clone(),
            slices[0]["endpoints"].as_array().unwrap().len(),
        )
    };
    lab.running_pod("a", "10.244.0.2", json!({}));
    assert_eq!(slice(&lab), (json!(80), 1));
    lab.web(json!({ "ports": [{ "port": 81 }] }));
    assert_eq!(slice(&lab), (json!(81), 1));
    lab.web(json!({ "selector": { "app": "web", "none": "such" } }));
    assert_eq!(slice(&lab), (Value::Null, 0));
    assert_eq!(lab.slices()[0]["metadata"]["generation"], 4);
}

#[test]
fn what_others_write_on_a_slice_stays() {
    let mut lab = Lab::new();
    lab.web(json!({}));
    let mine: std::collections::BTreeMap<_, _> = [("mine".to_owned(), "yes".to_owned())].into();
    let name = lab.registry.store().list::<EndpointSlice>()[0]
        .metadata
        .name
        .clone()
        .unwrap();
    let note = |slice: &mut EndpointSlice| slice.metadata.annotations = Some(mine.clone());
    lab.registry.store().modify(&in_default(&name), note).unwrap();
    lab.running_pod("a", "10.244.0.2", json!({}));
    assert_eq!(
        lab.slices()[0]["metadata"]["annotations"],
        json!({ "mine": "yes" })
    );
}

#[test]
fn a_service_with_an_address_is_not_labelled_headless() {
    let mut lab = Lab::new();
    let labels = json!({ "app": "x", "service.kubernetes.io/headless": "" });
    let spec = json!({ "selector": { "app": "web" }, "ports": [{ "port": 80 }] });
    lab.apply_json::<Service>(json!({ "metadata": { "name": "web", "labels": labels }, "spec": spec }));
    for labels in [
        &lab.slices()[0]["metadata"]["labels"],
        &lab.endpoints("web")["metadata"]["labels"],
    ] {
        assert_eq!(
            (&labels["app"], &labels["service.kubernetes.io/headless"]),
            (&json!("x"), &Value::Null)
        );
    }
}

#[test]
fn a_slice_has_at_most_a_hundred_endpoints() {
    let mut lab = Lab::new();
    lab.web(json!({}));
    for number in 0..250 {
        let address = format!("10.244.{}.{}", number / 100, number % 100 + 1);
        lab.running_pod(&format!("pod-{number:03}"), &address, json!({}));
    }
    let sizes = |lab: &Lab| {
        let mut sizes: Vec<_> = lab
            .slices()
            .iter()
            .map(|slice| slice["endpoints"].as_array().unwrap().len())
            .collect();
        sizes.sort();
        sizes
    };
    assert_eq!(sizes(&lab), [50, 100, 100]);
    let before = lab.registry.store().revision();
    lab.registry
        .store()
        .remove::<Pod>(&in_default("pod-000"))
        .unwrap();
    lab.controllers.run();
    assert_eq!(sizes(&lab).iter().sum::<usize>(), 249);
    assert_eq!(
        lab.registry.store().revision() - before,
        3,
        "the pod, its slice, and the Endpoints"
    );
}

/// Pods that give a port name different numbers are in different slices, and who doesn't know the name has no port.
#[test]
fn a_named_port_is_that_of_each_pod() {
    let mut lab = Lab::new();
    lab.web(json!({ "ports": [{ "port": 80, "targetPort": "http" }] }));
    let container =
        |ports: Value| json!({ "spec": { "containers": [{ "name": "c", "image": "i", "ports": ports }] } });
    let port = |name: &str, number: i32| container(json!([{ "name": name, "containerPort": number }]));
    lab.running_pod("a", "10.244.0.2", port("http", 8080));
    lab.running_pod("b", "10.244.0.3", port("http", 9090));
    lab.running_pod("c", "10.244.0.4", port("other", 8080));
    lab.running_pod("d", "10.244.0.5", container(json!([])));
    lab.running_pod("e", "10.244.0.6", port("http", 8080));
    let mut seen: Vec<_> = lab
        .slices()
        .iter()
        .map(|slice| {
            let pods = slice["endpoints"].as_array().unwrap().iter();
            let pods: Vec<_> = pods
                .map(|it| it["targetRef"]["name"].as_str().unwrap().to_owned())
                .collect();
            (slice["ports"][0]["port"].as_i64(), pods.concat())
        })
        .collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            (None, "cd".to_owned()),
            (Some(8080), "ae".to_owned()),
            (Some(9090), "b".to_owned())
        ]
    );
}

#[test]
fn hints_follow_the_traffic_distribution() {
    let zone = |name: &str| json!([{ "name": name }]);
    for (distribution, expected) in [
        (Value::Null, Value::Null),
        (json!("PreferClose"), json!({ "forZones": zone("a") })),
        (json!("PreferSameZone"), json!({ "forZones": zone("a") })),
        (
            json!("PreferSameNode"),
            json!({ "forNodes": zone("node-1"), "forZones": zone("a") }),
        ),
    ] {
        let mut lab = Lab::new();
        lab.web(json!({ "trafficDistribution": distribution }));
        lab.running_pod("a", "10.244.0.2", json!({}));
        let labels = json!({ "topology.kubernetes.io/zone": "a" });
        lab.apply_json::<Node>(json!({ "metadata": { "name": "node-1", "labels": labels } }));
        let endpoint = &lab.slices()[0]["endpoints"][0];
        assert_eq!((&endpoint["zone"], &endpoint["hints"]), (&json!("a"), &expected));
        // Hints of another kind, which a cluster of one zone has none of.
        let mode = json!({ "name": "web", "annotations": { "service.kubernetes.io/topology-mode": "Auto" } });
        let spec = json!({
            "selector": { "app": "web" }, "ports": [{ "port": 80 }], "trafficDistribution": distribution,
        });
        lab.apply_json::<Service>(json!({ "metadata": mode, "spec": spec }));
        assert_eq!(lab.slices()[0]["endpoints"][0]["hints"], Value::Null);
    }
}

#[test]
fn endpoints_are_mirrored_for_services_without_a_selector() {
    let mut lab = Lab::new();
    let endpoints = |labels: Value| {
        json!({
            "metadata": { "name": "db", "labels": labels },
            "subsets": [{
                "addresses": [{ "ip": "192.168.1.5" }, { "ip": "fd00::5" }],
                "notReadyAddresses": [{ "ip": "192.168.1.6", "hostname": "six" }],
                "ports": [{ "name": "sql", "port": 5432 }],
            }],
        })
    };
    lab.apply_json::<Endpoints>(endpoints(json!({ "tier": "data" })));
    assert!(lab.slices().is_empty(), "there is no service yet");
    let service =
        json!({ "metadata": { "name": "db" }, "spec": { "ports": [{ "name": "sql", "port": 5432 }] } });
    lab.apply_json::<Service>(service);
    let slices = lab.slices();
    let v4 = slices
        .iter()
        .find(|slice| slice["addressType"] == "IPv4")
        .unwrap();
    assert_eq!(slices.len(), 2, "one for each family");
    assert_eq!(
        v4["endpoints"],
        json!([
            { "addresses": ["192.168.1.5"], "conditions": { "ready": true } },
            { "addresses": ["192.168.1.6"], "conditions": { "ready": false }, "hostname": "six" },
        ])
    );
    assert_eq!(
        v4["metadata"]["labels"],
        json!({
            "tier": "data",
            "kubernetes.io/service-name": "db",
            "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
        })
    );
    assert_eq!(v4["metadata"]["ownerReferences"][0]["kind"], "Endpoints");
    lab.apply_json::<Endpoints>(endpoints(
        json!({ "endpointslice.kubernetes.io/skip-mirror": "true" }),
    ));
    assert!(lab.slices().is_empty());
    lab.apply_json::<Endpoints>(endpoints(json!({})));
    assert_eq!(lab.slices().len(), 2);
    lab.registry.delete(Kind::Service, &in_default("db")).unwrap();
    lab.controllers.run();
    assert!(lab.slices().is_empty());
    assert!(lab.registry.store().list::<Endpoints>().is_empty());
}

/// As few slices as there can be: subsets of the same addresses are one, and a slice of them takes a thousand.
#[test]
fn mirrored_subsets_are_packed() {
    let mut lab = Lab::new();
    let service =
        json!({ "metadata": { "name": "db" }, "spec": { "selector": {}, "ports": [{ "port": 1 }] } });
    lab.apply_json::<Service>(service);
    let addresses: Value = (0..150)
        .map(|last| json!({ "ip": format!("192.168.1.{last}") }))
        .collect();
    let subset =
        |name: &str, port: i32| json!({ "addresses": addresses, "ports": [{ "name": name, "port": port }] });
    let other = json!({
        "addresses": [{ "ip": "192.168.2.1" }],
        "notReadyAddresses": [{ "ip": "192.168.2.1" }],
        "ports": [{ "name": "c", "port": 3 }],
    });
    lab.apply_json::<Endpoints>(json!({
        "metadata": { "name": "db" }, "subsets": [subset("a", 1), subset("b", 2), other],
    }));
    let mut seen: Vec<_> = lab
        .slices()
        .iter()
        .map(|slice| ["ports", "endpoints"].map(|field| slice[field].as_array().unwrap().len()))
        .collect();
    seen.sort();
    assert_eq!(seen, [[1, 1], [2, 150]], "an empty selector is none");
}

#[test]
fn endpoints_of_a_service_with_a_selector_are_not_mirrored() {
    let mut lab = Lab::new();
    lab.web(json!({}));
    let subsets = json!([{ "addresses": [{ "ip": "192.168.1.5" }], "ports": [{ "port": 80 }] }]);
    lab.apply_json::<Endpoints>(json!({ "metadata": { "name": "web" }, "subsets": subsets }));
    assert_eq!(
        lab.endpoints("web")["subsets"],
        Value::Null,
        "they are the controller's"
    );
    assert_eq!(lab.slices().len(), 1);
    assert_eq!(lab.slices()[0]["endpoints"], json!([]));
}

#[test]
fn endpoints_hold_what_the_slices_do() {
    let mut lab = Lab::new();
    lab.web(
        json!({ "ports": [{ "name": "a", "port": 80, "targetPort": "http" }, { "name": "b", "port": 81 }] }),
    );
    assert_eq!(lab.endpoints("web")["subsets"], Value::Null);
    assert_eq!(
        lab.endpoints("web")["metadata"]["labels"],
        json!({ "team": "shop", "endpoints.kubernetes.io/managed-by": "endpoint-controller" })
    );
    let http = |number: i32| {
        let ports = json!([{ "name": "http", "containerPort": number }]);
        json!({ "spec": { "containers": [{ "name": "c", "image": "i", "ports": ports }] } })
    };
    lab.running_pod("x", "10.244.0.2", http(8080));
    lab.running_pod("y", "10.244.0.3", http(9090));
    let mut unready = http(9090);
    unready["status"] = json!({ "conditions": [{ "type": "Ready", "status": "False" }] });
    lab.running_pod("z", "10.244.0.4", unready);
    let subsets = lab.endpoints("web")["subsets"].clone();
    let told: Vec<String> = subsets
        .as_array()
        .unwrap()
        .iter()
        .map(|subset| {
            let list = |field: &str, of: &str| {
                let items = subset[field].as_array().cloned().unwrap_or_default();
                items
                    .iter()
                    .map(|item| item[of].to_string())
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            format!(
                "{} | {} | {} {}",
                list("addresses", "ip"),
                list("notReadyAddresses", "ip"),
                list("ports", "name"),
                list("ports", "port")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            r#""10.244.0.2" |  | "a" 8080"#,
            r#""10.244.0.2" "10.244.0.3" | "10.244.0.4" | "b" 81"#,
            r#""10.244.0.3" | "10.244.0.4" | "a" 9090"#,
        ]
    );
    lab.registry.delete(Kind::Service, &in_default("web")).unwrap();
    lab.controllers.run();
    assert!(lab.registry.store().list::<Endpoints>().is_empty());
}

#[test]
fn labels_and_selectors_that_change_move_endpoints() {
    let mut lab = Lab::new();
    lab.web(json!({}));
    lab.running_pod("a", "10.244.0.2", json!({}));
    lab.running_pod(
        "b",
        "10.244.0.3",
        json!({ "metadata": { "labels": { "app": "web", "canary": "yes" } } }),
    );
    assert_eq!(lab.ready_endpoints(), ["10.244.0.2:80", "10.244.0.3:80"]);
    lab.running_pod(
        "a",
        "10.244.0.2",
        json!({ "metadata": { "labels": { "app": "other" } } }),
    );
    assert_eq!(lab.ready_endpoints(), ["10.244.0.3:80"]);
    lab.running_pod("a", "10.244.0.2", json!({}));
    lab.web(json!({ "selector": { "app": "web", "canary": "yes" } }));
    assert_eq!(lab.ready_endpoints(), ["10.244.0.3:80"]);
    lab.registry.delete(Kind::Service, &in_default("web")).unwrap();
    lab.controllers.run();
    assert!(lab.slices().is_empty());
}
