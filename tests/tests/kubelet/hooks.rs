//! What a container's `lifecycle` has to be done, and when.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use podlab_api::object::Kind;
use podlab_tests::processes::status;
use serde_json::{Value, json};

use crate::lab::{Lab, is_ready, name, pod, script, words};

podlab_tests::tests![
    &Lab;
    a_hook_comes_before_the_end,
    a_pod_sleeps_before_its_end,
    who_doesn_t_come_to_an_end_is_ended,
    any_answer_over_http_will_do,
    nobody_runs_before_its_hook_is_done,
    who_can_t_begin_begins_anew,
    who_is_unwell_has_time_to_end,
    nobody_is_ended_in_another_s_place,
];

/// Ends when told to, after a moment.
const ENDS: &str =
    "trap 'echo term >> /tmp/told; sleep 0.5; exit 0' TERM; touch /tmp/heeds; while :; do sleep 0.02; done";

/// A pod with 30 seconds to end, whose container has this `lifecycle`.
fn hooked(name: &str, text: &str, lifecycle: Value) -> Value {
    let mut container = script("main", text);
    container["lifecycle"] = lifecycle;
    let mut pod = pod(name, &[container]);
    pod["spec"]["terminationGracePeriodSeconds"] = json!(30);
    pod
}

fn shell(text: &str) -> Value {
    json!({"exec": {"command": ["sh", "-c", text]}})
}

fn a_hook_comes_before_the_end(lab: &Lab) {
    let hook = shell("echo hook >> /tmp/told; sleep 0.5");
    lab.start(hooked("says-goodbye", ENDS, json!({"preStop": hook})));
    lab.delete(Kind::Pod, "says-goodbye");
    let told = |expected: &str| {
        lab.eventually(|| lab.printed("says-goodbye", &["cat", "/tmp/told"]) == expected);
    };
    told("hook\n");
    told("hook\nterm\n");
    lab.gone("says-goodbye");
}

fn a_pod_sleeps_before_its_end(lab: &Lab) {
    lab.start(hooked(
        "sleeper",
        ENDS,
        json!({"preStop": {"sleep": {"seconds": 1}}}),
    ));
    let told = Instant::now();
    lab.delete(Kind::Pod, "sleeper");
    lab.gone("sleeper");
    assert!(told.elapsed() >= Duration::from_secs(1), "{:?}", told.elapsed());
    assert!(told.elapsed() < Duration::from_secs(15), "{:?}", told.elapsed());
}

fn who_doesn_t_come_to_an_end_is_ended(lab: &Lab) {
    let hook = json!({"preStop": shell("sleep 1000")});
    let mut endless = hooked("endless", "exec sleep 1000", hook);
    endless["spec"]["terminationGracePeriodSeconds"] = json!(1);
    lab.start(endless);
    lab.delete(Kind::Pod, "endless");
    lab.until_event(
        "endless",
        "Warning FailedPreStopHook spec.containers{main} PreStopHook failed",
    );
    lab.gone("endless");
}

fn any_answer_over_http_will_do(lab: &Lab) {
    let get = json!({"preStop": {"httpGet": {"path": "/bye", "port": 8080}}});
    lab.start(hooked("asked", ENDS, get));
    let server = lab.listen("asked", "0.0.0.0:8080");
    lab.delete(Kind::Pod, "asked");
    let (mut client, _) = server.accept().unwrap();
    let mut request = [0; 13];
    client.read_exact(&mut request).unwrap();
    assert_eq!(request, *b"GET /bye HTTP");
    client
        .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        .unwrap();
    lab.gone("asked");
    let events = lab.events("asked");
    assert!(!events.iter().any(|event| event.contains("Hook")), "{events:?}");
}

fn nobody_runs_before_its_hook_is_done(lab: &Lab) {
    let hook = json!({"postStart": shell("until [ -e /tmp/go ]; do sleep 0.02; done")});
    lab.apply(Kind::Pod, hooked("begins-late", ENDS, hook));
    let go = words(&["touch", "/tmp/go"]);
    lab.until_event("begins-late", "Started container main");
    let seen = lab.until("begins-late", |_| true);
    let state = &seen["status"]["containerStatuses"][0]["state"];
    assert_eq!(state["waiting"]["reason"], "ContainerCreating", "{seen}");
    lab.eventually(|| {
        let done = lab.wait(lab.cluster.run(&name("begins-late"), &go));
        done.is_ok_and(|output| output.exit_code == 0)
    });
    lab.until("begins-late", is_ready);
    lab.delete(Kind::Pod, "begins-late");
}

