//! Pods, and the containers in them.

use super::*;

#[test]
fn containers() {
    for (fields, expected) in [
        (
            json!({ "name": "a.b" }),
            "name: Invalid value: \"a.b\": must not contain dots",
        ),
        (json!({ "image": "" }), "image: Required value"),
        (
            json!({ "image": " podlab/echo" }),
            "image: Invalid value: \" podlab/echo\": must not have leading or trailing whitespace",
        ),
        (
            json!({ "terminationMessagePolicy": "Log" }),
            "terminationMessagePolicy: Unsupported value: \"Log\": supported values: \"File\", \
             \"FallbackToLogsOnError\"",
        ),
        (
            json!({ "restartPolicy": "Always" }),
            "restartPolicy: Forbidden: may not be set for non-init containers",
        ),
        (
            json!({ "ports": [{ "containerPort": 80, "hostPort": 80 }, { "containerPort": 81, "hostPort": 80 }] }),
            "ports[1].hostPort: Duplicate value: \"TCP//80\"",
        ),
        (
            json!({ "ports": [{ "containerPort": 80, "name": "a" }, { "containerPort": 81, "name": "a" }] }),
            "ports[1].name: Duplicate value: \"a\"",
        ),
        (
            json!({ "lifecycle": { "preStop": { "sleep": { "seconds": 31 } } } }),
            "lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than \
             terminationGracePeriodSeconds (30)",
        ),
        (
            json!({ "lifecycle": { "postStart": {} } }),
            "lifecycle.postStart: Required value: must specify a handler type",
        ),
    ] {
        let expected = format!("spec.containers[0].{expected}");
        assert_eq!(errors::<Pod>(container(fields)), [expected]);
    }
}

