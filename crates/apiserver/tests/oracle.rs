//! The components are what Kubernetes' own OpenAPI says, field by field: compared with the documents that
//! `kubernetes-validate` has. `make oracle` installs it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use podlab_apiserver::schema::components;
use serde_json::Value;

const DEFINITIONS: &str = "kubernetes-json-schema/v1.34.0-local/_definitions.json";
const EXTENSIONS: &[&str] = &[
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
];

fn definitions() -> Value {
    let python =
        std::env::var("PODLAB_ORACLE").expect("PODLAB_ORACLE names a python with kubernetes-validate");
    let program = "import kubernetes_validate; print(*kubernetes_validate.__path__)";
    let output = Command::new(python)
        .args(["-c", program])
        .output()
        .expect("python runs");
    let directory = String::from_utf8(output.stdout).expect("a path is a text");
    let file = PathBuf::from(directory.trim()).join(DEFINITIONS);
    let text = std::fs::read_to_string(file).expect("the definitions are there");
    let mut definitions: Value = serde_json::from_str(&text).expect("the definitions are JSON");
    definitions["$defs"].take()
}

/// What a component says, a line for each statement.
fn statements(component: &Value) -> BTreeSet<String> {
    let extensions = |of: &Value| {
        let said = EXTENSIONS
            .iter()
            .filter_map(|name| Some(format!("{name}: {}", of.get(*name)?)));
        said.collect::<Vec<_>>()
    };
    let mut statements = BTreeSet::from_iter(extensions(component));
    let required = component["required"].as_array().into_iter().flatten();
    statements.extend(required.map(|field| format!("requires {field}")));
    for (field, property) in component["properties"].as_object().into_iter().flatten() {
        statements.insert(format!("has {field}"));
        statements.extend(extensions(property).iter().map(|said| format!("{field} {said}")));
    }
    statements
}

#[test]
#[ignore = "reads kubernetes-validate's documents: make oracle"]
fn components_say_what_kubernetes_says() {
    let definitions = definitions();
    let mut differences = String::new();
    for (name, component) in components() {
        let (ours, theirs) = (statements(component), statements(&definitions[name]));
        // Kubernetes calls the object `details` a list.
        let differing = ours
            .symmetric_difference(&theirs)
            .filter(|said| !said.starts_with("details x-"));
        for said in differing {
            let who = if ours.contains(said) {
                "only podlab"
            } else {
                "only Kubernetes"
            };
            differences += &format!("{name} {said}: {who}\n");
        }
    }
    println!("{} components", components().len());
    assert_eq!(differences, "");
}
