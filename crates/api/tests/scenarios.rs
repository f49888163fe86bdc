//! The scenarios that come with podlab read without a word.

use std::path::Path;

use podlab_api::manifest::{Reading, SourceFile, read};
use podlab_api::object::Object;
use podlab_api::scenario::{Distribution, Outcome, PortSpec};
use podlab_api::steps::{Action, NamespacedName, PodRef, Request, Source, Target};

fn scenario(name: &str) -> Reading {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let text = std::fs::read_to_string(folder.join(format!("{name}.yaml"))).expect("a scenario of this name");
    let reading = read(&[SourceFile {
        name: format!("{name}.yaml"),
        text,
    }]);
    let said: Vec<String> = reading.diagnostics.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    assert!(reading.scenario.is_some());
    reading
}

#[test]
fn every_scenario_reads_without_a_word() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            scenario(path.file_stem().unwrap().to_str().unwrap());
            read += 1;
        }
    }
    assert!(read >= 5, "only {read}");
}

#[test]
fn steps_are_what_the_document_says() {
    let reading = scenario("internal-database");
    let name = |namespace: &str, name: &str| NamespacedName {
        namespace: namespace.into(),
        name: name.into(),
    };
    let scenario = reading.scenario.unwrap();
    assert_eq!(scenario.name, "internal-database");
    assert_eq!(scenario.service_cidr.to_string(), "10.96.0.0/12");
    assert_eq!(scenario.pod_cidr.to_string(), "10.244.0.0/16");

    let Action::Traffic(refused) = &scenario.steps[4].action else {
        panic!("{:?}", scenario.steps[4])
    };
    assert_eq!(
        refused.from,
        Source::Pod(PodRef::Deployment(name("shop", "order-api")))
    );
    let to = Target::Service(name("data", "orders-db"));
    assert_eq!(
        refused.request,
        Request::Tcp {
            to,
            port: Some(PortSpec::Number(3306)),
            send: None
        }
    );
    assert_eq!(refused.expect.outcome, Outcome::Refused);
    assert_eq!(refused.expect.latency_below.unwrap().as_millis(), 100);
    assert_eq!((refused.times, refused.timeout.as_millis()), (1, 2000));
}

#[test]
fn what_steps_apply_is_known_from_then_on_and_has_its_defaults() {
    let reading = scenario("my-service");
    let scenario = reading.scenario.unwrap();
    let Action::Apply(objects) = &scenario.steps[2].action else {
        panic!("{:?}", scenario.steps[2])
    };
    let Object::Pod(pod) = &objects[0] else {
        panic!("{objects:?}")
    };
    assert_eq!(pod.metadata.namespace.as_deref(), Some("default"));
    assert_eq!(
        pod.spec.as_ref().unwrap().restart_policy.as_deref(),
        Some("Always")
    );
    let Action::Traffic(shared) = &scenario.steps[3].action else {
        panic!("{:?}", scenario.steps[3])
    };
    assert_eq!(shared.expect.distribution, Some(Distribution::Uniform));
    assert_eq!(shared.expect.answered_by.len(), 2);

    let image = "spec.containers[0].image";
    let diagnostic = reading.applied[0].diagnose(image, "nobody can run it".into());
    let source = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/my-service.yaml"),
    )
    .unwrap();
    assert_eq!(
        diagnostic.message,
        format!("Scenario \"my-service\": spec.steps[2].apply[0].{image}: nobody can run it")
    );
    let line = source.lines().nth(diagnostic.line - 1).unwrap();
    assert_eq!(&line[diagnostic.column - 1..], "podlab/echo");
}
