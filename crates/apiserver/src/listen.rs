//! HTTPS: takes connections, learns who is on the other side, and passes requests on. HTTP/2 and HTTP/1.1, the latter
//! with upgrades, for WebSockets.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::middleware::from_fn;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::authn::{Identity, known_only};
use crate::pki::Pki;
use crate::tls::{Door, H2};

/// How long a client has to shake hands; and all that somebody unknown has.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection of HTTP/1.1 waits for the whole head of a request, and after one for the next.
const HEAD: Duration = Duration::from_secs(90);
/// How large the head of a request may be.
const HEAD_SIZE: usize = 128 * 1024;
/// How many connections there are at a time; more wait for their turn.
const CONNECTIONS: usize = 256;
/// How long requests have to come to their end when the server ends.
const GRACE: Duration = Duration::from_millis(200);
/// How long to wait for what the kernel lacks to take a connection.
const REST: Duration = Duration::from_millis(50);

/// Serves `app` until `until` comes, and returns what came. Requests that are under way have a moment to end then.
///
/// A request has its [`Identity`] as an extension; who can't prove one is answered 401.
///
/// # Errors
/// When the kernel won't have this listener watched.
pub async fn serve<T>(
    listener: std::net::TcpListener,
    pki: &Pki,
    app: Router,
    until: impl Future<Output = T>,
) -> io::Result<T> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let server = Arc::new(Server::new(pki.door.clone(), app));
    let shutdown = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut until = pin!(until);
    let came = loop {
        tokio::select! {
            came = &mut until => break came,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(server.clone().converse(stream, shutdown.watcher()));
                }
                Err(error) => {
                    tracing::warn!("cannot take a connection: {error}");
                    sleep(REST).await;
                }
            },
        }
    };
    drop(listener);
    // Watches have no end of their own: those are cut off.
    let _ = timeout(GRACE, shutdown.shutdown()).await;
    Ok(came)
}

/// What connections have in common.
struct Server {
    door: Door,
    http1: auto::Builder<TokioExecutor>,
    http2: auto::Builder<TokioExecutor>,
    app: Router,
}

impl Server {
    fn new(door: Door, app: Router) -> Self {
        let mut http1 = auto::Builder::new(TokioExecutor::new()).http1_only();
        http1
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_SIZE);
        let mut http2 = auto::Builder::new(TokioExecutor::new()).http2_only();
        http2
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(HEAD_SIZE as u32);
        Self {
            door,
            http1,
            http2,
            app: app.layer(from_fn(known_only)),
        }
    }

    async fn converse(self: Arc<Self>, stream: TcpStream, shutdown: Watcher) {
        // Without it, short answers wait for the acknowledgement of those before them.
        let _ = stream.set_nodelay(true);
        let (stream, identity) = match timeout(PATIENCE, self.door.admit(stream)).await {
            Ok(Ok(admitted)) => admitted,
            Ok(Err(error)) => return tracing::debug!("TLS handshake error: {error}"),
            Err(_) => return tracing::debug!("TLS handshake timeout"),
        };
        let http = match stream.get_ref().1.alpn_protocol() {
            Some(H2) => &self.http2,
            _ => &self.http1,
        };
        let known = identity.is_some();
        let service = identified(self.app.clone(), identity);
        let connection = http.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let connection = shutdown.watch(connection);
        let ended = if known {
            connection.await
        } else {
            timeout(PATIENCE, connection).await.unwrap_or(Ok(()))
        };
        if let Err(error) = ended {
            tracing::debug!("connection: {error}");
        }
    }
}

/// `app`, for requests that all come from one client.
fn identified(
    app: Router,
    identity: Option<Identity>,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> {
    let app = TowerToHyperService::new(app);
    service_fn(move |mut request: Request<Incoming>| {
        if let Some(identity) = &identity {
            request.extensions_mut().insert(identity.clone());
        }
        app.call(request)
    })
}

#[cfg(test)]
mod tests;
