//! Values on the wire, and what they are in JSON.

use serde_json::{Map, Value, json};

use super::super::decode;
use super::super::wire::WireError;
use super::{bytes, message, number};
use crate::schema::{Node, components};

/// A message of a type: `core.v1.Pod`.
fn decoded(of: &str, raw: &[u8]) -> Result<Value, WireError> {
    let component = components().keys().find(|name| name.ends_with(of)).unwrap();
    let mut object = Map::new();
    decode::message(&mut object, Node::component(component), raw)?;
    Ok(Value::Object(object))
}

#[test]
fn every_form_of_a_value_is_read() {
    const META: &str = "meta.v1.ObjectMeta";
    for (component, raw, expected) in [
        ("core.v1.SleepAction", number(1, -5), json!({"seconds": -5})),
        (
            "core.v1.SleepAction",
            number(1, i64::MIN),
            json!({"seconds": i64::MIN}),
        ),
        (
            "core.v1.ContainerPort",
            number(3, -1),
            json!({"containerPort": -1}),
        ),
        (
            "core.v1.ContainerPort",
            number(3, 1 << 32 | 80),
            json!({"containerPort": 80}),
        ),
        // Of Go's pointers a zero is a value, of others it is none.
        ("apps.v1.DeploymentSpec", number(1, 0), json!({"replicas": 0})),
        ("apps.v1.DeploymentSpec", number(5, 0), json!({})),
        ("apps.v1.DeploymentSpec", number(7, 0), json!({})),
        ("apps.v1.DeploymentSpec", number(7, 1), json!({"paused": true})),
        (
            "core.v1.PodSpec",
            number(21, 0),
            json!({"automountServiceAccountToken": false}),
        ),
        ("core.v1.GRPCAction", bytes(2, ""), json!({"service": ""})),
        (META, bytes(3, ""), json!({})),
        (META, bytes(1, b"a\xff"), json!({"name": "a\u{fffd}"})),
        // The last counts, also if it is none.
        (
            META,
            message([bytes(1, "a"), bytes(1, "b")]),
            json!({"name": "b"}),
        ),
        (META, message([bytes(1, "a"), bytes(1, "")]), json!({})),
        // Messages are merged, whether JSON has them or their fields only.
        (
            "apps.v1.Deployment",
            message([bytes(2, number(1, 3)), bytes(2, number(5, 9))]),
            json!({"spec": {"replicas": 3, "minReadySeconds": 9}}),
        ),
        (
            "core.v1.Probe",
            message([
                bytes(1, bytes(3, bytes(2, "host"))),
                number(3, 7),
                bytes(1, bytes(1, "")),
            ]),
            json!({"tcpSocket": {"host": "host"}, "exec": {}, "timeoutSeconds": 7}),
        ),
        (
            "core.v1.Volume",
            message([
                bytes(1, "v"),
                bytes(2, bytes(19, message([bytes(1, bytes(1, "m")), number(4, 1)]))),
            ]),
            json!({"name": "v", "configMap": {"name": "m", "optional": true}}),
        ),
        // Lists: texts that are empty are elements, numbers are packed or not.
        (
            "core.v1.ExecAction",
            message([bytes(1, "a"), bytes(1, "")]),
            json!({"command": ["a", ""]}),
        ),
        (
            "core.v1.PodSecurityContext",
            message([number(4, 0), bytes(4, [1, 0xac, 2]), number(4, 2)]),
            json!({"supplementalGroups": [0, 1, 300, 2]}),
        ),
        // Maps: what an entry doesn't say is empty, and the last entry of a key counts.
        (
            "core.v1.ConfigMap",
            [
                bytes(2, ""),
                bytes(2, message([bytes(2, "v"), bytes(1, "k")])),
                bytes(2, bytes(1, "k")),
            ]
            .concat(),
            json!({"data": {"": "", "k": ""}}),
        ),
        (
            "core.v1.ConfigMap",
            bytes(3, message([bytes(1, "b"), bytes(2, [0, 0xff])])),
            json!({"binaryData": {"b": "AP8="}}),
        ),
        (
            "core.v1.ResourceRequirements",
            [
                bytes(1, message([bytes(1, "cpu"), bytes(2, bytes(1, "100m"))])),
                bytes(1, bytes(1, "memory")),
            ]
            .concat(),
            json!({"limits": {"cpu": "100m", "memory": "0"}}),
        ),
        // Types that have a form of their own in JSON.
        ("core.v1.ServicePort", bytes(4, ""), json!({"targetPort": 0})),
        (
            "core.v1.ServicePort",
            bytes(4, number(2, 80)),
            json!({"targetPort": 80}),
        ),
        (
            "core.v1.ServicePort",
            bytes(4, message([number(1, 1), number(2, 0), bytes(3, "http")])),
            json!({"targetPort": "http"}),
        ),
        (META, bytes(8, ""), json!({})),
        (
            META,
            bytes(8, message([number(1, 1_700_000_000), number(2, 5)])),
            json!({"creationTimestamp": "2023-11-14T22:13:20Z"}),
        ),
        (
            META,
            bytes(8, number(1, -1)),
            json!({"creationTimestamp": "1969-12-31T23:59:59Z"}),
        ),
        (
            "coordination.v1.LeaseSpec",
            bytes(4, message([number(1, 1_700_000_000), number(2, 1_234_567)])),
            json!({"renewTime": "2023-11-14T22:13:20.001234Z"}),
        ),
        (
            "meta.v1.ManagedFieldsEntry",
            bytes(7, bytes(1, r#"{"f:data":{}}"#)),
            json!({"fieldsV1": {"f:data": {}}}),
        ),
        // Fields that nobody knows, of every wire type.
        (
            META,
            [
                number(100, 1),
                bytes(101, "x"),
                b"\xb9\x06\x01\x02\x03\x04\x05\x06\x07\x08".to_vec(),
                b"\xbd\x06\x01\x02\x03\x04".to_vec(),
                b"\xbb\x06\x0b\x08\x01\x0c\x12\x01x\xbc\x06".to_vec(),
                bytes(1, "a"),
            ]
            .concat(),
            json!({"name": "a"}),
        ),
    ] {
        assert_eq!(decoded(component, &raw), Ok(expected), "{component} {raw:02x?}");
    }
}

#[test]
fn groups_need_no_stack_however_deep_they_are() {
    let depth = 1_000_000;
    let raw = [vec![0x0b; depth], vec![0x0c; depth]].concat();
    let group = [b"\x9b\x06".to_vec(), raw, b"\x9c\x06".to_vec(), bytes(1, "a")].concat();
    let component = "meta.v1.ObjectMeta";
    assert_eq!(decoded(component, &group), Ok(json!({"name": "a"})));
    assert_eq!(decoded(component, &group[..depth]), Err(WireError::UnexpectedEof));
}

#[test]
fn json_that_is_none_or_too_deep_is_refused() {
    let component = "meta.v1.ManagedFieldsEntry";
    for text in ["{".to_owned(), "[".repeat(1_000_000)] {
        let raw = bytes(7, bytes(1, text));
        assert!(matches!(decoded(component, &raw), Err(WireError::Json(_))));
    }
}
