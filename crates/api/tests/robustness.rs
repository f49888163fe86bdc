//! Whatever the input is: an answer, never a panic, and soon.

use std::time::{Duration, Instant};

use podlab_api::limits::Unenforced;
use podlab_api::manifest::{Reading, SourceFile, read};
use podlab_api::object::Kind;
use podlab_api::selector::{FieldSelector, LabelSelector};
use podlab_api::wire::{Format, decode, decode_value, parse};
use proptest::prelude::*;

const VALID: &str = include_str!("../../../scenarios/my-service.yaml");

const BODY: &str = r#"{
    "apiVersion": "v1", "metadata": {
        "name": "web", "labels": {"app": "web"}, "finalizers": ["a/b"], "creationTimestamp": "2024-01-31T23:59:59Z"
    },
    "spec": {"containers": [{
        "name": "web", "resources": {"limits": {"cpu": "500m", "memory": 5}}, "ports": [{"containerPort": 80}],
        "readinessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 1}
    }]},
    "data": {"a": "YWJj"}, "eventTime": "2024-01-31T23:59:59.000000Z", "count": 3
}"#;

fn read_text(text: &str) -> Reading {
    let reading = read(&[SourceFile {
        name: "-".into(),
        text: text.into(),
    }]);
    for diagnostic in &reading.diagnostics {
        assert!(diagnostic.render(false).starts_with("<stdin>:"));
        diagnostic.render(true);
    }
    reading
}

/// Texts that are put in the place of others: what people get wrong, and what parsers do.
fn snippet() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\t".to_owned()),
        Just("\n---\n".to_owned()),
        Just("&a ".to_owned()),
        Just("*a".to_owned()),
        Just("<<: ".to_owned()),
        Just(": ".to_owned()),
        Just("- ".to_owned()),
        Just("{".to_owned()),
        Just("]".to_owned()),
        Just("\"".to_owned()),
        Just("null".to_owned()),
        Just("yes".to_owned()),
        Just("-1".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just("é\u{1F980}".to_owned()),
        Just("|\n".to_owned()),
        Just("!!int ".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("\r\n".to_owned()),
        "\\PC{0,8}",
    ]
}

/// Whatever is decoded can be decoded once more.
fn decode_bytes(body: &[u8]) {
    for format in [Format::Json, Format::Yaml] {
        for kind in [Kind::Pod, Kind::Secret, Kind::Event] {
            match decode(kind, body, format) {
                Ok(decoded) => {
                    let again = decoded.object.to_json().map(|value| decode_value(kind, value));
                    assert!(matches!(again, Ok(Ok(again)) if again.object == decoded.object));
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
        let _ = parse(body, format);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_gets_an_answer(text in "(\\PC|[ \t\n:\\-\\[\\]{}#&*!|>'\"%@`a-c0-3]){0,200}") {
        read_text(&text);
    }

    #[test]
    fn a_manifest_with_mistakes_gets_an_answer(
        mistakes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..30, snippet()), 1..4),
    ) {
        let mut characters: Vec<char> = VALID.chars().collect();
        for (at, length, text) in mistakes {
            let start = at.index(characters.len());
            let end = (start + length).min(characters.len());
            characters.splice(start..end, text.chars());
        }
        read_text(&characters.into_iter().collect::<String>());
    }

    #[test]
    fn any_bytes_get_an_answer(body in prop::collection::vec(any::<u8>(), 0..200)) {
        decode_bytes(&body);
    }

    #[test]
    fn a_body_with_mistakes_gets_an_answer(
        mistakes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..6, snippet()), 0..4),
    ) {
        let mut characters: Vec<char> = BODY.chars().collect();
        for (at, length, text) in mistakes {
            let start = at.index(characters.len());
            let end = (start + length).min(characters.len());
            characters.splice(start..end, text.chars());
        }
        decode_bytes(characters.into_iter().collect::<String>().as_bytes());
    }

    #[test]
    fn any_selector_gets_an_answer(text in "([a-c]|[=!,() <>\\\\\\-]|in|notin|\\PC){0,20}") {
        let _ = LabelSelector::parse(&text);
        for kind in Kind::ALL {
            let _ = FieldSelector::parse(*kind, &text);
        }
    }

    #[test]
    fn every_line_can_be_missing(line in any::<prop::sample::Index>()) {
        let lines: Vec<&str> = VALID.lines().collect();
        let missing = line.index(lines.len());
        let rest = lines.iter().enumerate().filter(|(index, _)| *index != missing).map(|(_, line)| *line);
        read_text(&rest.collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn aliases_of_aliases_are_refused_before_they_fill_the_memory() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let previous = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{previous}]\n"));
    }
    let start = Instant::now();
    let reading = read_text(&text);
    assert_eq!(
        reading.diagnostics[0].message,
        "document contains excessive aliasing"
    );
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn deep_nesting_is_refused() {
    for text in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
        assert!(read_text(&text).has_errors());
    }
}

