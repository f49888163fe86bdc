//! How a server ends: it goes on until nobody is on the way to it any more, and finishes what it has.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::sleep;

/// A server takes newcomers until none has come for so long: who was sent to it just before it was told to end is still
/// on the way.
const QUIET: Duration = Duration::from_millis(20);
/// After this time nothing is waited for any more.
const LONGEST: Duration = Duration::from_secs(10);

/// The end of a workload, as all of its parts know it; clones are the same one.
#[derive(Debug, Clone)]
pub struct Ending {
    phase: watch::Receiver<Phase>,
    newcomers: Arc<AtomicU64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// It has been told to end.
    Told,
    /// It takes nobody any more.
    Closed,
}

impl Ending {
    /// Waits until the workload is told to end.
    pub async fn told(&self) {
        self.until(Phase::Told).await;
    }

    /// Waits until nobody is to be taken any more.
    pub async fn closed(&self) {
        self.until(Phase::Closed).await;
    }

    /// Somebody has come, so that there may be others on their way.
    pub(crate) fn note_newcomer(&self) {
        self.newcomers.fetch_add(1, Ordering::Relaxed);
    }

    async fn until(&self, phase: Phase) {
        // Who has the other end waits for this one.
        let _ = self.phase.clone().wait_for(|it| *it >= phase).await;
    }

    /// Serves HTTP. Who keeps a connection for further requests is told that there won't be any.
    pub(crate) async fn serve_http(&self, listener: TcpListener, router: Router) -> io::Result<()> {
        let newcomers = self.clone();
        let listener = listener.tap_io(move |_| newcomers.note_newcomer());
        let service = router
            .layer(from_fn_with_state(self.clone(), say_goodbye))
            .into_make_service_with_connect_info::<SocketAddr>();
        let ending = self.clone();
        let server = axum::serve(listener, service);
        server
            .with_graceful_shutdown(async move { ending.closed().await })
            .await
    }
}

async fn say_goodbye(State(ending): State<Ending>, request: Request, next: Next) -> Response {
    ending.note_newcomer();
    let mut response = next.run(request).await;
    if *ending.phase.borrow() >= Phase::Told {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// Does some work as the first process of a container, until it is done, or has ended after SIGTERM or SIGINT.
///
/// # Errors
/// Those of the work, and of the kernel when it gives no runtime.
pub fn until_stopped<E, F>(work: impl FnOnce(Ending) -> F) -> Result<(), E>
where
    E: From<io::Error>,
    F: Future<Output = Result<(), E>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // A container's first process has no default for these signals: without a handler they are ignored.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (phase, seen) = watch::channel(Phase::Serving);
        let newcomers = Arc::<AtomicU64>::default();
        let work = work(Ending {
            phase: seen,
            newcomers: newcomers.clone(),
        });
        let stopped = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            phase.send_replace(Phase::Told);
            let close = async {
                let mut known = None;
                while known != Some(newcomers.load(Ordering::Relaxed)) {
                    known = Some(newcomers.load(Ordering::Relaxed));
                    sleep(QUIET).await;
                }
                phase.send_replace(Phase::Closed);
                std::future::pending().await
            };
            tokio::select! {
                () = sleep(LONGEST) => {}
                () = close => {}
            }
        };
        tokio::select! {
            ended = work => ended,
            () = stopped => Ok(()),
        }
    })
}
