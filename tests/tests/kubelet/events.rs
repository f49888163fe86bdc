//! What the kubelet tells of pods, as `kubectl describe pod` shows it.

use std::io::{Read, Write};
use std::thread;

use k8s_openapi::api::core::v1::Event;
use podlab_api::object::Kind;
use serde_json::json;

use crate::lab::{Lab, name, pod, script};

podlab_tests::tests![
    &Lab;
    a_life_is_told_from_beginning_to_end,
    who_can_t_start_is_told,
    who_has_too_many_variables_is_told_of_the_way_out,
    who_fails_again_and_again_is_told,
    who_is_unwell_is_told,
];

/// What the kubelet told, without what other components did.
fn told(lab: &Lab, pod: &str) -> Vec<String> {
    let mut told = lab.events(pod);
    told.retain(|event| !event.contains(" Scheduled "));
    told
}

fn a_life_is_told_from_beginning_to_end(lab: &Lab) {
    lab.start(pod("life", &[script("main", "exec sleep 1000")]));
    lab.delete(Kind::Pod, "life");
    lab.until_event("life", "Killing");
    let expected = [
        "Normal Created spec.containers{main} Created container: main",
        "Normal Started spec.containers{main} Started container main",
        "Normal Killing spec.containers{main} Stopping container main",
    ];
    assert_eq!(told(lab, "life"), expected);
    let events = lab.cluster.store().list_in::<Event>("default");
    let created = events.iter().find(|event| {
        event.involved_object.name.as_deref() == Some("life") && event.reason.as_deref() == Some("Created")
    });
    let source = created.unwrap().source.clone().unwrap();
    assert_eq!(source.component.as_deref(), Some("kubelet"));
    assert_eq!(source.host.as_deref(), Some("node-1"));
}

fn who_has_too_many_variables_is_told_of_the_way_out(lab: &Lab) {
    let mut container = script("main", "true");
    // More than the kernel takes in one text.
    container["env"] = json!([{"name": "LONG", "value": "x".repeat(200_000)}]);
    let mut never = pod("too-much", &[container]);
    never["spec"]["restartPolicy"] = json!("Never");
    lab.apply(Kind::Pod, never);
    let seen = lab.until("too-much", |pod| pod["status"]["phase"] == "Failed");
    let why = &seen["status"]["containerStatuses"][0]["state"]["terminated"]["message"];
    let why = why.as_str().unwrap();
    assert!(why.starts_with("exec: \"sh\": Argument list too long"), "{why}");
    assert!(why.contains("`enableServiceLinks: false`"), "{why}");
    assert!(lab.events("too-much").iter().any(|event| event.contains(why)));
}

fn who_can_t_start_is_told(lab: &Lab) {
    let mut never = pod(
        "never-starts",
        &[json!({"name": "main", "image": "any", "command": ["no-such-program"]})],
    );
    never["spec"]["restartPolicy"] = json!("Never");
    lab.apply(Kind::Pod, never);
    let seen = lab.until("never-starts", |pod| pod["status"]["phase"] == "Failed");
    let ended = &seen["status"]["containerStatuses"][0]["state"]["terminated"];
    let why = "exec: \"no-such-program\": executable file not found in $PATH";
    assert_eq!(
        (&ended["reason"], &ended["message"]),
        (&json!("StartError"), &json!(why))
    );
    let expected = [
        "Normal Created spec.containers{main} Created container: main".to_owned(),
        format!("Warning Failed spec.containers{{main}} Error: {why}"),
    ];
    assert_eq!(told(lab, "never-starts"), expected);

    lab.apply(
        Kind::Pod,
        pod(
            "no-image",
            &[json!({"name": "main", "image": "registry.example/shop:1"})],
        ),
    );
    lab.until_event("no-image", "Error: ErrImagePull");
    let events = told(lab, "no-image");
    let first = "Warning Failed spec.containers{main} Failed to pull image \"registry.example/shop:1\": podlab runs no images";
    assert!(events.len() == 2 && events[0].starts_with(first), "{events:?}");
}

fn who_fails_again_and_again_is_told(lab: &Lab) {
    lab.apply(Kind::Pod, pod("crashes", &[script("main", "exit 1")]));
    let events = lab.until_event("crashes", "BackOff");
    let pod = lab.until("crashes", |pod| {
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    });
    let uid = pod["metadata"]["uid"].as_str().unwrap();
    let expected = format!(
        "Warning BackOff spec.containers{{main}} Back-off restarting failed container main in pod crashes_default({uid})"
    );
    assert!(events.contains(&expected), "{events:?}");
    let message = &pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"];
    let expected = format!("back-off 10s restarting failed container=main pod=crashes_default({uid})");
    assert_eq!(message, &json!(expected));
    let stored = lab.cluster.store().list_in::<Event>("default");
    let started = stored.iter().find(|event| {
        event.involved_object.name.as_deref() == Some("crashes") && event.reason.as_deref() == Some("Started")
    });
    assert_eq!(started.unwrap().count, Some(2));
}

fn who_is_unwell_is_told(lab: &Lab) {
    let probe = |action: &str, value| {
        let mut probe = json!({"periodSeconds": 1, "failureThreshold": 1});
        probe[action] = value;
        probe
    };
    let mut unwell = pod(
        "unwell",
        &[
            script("killed", "exec sleep 1000"),
            script("refuses", "exec sleep 1000"),
            script("says-no", "exec sleep 1000"),
            script("is-slow", "exec sleep 1000"),
        ],
    );
    let containers = &mut unwell["spec"]["containers"];
    containers[0]["livenessProbe"] = probe(
        "exec",
        json!({"command": ["sh", "-c", "echo not well; echo at all >&2; exit 1"]}),
    );
    containers[1]["readinessProbe"] = probe("tcpSocket", json!({"port": 1}));
    containers[2]["readinessProbe"] = probe("httpGet", json!({"port": 80, "path": "/healthz"}));
    containers[3]["livenessProbe"] = probe("exec", json!({"command": ["sleep", "100"]}));
    lab.apply(Kind::Pod, unwell);
    let running =
        |pod: &serde_json::Value| pod["status"]["containerStatuses"][2]["state"]["running"].is_object();
    let seen = lab.until("unwell", running);
    let address = seen["status"]["podIP"].as_str().unwrap();
    let server = lab.listen("unwell", &format!("{address}:80"));
    thread::spawn(move || {
        for client in server.incoming().map_while(Result::ok) {
            // A connection that is closed with something unread is broken. The probe may have given up by now.
            let _ = (&client).read(&mut [0; 1000]);
            let _ = (&client).write_all(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
        }
    });
    for expected in [
        "Warning Unhealthy spec.containers{killed} Liveness probe failed: not well\nat all\n".to_owned(),
        "Normal Killing spec.containers{killed} Container killed failed liveness probe, will be restarted".to_owned(),
        format!("Warning Unhealthy spec.containers{{refuses}} Readiness probe failed: dial tcp {address}:1: connect: connection refused"),
        "Warning Unhealthy spec.containers{is-slow} Liveness probe failed: command timed out: \"sleep 100\" timed out after 1s".to_owned(),
        "Warning Unhealthy spec.containers{says-no} Readiness probe failed: HTTP probe failed with statuscode: 503".to_owned(),
    ] {
        let events = lab.until_event("unwell", &expected);
        assert!(events.contains(&expected), "{events:?}");
    }
    assert!(lab.cluster.pod(&name("unwell")).is_some());
}
