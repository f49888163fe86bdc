use serde_json::{Value, json};

use super::*;

fn waiting(reason: &str) -> Value {
    json!({"state": {"waiting": {"reason": reason}}})
}

fn terminated(code: i32, reason: Option<&str>, signal: Option<i32>) -> Value {
    json!({"state": {"terminated": {"exitCode": code, "reason": reason, "signal": signal}}})
}

fn done() -> Value {
    terminated(0, Some("Completed"), None)
}

fn running(ready: bool) -> Value {
    json!({"state": {"running": {}}, "ready": ready})
}

/// A sidecar that has or hasn't started.
fn sidecar(started: bool) -> Value {
    json!({"state": {"running": {}}, "ready": started, "started": started, "sidecar": true})
}

/// A pod with these containers, each started again twice, and with `fields` added to its status.
fn pod(phase: &str, init: &[Value], containers: &[Value], fields: Value) -> Pod {
    let named = |containers: &[Value]| {
        let named = containers.iter().enumerate().map(|(index, container)| {
            let mut container = container.clone();
            container["name"] = json!(format!("c{index}"));
            container["restartCount"] = json!(2);
            container
        });
        named.collect::<Vec<Value>>()
    };
    let spec_of = |container: &Value| {
        let always = container["sidecar"] == json!(true);
        json!({"name": container["name"], "restartPolicy": if always { json!("Always") } else { Value::Null }})
    };
    let (init, containers) = (named(init), named(containers));
    let mut status = json!({
        "phase": phase,
        "initContainerStatuses": init,
        "containerStatuses": containers,
    });
    for (name, value) in fields.as_object().unwrap() {
        status[name] = value.clone();
    }
    let pod = json!({
        "metadata": {"name": "p"},
        "spec": {
            "initContainers": init.iter().map(spec_of).collect::<Vec<Value>>(),
            "containers": containers.iter().map(spec_of).collect::<Vec<Value>>(),
        },
        "status": status,
    });
    serde_json::from_value(pod).unwrap()
}

fn condition(type_: &str) -> Value {
    json!({"conditions": [{"type": type_, "status": "True"}]})
}

fn deleted(mut pod: Pod) -> Pod {
    pod.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
        Timestamp::UNIX_EPOCH,
    ));
    pod
}

