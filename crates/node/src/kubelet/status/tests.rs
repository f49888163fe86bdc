use super::*;

fn now() -> Time {
    Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH)
}

fn exit(code: i32) -> State {
    State::Terminated(ended(code))
}

fn ended(code: i32) -> Exit {
    Exit {
        id: "podlab://1".to_owned(),
        code,
        started: now(),
        finished: now(),
        cause: Cause::Program,
    }
}

fn container(state: State, ready: bool) -> Container {
    let spec = core::Container {
        name: "main".into(),
        ..core::Container::default()
    };
    Container {
        state,
        ready,
        started: true,
        ..Container::new(&spec, "")
    }
}

fn status_of(pod: &core::Pod, init: &[Container], containers: &[Container]) -> (String, String) {
    let place = Place {
        host: [172, 18, 0, 2].into(),
        address: Some([10, 244, 0, 2].into()),
        since: now(),
    };
    let status = status(pod, &place, init, containers, &now());
    let conditions = status.conditions.unwrap();
    let ready = conditions
        .iter()
        .find(|condition| condition.type_ == "Ready")
        .unwrap();
    (status.phase.unwrap(), ready.status.clone())
}

#[test]
fn phase_and_readiness_follow_the_containers() {
    let waiting = || State::Waiting {
        reason: "ContainerCreating",
        message: None,
    };
    let running = || State::Running { since: now() };
    let cases = [
        (
            "not started",
            vec![],
            vec![container(waiting(), false)],
            "Pending",
            "False",
        ),
        (
            "running, ready",
            vec![],
            vec![container(running(), true)],
            "Running",
            "True",
        ),
        (
            "running, not ready",
            vec![],
            vec![container(running(), false)],
            "Running",
            "False",
        ),
        (
            "one of two is ready",
            vec![],
            vec![container(running(), true), container(running(), false)],
            "Running",
            "False",
        ),
        (
            "one of two has ended",
            vec![],
            vec![container(running(), true), container(exit(0), true)],
            "Running",
            "False",
        ),
        (
            "done",
            vec![],
            vec![container(exit(0), true)],
            "Succeeded",
            "False",
        ),
        (
            "failed",
            vec![],
            vec![container(exit(0), true), container(exit(1), true)],
            "Failed",
            "False",
        ),
        (
            "init runs",
            vec![container(running(), false)],
            vec![container(waiting(), false)],
            "Pending",
            "False",
        ),
    ];
    for (case, init, containers, phase, ready) in cases {
        assert_eq!(
            status_of(&core::Pod::default(), &init, &containers),
            (phase.into(), ready.into()),
            "{case}"
        );
    }
}

#[test]
fn a_decree_and_a_readiness_gate_can_close_a_ready_pod() {
    let containers = [container(State::Running { since: now() }, true)];
    let cases = [
        (serde_json::json!({}), "True"),
        (
            serde_json::json!({"status": {"conditions": [{"type": READY_BY_DECREE, "status": "False"}]}}),
            "False",
        ),
        (
            serde_json::json!({"status": {"conditions": [{"type": READY_BY_DECREE, "status": "True"}]}}),
            "True",
        ),
        (
            serde_json::json!({"spec": {"containers": [], "readinessGates": [{"conditionType": "x/y"}]}}),
            "False",
        ),
    ];
    for (pod, expected) in cases {
        let pod: core::Pod = serde_json::from_value(pod).unwrap();
        assert_eq!(status_of(&pod, &[], &containers).1, expected, "{pod:?}");
    }
}

#[test]
fn a_container_tells_what_ended_it() {
    let cases = [
        (0, Cause::Program, "Completed", None),
        (1, Cause::Program, "Error", None),
        (137, Cause::Program, "Error", None),
        (137, Cause::OutOfMemory, "OOMKilled", None),
        (
            128,
            Cause::NotStarted("why".to_owned()),
            "StartError",
            Some("why"),
        ),
    ];
    for (code, cause, reason, message) in cases {
        let state = State::Terminated(Exit {
            cause: cause.clone(),
            ..ended(code)
        });
        let written = container_status(&container(state, false)).state.unwrap();
        let terminated = written.terminated.unwrap();
        assert_eq!(terminated.exit_code, code, "{cause:?}");
        assert_eq!(terminated.reason.as_deref(), Some(reason), "{cause:?}");
        assert_eq!(terminated.message.as_deref(), message, "{cause:?}");
    }
}
