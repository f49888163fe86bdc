//! What is written about scenarios is true: the page's example runs, it names every field, the schema is current.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Seek, Write};

use podlab_tests::{User, podlab, printed, workspace};
use serde_json::Value;

fn page() -> String {
    fs::read_to_string(workspace().join("scenarios/README.md")).expect("the page can be read")
}

fn schema() -> String {
    let output = podlab(User::all()[0])
        .arg("schema")
        .output()
        .expect("podlab runs");
    assert!(output.status.success(), "{}", printed(&output));
    String::from_utf8(output.stdout).expect("the schema is text")
}

#[test]
fn the_blocks_of_the_page_are_a_scenario_that_passes() {
    let page = page();
    let blocks = page.split("```yaml\n").skip(1);
    let text: String = blocks.filter_map(|block| block.split("```").next()).collect();
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("the file is written");
    file.rewind().expect("the file is rewound");
    let output = podlab(User::all()[0])
        .args(["run", "-"])
        .stdin(file)
        .output()
        .expect("podlab runs");
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
}

#[test]
fn the_page_names_every_field() {
    fn fields(value: &Value, into: &mut BTreeSet<String>) {
        if let Some(properties) = value["properties"].as_object() {
            into.extend(properties.keys().cloned());
        }
        match value {
            Value::Object(members) => members.values().for_each(|value| fields(value, into)),
            Value::Array(items) => items.iter().for_each(|value| fields(value, into)),
            _ => {}
        }
    }
    let mut names = BTreeSet::new();
    fields(&serde_json::from_str(&schema()).expect("JSON"), &mut names);
    assert!(names.contains("latencyBelow"), "{names:?}");
    let page = page();
    let missing: Vec<&String> = names
        .iter()
        .filter(|name| !page.contains(&format!("`{name}`")) && !page.contains(&format!("{name}:")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// With `UPDATE_EXPECTED` set, the file is written anew.
#[test]
fn the_schema_beside_the_page_is_current() {
    let file = workspace().join("scenarios/scenario.schema.json");
    let schema = schema();
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&file, &schema).expect("the file can be written");
    }
    assert_eq!(fs::read_to_string(&file).unwrap_or_default(), schema);
}
