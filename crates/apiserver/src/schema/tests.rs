use podlab_api::object::Kind;
use serde_json::{Value, json};

use super::extensions::{fields, short};
use super::table::{ALWAYS_THERE, ATOMIC_TYPES, DEFAULTS, WITHOUT_DEFAULT};
use super::{ListType, Node, Scalar, Shape, components, of};

/// The node at a path whose parts are fields; `*` is what is in a list or map.
fn at(kind: Kind, path: &str) -> Node {
    let start = Node::of(kind);
    path.split('.')
        .fold(start, |node, part| match (part, node.shape()) {
            ("*", Shape::List(inner) | Shape::Map(inner)) => inner,
            _ => node
                .field(part)
                .unwrap_or_else(|| panic!("{kind} has no {path}: {part}")),
        })
}

fn component(short_name: &str) -> &'static Value {
    let found = components().iter().find(|(name, _)| short(name) == short_name);
    found.unwrap_or_else(|| panic!("no component {short_name}")).1
}

#[test]
fn tables_name_what_is_there() {
    for (of, field, extensions) in fields() {
        let property = &component(of)["properties"][field];
        assert!(property.is_object(), "{of} has no {field}");
        let node = property["items"]["$ref"]
            .as_str()
            .and_then(|name| name.strip_prefix("#/components/schemas/"));
        if let ListType::Map(keys) = extensions.list_type {
            let element =
                Node::component(node.unwrap_or_else(|| panic!("{of}.{field} is a list of objects")));
            for key in keys.iter().copied().chain(extensions.patch_merge_key) {
                assert!(
                    element.field(key).is_some(),
                    "the elements of {of}.{field} have no {key}"
                );
            }
        }
        if extensions.list_type != ListType::Atomic || extensions.patch_strategy.merge {
            assert_eq!(property["type"], "array", "{of}.{field}");
        }
    }
    for (of, field, default) in DEFAULTS {
        assert_eq!(
            component(of)["properties"][field]["type"],
            "string",
            "{of}.{field}: {default}"
        );
    }
    for (of, field) in ALWAYS_THERE {
        assert!(component(of)["properties"][field].is_object(), "{of}.{field}");
    }
    for (of, field) in WITHOUT_DEFAULT {
        let required = component(of)["required"].as_array().unwrap();
        assert!(required.contains(&json!(field)), "{of}.{field}");
    }
    for name in ATOMIC_TYPES {
        assert_eq!(component(name)["x-kubernetes-map-type"], "atomic", "{name}");
    }
}

#[test]
fn references_lead_somewhere_and_types_are_plain() {
    fn check(name: &str, schema: &Value) {
        match schema {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref") {
                    let target = reference
                        .as_str()
                        .and_then(|target| target.strip_prefix("#/components/schemas/"));
                    assert!(
                        target.is_some_and(|target| components().contains_key(target)),
                        "{name}: {reference}"
                    );
                    assert_eq!(fields.len(), 1, "{name}: {reference} has siblings");
                }
                assert!(
                    !fields.contains_key("anyOf") && !fields.contains_key("nullable"),
                    "{name}"
                );
                fields.values().for_each(|value| check(name, value));
            }
            Value::Array(values) => values.iter().for_each(|value| check(name, value)),
            _ => {}
        }
    }
    components().iter().for_each(|(name, schema)| check(name, schema));
}

#[test]
fn kinds_have_names() {
    for (kind, name) in [
        (Kind::Pod, "io.k8s.api.core.v1.Pod"),
        (Kind::Deployment, "io.k8s.api.apps.v1.Deployment"),
        (Kind::EndpointSlice, "io.k8s.api.discovery.v1.EndpointSlice"),
    ] {
        assert_eq!(of(kind), name);
    }
    for kind in Kind::ALL {
        let stated = &components()[of(*kind)]["x-kubernetes-group-version-kind"];
        assert_eq!(
            *stated,
            json!([{"group": kind.group(), "version": "v1", "kind": kind.as_str()}])
        );
    }
}

#[test]
fn lists_know_how_they_are_merged() {
    let unmerged = (false, false);
    let merged = (true, false);
    let retained = (true, true);
    for (kind, path, list_type, merge_key, strategy) in [
        (
            Kind::Pod,
            "spec.containers",
            ListType::Map(&["name"]),
            Some("name"),
            merged,
        ),
        (
            Kind::Deployment,
            "spec.template.spec.containers.*.ports",
            ListType::Map(&["containerPort", "protocol"]),
            Some("containerPort"),
            merged,
        ),
        (
            Kind::Pod,
            "spec.containers.*.command",
            ListType::Atomic,
            None,
            unmerged,
        ),
        (
            Kind::Pod,
            "spec.containers.*.resources.claims",
            ListType::Map(&["name"]),
            None,
            unmerged,
        ),
        (
            Kind::Pod,
            "spec.volumes",
            ListType::Map(&["name"]),
            Some("name"),
            retained,
        ),
        (Kind::Pod, "spec.tolerations", ListType::Atomic, None, unmerged),
        (Kind::Pod, "status.hostIPs", ListType::Atomic, Some("ip"), merged),
        (
            Kind::Service,
            "spec.ports",
            ListType::Map(&["port", "protocol"]),
            Some("port"),
            merged,
        ),
        (Kind::EndpointSlice, "endpoints", ListType::Atomic, None, unmerged),
        (
            Kind::EndpointSlice,
            "endpoints.*.addresses",
            ListType::Set,
            None,
            unmerged,
        ),
        (Kind::Secret, "metadata.finalizers", ListType::Set, None, merged),
        (
            Kind::Secret,
            "metadata.ownerReferences",
            ListType::Map(&["uid"]),
            Some("uid"),
            merged,
        ),
    ] {
        let node = at(kind, path);
        assert!(matches!(node.shape(), Shape::List(_)), "{path}");
        assert_eq!(node.list_type(), list_type, "{path}");
        assert_eq!(node.patch_merge_key(), merge_key, "{path}");
        let patched = node.patch_strategy();
        assert_eq!((patched.merge, patched.retain_keys), strategy, "{path}");
    }
    assert!(at(Kind::Deployment, "spec.strategy").patch_strategy().retain_keys);
}