#[test]
fn anchors_and_merge_keys_are_followed() {
    let reading = read_text(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  labels: &labels {app: web}\nspec:\n  selector:\n    \
         <<: *labels\n  ports: [{port: 80}]\n",
    );
    assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
    let json = reading.objects[0].value.to_json().unwrap();
    assert_eq!(json["spec"]["selector"]["app"], "web");
}

#[test]
fn json_and_lists_are_manifests_too() {
    let service = r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}]}}"#;
    let list =
        format!("{{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"List\",\n\t\"items\": [{service}]\n}}\n");
    let reading = read_text(&list);
    assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
    assert_eq!(reading.objects.len(), 1);
    assert_eq!(
        (reading.objects[0].line(), reading.objects[0].source()),
        (4, "<stdin>")
    );
}

#[test]
fn what_podlab_does_not_run_is_a_warning_and_strictly_an_error() {
    let text = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: a}\n";
    assert!(!read_text(text).has_errors());
    assert!(read_text(text).strict().has_errors());
}

#[test]
fn two_files_are_one_cluster() {
    let namespace = SourceFile {
        name: "b".into(),
        text: "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}".into(),
    };
    let service = |name: &str| {
        SourceFile {
        name: name.into(),
        text: "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {ports: [{port: 80}]}}".into(),
    }
    };
    assert!(!read(&[service("a"), namespace.clone()]).has_errors());
    let twice = read(&[service("a"), namespace, service("c")]);
    let said = twice.diagnostics[0].to_string();
    assert!(
        said.starts_with("c:1:50: error: Service \"web\": metadata.name: services \"web\" already exists"),
        "{said}"
    );
    assert!(said.contains("::: a:1:50"), "{said}");
}

#[test]
fn what_nodes_cant_enforce_is_told_in_the_files_order_unless_something_is_wrong() {
    let file = |name: &str, pod: &str| SourceFile {
        name: name.into(),
        text: format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {pod}\n"),
    };
    let container = "{name: main, image: any, resources: {limits: {memory: 1Gi}}}";
    let limited = format!("{{containers: [{container}]}}");
    let private = format!("{{hostPID: true, {}", &limited[1..]);
    let unenforced = Unenforced::from_iter([("memory".to_owned(), "cgroup v1 has it".to_owned())]);
    let said = |files: &[SourceFile]| {
        let diagnostics = read(files).on_nodes(&unenforced, files).diagnostics.into_iter();
        let said = diagnostics.map(|it| format!("{} {}", it.source, it.message.contains("memory")));
        said.collect::<Vec<_>>()
    };
    let files = [file("b", &private), file("a", &limited)];
    assert_eq!(said(&files), ["b false", "b true", "a true"]);
    let wrong = file("c", "{containers: []}");
    assert_eq!(said(&[files[1].clone(), wrong]), ["c false"]);
}
