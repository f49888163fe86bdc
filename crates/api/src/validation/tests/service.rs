//! Services.

use super::*;

#[test]
fn ports() {
    let number = "must be between 1 and 65535, inclusive";
    for (ports, expected) in [
        (json!([]), vec!["spec.ports: Required value".to_owned()]),
        (
            json!([{ "port": 0, "targetPort": 70000 }]),
            vec![
                format!("spec.ports[0].port: Invalid value: 0: {number}"),
                format!("spec.ports[0].targetPort: Invalid value: 70000: {number}"),
            ],
        ),
        (
            json!([{ "port": 80 }, { "name": "a", "port": 81 }]),
            vec!["spec.ports[0].name: Required value".to_owned()],
        ),
        (
            json!([{ "name": "a", "port": 80 }, { "name": "a", "port": 80 }]),
            vec![
                "spec.ports[1].name: Duplicate value: \"a\"".to_owned(),
                "spec.ports[1]: Duplicate value: {\"Name\":\"\",\"Protocol\":\"TCP\",\"AppProtocol\":null,\
                 \"Port\":80,\"TargetPort\":0,\"NodePort\":0}"
                    .to_owned(),
            ],
        ),
        (
            json!([{ "name": "http.v1", "port": 80 }]),
            vec!["spec.ports[0].name: Invalid value: \"http.v1\": must not contain dots".to_owned()],
        ),
        (
            json!([{ "port": 80, "targetPort": "a-name-of-too-many" }]),
            vec![
                "spec.ports[0].targetPort: Invalid value: \"a-name-of-too-many\": must be no more than 15 bytes"
                    .to_owned(),
            ],
        ),
        (
            json!([{ "port": 80, "nodePort": 30080 }]),
            vec!["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'".to_owned()],
        ),
    ] {
        assert_eq!(errors::<Service>(service(json!({ "ports": ports }))), expected);
    }
}

#[test]
fn a_node_port_is_one_ports_own_for_each_protocol() {
    let port = |name: &str, protocol: &str, port: i32| json!({ "name": name, "protocol": protocol, "port": port, "nodePort": 30080 });
    let ports = [port("a", "TCP", 80), port("b", "UDP", 80), port("c", "TCP", 81)];
    assert_eq!(
        errors::<Service>(service(json!({ "type": "NodePort", "ports": ports }))),
        ["spec.ports[2].nodePort: Duplicate value: 30080"]
    );
}