#[test]
fn objects_know_whether_they_are_one_value() {
    for (kind, path, atomic) in [
        (Kind::Pod, "spec", false),
        (Kind::Pod, "spec.nodeSelector", true),
        (Kind::Pod, "metadata.labels", false),
        (Kind::Service, "spec.selector", true),
        (Kind::Deployment, "spec.selector", true),
        (Kind::Endpoints, "subsets.*.addresses.*", true),
        (Kind::ConfigMap, "data", false),
    ] {
        assert_eq!(at(kind, path).map_is_atomic(), atomic, "{kind} {path}");
    }
}

#[test]
fn shapes_are_what_json_has() {
    for (kind, path, shape) in [
        (Kind::Pod, "metadata", "Struct"),
        (Kind::Pod, "metadata.labels", "Map"),
        (Kind::Pod, "metadata.labels.*", "Scalar"),
        (Kind::Pod, "metadata.creationTimestamp", "Scalar"),
        (Kind::Pod, "metadata.managedFields.*.fieldsV1", "Scalar"),
        (Kind::Pod, "spec.containers", "List"),
        (Kind::Pod, "spec.containers.*.resources.limits", "Map"),
        (Kind::Pod, "spec.containers.*.resources.limits.*", "Scalar"),
        (Kind::Pod, "spec.volumes.*.emptyDir", "Struct"),
        (Kind::Service, "spec.ports.*.targetPort", "Scalar"),
        (Kind::Secret, "data.*", "Scalar"),
        (Kind::NetworkPolicy, "spec.podSelector", "Struct"),
    ] {
        let found = match at(kind, path).shape() {
            Shape::Scalar => "Scalar",
            Shape::Struct => "Struct",
            Shape::Map(_) => "Map",
            Shape::List(_) => "List",
        };
        assert_eq!(found, shape, "{kind} {path}");
    }
}

#[test]
fn scalars_are_of_types() {
    for (kind, path, scalar) in [
        (Kind::Pod, "spec.nodeName", Scalar::String),
        (Kind::Pod, "spec.containers.*.ports.*.hostPort", Scalar::Number),
        (Kind::Pod, "spec.hostNetwork", Scalar::Boolean),
        (Kind::Secret, "data.*", Scalar::String),
        (Kind::Service, "spec.ports.*.targetPort", Scalar::Any),
        (Kind::Pod, "spec.containers.*.resources.limits.*", Scalar::Any),
        (Kind::Pod, "metadata.creationTimestamp", Scalar::Any),
        (Kind::Lease, "spec.renewTime", Scalar::Any),
        (Kind::Pod, "metadata.managedFields.*.fieldsV1", Scalar::Any),
    ] {
        assert_eq!(at(kind, path).scalar(), scalar, "{kind} {path}");
    }
    assert_eq!(at(Kind::Pod, "spec").type_name(), "PodSpec");
    assert_eq!(at(Kind::Pod, "metadata.labels").type_name(), "");
}

#[test]
fn keys_have_defaults() {
    for (kind, path, default) in [
        (Kind::Service, "spec.ports.*.protocol", Some(json!("TCP"))),
        (Kind::Service, "spec.ports.*.port", Some(json!(0))),
        (Kind::Service, "spec.ports.*.nodePort", None),
        (
            Kind::Pod,
            "spec.containers.*.ports.*.protocol",
            Some(json!("TCP")),
        ),
        (Kind::Pod, "spec.containers.*.name", Some(json!(""))),
        (Kind::Pod, "spec.imagePullSecrets.*.name", Some(json!(""))),
        (Kind::ServiceAccount, "secrets.*.name", None),
        (Kind::Deployment, "metadata", Some(json!({}))),
        (Kind::Deployment, "spec.template", Some(json!({}))),
        (Kind::Deployment, "spec.template.spec", Some(json!({}))),
        (Kind::Deployment, "spec.selector", None),
        (Kind::Pod, "spec.securityContext", None),
        (Kind::Pod, "status.conditions.*.status", Some(json!(""))),
    ] {
        assert_eq!(at(kind, path).default(), default.as_ref(), "{kind} {path}");
    }
}

#[test]
fn fields_that_are_not_there_are_not_found() {
    assert!(Node::of(Kind::Pod).field("specs").is_none());
    assert!(at(Kind::Pod, "metadata.labels").field("app").is_none());
    assert!(
        Node::component("io.k8s.api.core.v1.Nothing")
            .field("metadata")
            .is_none()
    );
}
