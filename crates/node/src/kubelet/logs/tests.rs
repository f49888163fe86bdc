use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;

/// A store whose clock goes on by a second each time it is asked.
fn store() -> Store {
    let seconds = AtomicI64::new(0);
    Store::new(Arc::new(move || {
        Time(Timestamp::from_second(seconds.fetch_add(1, Ordering::Relaxed)).unwrap())
    }))
}

async fn all(log: &Log, id: &str, options: &LogOptions) -> String {
    let stream = log.stream(id, options, &store()).expect("the run is kept");
    let chunks: Vec<_> = stream.collect().await;
    String::from_utf8(chunks.concat()).unwrap()
}

#[tokio::test]
async fn options_choose_and_mark_lines() {
    let log = Log::default();
    let writer = log.begin("1".into(), store());
    // Written at 0, 1, 2 and 3 seconds; the second is told by reports only.
    writer.clone().take_in(&b"one\n"[..]).await.unwrap();
    writer.note("killed");
    writer.take_in(&b"two\r\n\xffthree"[..]).await.unwrap();
    let raw = b"one\ntwo\r\n\xffthree";
    let everything = log.stream("1", &LogOptions::default(), &store()).unwrap();
    assert_eq!(everything.collect::<Vec<_>>().await.concat(), raw);

    let log = Log::default();
    let writer = log.begin("1".into(), store());
    writer.clone().take_in(&b"one\n"[..]).await.unwrap();
    writer.note("killed");
    writer.take_in(&b"two\n\nthree"[..]).await.unwrap();
    let default = LogOptions::default;
    let time = |second| Some(Since::Time(Timestamp::from_second(second).unwrap()));
    let cases = [
        (default(), "one\ntwo\n\nthree"),
        (
            LogOptions {
                tail_lines: Some(0),
                ..default()
            },
            "",
        ),
        (
            LogOptions {
                tail_lines: Some(1),
                ..default()
            },
            "three",
        ),
        (
            LogOptions {
                tail_lines: Some(4),
                ..default()
            },
            "one\ntwo\n\nthree",
        ),
        (
            LogOptions {
                tail_lines: Some(9),
                ..default()
            },
            "one\ntwo\n\nthree",
        ),
        (
            LogOptions {
                since: time(2),
                ..default()
            },
            "two\n\nthree",
        ),
        (
            LogOptions {
                since: time(2),
                tail_lines: Some(2),
                ..default()
            },
            "\nthree",
        ),
        // By a clock that stands at 0.
        (
            LogOptions {
                since: Some(Since::Seconds(5)),
                ..default()
            },
            "one\ntwo\n\nthree",
        ),
        (
            LogOptions {
                since: Some(Since::Seconds(-3)),
                ..default()
            },
            "\nthree",
        ),
        (
            LogOptions {
                since: Some(Since::Seconds(i64::MAX)),
                ..default()
            },
            "one\ntwo\n\nthree",
        ),
        (
            LogOptions {
                limit_bytes: Some(0),
                ..default()
            },
            "",
        ),
        (
            LogOptions {
                limit_bytes: Some(6),
                ..default()
            },
            "one\ntw",
        ),
        (
            LogOptions {
                timestamps: true,
                tail_lines: Some(2),
                ..default()
            },
            "1970-01-01T00:00:03.000000000Z \n1970-01-01T00:00:04.000000000Z three",
        ),
        (
            LogOptions {
                timestamps: true,
                limit_bytes: Some(33),
                ..default()
            },
            "1970-01-01T00:00:00.000000000Z on",
        ),
    ];
    for (options, expected) in cases {
        assert_eq!(all(&log, "1", &options).await, expected, "{options:?}");
    }
    assert_eq!(log.recent(), ["one", "killed", "two", "", "three"]);
}

#[tokio::test]
async fn a_long_line_comes_back_whole_and_has_one_time() {
    let log = Log::default();
    let line = "x".repeat(100_000) + "\nnext\n";
    log.begin("1".into(), store())
        .take_in(line.as_bytes())
        .await
        .unwrap();
    assert_eq!(all(&log, "1", &LogOptions::default()).await, line);
    let options = LogOptions {
        timestamps: true,
        ..LogOptions::default()
    };
    let told = all(&log, "1", &options).await;
    assert_eq!(told.matches('Z').count(), 2, "{told}");
}

