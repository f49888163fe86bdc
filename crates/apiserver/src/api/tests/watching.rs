//! Watches: every change, in order, and no other.

use std::time::Duration;

use axum::body::BodyDataStream;
use futures::StreamExt;
use tokio::time::timeout;

use super::*;

/// The lines of a watch as they come.
struct Lines {
    stream: BodyDataStream,
    rest: Vec<u8>,
}

impl Lines {
    async fn of(lab: &Lab, uri: &str, accept: &str) -> Self {
        let response = lab.send("GET", uri, &[("accept", accept)], "").await;
        assert_eq!(response.status(), 200);
        let stream = response.into_body().into_data_stream();
        Self {
            stream,
            rest: Vec::new(),
        }
    }

    /// The next event; none at the end, or when none comes.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let chunk = timeout(Duration::from_millis(100), self.stream.next())
                .await
                .ok()??;
            self.rest.extend(chunk.unwrap());
        }
    }

    /// Types and names of the events that have come.
    async fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(event) = self.next().await {
            let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default();
            told.push(format!("{} {name}", event["type"].as_str().unwrap()));
        }
        told
    }
}

#[tokio::test]
async fn a_watch_tells_of_each_change_after_a_list() {
    let lab = Lab::new();
    lab.map("a", "x").await;
    let (_, list) = lab.get(MAPS).await;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let mut lines = Lines::of(&lab, &format!("{MAPS}?watch=true&resourceVersion={version}"), "").await;
    lab.map("b", "x").await;
    lab.post(
        "/api/v1/namespaces/kube-system/configmaps",
        &json!({"metadata": {"name": "elsewhere"}}),
    )
    .await;
    for _ in 0..2 {
        lab.patch(&format!("{MAPS}/a"), MERGE, &json!({"data": {"key": "new"}}))
            .await;
    }
    lab.ask("DELETE", &format!("{MAPS}/a"), "", &Value::Null).await;
    assert_eq!(lines.told().await, ["ADDED b", "MODIFIED a", "DELETED a"]);
}

#[tokio::test]
async fn a_watch_without_a_version_begins_with_what_is_there() {
    let lab = Lab::new();
    lab.map("a", "x").await;
    let mut lines = Lines::of(&lab, &format!("{MAPS}?watch"), "").await;
    assert_eq!(lines.told().await, ["ADDED a"]);
    lab.map("b", "x").await;
    assert_eq!(lines.told().await, ["ADDED b"]);
}

#[tokio::test]
async fn what_is_no_longer_selected_is_deleted_for_the_watcher() {
    let lab = Lab::new();
    let mut lines = Lines::of(&lab, &format!("{MAPS}?watch=1&labelSelector=tier%3Dx"), "").await;
    lab.map("a", "x").await;
    lab.map("b", "y").await;
    let to = |label: &str| json!({"metadata": {"labels": {"tier": label}}});
    lab.patch(&format!("{MAPS}/b"), MERGE, &to("x")).await;
    assert_eq!(lines.told().await, ["ADDED a", "ADDED b"]);
    let (_, changed) = lab.patch(&format!("{MAPS}/a"), MERGE, &to("y")).await;
    let event = lines.next().await.unwrap();
    assert_eq!(event["type"], "DELETED");
    assert_eq!(event["object"]["metadata"]["labels"]["tier"], "x");
    assert_eq!(
        event["object"]["metadata"]["resourceVersion"],
        changed["metadata"]["resourceVersion"]
    );
    lab.ask("DELETE", &format!("{MAPS}/a"), "", &Value::Null).await;
    assert!(lines.told().await.is_empty());
}

#[tokio::test]
async fn a_version_that_is_forgotten_is_an_error_in_the_stream() {
    let lab = Lab::new();
    let (_, list) = lab.get(MAPS).await;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    lab.forget().await;
    let mut lines = Lines::of(&lab, &format!("{MAPS}?watch=true&resourceVersion={version}"), "").await;
    let event = lines.next().await.unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["code"]),
        (&json!("ERROR"), &json!(410))
    );
    assert_eq!(event["object"]["reason"], "Expired");
    assert!(lines.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn bookmarks_say_how_far_it_is() {
    let lab = Lab::new();
    lab.map("a", "x").await;
    let query =
        "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut lines = Lines::of(&lab, &format!("{MAPS}?{query}"), "").await;
    assert_eq!(lines.next().await.unwrap()["type"], "ADDED");
    let end = lines.next().await.unwrap();
    assert_eq!(end["type"], "BOOKMARK");
    assert_eq!(
        end["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );
    let newest = || lab.registry.store().revision().to_string();
    assert_eq!(end["object"]["metadata"]["resourceVersion"], newest());

    lab.post(
        "/api/v1/namespaces/kube-system/configmaps",
        &json!({"metadata": {"name": "b"}}),
    )
    .await;
    let chunk = timeout(Duration::from_secs(61), lines.stream.next())
        .await
        .unwrap();
    let bookmark: Value = serde_json::from_slice(&chunk.unwrap().unwrap()).unwrap();
    assert_eq!(
        (
            &bookmark["type"],
            &bookmark["object"]["metadata"]["resourceVersion"]
        ),
        (&json!("BOOKMARK"), &json!(newest()))
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_when_its_time_is_over() {
    let lab = Lab::new();
    let mut lines = Lines::of(&lab, &format!("{MAPS}?watch=true&timeoutSeconds=5"), "").await;
    assert!(
        timeout(Duration::from_secs(6), lines.stream.next())
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn only_the_first_event_of_a_table_has_headings() {
    let lab = Lab::new();
    lab.map("a", "x").await;
    lab.map("b", "x").await;
    let mut lines = Lines::of(&lab, &format!("{MAPS}?watch=true"), TABLE).await;
    let (first, second) = (lines.next().await.unwrap(), lines.next().await.unwrap());
    assert_eq!(first["object"]["kind"], "Table");
    assert!(first["object"]["columnDefinitions"].is_array());
    assert!(second["object"]["columnDefinitions"].is_null());
    assert_eq!(second["object"]["rows"][0]["cells"][0], "b");
}
