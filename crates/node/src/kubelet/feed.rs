//! Tells a container of the cluster's changes, as Kubernetes' API tells those who watch.

use std::io;

use podlab_api::object::{Kind, Object};
use podlab_control::store::{Change, Event, Store};
use serde_json::json;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::process::ChildStdin;
use tokio::task::JoinSet;

/// What is told of: all that names are made of.
const KINDS: [Kind; 3] = [Kind::Namespace, Kind::Service, Kind::EndpointSlice];

/// Writes to `input`, until it is closed or what is returned is dropped.
pub(super) fn start(store: Store, input: ChildStdin) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        // Who doesn't read any more has ended, which its kubelet sees.
        let _ = tell(&store, BufWriter::new(input)).await;
    });
    tasks
}

async fn tell(store: &Store, mut input: BufWriter<ChildStdin>) -> io::Result<()> {
    let mut watch = store.watch();
    // All that is there now is in the watch already.
    while let Some(event) = watch.try_next() {
        write(&event, &mut input).await?;
    }
    let end = json!({"k8s.io/initial-events-end": "true"});
    let bookmark = json!({"type": "BOOKMARK", "object": {"metadata": {"annotations": end}}});
    input.write_all(format!("{bookmark}\n").as_bytes()).await?;
    input.flush().await?;
    while let Some(event) = watch.next().await {
        write(&event, &mut input).await?;
        while let Some(event) = watch.try_next() {
            write(&event, &mut input).await?;
        }
        input.flush().await?;
    }
    Ok(())
}

async fn write(event: &Event, input: &mut BufWriter<ChildStdin>) -> io::Result<()> {
    let object: &Object = &event.object;
    if !KINDS.contains(&object.kind()) {
        return Ok(());
    }
    let kind = match event.change {
        Change::Added => "ADDED",
        Change::Modified => "MODIFIED",
        Change::Deleted => "DELETED",
    };
    let line = format!("{{\"type\":\"{kind}\",\"object\":{}}}\n", event.object_json());
    input.write_all(line.as_bytes()).await
}
