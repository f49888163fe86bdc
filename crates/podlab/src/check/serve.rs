//! The supervisor's part of `podlab check`: a route beside the Kubernetes API.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Json, State};
use axum::routing::post;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::{StreamExt, stream};
use podlab_api::manifest::{SourceFile, read_scenario};
use podlab_api::object::{Kind, Object};
use podlab_cluster::Cluster;
use podlab_node::cgroups;
use podlab_scenario::report::Report;
use podlab_scenario::{Progress, Runner};
use tokio::sync::Mutex;

use super::{PATH, Word};
use crate::input::LARGEST;
use crate::ready::{Phases, take_steps};
use crate::{preflight, progress};

/// The route, for whoever is let in by the server.
pub(crate) fn routes(cluster: Arc<Cluster>) -> Router {
    let checks = Arc::new(Checks {
        cluster,
        turn: Mutex::default(),
    });
    Router::new()
        .route(PATH, post(check))
        // As JSON, files are longer than they are.
        .layer(DefaultBodyLimit::max(2 * LARGEST as usize))
        .with_state(checks)
}

/// Checks of a cluster, one at a time: their steps change it, and would see each other's traffic.
struct Checks {
    cluster: Arc<Cluster>,
    turn: Mutex<()>,
}

async fn check(State(checks): State<Arc<Checks>>, Json(files): Json<Vec<SourceFile>>) -> Body {
    let (say, words) = unbounded();
    // It is a part of the answer, so that it ends with who waits for that.
    let work = stream::once(async move { checks.take(&files, &say).await }).filter_map(|()| ready(None));
    let lines = stream::select(work, words.map(|word| line(&word)));
    Body::from_stream(lines.map(Ok::<_, Infallible>))
}

impl Checks {
    async fn take(&self, files: &[SourceFile], say: &UnboundedSender<Word>) {
        // Nobody listens when the client is gone, and then this is gone, too.
        let say = |word: Word| drop(say.unbounded_send(word));
        let _turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(_) => {
                say(Word::Waiting);
                self.turn.lock().await
            }
        };
        let began = Instant::now();
        let kinds = Kind::ALL.iter();
        let there = kinds.flat_map(|kind| self.cluster.store().list_objects(*kind));
        let reading = read_scenario(files, there.map(|object| Object::clone(&object)));
        let reading = reading.on_nodes(cgroups::here().unenforced(), files);
        let is_wrong = reading.has_errors();
        let scenario = reading.scenario.filter(|_| !is_wrong);
        say(Word::Read {
            scenario: scenario.as_ref().map(|scenario| scenario.name.clone()),
            diagnostics: reading.diagnostics,
        });
        let Some(scenario) = scenario else { return };
        let mut report = Report {
            scenario: scenario.name.clone(),
            description: scenario.description.clone(),
            skipped: preflight::lacks(&scenario.requires),
            ..Report::default()
        };
        if report.skipped.is_none() {
            report.phase("read", began.elapsed());
            let tell = |progress: Progress<'_>| say(Word::Progress(progress::line(progress)));
            let mut runner = Runner::new(&self.cluster, &scenario.steps, &tell);
            take_steps(&mut runner, &mut Phases::begin(), &mut report).await;
            runner.collect_logs(false, &mut report);
        }
        say(Word::Report(Box::new(report)));
    }
}

fn line(word: &Word) -> Vec<u8> {
    // A word has nothing that can't be written.
    let mut line = serde_json::to_vec(word).unwrap_or_default();
    line.push(b'\n');
    line
}
