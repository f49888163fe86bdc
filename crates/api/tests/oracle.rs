//! What the JSON Schemas of Kubernetes refuse, podlab refuses as well: asked of `kubernetes-validate`, a program that
//! others wrote. `make oracle` installs and asks it.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use podlab_api::manifest::{SourceFile, read};
use serde_json::{Value, json};

/// The version whose types podlab has.
const KUBERNETES: &str = "1.34";

/// Objects with most of the fields that people write.
fn objects() -> Vec<Value> {
    let labels = json!({"app": "web"});
    let probe = json!({
        "httpGet": {"path": "/", "port": "http", "scheme": "HTTP", "httpHeaders": [{"name": "X-A", "value": "b"}]},
        "periodSeconds": 5, "timeoutSeconds": 1, "failureThreshold": 3,
    });
    let pod = json!({
        "containers": [{
            "name": "web", "image": "podlab/echo", "command": ["a"], "args": ["b"], "workingDir": "/",
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            "env": [
                {"name": "A", "value": "b"},
                {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            ],
            "volumeMounts": [{"name": "files", "mountPath": "/files", "readOnly": true}],
            "resources": {"limits": {"memory": "64Mi"}},
            "readinessProbe": probe,
            "livenessProbe": {"tcpSocket": {"port": 8080}},
            "startupProbe": {"exec": {"command": ["true"]}},
            "securityContext": {"runAsUser": 1000},
        }],
        "initContainers": [{"name": "first", "image": "podlab/pause"}],
        "volumes": [{"name": "files", "emptyDir": {}}],
        "nodeSelector": {"a": "b"}, "hostNetwork": false, "hostname": "web", "subdomain": "web",
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["10.96.0.10"], "searches": ["a"], "options": [{"name": "ndots", "value": "5"}]},
        "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}],
        "terminationGracePeriodSeconds": 5, "enableServiceLinks": true, "restartPolicy": "Always",
    });
    let metadata =
        json!({"name": "web", "namespace": "default", "labels": labels, "annotations": {"a": "b"}});
    let template = json!({"metadata": {"labels": labels}, "spec": pod});
    let ports = json!([{"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"}]);
    vec![
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {
            "type": "ClusterIP", "selector": labels, "clusterIP": "10.96.0.20", "clusterIPs": ["10.96.0.20"],
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"}],
            "sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}},
            "internalTrafficPolicy": "Local", "trafficDistribution": "PreferSameZone",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "publishNotReadyAddresses": true,
        }}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {
            "replicas": 2, "minReadySeconds": 1, "revisionHistoryLimit": 2, "progressDeadlineSeconds": 60,
            "paused": false, "selector": {"matchLabels": labels}, "template": template,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}},
        }}),
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": {
            "replicas": 2, "template": template,
            "selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]},
        }}),
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata,
            "addressType": "IPv4", "ports": ports, "endpoints": [{
                "addresses": ["10.1.2.3"], "conditions": {"ready": true, "serving": true, "terminating": false},
                "hostname": "a", "nodeName": "n", "zone": "z", "hints": {"forZones": [{"name": "z"}]},
                "targetRef": {"kind": "Pod", "name": "a", "namespace": "default"},
            }],
        }),
        json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": [{
            "addresses": [{"ip": "10.1.2.3", "hostname": "a", "nodeName": "n"}],
            "notReadyAddresses": [{"ip": "10.1.2.4"}], "ports": ports,
        }]}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
            "metadata": {"name": "more"}, "spec": {"cidrs": ["10.97.0.0/16"]}}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "immutable": true,
            "data": {"color": "red"}, "binaryData": {"logo": "YWJj"}}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "immutable": false,
            "type": "Opaque", "data": {"a": "YWJj"}, "stringData": {"b": "c"}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata,
            "automountServiceAccountToken": false, "imagePullSecrets": [{"name": "a"}], "secrets": [{"name": "b"}]}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": {
            "podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress", "Egress"],
            "ingress": [{
                "from": [{"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
                    "namespaceSelector": {}}],
                "ports": [{"port": 80, "endPort": 90, "protocol": "TCP"}, {"port": "http"}],
            }],
            "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}],
        }}),
        json!({"apiVersion": "v1", "kind": "Event", "metadata": metadata, "type": "Normal", "reason": "Started",
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "web", "namespace": "default", "uid": "1"},
            "message": "a", "action": "b", "reportingComponent": "example.com/c", "reportingInstance": "d",
            "firstTimestamp": "2024-01-31T23:59:59Z", "lastTimestamp": "2024-01-31T23:59:59Z", "count": 2,
            "eventTime": "2024-01-31T23:59:59.000000Z", "source": {"component": "e", "host": "f"},
            "series": {"count": 2, "lastObservedTime": "2024-01-31T23:59:59.000000Z"}}),
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": {
            "holderIdentity": "a", "leaseDurationSeconds": 15, "leaseTransitions": 1,
            "acquireTime": "2024-01-31T23:59:59.000000Z", "renewTime": "2024-01-31T23:59:59.000000Z"}}),
    ]
}

