//! podlab's commands print what kubectl prints, and end with the same exit codes.

use std::fs;
use std::process::{Command, Output};

use podlab_tests::live::Place;
use podlab_tests::{User, printed, workspace};

fn manifests() -> String {
    let read = |name| fs::read_to_string(workspace().join("tests/stories").join(name)).expect("manifests");
    [read("web.yaml"), read("settings.yaml")].join("---\n")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What kubectl prints is the measure. It differs in YAML's quotes only.
#[test]
fn kubectl_prints_the_same() {
    let kubectl = workspace().join("target/clients/kubectl");
    if !kubectl.exists() && std::env::var_os("CI").is_none() {
        return;
    }
    let place = Place::new(User::all()[0]);
    place.up("default", &manifests());
    let kubeconfig = place.kubeconfig("default");
    let with_kubectl = |arguments: &[&str]| {
        let mut command = Command::new(&kubectl);
        command
            .env("KUBECONFIG", &kubeconfig)
            .env("HOME", place.path())
            .args(arguments);
        command.output().expect("kubectl runs")
    };
    let both = |output: &Output| (output.status.code(), text(&output.stdout), text(&output.stderr));
    for arguments in [
        "get pods",
        "get pods,svc -o wide",
        "get all -A",
        "get pods,nodes,ns -A",
        "get nodes,pods -A",
        "get ep,endpointslices,rs,ns,no,sa",
        "get events -A",
        "get svc web -o json",
        "get pods,deploy -o json",
        "get po -l app=web -o name",
        "get pod reader none",
        "get pod/reader svc/none svc/web",
        "get cm -n nowhere",
        "get nodes -l a=b",
        "get pods -l a=b -A",
        "get pods -l a=",
        "get pod reader -l a=b",
        "get pod reader -A",
        "get pods/reader/x",
        "get pods/",
        "get pod w%b",
        "get nothing",
        "get nothing/x",
        "logs reader",
        "logs reader -c none",
        "exec none -- true",
        "exec reader -- none",
        "exec deploy/web -- false",
        "scale deploy/none --replicas=1",
        "scale pod/reader --replicas=1",
        "delete pod",
        "delete pod none",
        "delete pods -l a=b",
        "port-forward svc/none 1:1",
        "port-forward svc/web 1:82",
        "port-forward svc/web 1:back",
        "port-forward reader 1:http",
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        // Ages grow while one looks.
        let same = (0..5).any(|_| {
            let (own, theirs) = (place.run(&arguments).1, with_kubectl(&arguments));
            both(&own) == both(&theirs)
        });
        let (own, theirs) = (place.run(&arguments).1, with_kubectl(&arguments));
        assert!(
            same,
            "{arguments:?}\n{}\nkubectl: {}",
            printed(&own),
            printed(&theirs)
        );
    }
}