#[test]
fn variables() {
    let from = |path: &str| json!([{ "name": "A", "valueFrom": { "fieldRef": { "fieldPath": path } } }]);
    let name = json!({ "fieldRef": { "fieldPath": "metadata.name" } });
    for (variables, expected) in [
        (json!([{ "name": "" }]), "env[0].name: Required value"),
        (
            json!([{ "name": "A=B" }]),
            "env[0].name: Invalid value: \"A=B\": a valid environment variable name must consist only of printable \
             ASCII characters other than '='",
        ),
        (
            json!([{ "name": "A", "value": "b", "valueFrom": name }]),
            "env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty",
        ),
        (
            from("status.podIp"),
            "env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"status.podIp\": error converting fieldPath: field \
             label not supported: status.podIp",
        ),
        (
            from("metadata.labels['a b']"),
            "env[0].valueFrom.fieldRef: Invalid value: \"a b\": name part must consist of alphanumeric characters, \
             '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or \
             '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        ),
    ] {
        let expected = format!("spec.containers[0].{expected}");
        assert_eq!(errors::<Pod>(container(json!({ "env": variables }))), [expected]);
    }
    let phase = errors::<Pod>(container(json!({ "env": from("status.phase") })));
    assert!(
        phase[0]
            .contains("fieldPath: Unsupported value: \"status.phase\": supported values: \"metadata.name\"")
    );
}

#[test]
fn probes() {
    let get = |more: Value| {
        let mut get = json!({ "port": 80 });
        get.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({ "httpGet": get })
    };
    for (field, probe, expected) in [
        (
            "livenessProbe",
            json!({}),
            "Required value: must specify a handler type",
        ),
        (
            "livenessProbe",
            json!({ "httpGet": { "port": 80 }, "tcpSocket": { "port": 0 } }),
            "tcpSocket: Forbidden: may not specify more than 1 handler type",
        ),
        (
            "livenessProbe",
            json!({ "httpGet": { "port": 80 }, "successThreshold": 2 }),
            "successThreshold: Invalid value: 2: must be 1",
        ),
        (
            "readinessProbe",
            json!({ "httpGet": { "port": 80 }, "terminationGracePeriodSeconds": 1 }),
            "terminationGracePeriodSeconds: Invalid value: 1: must not be set for readinessProbes",
        ),
        (
            "startupProbe",
            get(json!({ "httpHeaders": [{ "name": "X_Y", "value": "" }] })),
            "httpGet.httpHeaders: Invalid value: \"X_Y\": a valid HTTP header must consist of alphanumeric characters \
             or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
        ),
        (
            "readinessProbe",
            json!({ "exec": {} }),
            "exec.command: Required value",
        ),
        (
            "readinessProbe",
            json!({ "tcpSocket": { "port": "" } }),
            "tcpSocket.port: Invalid value: \"\": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
    ] {
        let separator = if expected.starts_with("Required") {
            ": "
        } else {
            "."
        };
        let expected = format!("spec.containers[0].{field}{separator}{expected}");
        assert_eq!(errors::<Pod>(container(json!({ field: probe })))[0], expected);
    }
}

#[test]
fn init_containers_come_after_the_others_and_run_to_their_end() {
    let init = json!([{ "name": "web", "image": "a", "restartPolicy": "Never", "livenessProbe": {}, "lifecycle": {} }]);
    let why = "Forbidden: may not be set for init containers without restartPolicy=Always";
    assert_eq!(
        errors::<Pod>(pod(json!({ "initContainers": init }))),
        [
            "spec.initContainers[0].name: Duplicate value: \"web\"".to_owned(),
            "spec.initContainers[0].restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"".to_owned(),
            format!("spec.initContainers[0].lifecycle: {why}"),
            format!("spec.initContainers[0].livenessProbe: {why}"),
        ]
    );
}

#[test]
fn volumes_and_mounts() {
    let mounts =
        json!([{ "name": "a", "mountPath": "/a" }, { "name": "b", "mountPath": "/a", "subPath": "/x/.." }]);
    let containers = json!([{ "name": "web", "image": "a", "volumeMounts": mounts }]);
    let volumes = json!([{ "name": "a" }, { "name": "a" }, { "name": "c", "emptyDir": {}, "hostPath": { "path": "" } }]);
    assert_eq!(
        errors::<Pod>(pod(json!({ "containers": containers, "volumes": volumes }))),
        [
            "spec.volumes[1].name: Duplicate value: \"a\"",
            "spec.volumes[2].hostPath: Forbidden: may not specify more than 1 volume type",
            "spec.containers[0].volumeMounts[1].name: Not found: \"b\"",
            "spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique",
            "spec.containers[0].volumeMounts.subPath: Invalid value: \"/x/..\": must be a relative path",
            "spec.containers[0].volumeMounts.subPath: Invalid value: \"/x/..\": must not contain '..'",
        ]
    );
}

#[test]
fn the_rest_of_a_pod() {
    let ip = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    let many = json!({ "nameservers": ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"] });
    let ports = json!([{ "name": "web", "image": "a", "ports": [{ "containerPort": 80, "hostPort": 81 }] }]);
    for (fields, expected) in [
        (
            json!({ "dnsPolicy": "none" }),
            "dnsPolicy: Unsupported value: \"none\": supported values: \"ClusterFirstWithHostNet\", \"ClusterFirst\", \
             \"Default\", \"None\""
                .to_owned(),
        ),
        (
            json!({ "dnsPolicy": "None" }),
            "dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None".to_owned(),
        ),
        (
            json!({ "dnsPolicy": "None", "dnsConfig": {} }),
            "dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None"
                .to_owned(),
        ),
        (
            json!({ "dnsConfig": many }),
            "dnsConfig.nameservers: Invalid value: [\"10.0.0.1\",\"10.0.0.2\",\"10.0.0.3\",\"10.0.0.4\"]: must not \
             have more than 3 nameservers"
                .to_owned(),
        ),
        (
            json!({ "dnsConfig": { "options": [{ "value": "2" }] } }),
            "dnsConfig.options[0]: Required value: must not be empty".to_owned(),
        ),
        (
            json!({ "hostAliases": [{ "ip": "localhost", "hostnames": ["a.b"] }] }),
            format!("hostAliases[0].ip: Invalid value: \"localhost\": {ip}"),
        ),
        (
            json!({ "hostname": "a.b" }),
            "hostname: Invalid value: \"a.b\": must not contain dots".to_owned(),
        ),
        (
            json!({ "activeDeadlineSeconds": 0 }),
            "activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive".to_owned(),
        ),
        (
            json!({ "hostNetwork": true, "containers": ports }),
            "containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true"
                .to_owned(),
        ),
        (
            json!({ "ephemeralContainers": [{ "name": "debug" }] }),
            "ephemeralContainers: Forbidden: cannot be set on create".to_owned(),
        ),
    ] {
        assert_eq!(errors::<Pod>(pod(fields)), [format!("spec.{expected}")]);
    }
}

#[test]
fn what_kubernetes_accepts() {
    let searches = json!([".", "_tcp.example.com.", "svc.cluster.local"]);
    for fields in [
        json!({ "dnsConfig": { "searches": searches } }),
        // A warning, and 1 in effect.
        json!({ "terminationGracePeriodSeconds": -1 }),
        json!({ "volumes": [{ "name": "scratch" }] }),
        json!({ "hostNetwork": true, "containers": [{ "name": "a", "image": "b", "ports": [{ "containerPort": 80 }] }] }),
    ] {
        assert_eq!(errors::<Pod>(pod(fields)), [""; 0]);
    }
}
