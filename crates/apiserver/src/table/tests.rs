use serde_json::{Value, json};

use super::*;

fn now() -> Timestamp {
    "2026-01-02T00:00:00Z".parse().unwrap()
}

fn object(kind: Kind, value: Value) -> Object {
    Object::from_json(kind, value).unwrap()
}

/// Objects of a kind, each given by its name, its creation (hh:mm on the day before `now`), and its other fields.
fn objects(kind: Kind, given: &[(&str, &str, Value)]) -> Vec<Object> {
    let objects = given.iter().map(|(name, created, fields)| {
        let mut fields = fields.clone();
        fields["metadata"]["name"] = json!(name);
        fields["metadata"]["creationTimestamp"] = json!(format!("2026-01-01T{created}:00Z"));
        object(kind, fields)
    });
    objects.collect()
}

fn table<'a>(kind: Kind, objects: &'a [Object]) -> Table<'a> {
    Table::of_list(kind, objects, ListMeta::default(), TableOptions::default(), now())
}

/// The table as kubectl would print it, with the columns of wide output behind a bar.
fn printed(table: &Table) -> String {
    let columns = table.column_definitions.unwrap_or_default();
    let mut lines = vec![columns.iter().map(|column| column.name.to_uppercase()).collect()];
    for row in &table.rows {
        assert_eq!(row.cells.len(), columns.len());
        lines.push(row.cells.iter().map(text).collect::<Vec<String>>());
    }
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|&column| columns[column].priority);
    let mut printed = vec![String::new(); lines.len()];
    for column in order {
        let bar = if columns[column].priority == 0 { "" } else { "| " };
        let width = lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
        for (line, printed) in lines.iter().zip(&mut printed) {
            *printed += &format!("{bar}{:width$}   ", line[column]);
        }
    }
    printed
        .iter()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.to_string(),
        Cell::Number(number) => number.to_string(),
    }
}

/// What is in a column, of each object.
fn column(kind: Kind, objects: &[Object], name: &str) -> Vec<String> {
    let table = table(kind, objects);
    let columns = table.column_definitions.unwrap();
    let index = columns.iter().position(|column| column.name == name).unwrap();
    table.rows.iter().map(|row| text(&row.cells[index])).collect()
}

mod kinds;

#[test]
fn columns_are_kubernetes_own() {
    let of = |kind: &str, columns: &[Column]| {
        let columns = columns.iter().map(|column| {
            let Column {
                name,
                type_,
                format,
                priority,
                ..
            } = column;
            let wide = if *priority == 1 { ", wide" } else { "" };
            let format = if format.is_empty() {
                String::new()
            } else {
                format!(", {format}")
            };
            format!("    {name}: {type_}{format}{wide}\n")
        });
        format!("{kind}\n{}", columns.collect::<String>())
    };
    let kinds = Kind::ALL.iter().map(|kind| of(kind.as_str(), columns_of(*kind)));
    let all = kinds.chain([of("Scale", Scale::COLUMNS)]);
    insta::assert_snapshot!(all.collect::<String>());
}

#[test]
fn a_row_has_as_much_of_its_object_as_was_asked_for() {
    let objects = objects(
        Kind::ConfigMap,
        &[("settings", "23:00", json!({"data": {"a": "1"}}))],
    );
    let with = |include_object| {
        let options = TableOptions {
            include_object,
            ..TableOptions::default()
        };
        let table = Table::of_list(Kind::ConfigMap, &objects, ListMeta::default(), options, now());
        serde_json::to_value(&table).unwrap()["rows"][0]["object"].clone()
    };
    let metadata = json!({"name": "settings", "creationTimestamp": "2026-01-01T23:00:00Z"});
    assert_eq!(with(IncludeObject::None), Value::Null);
    assert_eq!(
        with(IncludeObject::default()),
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
    );
    assert_eq!(
        with(IncludeObject::Object),
        json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": {"a": "1"}})
    );
}

#[test]
fn how_much_is_asked_for_is_a_word() {
    assert_eq!("".parse(), Ok(IncludeObject::Metadata));
    assert_eq!("Metadata".parse(), Ok(IncludeObject::Metadata));
    assert_eq!("Object".parse(), Ok(IncludeObject::Object));
    assert_eq!("None".parse(), Ok(IncludeObject::None));
    assert_eq!(
        "none".parse::<IncludeObject>().unwrap_err().to_string(),
        "Unable to convert to Table as requested: includeObject: Invalid value: \"none\": must be 'Metadata', \
         'Object', 'None', or empty"
    );
}

#[test]
fn a_list_keeps_its_metadata() {
    let metadata = ListMeta {
        resource_version: Some("12".into()),
        continue_: Some("abc".into()),
        remaining_item_count: Some(7),
        ..ListMeta::default()
    };
    let table = Table::of_list(Kind::Lease, [], metadata, TableOptions::default(), now());
    let mut table = serde_json::to_value(&table).unwrap();
    assert_eq!(table["columnDefinitions"].as_array_mut().unwrap().len(), 3);
    table["columnDefinitions"] = Value::Null;
    assert_eq!(
        table,
        json!({
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": {"resourceVersion": "12", "continue": "abc", "remainingItemCount": 7},
            "columnDefinitions": null,
            "rows": [],
        })
    );
}

#[test]
fn an_event_of_a_watch_has_the_objects_version_and_can_be_without_columns() {
    let pod = object(
        Kind::Pod,
        json!({"metadata": {"name": "web", "resourceVersion": "12"}, "status": {"phase": "Failed"}}),
    );
    let options = TableOptions {
        no_headers: true,
        include_object: IncludeObject::None,
    };
    let table = Table::of_object(&pod, options, now());
    assert_eq!(
        serde_json::to_value(&table).unwrap(),
        json!({
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": {"resourceVersion": "12"},
            "columnDefinitions": null,
            "rows": [{
                "cells": ["web", "0/0", "Failed", "0", "<unknown>", "<none>", "<none>", "<none>", "<none>"],
                "conditions": [{
                    "type": "Completed",
                    "status": "True",
                    "reason": "Failed",
                    "message": "The pod failed.",
                }],
                "object": null,
            }],
        })
    );
}

#[test]
fn a_bookmark_is_a_table_of_every_kind() {
    let metadata = ObjectMeta {
        resource_version: Some("12".into()),
        annotations: Some([("k8s.io/initial-events-end".into(), "true".into())].into()),
        ..ObjectMeta::default()
    };
    for kind in Kind::ALL {
        let bookmark = Object::of_metadata(*kind, metadata.clone());
        let table = Table::of_object(&bookmark, TableOptions::default(), now());
        assert_eq!(table.metadata.resource_version.as_deref(), Some("12"));
        assert_eq!(table.rows[0].cells.len(), columns_of(*kind).len(), "{kind}");
        let row = serde_json::to_value(&table.rows[0]).unwrap();
        assert_eq!(
            row["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
            "true"
        );
    }
}