/// JSON pointers to everything in a value.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, field)| pointers(field, &format!("{at}/{name}"), all)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| pointers(item, &format!("{at}/{index}"), all)),
        _ => {}
    }
}

/// The object with one thing in it changed: another sort of value, a field that nobody knows, or a field less.
fn variations(object: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    pointers(object, "", &mut all);
    all.retain(|pointer| !["", "/apiVersion", "/kind"].contains(&&**pointer));
    let mut changed = vec![object.clone()];
    for pointer in all {
        let mut with = |change: &dyn Fn(&mut Value)| {
            let mut object = object.clone();
            change(object.pointer_mut(&pointer).expect("it points to something"));
            changed.push(object);
        };
        for other in [
            json!("text"),
            json!(7),
            json!(1.5),
            json!(true),
            json!([]),
            json!({}),
            json!(["x"]),
            json!([7]),
        ] {
            with(&|value| *value = other.clone());
        }
        with(&|value| {
            if let Value::Object(fields) = value {
                fields.insert("nobodyKnows".to_owned(), json!(1));
            }
        });
        let (parent, name) = pointer.rsplit_once('/').expect("it isn't the whole");
        let mut object = object.clone();
        if let Some(Value::Object(fields)) = object.pointer_mut(parent) {
            fields.remove(name);
            changed.push(object);
        }
    }
    changed
}

/// For each object what is wrong with it; nothing: an empty text.
fn ask_the_oracle(python: &str, objects: &[Value]) -> Vec<String> {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle.py");
    let mut child = Command::new(python)
        .args([program, KUBERNETES])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python runs");
    let lines: String = objects.iter().map(|object| format!("{object}\n")).collect();
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("its answers can be read");
    writer.join().expect("no panic").expect("all is asked");
    assert!(output.status.success());
    let answers: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(answers.len(), objects.len());
    answers
}

fn is_refused(object: &Value) -> bool {
    let text = object.to_string();
    read(&[SourceFile {
        name: "-".into(),
        text,
    }])
    .has_errors()
}

#[test]
#[ignore = "asks kubernetes-validate: make oracle"]
fn what_the_schemas_refuse_is_refused() {
    let python =
        std::env::var("PODLAB_ORACLE").expect("PODLAB_ORACLE names a python with kubernetes-validate");
    let objects = objects();
    for (object, answer) in objects.iter().zip(ask_the_oracle(&python, &objects)) {
        assert_eq!((answer.as_str(), is_refused(object)), ("", false), "{object}");
    }
    let all: Vec<Value> = objects.iter().flat_map(variations).collect();
    let answers = ask_the_oracle(&python, &all);
    let refused = answers.iter().filter(|answer| !answer.is_empty()).count();
    println!("{} objects, of which the schemas refuse {refused}", all.len());
    let passed = all
        .iter()
        .zip(&answers)
        .filter(|(object, answer)| !answer.is_empty() && !is_refused(object));
    let passed: Vec<&String> = passed.map(|(_, answer)| answer).collect();
    assert!(
        passed.is_empty(),
        "podlab takes {} of them: {passed:#?}",
        passed.len()
    );
}