#[tokio::test]
async fn memory_is_bounded_whatever_is_written() {
    for line in ["\n".to_owned(), "x".repeat(60_000) + "\n"] {
        let log = Log::default();
        let writer = log.begin("1".into(), store());
        let text = line.repeat(2 * KEPT / (line.len() + size_of::<Line>()));
        writer.take_in(text.as_bytes()).await.unwrap();
        let runs = log.lock();
        let lines = runs[0].lines.borrow();
        assert!(lines.size <= KEPT && lines.size > KEPT / 2, "{}", lines.size);
        let used: usize = lines.kept.iter().map(Line::size).sum();
        assert_eq!(used, lines.size);
    }
}

#[tokio::test]
async fn following_goes_on_to_the_end_of_the_run() {
    let log = Log::default();
    let writer = log.begin("1".into(), store());
    writer.clone().take_in(&b"one\n"[..]).await.unwrap();
    let options = LogOptions {
        follow: true,
        tail_lines: Some(0),
        ..LogOptions::default()
    };
    let mut stream = log.stream("1", &options, &store()).unwrap();
    assert!(timeout(Duration::from_millis(20), stream.next()).await.is_err());
    writer.clone().take_in(&b"two\n"[..]).await.unwrap();
    assert_eq!(stream.next().await.as_deref(), Some(&b"two\n"[..]));
    writer.take_in(&b"three"[..]).await.unwrap();
    // The next run is none of its business.
    let _next = log.begin("2".into(), store());
    assert_eq!(stream.next().await.as_deref(), Some(&b"three"[..]));
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn two_runs_are_kept() {
    let log = Log::default();
    for run in ["1", "2", "3"] {
        let text = format!("in run {run}\n");
        log.begin(run.into(), store())
            .take_in(text.as_bytes())
            .await
            .unwrap();
    }
    assert!(log.stream("1", &LogOptions::default(), &store()).is_none());
    assert_eq!(all(&log, "2", &LogOptions::default()).await, "in run 2\n");
    assert_eq!(all(&log, "3", &LogOptions::default()).await, "in run 3\n");
    assert_eq!(log.recent(), ["in run 2", "in run 3"]);
}

#[test]
fn the_run_is_found_as_the_kubelet_finds_it() {
    let running = || json!({"running": {}});
    let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
    let ended = |id: &str| json!({"terminated": {"exitCode": 1, "containerID": id}});
    let none = Value::Null;
    let cases = [
        (running(), none.clone(), false, Ok("now")),
        (running(), ended("before"), false, Ok("now")),
        (running(), ended("before"), true, Ok("before")),
        (ended("now"), none.clone(), false, Ok("now")),
        (waiting("CrashLoopBackOff"), ended("before"), false, Ok("before")),
        (waiting("CrashLoopBackOff"), ended("before"), true, Ok("before")),
        (
            running(),
            none.clone(),
            true,
            Err("previous terminated container \"web\" in pod \"shop\" not found"),
        ),
        (
            waiting("ContainerCreating"),
            none.clone(),
            false,
            Err("container \"web\" in pod \"shop\" is waiting to start: ContainerCreating"),
        ),
        (
            waiting("ErrImagePull"),
            none.clone(),
            false,
            Err("container \"web\" in pod \"shop\" is waiting to start: image can't be pulled"),
        ),
    ];
    for (state, last, previous, expected) in cases {
        let container = json!({
            "name": "web", "image": "", "imageID": "", "ready": true, "restartCount": 0,
            "containerID": "now", "state": state, "lastState": last,
        });
        let pod = json!({"metadata": {"name": "shop"}, "status": {"containerStatuses": [container]}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let run = run_to_read(&pod, "web", previous).map_err(|error| error.to_string());
        assert_eq!(run, expected.map(str::to_owned).map_err(str::to_owned), "{pod:?}");
    }
    let fresh: Pod = serde_json::from_value(json!({"metadata": {"name": "shop"}})).unwrap();
    let told = run_to_read(&fresh, "web", false).unwrap_err().to_string();
    assert_eq!(told, "container \"web\" in pod \"shop\" is not available");
}
