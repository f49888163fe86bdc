//! The numbers of all fields, against the schemas.

use std::collections::{BTreeMap, BTreeSet};

use podlab_api::object::Kind;
use serde_json::Value;

use super::super::fields::{Field, MESSAGES, message};
use crate::schema::{self, DELETE_OPTIONS, Node, SCALE, Scalar, Shape, components, referred};

fn roots() -> Vec<&'static str> {
    let kinds = Kind::ALL.iter().map(|kind| schema::of(*kind));
    kinds.chain([SCALE, DELETE_OPTIONS]).collect()
}

/// Every component with fields that `roots` have in them, with the names of its fields.
fn reachable() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    fn references(schema: &'static Value, found: &mut Vec<&'static str>) {
        found.extend(referred(schema));
        match schema {
            Value::Object(parts) => parts.values().for_each(|part| references(part, found)),
            Value::Array(parts) => parts.iter().for_each(|part| references(part, found)),
            _ => {}
        }
    }
    let (mut all, mut ahead) = (BTreeMap::new(), roots());
    while let Some(component) = ahead.pop() {
        let schema = &components()[component];
        if let Some(fields) = schema["properties"].as_object()
            && !all.contains_key(component)
        {
            all.insert(component, fields.keys().map(String::as_str).collect());
            references(schema, &mut ahead);
        }
    }
    all
}

/// The names of a message's fields in JSON; and the messages of which that takes the fields.
fn names<'a>(of: &'a str, messages: &mut BTreeSet<&'a str>) -> Vec<&'static str> {
    messages.insert(of);
    let fields = MESSAGES
        .get(of)
        .unwrap_or_else(|| panic!("{of} has no line"))
        .values();
    fields
        .flat_map(|field| match field {
            Field::Named { name, .. } => vec![*name],
            Field::Inlined(of) => names(of, messages),
        })
        .collect()
}

#[test]
fn every_field_has_a_number() {
    let mut messages = BTreeSet::new();
    for (component, fields) in reachable() {
        let mut numbered = names(Node::component(component).component_name(), &mut messages);
        if roots().contains(&component) {
            // What an object is stands beside it.
            numbered.extend(["apiVersion", "kind"]);
        }
        let count = numbered.len();
        let numbered: BTreeSet<_> = numbered.into_iter().collect();
        assert_eq!(numbered, fields, "{component}");
        assert_eq!(numbered.len(), count, "{component} has a field twice");
    }
    let lines: BTreeSet<_> = MESSAGES.keys().copied().collect();
    assert_eq!(lines, messages);
}

#[test]
fn every_line_is_read_as_a_whole() {
    let lines = include_str!("../fields.txt").lines();
    let lines: Vec<_> = lines.filter(|line| !line.starts_with('#')).collect();
    for line in &lines {
        let (_, fields) = message(line).unwrap();
        assert_eq!(fields.len(), line.split_whitespace().count() - 1, "{line}");
    }
    assert_eq!(lines.len(), MESSAGES.len());
    assert!(lines.is_sorted());
}

#[test]
fn only_values_without_fields_can_be_pointers() {
    for component in reachable().keys() {
        let node = Node::component(component);
        for field in MESSAGES[node.component_name()].values() {
            if let Field::Named { name, pointer: true } = field {
                let field = node.field(name).unwrap();
                assert_ne!(field.scalar(), Scalar::Any, "{component}.{name}");
            }
        }
    }
}

/// The decoder goes as deep as the types do.
#[test]
fn no_type_has_itself_in_it_and_all_values_are_known() {
    fn visit(node: Node, path: &mut Vec<&'static str>) {
        match node.shape() {
            Shape::Map(inner) | Shape::List(inner) => {
                let is_nested = matches!(inner.shape(), Shape::Map(_) | Shape::List(_));
                assert!(!is_nested, "{path:?}");
                visit(inner, path);
            }
            Shape::Struct => {
                let name = node.component_name();
                assert!(!path.contains(&name), "{name} is in {path:?}");
                path.push(name);
                for field in names(name, &mut BTreeSet::new()) {
                    visit(node.field(field).unwrap(), path);
                }
                path.pop();
            }
            Shape::Scalar => {
                let known = match (node.scalar(), node.format()) {
                    (Scalar::String, None | Some("byte")) | (Scalar::Boolean, None) => true,
                    (Scalar::Number, Some("int32" | "int64")) => true,
                    (Scalar::Any, _) => matches!(
                        node.type_name(),
                        "Quantity" | "IntOrString" | "Time" | "MicroTime" | "FieldsV1"
                    ),
                    _ => false,
                };
                assert!(known, "{path:?}: {node:?}");
            }
        }
    }
    for root in roots() {
        visit(Node::component(root), &mut Vec::new());
    }
}
