//! Watching: each change of a collection in order, as long as the client listens.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream};
use podlab_api::object::Object;
use podlab_control::registry::Registry;
use podlab_control::store::{Change, Past, Store};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::negotiate::Form;
use crate::options::ListOptions;
use crate::path::ResourcePath;
use crate::read::selects;
use crate::render::View;
use crate::status::Failure;

/// How many changes are written at once.
const BATCH: usize = 256;
/// How often a client that asks for bookmarks is told how far it is.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// How long a watch lasts when the client doesn't say.
const LONGEST: Duration = Duration::from_secs(45 * 60);

struct Watcher {
    store: Store,
    revisions: watch::Receiver<u64>,
    path: ResourcePath,
    options: ListOptions,
    view: View,
    /// All changes up to this one are told.
    told: u64,
    /// The last revision that the client knows of.
    known: u64,
    headings_told: bool,
    bookmark_at: Instant,
    ends_at: Instant,
    stage: Stage,
}

enum Stage {
    /// What is there is told first.
    Initial,
    Changes,
    Ended,
}

/// The lines of a watch: events, each a JSON object.
pub(crate) fn watch(
    registry: &Registry,
    path: ResourcePath,
    options: ListOptions,
    view: View,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
    let store = registry.store().clone();
    let stage = match options.revision {
        None | Some(0) => Stage::Initial,
        Some(_) if options.initial_events => Stage::Initial,
        Some(_) => Stage::Changes,
    };
    let now = Instant::now();
    let lasts = options.timeout.map_or(LONGEST, Duration::from_secs);
    let told = options.revision.unwrap_or_default();
    let watcher = Watcher {
        revisions: store.revisions(),
        store,
        path,
        view,
        told,
        known: told,
        headings_told: false,
        bookmark_at: now + BOOKMARKS,
        ends_at: now + lasts,
        options,
        stage,
    };
    stream::unfold(watcher, |mut watcher| async move {
        let lines = watcher.next().await?;
        Some((Ok(Bytes::from(lines)), watcher))
    })
}

impl Watcher {
    /// The next lines; none at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            match self.stage {
                Stage::Initial => {
                    self.stage = Stage::Changes;
                    let lines = self.initial();
                    if !lines.is_empty() {
                        return Some(lines);
                    }
                }
                Stage::Changes => {
                    let lines = self.changes();
                    if !lines.is_empty() {
                        return Some(lines);
                    }
                    if let Some(lines) = self.wait().await {
                        return Some(lines);
                    }
                }
                Stage::Ended => return None,
            }
        }
    }

    fn initial(&mut self) -> String {
        let mut lines = String::new();
        let Ok((revision, objects)) =
            self.store
                .list_at(self.path.kind, self.path.namespace.as_deref(), None)
        else {
            return lines;
        };
        for object in objects {
            if selects(&self.options, &object) {
                lines += &self.line("ADDED", &object);
            }
        }
        self.told = revision;
        if self.options.initial_events && self.options.bookmarks {
            self.known = revision;
            lines += &event("BOOKMARK", &self.view.bookmark(revision, true));
        }
        lines
    }

    /// What has changed since; it may be nothing that this client sees.
    fn changes(&mut self) -> String {
        let mut lines = String::new();
        while lines.is_empty() {
            // A client may know a revision that hasn't come yet from a cluster of the same name; it waits for it.
            let newest = self.store.revision();
            if self.told >= newest {
                break;
            }
            match self.store.changes_after(self.told, BATCH) {
                Ok(changes) => {
                    for past in &changes {
                        lines += &self.tell(past);
                        self.told = past.revision;
                    }
                }
                Err(expired) => {
                    self.stage = Stage::Ended;
                    return event("ERROR", &Failure::from(expired).to_json());
                }
            }
        }
        lines
    }

    fn tell(&mut self, past: &Past) -> String {
        let namespace = self.path.namespace.as_deref();
        let elsewhere = namespace.is_some_and(|namespace| namespace != past.name.namespace);
        if past.kind != self.path.kind || elsewhere {
            return String::new();
        }
        let (was, is) = self.selected(past);
        let kind = match (was, is) {
            (false, false) => return String::new(),
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        if kind == "DELETED"
            && past.change != Change::Deleted
            && let Some(mut last) = past.old()
        {
            // It isn't selected any more: as it was when it still was, with the revision of the change.
            Arc::make_mut(&mut last).metadata_mut().resource_version = Some(past.revision.to_string());
            self.line(kind, &last)
        } else if self.view.form == Form::Object {
            format!("{{\"type\":\"{kind}\",\"object\":{}}}\n", past.object_json())
        } else {
            self.line(kind, &past.object())
        }
    }

    /// Whether this client saw the object before a change, and sees it after.
    fn selected(&self, past: &Past) -> (bool, bool) {
        let (was, is) = (past.change != Change::Added, past.change != Change::Deleted);
        if self.options.labels.is_empty() && self.options.fields.is_empty() {
            return (was, is);
        }
        let selects = |object: &Object| selects(&self.options, object);
        let was = past.old().is_some_and(|old| selects(&old));
        (was, is && selects(&past.object()))
    }

    fn line(&mut self, kind: &str, object: &Arc<Object>) -> String {
        let headings = !std::mem::replace(&mut self.headings_told, true);
        event(kind, &self.view.object(object, headings))
    }

    /// Waits for a change, for the time of a bookmark, or for the end.
    async fn wait(&mut self) -> Option<String> {
        let until = if self.options.bookmarks {
            self.bookmark_at.min(self.ends_at)
        } else {
            self.ends_at
        };
        match timeout_at(until, self.revisions.changed()).await {
            Ok(Ok(())) => return None,
            // The store is gone.
            Ok(Err(_)) => self.stage = Stage::Ended,
            Err(_) if Instant::now() >= self.ends_at => self.stage = Stage::Ended,
            Err(_) => self.bookmark_at = Instant::now() + BOOKMARKS,
        }
        if self.options.bookmarks && self.told > self.known {
            self.known = self.told;
            return Some(event("BOOKMARK", &self.view.bookmark(self.told, false)));
        }
        None
    }
}

fn event(kind: &str, object: &Value) -> String {
    let mut line = json!({"type": kind, "object": object}).to_string();
    line.push('\n');
    line
}
