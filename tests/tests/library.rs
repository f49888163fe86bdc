//! Rust's client library, which nobody here wrote, at a live cluster: informers, conflicts, and a storm of watches.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{AsyncBufReadExt, StreamExt, TryStreamExt, pin_mut};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{
    AttachParams, DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams, WatchEvent,
    WatchParams,
};
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Api, Client};
use podlab_tests::User;
use podlab_tests::live::{self, Place};
use podlab_tests::processes::{number_in_status, sandbox_of};
use serde_json::json;
use tokio::io::AsyncReadExt;

/// How many watch at once, and how many changes each of them sees.
const WATCHERS: usize = 100;
const CHANGES: usize = 10_000;

/// A live cluster, as long as its place is there, and a client of its API.
async fn cluster() -> (Place, Client) {
    let place = Place::new(User::all()[0]);
    place.up("default", "");
    let client = live::client(&place.kubeconfig("default")).await;
    (place, client)
}

/// How much memory a cluster's own process has, in MiB.
fn memory(place: &Place) -> u64 {
    number_in_status(sandbox_of(place.supervisor("default").as_raw()), "VmRSS") / 1024
}

fn map(name: &str, key: &str, value: &str) -> ConfigMap {
    ConfigMap {
        metadata: kube::api::ObjectMeta {
            name: Some(name.to_owned()),
            ..Default::default()
        },
        data: Some(BTreeMap::from([(key.to_owned(), value.to_owned())])),
        ..ConfigMap::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_writers_lose_no_update() {
    let (_place, client) = cluster().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    maps.create(&PostParams::default(), &map("counter", "n", "0"))
        .await
        .expect("created");
    let writers = (0..16).map(|_| {
        let maps = maps.clone();
        tokio::spawn(async move {
            let mut conflicts = 0;
            for _ in 0..25 {
                loop {
                    let mut counter = maps.get("counter").await.expect("it is there");
                    let number = counter
                        .data
                        .get_or_insert_default()
                        .entry("n".to_owned())
                        .or_default();
                    *number = (number.parse::<u32>().expect("a number") + 1).to_string();
                    match maps.replace("counter", &PostParams::default(), &counter).await {
                        Ok(_) => break,
                        Err(kube::Error::Api(status)) if status.code == 409 => conflicts += 1,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            conflicts
        })
    });
    let conflicts: Vec<i32> = futures::future::try_join_all(writers)
        .await
        .expect("no writer panics");
    let counter = maps.get("counter").await.expect("it is there");
    assert_eq!(counter.data.unwrap_or_default()["n"], "400");
    assert!(conflicts.iter().sum::<i32>() > 0, "nobody was in anybody's way");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_informer_knows_what_there_is_and_begins_anew_when_the_past_is_forgotten() {
    let (_place, client) = cluster().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let old = maps.list(&ListParams::default()).await.expect("a list");
    let old = old.metadata.resource_version.expect("its version");

    let (reader, writer) = reflector::store();
    let informer = watcher(maps.clone(), watcher::Config::default()).default_backoff();
    let informer = tokio::spawn(informer.reflect(writer).applied_objects().for_each(|_| async {}));
    for number in 0..50 {
        maps.create(&PostParams::default(), &map(&format!("m{number}"), "n", "0"))
            .await
            .expect("created");
    }
    for number in 0..25 {
        maps.delete(&format!("m{number}"), &DeleteParams::default())
            .await
            .expect("deleted");
    }
    let patch = |value: usize| Patch::Merge(json!({"data": {"n": value.to_string()}}));
    for value in 0..4_200 {
        maps.patch("m49", &PatchParams::default(), &patch(value))
            .await
            .expect("patched");
    }
    let told = async {
        loop {
            let known = reader.state();
            let last = known
                .iter()
                .find(|map| map.metadata.name.as_deref() == Some("m49"));
            let value = last.and_then(|map| map.data.clone()).unwrap_or_default();
            if known.len() == 25 && value.get("n").map(String::as_str) == Some("4199") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told)
        .await
        .expect("the informer knows all");
    informer.abort();

    // Whoever comes back with a version that is forgotten is told so, and lists anew.
    let late = maps.watch(&WatchParams::default(), &old).await.expect("a watch");
    pin_mut!(late);
    match late.try_next().await.expect("an event") {
        Some(WatchEvent::Error(status)) => {
            assert_eq!((status.code, status.reason.as_str()), (410, "Expired"))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_have_logs_and_take_commands() {
    let (_place, client) = cluster().await;
    let pods: Api<Pod> = Api::default_namespaced(client);
    let command = json!(["sh", "-c", "echo awake; exec sleep 1000"]);
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "sleeper"},
        "spec": {"containers": [{"name": "main", "image": "podlab/pause", "command": command}]},
    });
    let apply = PatchParams::apply("library");
    pods.patch("sleeper", &apply, &Patch::Apply(&pod))
        .await
        .expect("applied");
    let ready = kube::runtime::wait::await_condition(
        pods.clone(),
        "sleeper",
        kube::runtime::wait::conditions::is_pod_running(),
    );
    tokio::time::timeout(Duration::from_secs(20), ready)
        .await
        .expect("in time")
        .expect("it runs");
    let log = async {
        loop {
            match pods
                .logs("sleeper", &LogParams::default())
                .await
                .expect("its log")
            {
                log if log.is_empty() => tokio::time::sleep(Duration::from_millis(20)).await,
                log => return log,
            }
        }
    };
    assert_eq!(
        tokio::time::timeout(Duration::from_secs(20), log)
            .await
            .expect("in time"),
        "awake\n"
    );
    let mut program = pods
        .exec(
            "sleeper",
            ["sh", "-c", "echo out; exit 3"],
            &AttachParams::default().stderr(false),
        )
        .await
        .expect("it starts");
    let (mut out, status) = (String::new(), program.take_status().expect("a status"));
    program
        .stdout()
        .expect("its output")
        .read_to_string(&mut out)
        .await
        .expect("text");
    let status = status.await.expect("a status");
    assert_eq!(
        (out.as_str(), status.reason.as_deref()),
        ("out\n", Some("NonZeroExitCode"))
    );
}

/// Every watcher sees every change, in order, and the server needs no more memory for a hundred than it has bounds for.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_watchers_see_ten_thousand_changes_in_order() {
    let (place, client) = cluster().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    maps.create(&PostParams::default(), &map("storm", "n", "-1"))
        .await
        .expect("created");
    let list = maps.list(&ListParams::default()).await.expect("a list");
    let version = list.metadata.resource_version.expect("its version");
    let before = memory(&place);
    let kubeconfig = place.kubeconfig("default");
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS {
        let uri = format!("/api/v1/namespaces/default/configmaps?watch=true&resourceVersion={version}");
        let request = http::Request::get(uri).body(Vec::new()).expect("a request");
        // A connection of its own for each.
        let lines = live::client(&kubeconfig)
            .await
            .request_stream(request)
            .await
            .expect("a watch")
            .lines();
        watchers.push(tokio::spawn(async move {
            pin_mut!(lines);
            for expected in 0..CHANGES {
                let line = lines.try_next().await.expect("a line").expect("one more");
                let told = format!("\"data\":{{\"n\":\"{expected}\"}}");
                assert!(line.contains(&told), "{told} should have come, and not {line}");
            }
        }));
    }
    // Faster than this, those who read slowly would have to list anew, as in Kubernetes.
    for value in 0..CHANGES {
        let patch = Patch::Merge(json!({"data": {"n": value.to_string()}}));
        maps.patch("storm", &PatchParams::default(), &patch)
            .await
            .expect("patched");
    }
    for watcher in watchers {
        tokio::time::timeout(Duration::from_secs(120), watcher)
            .await
            .expect("in time")
            .expect("all in order");
    }
    let grown = memory(&place).saturating_sub(before);
    assert!(grown < 200, "{grown} MiB more");
}