fn who_can_t_begin_begins_anew(lab: &Lab) {
    // Who isn't ready to be told to end isn't told: a first process has no default for that.
    let hook = "until [ -e /tmp/heeds ]; do sleep 0.02; done; echo not today; exit 3";
    let hook = json!({"postStart": shell(hook)});
    lab.apply(Kind::Pod, hooked("can-t-begin", ENDS, hook));
    lab.until_event(
        "can-t-begin",
        "Warning FailedPostStartHook spec.containers{main} PostStartHook failed",
    );
    lab.until_event(
        "can-t-begin",
        "Normal Killing spec.containers{main} FailedPostStartHook",
    );
    lab.until("can-t-begin", |pod| {
        pod["status"]["containerStatuses"][0]["restartCount"] != json!(0)
    });
    lab.delete(Kind::Pod, "can-t-begin");
}

fn who_is_unwell_has_time_to_end(lab: &Lab) {
    let text = "trap '[ -e /tmp/hook ] && exit 7' TERM; while :; do sleep 0.02; done";
    let mut unwell = hooked(
        "unwell-with-hook",
        text,
        json!({"preStop": shell("touch /tmp/hook")}),
    );
    let probe =
        json!({"exec": {"command": ["test", "-e", "/tmp/well"]}, "periodSeconds": 1, "failureThreshold": 1});
    unwell["spec"]["containers"][0]["livenessProbe"] = probe;
    lab.apply(Kind::Pod, unwell);
    let seen = lab.until("unwell-with-hook", |pod| {
        pod["status"]["containerStatuses"][0]["restartCount"] == json!(1)
    });
    let last = &seen["status"]["containerStatuses"][0]["lastState"]["terminated"];
    assert_eq!(last["exitCode"], 7, "{last}");
    let told = "Container main failed liveness probe, will be restarted";
    lab.until_event("unwell-with-hook", told);
    lab.delete(Kind::Pod, "unwell-with-hook");
}

/// The number that the kernel has given last.
const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";

/// A pod ends long before its time is over, and another's process gets its number.
fn nobody_is_ended_in_another_s_place(lab: &Lab) {
    if !Path::new(LAST_PID).exists() {
        return eprintln!("this kernel gives out no number again on demand");
    }
    let grace = Duration::from_secs(4);
    let server = "trap 'exit 0' TERM; while :; do sleep 0.02; done";
    for round in 0..5 {
        let mut first = hooked(&format!("first-{round}"), server, json!({}));
        first["spec"]["terminationGracePeriodSeconds"] = json!(grace.as_secs());
        lab.start(first);
        let number = process(&format!("first-{round}")).unwrap();
        let told = Instant::now();
        lab.delete(Kind::Pod, &format!("first-{round}"));
        lab.gone(&format!("first-{round}"));
        // Others get numbers at the same time, so how many come before is tried out.
        let mut before = 1;
        for attempt in 0.. {
            if told.elapsed() > grace / 2 {
                break;
            }
            fs::write(LAST_PID, (number - before).to_string()).unwrap();
            let second = format!("second-{round}-{attempt}");
            lab.start(pod(&second, &[script("main", server)]));
            let given = process(&second).unwrap();
            if given != number {
                before = (before + given - number).clamp(1, 100);
                lab.delete(Kind::Pod, &second);
                continue;
            }
            sleep((grace + Duration::from_millis(500)).saturating_sub(told.elapsed()));
            let seen = lab.until(&second, |_| true);
            let status = &seen["status"]["containerStatuses"][0];
            assert_eq!(status["restartCount"], 0, "{status}");
            assert!(status["state"]["running"].is_object(), "{status}");
            return lab.delete(Kind::Pod, &second);
        }
    }
    eprintln!("the number was given to others each time");
}

/// Process 1 of the only container of a pod.
fn process(pod: &str) -> Option<i32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_it = |number: &i32| {
        let hostname = fs::read_to_string(format!("/proc/{number}/root/etc/hostname")).unwrap_or_default();
        let numbers = status(*number, "NSpid");
        hostname.trim() == pod && numbers.is_some_and(|numbers| numbers.ends_with("\t1"))
    };
    numbers.filter(is_it).max()
}
