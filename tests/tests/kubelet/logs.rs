//! What containers write, as `kubectl logs` shows it.

use futures::StreamExt;
use podlab_api::object::Kind;
use podlab_cluster::kubelet::logs::LogOptions;
use serde_json::{Value, json};

use crate::lab::{Lab, name, pod, script};

podlab_tests::tests![
    &Lab;
    runs_are_told_apart,
    following_ends_with_the_container,
    following_ends_with_the_pod,
    what_is_no_text_is_passed_on,
    errors_are_those_of_kubernetes,
];

fn of(container: &str) -> LogOptions {
    LogOptions {
        container: Some(container.to_owned()),
        ..LogOptions::default()
    }
}

fn state<'a>(pod: &'a Value, state: &str) -> &'a Value {
    &pod["status"]["containerStatuses"][0]["state"][state]
}

fn runs_are_told_apart(lab: &Lab) {
    // It fails in its first run only.
    let run = "n=$(cat /count/n 2> /dev/null || echo 0); echo run $n; echo $((n + 1)) > /count/n; \
        [ $n = 0 ] && { printf fails; exit 4; }; exec sleep 1000";
    let mut twice = pod("twice", &[script("main", run)]);
    twice["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "count", "mountPath": "/count"}]);
    twice["spec"]["volumes"] = json!([{"name": "count", "emptyDir": {}}]);
    lab.apply(Kind::Pod, twice);
    let seen = lab.until("twice", |pod| {
        let status = &pod["status"]["containerStatuses"][0];
        status["restartCount"] == 1 && status["state"]["running"].is_object()
    });
    let status = &seen["status"]["containerStatuses"][0];
    let (now, before) = (
        &status["containerID"],
        &status["lastState"]["terminated"]["containerID"],
    );
    assert!(
        now.as_str().unwrap().starts_with("podlab://") && now != before,
        "{status}"
    );
    lab.eventually(|| lab.logs("twice", &LogOptions::default()) == Ok("run 1\n".to_owned()));
    let previous = LogOptions {
        previous: true,
        ..LogOptions::default()
    };
    assert_eq!(lab.logs("twice", &previous), Ok("run 0\nfails".to_owned()));
    let lines = lab.cluster.recent_lines(&name("twice"));
    let lines: Vec<&str> = lines.iter().map(|line| &*line.text).collect();
    assert_eq!(lines, ["run 0", "fails", "run 1"]);
}

fn follow() -> LogOptions {
    LogOptions {
        follow: true,
        ..LogOptions::default()
    }
}

fn following_ends_with_the_container(lab: &Lab) {
    let mut counts = pod(
        "counts",
        &[script("main", "for i in 1 2 3; do echo $i; sleep 0.05; done")],
    );
    counts["spec"]["restartPolicy"] = json!("Never");
    lab.apply(Kind::Pod, counts);
    lab.until("counts", |pod| {
        state(pod, "running").is_object() || state(pod, "terminated").is_object()
    });
    assert_eq!(lab.logs("counts", &follow()), Ok("1\n2\n3\n".to_owned()));
    lab.until("counts", |pod| pod["status"]["phase"] == "Succeeded");
    assert_eq!(lab.logs("counts", &follow()), Ok("1\n2\n3\n".to_owned()));
}

fn following_ends_with_the_pod(lab: &Lab) {
    lab.start(pod("followed", &[script("main", "echo first; exec sleep 1000")]));
    let mut stream = lab.cluster.logs(&name("followed"), &follow()).unwrap();
    assert_eq!(lab.wait(stream.next()).as_deref(), Some(&b"first\n"[..]));
    lab.delete(Kind::Pod, "followed");
    assert_eq!(lab.wait(stream.next()), None);
}

fn what_is_no_text_is_passed_on(lab: &Lab) {
    let mut bytes = pod("bytes", &[script("main", "printf 'a\\377\\000b\\r\\nno end'")]);
    bytes["spec"]["restartPolicy"] = json!("Never");
    lab.apply(Kind::Pod, bytes);
    lab.until("bytes", |pod| pod["status"]["phase"] == "Succeeded");
    let stream = lab.cluster.logs(&name("bytes"), &LogOptions::default()).unwrap();
    let chunks: Vec<_> = lab.wait(stream.collect());
    assert_eq!(chunks.concat(), b"a\xff\0b\r\nno end");
}

fn errors_are_those_of_kubernetes(lab: &Lab) {
    lab.start(pod("one", &[script("main", "exec sleep 1000")]));
    let both = [
        script("web", "exec sleep 1000"),
        script("proxy", "exec sleep 1000"),
    ];
    let mut both = pod("both", &both);
    both["spec"]["initContainers"] = json!([script("setup", "echo set up")]);
    lab.start(both);
    let unknown = json!({"name": "main", "image": "registry.example/shop:1"});
    lab.apply(Kind::Pod, pod("unknown", &[unknown]));
    lab.until("unknown", |pod| state(pod, "waiting")["reason"] == "ErrImagePull");
    let mut mounts = pod("mounts", &[script("main", "true")]);
    mounts["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "v", "mountPath": "/v"}]);
    mounts["spec"]["volumes"] = json!([{"name": "v", "configMap": {"name": "never"}}]);
    lab.apply(Kind::Pod, mounts);
    lab.until("mounts", |pod| pod["status"]["podIP"].is_string());
    let previous = LogOptions {
        previous: true,
        ..LogOptions::default()
    };
    let cases = [
        ("nobody", LogOptions::default(), "pods \"nobody\" not found"),
        (
            "both",
            LogOptions::default(),
            "a container name must be specified for pod both, choose one of: [web proxy] or one of the init containers: \
             [setup]",
        ),
        ("one", of("no"), "container no is not valid for pod one"),
        (
            "one",
            previous,
            "previous terminated container \"main\" in pod \"one\" not found",
        ),
        (
            "unknown",
            LogOptions::default(),
            "container \"main\" in pod \"unknown\" is waiting to start: image can't be pulled",
        ),
        (
            "mounts",
            LogOptions::default(),
            "container \"main\" in pod \"mounts\" is waiting to start: ContainerCreating",
        ),
    ];
    for (pod, options, expected) in cases {
        assert_eq!(lab.logs(pod, &options), Err(expected.to_owned()));
    }
    assert_eq!(lab.logs("both", &of("setup")), Ok("set up\n".to_owned()));
}
