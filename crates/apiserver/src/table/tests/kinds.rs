//! What each kind shows of its objects.

use super::*;

#[test]
fn pods() {
    let running = |count: u32, ended: &str| {
        json!({
            "name": "c", "ready": true, "restartCount": count, "state": {"running": {}},
            "lastState": {"terminated": {"exitCode": 1, "finishedAt": format!("2026-01-01T{ended}:00Z")}},
        })
    };
    let pods = objects(
        Kind::Pod,
        &[
            (
                "creating",
                "23:59",
                json!({
                    "spec": {"containers": [{"name": "c"}]},
                    "status": {"phase": "Pending", "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}]},
                }),
            ),
            (
                "web",
                "20:40",
                json!({
                    "spec": {
                        "nodeName": "node-1",
                        "containers": [{"name": "c"}, {"name": "d"}],
                        "readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}],
                    },
                    "status": {
                        "phase": "Running", "podIP": "10.244.0.7", "nominatedNodeName": "node-2",
                        "conditions": [{"type": "a", "status": "True"}, {"type": "b", "status": "False"}],
                        "containerStatuses": [running(1, "23:30"), running(2, "23:55")],
                    },
                }),
            ),
            (
                "steady",
                "00:00",
                json!({
                    "spec": {"containers": [{"name": "c"}]},
                    "status": {"phase": "Running", "podIP": "fd00::7", "containerStatuses": [running(0, "23:30")]},
                }),
            ),
        ],
    );
    insta::assert_snapshot!(printed(&table(Kind::Pod, &pods)));
}

#[test]
fn services() {
    let ports =
        || json!([{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP", "nodePort": 30053}]);
    let balanced = json!({"loadBalancer": {"ingress": [
        {"ip": "192.0.2.9"}, {"hostname": "a-balancer-with-a-long-name.example.com"}, {"ip": "192.0.2.10"},
    ]}});
    let services = objects(
        Kind::Service,
        &[
            (
                "cluster",
                "23:00",
                json!({"spec": {"type": "ClusterIP", "clusterIP": "10.96.0.7", "ports": ports(), "selector": {"app": "web", "app-tier": "front"}}}),
            ),
            (
                "headless",
                "23:00",
                json!({"spec": {"type": "ClusterIP", "clusterIP": "None"}}),
            ),
            (
                "node",
                "23:00",
                json!({"spec": {"type": "NodePort", "clusterIP": "10.96.0.8", "externalIPs": ["192.0.2.1", "192.0.2.2"]}}),
            ),
            (
                "name",
                "23:00",
                json!({"spec": {"type": "ExternalName", "externalName": "example.com"}}),
            ),
            (
                "pending",
                "23:00",
                json!({"spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.9"}}),
            ),
            (
                "balanced",
                "23:00",
                json!({"spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.10", "externalIPs": ["192.0.2.1"]}, "status": balanced}),
            ),
        ],
    );
    insta::assert_snapshot!(printed(&table(Kind::Service, &services)));
}

#[test]
fn endpoints() {
    let addresses = |ips: &[&str]| ips.iter().map(|ip| json!({"ip": ip})).collect::<Value>();
    let subset = |ips: &[&str], ports: &[i32]| {
        let ports: Value = ports.iter().map(|port| json!({"port": port})).collect();
        json!({"addresses": addresses(ips), "ports": ports})
    };
    let endpoints = objects(
        Kind::Endpoints,
        &[
            ("none", "23:00", json!({})),
            (
                "unready",
                "23:00",
                json!({"subsets": [{"notReadyAddresses": addresses(&["10.0.0.1"]), "ports": [{"port": 80}]}]}),
            ),
            (
                "three",
                "23:00",
                json!({"subsets": [subset(&["10.0.0.1", "10.0.0.2"], &[80]), subset(&["fd00::1"], &[80])]}),
            ),
            (
                "more",
                "23:00",
                json!({"subsets": [subset(&["10.0.0.1", "10.0.0.2"], &[80, 443]), subset(&["10.0.0.3"], &[])]}),
            ),
            (
                "headless",
                "23:00",
                json!({"subsets": [subset(&["10.0.0.1", "fd00::1"], &[])]}),
            ),
        ],
    );
    insta::assert_snapshot!(printed(&table(Kind::Endpoints, &endpoints)));
}

#[test]
fn endpoint_slices() {
    let slices = objects(
        Kind::EndpointSlice,
        &[
            ("empty", "23:00", json!({"addressType": "IPv4", "endpoints": []})),
            (
                "three",
                "23:00",
                json!({
                    "addressType": "IPv4",
                    "ports": [{"port": 80}, {"name": "https"}, {}],
                    "endpoints": [{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2"], "conditions": {"ready": false}}, {"addresses": ["10.0.0.3"]}],
                }),
            ),
            (
                "more",
                "23:00",
                json!({
                    "addressType": "IPv6",
                    "ports": [{"port": 1}, {"port": 2}, {"port": 3}, {"port": 4}],
                    "endpoints": [{"addresses": ["fd00::1", "fd00::2"]}, {"addresses": ["fd00::3", "fd00::4", "fd00::5"]}],
                }),
            ),
        ],
    );
    insta::assert_snapshot!(printed(&table(Kind::EndpointSlice, &slices)));
}

#[test]
fn nodes() {
    let ready = |status: &str| json!([{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": status}]);
    let nodes = objects(
        Kind::Node,
        &[
            (
                "control",
                "00:00",
                json!({
                    "metadata": {"labels": {
                        "node-role.kubernetes.io/control-plane": "", "node-role.kubernetes.io/": "", "kubernetes.io/role": "boss", "zone": "a",
                    }},
                    "status": {
                        "conditions": ready("True"),
                        "addresses": [{"type": "Hostname", "address": "control"}, {"type": "InternalIP", "address": "10.0.0.1"}, {"type": "ExternalIP", "address": "192.0.2.1"}],
                        "nodeInfo": {"kubeletVersion": "v1.34.0", "osImage": "Debian", "kernelVersion": "6.1", "containerRuntimeVersion": "podlab://0.1"},
                    },
                }),
            ),
            (
                "cordoned",
                "00:00",
                json!({"spec": {"unschedulable": true}, "status": {"conditions": ready("False")}}),
            ),
            ("new", "00:00", json!({})),
        ],
    );
    insta::assert_snapshot!(printed(&table(Kind::Node, &nodes)));
}

fn workload(fields: Value) -> Value {
    let mut workload = json!({"spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"spec": {"containers": [{"name": "web", "image": "nginx:1"}, {"name": "log", "image": "busybox"}]}},
    }});
    for (field, value) in fields.as_object().unwrap() {
        workload[field] = value.clone();
    }
    workload
}

#[test]
fn deployments() {
    let status = json!({"replicas": 4, "readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1});
    let deployments = objects(
        Kind::Deployment,
        &[
            ("web", "23:00", workload(json!({"status": status}))),
            ("new", "23:59", workload(json!({}))),
        ],
    );
    insta::assert_snapshot!(printed(&table(Kind::Deployment, &deployments)));
}

#[test]
fn replica_sets() {
    let status = json!({"replicas": 4, "readyReplicas": 2});
    let sets = objects(
        Kind::ReplicaSet,
        &[
            ("web", "23:00", workload(json!({"status": status}))),
            ("new", "23:59", workload(json!({}))),
        ],
    );
    insta::assert_snapshot!(printed(&table(Kind::ReplicaSet, &sets)));
}

#[test]
fn scales() {
    let scale: Scale = serde_json::from_value(json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale",
        "metadata": {"name": "web", "creationTimestamp": "2026-01-01T23:00:00Z"},
        "spec": {"replicas": 3}, "status": {"replicas": 2},
    }))
    .unwrap();
    let options = TableOptions {
        include_object: IncludeObject::Object,
        ..TableOptions::default()
    };
    let table = Table::of_scale(&scale, options, now());
    insta::assert_snapshot!(printed(&table));
    assert_eq!(
        serde_json::to_value(&table).unwrap()["rows"][0]["object"],
        serde_json::to_value(&scale).unwrap()
    );
}

#[test]
fn events() {
    let involved = json!({"kind": "Pod", "name": "web", "fieldPath": "spec.containers{web}"});
    let events = objects(
        Kind::Event,
        &[
            (
                "counted",
                "23:00",
                json!({
                    "involvedObject": involved, "type": "Warning", "reason": "BackOff", "message": " Back-off restarting \n", "count": 7,
                    "firstTimestamp": "2026-01-01T23:00:00Z", "lastTimestamp": "2026-01-01T23:59:30Z",
                    "source": {"component": "kubelet", "host": "node-1"},
                }),
            ),
            (
                "once",
                "23:00",
                json!({
                    "involvedObject": {"kind": "Node"}, "type": "Normal", "reason": "Starting", "message": "Starting.",
                    "eventTime": "2026-01-01T23:58:00.000000Z",
                    "reportingComponent": "kube-proxy", "reportingInstance": "node-2",
                }),
            ),
            (
                "series",
                "23:00",
                json!({
                    "involvedObject": involved, "type": "Normal", "reason": "Pulled", "count": 1,
                    "eventTime": "2026-01-01T23:00:00.000000Z", "series": {"count": 4, "lastObservedTime": "2026-01-01T23:59:59.500000Z"},
                    "source": {"component": "kubelet"},
                }),
            ),
            ("bare", "23:00", json!({"involvedObject": {}})),
        ],
    );
    insta::assert_snapshot!(printed(&table(Kind::Event, &events)));
}

#[test]
fn short_ones() {
    let selector =
        json!({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]});
    let tables = [
        (Kind::Namespace, json!({"status": {"phase": "Active"}})),
        (
            Kind::ConfigMap,
            json!({"data": {"a": "1", "b": "2"}, "binaryData": {"c": "AA=="}}),
        ),
        (Kind::Secret, json!({"type": "Opaque", "data": {"a": "AA=="}})),
        (Kind::ServiceAccount, json!({"secrets": [{"name": "token"}]})),
        (Kind::Lease, json!({"spec": {"holderIdentity": "node-1"}})),
        (Kind::NetworkPolicy, json!({"spec": {"podSelector": selector}})),
        (
            Kind::ServiceCIDR,
            json!({"spec": {"cidrs": ["10.96.0.0/16", "fd00:96::/112"]}}),
        ),
    ];
    let tables = tables.into_iter().map(|(kind, full)| {
        let objects = objects(kind, &[("full", "22:00", full), ("empty", "23:00", json!({}))]);
        format!("{kind}\n{}", printed(&table(kind, &objects)))
    });
    insta::assert_snapshot!(tables.collect::<Vec<String>>().join("\n"));
}

#[test]
fn ages() {
    let second = 1;
    let (minute, hour, day) = (60, 3_600, 86_400);
    let cases = [
        (-2 * second, "<invalid>"),
        (-second, "0s"),
        (0, "0s"),
        (119, "119s"),
        (2 * minute, "2m"),
        (2 * minute + 30, "2m30s"),
        (10 * minute - second, "9m59s"),
        (10 * minute + 30, "10m"),
        (3 * hour - second, "179m"),
        (3 * hour, "3h"),
        (3 * hour + 20 * minute, "3h20m"),
        (8 * hour + 20 * minute, "8h"),
        (2 * day - second, "47h"),
        (2 * day, "2d"),
        (5 * day + 7 * hour, "5d7h"),
        (8 * day + 7 * hour, "8d"),
        (2 * 365 * day - second, "729d"),
        (2 * 365 * day, "2y"),
        (2 * 365 * day + 3 * day, "2y3d"),
        (8 * 365 * day + 3 * day, "8y"),
    ];
    for (seconds, age) in cases {
        let then = now() - jiff::SignedDuration::from_secs(seconds);
        let map = json!({"metadata": {"name": "m", "creationTimestamp": then.to_string()}});
        let map = [object(Kind::ConfigMap, map)];
        assert_eq!(column(Kind::ConfigMap, &map, "Age"), [age], "{seconds} s");
    }
    let unborn = [object(Kind::ConfigMap, json!({"metadata": {"name": "m"}}))];
    assert_eq!(column(Kind::ConfigMap, &unborn, "Age"), ["<unknown>"]);
}

#[test]
fn selectors() {
    let cases = [
        (json!({}), "", "<none>"),
        (json!({"matchLabels": {"b": "1", "a": "2"}}), "a=2,b=1", "a=2,b=1"),
        (
            json!({"matchLabels": {"b": "1"}, "matchExpressions": [
                {"key": "d", "operator": "DoesNotExist"},
                {"key": "c", "operator": "NotIn", "values": ["z"]},
                {"key": "a", "operator": "In", "values": ["y", "x"]},
                {"key": "e", "operator": "Exists"},
            ]}),
            "a in (x,y),b=1,c notin (z),!d,e",
            "a in (x,y),b=1,c notin (z),!d,e",
        ),
        (
            json!({"matchExpressions": [{"key": "a", "operator": "Like"}]}),
            "<invalid>",
            "<error>",
        ),
    ];
    for (selector, deployment, replica_set) in cases {
        let spec = json!({"metadata": {"name": "web"}, "spec": {"selector": selector}});
        for (kind, text) in [(Kind::Deployment, deployment), (Kind::ReplicaSet, replica_set)] {
            let objects = [object(kind, spec.clone())];
            assert_eq!(column(kind, &objects, "Selector"), [text]);
        }
    }
}