#[test]
fn addresses() {
    let ip = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    for (fields, expected) in [
        (
            json!({ "clusterIP": "10.96.0.300" }),
            format!("spec.clusterIPs[0]: Invalid value: \"10.96.0.300\": {ip}"),
        ),
        (
            json!({ "clusterIP": "10.96.0.010" }),
            "spec.clusterIPs[0]: Invalid value: \"10.96.0.010\": must not have leading 0s".to_owned(),
        ),
        (
            json!({ "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.2"] }),
            "spec.clusterIPs: Invalid value: [\"10.96.0.2\"]: first value must match `clusterIP`".to_owned(),
        ),
        (
            json!({ "clusterIPs": ["10.96.0.2"] }),
            "spec.clusterIPs: Invalid value: [\"10.96.0.2\"]: must be empty when `clusterIP` is not specified"
                .to_owned(),
        ),
        (
            json!({ "clusterIP": "None", "clusterIPs": ["None", "10.96.0.2"] }),
            "spec.clusterIPs: Invalid value: [\"None\",\"10.96.0.2\"]: 'None' must be the first and only value"
                .to_owned(),
        ),
        (
            json!({ "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "10.96.0.2"] }),
            "spec.clusterIPs: Invalid value: [\"10.96.0.1\",\"10.96.0.2\"]: may specify no more than one IP for \
             each IP family"
                .to_owned(),
        ),
        (
            json!({ "clusterIP": "10.96.0.1", "ipFamilies": ["IPv6"] }),
            "spec.clusterIPs[0]: Invalid value: \"10.96.0.1\": expected an IPv6 value as indicated by \
             `ipFamilies[0]`"
                .to_owned(),
        ),
        (
            json!({ "ipFamilies": ["IPv4", "IPv4"] }),
            "spec.ipFamilies[1]: Duplicate value: \"IPv4\"".to_owned(),
        ),
        (
            json!({ "type": "NodePort", "clusterIP": "None" }),
            "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services".to_owned(),
        ),
        (
            json!({ "externalIPs": ["127.0.0.1"] }),
            "spec.externalIPs[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, \
             ::1/128)"
                .to_owned(),
        ),
        (
            json!({ "externalIPs": ["0.0.0.0"] }),
            "spec.externalIPs[0]: Invalid value: \"0.0.0.0\": may not be unspecified (0.0.0.0)".to_owned(),
        ),
    ] {
        let mut spec = json!({ "ports": [{ "port": 80 }] });
        spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        assert_eq!(errors::<Service>(service(spec)), [expected]);
    }
}

#[test]
fn an_external_name_has_nothing_of_its_own() {
    let spec = json!({ "type": "ExternalName", "clusterIP": "10.96.0.1", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack" });
    assert_eq!(
        errors::<Service>(service(spec)),
        [
            "spec.clusterIPs: Forbidden: may not be set for ExternalName services",
            "spec.ipFamilies: Forbidden: may not be set for ExternalName services",
            "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services",
            "spec.externalName: Required value",
        ]
    );
    let dots = json!({ "type": "ExternalName", "externalName": "example.com." });
    assert_eq!(errors::<Service>(service(dots)), [""; 0]);
}

#[test]
fn traffic() {
    let only = "may only be used when `type` is 'LoadBalancer'";
    for (fields, expected) in [
        (
            json!({ "trafficDistribution": "PreferNear" }),
            "spec.trafficDistribution: Unsupported value: \"PreferNear\": supported values: \"PreferClose\", \
             \"PreferSameNode\", \"PreferSameZone\""
                .to_owned(),
        ),
        (
            json!({ "externalTrafficPolicy": "Local" }),
            "spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for externally-accessible services"
                .to_owned(),
        ),
        (
            json!({ "sessionAffinity": "ClientIP", "sessionAffinityConfig": { "clientIP": { "timeoutSeconds": 0 } } }),
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less \
             than 86400"
                .to_owned(),
        ),
        (
            json!({ "loadBalancerSourceRanges": ["10.0.0.0/8"] }),
            format!("spec.LoadBalancerSourceRanges: Forbidden: {only}"),
        ),
        (
            json!({ "type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0"] }),
            "spec.LoadBalancerSourceRanges[0]: Invalid value: \"10.0.0.0\": must be a valid CIDR value, (e.g. \
             10.9.8.0/24 or 2001:db8::/64)"
                .to_owned(),
        ),
        (
            json!({ "loadBalancerClass": "example.com/mine" }),
            format!("spec.loadBalancerClass: Forbidden: {only}"),
        ),
        (
            json!({ "allocateLoadBalancerNodePorts": true }),
            format!("spec.allocateLoadBalancerNodePorts: Forbidden: {only}"),
        ),
        (
            json!({ "healthCheckNodePort": 30000 }),
            "spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and \
             `externalTrafficPolicy` is 'Local'"
                .to_owned(),
        ),
    ] {
        let mut spec = json!({ "ports": [{ "port": 80 }] });
        spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        assert_eq!(errors::<Service>(service(spec)), [expected]);
    }
}

#[test]
fn what_kubernetes_accepts() {
    for fields in [
        // No affinity, no configuration of it: it is dropped without a word.
        json!({ "sessionAffinityConfig": { "clientIP": { "timeoutSeconds": 0 } } }),
        json!({ "externalIPs": ["192.0.2.1"], "externalTrafficPolicy": "Local" }),
        json!({ "trafficDistribution": "PreferSameNode" }),
        json!({ "clusterIP": "None" }),
    ] {
        let mut spec = json!({ "ports": [{ "port": 80 }] });
        spec.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        assert_eq!(errors::<Service>(service(spec)), [""; 0]);
    }
    assert_eq!(
        errors::<Service>(service(json!({ "clusterIP": "None" }))),
        [""; 0]
    );
}
