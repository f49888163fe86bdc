//! Any text as the spec of a Scenario, for a cluster that has a few objects.
#![no_main]

use libfuzzer_sys::fuzz_target;
use podlab_api::builtin;
use podlab_api::manifest::{SourceFile, read_scenario};
use podlab_api::object::Object;
use podlab_fuzz::OBJECTS;

const START: &str = "apiVersion: podlab.dev/v1alpha1\nkind: Scenario\nmetadata: {name: any}\nspec:\n";

fuzz_target!(|text: &str| {
    let file = SourceFile {
        name: "scenario.yaml".to_owned(),
        text: format!("{START}{text}"),
    };
    let namespaces = builtin::namespaces().map(Object::Namespace);
    let there = namespaces.chain(OBJECTS.iter().cloned());
    let reading = read_scenario(&[file], there);
    for diagnostic in &reading.diagnostics {
        diagnostic.render(false);
    }
    assert!(reading.scenario.is_some() || !reading.diagnostics.is_empty());
});