#[test]
fn ready_status_and_restarts() {
    let no = || json!({});
    let starting = || waiting("PodInitializing");
    let gated =
        json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]});
    let cases = [
        ("0/0", "Pending", 0, pod("Pending", &[], &[], no())),
        ("0/0", "SchedulingGated", 0, pod("Pending", &[], &[], gated)),
        (
            "0/0",
            "Evicted",
            0,
            pod("Failed", &[], &[], json!({"reason": "Evicted"})),
        ),
        (
            "1/1",
            "Running",
            2,
            pod("Running", &[], &[running(true)], condition("Ready")),
        ),
        ("0/1", "Running", 2, pod("Running", &[], &[running(false)], no())),
        (
            "0/1",
            "ContainerCreating",
            2,
            pod("Pending", &[], &[waiting("ContainerCreating")], no()),
        ),
        ("0/1", "Pending", 2, pod("Pending", &[], &[waiting("")], no())),
        // Of several, the first one that doesn't run tells why.
        (
            "1/3",
            "CrashLoopBackOff",
            6,
            pod(
                "Running",
                &[],
                &[
                    running(true),
                    waiting("CrashLoopBackOff"),
                    waiting("ErrImagePull"),
                ],
                no(),
            ),
        ),
        ("0/1", "Completed", 2, pod("Succeeded", &[], &[done()], no())),
        (
            "0/1",
            "Error",
            2,
            pod("Failed", &[], &[terminated(3, Some("Error"), None)], no()),
        ),
        (
            "0/1",
            "Signal:9",
            2,
            pod("Failed", &[], &[terminated(137, None, Some(9))], no()),
        ),
        (
            "0/1",
            "ExitCode:3",
            2,
            pod("Failed", &[], &[terminated(3, Some(""), Some(0))], no()),
        ),
        (
            "1/2",
            "Running",
            4,
            pod("Running", &[], &[done(), running(true)], condition("Ready")),
        ),
        (
            "1/2",
            "NotReady",
            4,
            pod("Running", &[], &[done(), running(true)], no()),
        ),
        (
            "0/1",
            "Init:0/2",
            2,
            pod("Pending", &[starting(), starting()], &[starting()], no()),
        ),
        (
            "0/1",
            "Init:1/2",
            4,
            pod("Pending", &[done(), running(false)], &[starting()], no()),
        ),
        (
            "0/1",
            "Init:CrashLoopBackOff",
            2,
            pod("Pending", &[waiting("CrashLoopBackOff")], &[starting()], no()),
        ),
        (
            "0/1",
            "Init:Error",
            2,
            pod(
                "Failed",
                &[terminated(1, Some("Error"), None)],
                &[starting()],
                no(),
            ),
        ),
        (
            "0/1",
            "Init:Signal:9",
            2,
            pod("Failed", &[terminated(137, None, Some(9))], &[starting()], no()),
        ),
        (
            "0/1",
            "Init:ExitCode:1",
            2,
            pod("Failed", &[terminated(1, None, None)], &[starting()], no()),
        ),
        (
            "1/1",
            "Running",
            2,
            pod("Running", &[done()], &[running(true)], condition("Ready")),
        ),
        // Sidecars count as containers, and hold up the others until they have started.
        (
            "0/2",
            "Init:0/1",
            2,
            pod("Pending", &[sidecar(false)], &[starting()], no()),
        ),
        (
            "1/2",
            "Init:1/2",
            4,
            pod("Pending", &[sidecar(true), running(false)], &[starting()], no()),
        ),
        (
            "2/2",
            "Running",
            4,
            pod("Running", &[sidecar(true)], &[running(true)], condition("Ready")),
        ),
        // An init container that runs again after the pod was initialized doesn't hide the others.
        (
            "1/1",
            "Init:0/1",
            2,
            pod(
                "Running",
                &[running(false)],
                &[running(true)],
                condition("Initialized"),
            ),
        ),
        (
            "0/1",
            "Error",
            2,
            pod(
                "Running",
                &[running(false)],
                &[terminated(1, Some("Error"), None)],
                condition("Initialized"),
            ),
        ),
        (
            "1/1",
            "Terminating",
            2,
            deleted(pod("Running", &[], &[running(true)], no())),
        ),
        (
            "0/1",
            "Completed",
            2,
            deleted(pod("Succeeded", &[], &[done()], no())),
        ),
        (
            "1/1",
            "Unknown",
            2,
            deleted(pod(
                "Running",
                &[],
                &[running(true)],
                json!({"reason": "NodeLost"}),
            )),
        ),
    ];
    for (ready, status, restarts, pod) in cases {
        let summary = summary(&pod);
        let seen = format!("{}/{}", summary.ready, summary.containers);
        assert_eq!(
            (seen.as_str(), summary.status.as_str(), summary.restarts),
            (ready, status, restarts),
            "{pod:?}"
        );
    }
}

#[test]
fn the_last_restart_is_the_newest_end_of_what_was_started_again() {
    let ended = |mut container: Value, second: &str| {
        let at = format!("2026-01-01T00:00:{second}Z");
        container["lastState"] = json!({"terminated": {"exitCode": 1, "finishedAt": at}});
        container
    };
    let last = |pod: Pod| summary(&pod).last_restart.map(|time| time.to_string());
    let at = |second: &str| Some(format!("2026-01-01T00:00:{second}Z"));
    let two = [ended(running(true), "20"), ended(running(true), "10")];
    assert_eq!(last(pod("Running", &[], &two, json!({}))), at("20"));
    assert_eq!(last(pod("Running", &[], &[running(true)], json!({}))), None);
    let init = [ended(done(), "30")];
    assert_eq!(last(pod("Running", &init, &two, json!({}))), at("20"));
    let init = [ended(running(false), "30")];
    assert_eq!(last(pod("Pending", &init, &[], json!({}))), at("30"));
    let sidecar = [ended(sidecar(true), "30")];
    assert_eq!(last(pod("Running", &sidecar, &two, json!({}))), at("30"));
}
