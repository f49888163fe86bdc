//! A client that opens a connection for each request, so that each may end at another pod.

use std::io;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Backend {
    address: String,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum BackendError {
    #[error("{address}: connection refused")]
    Refused { address: String },
    #[error("{address}: timed out")]
    TimedOut { address: String },
    #[error("{address}: {source}")]
    Connect { address: String, source: io::Error },
    #[error(transparent)]
    Http(#[from] hyper::Error),
    #[error(transparent)]
    Request(#[from] hyper::http::Error),
}

impl Backend {
    pub(super) fn new(address: String) -> Self {
        Self { address }
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, BackendError> {
        self.send(Request::get(path), Bytes::new()).await
    }

    pub(super) async fn post(&self, path: &str, json: Bytes) -> Result<Answer, BackendError> {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        self.send(request, json).await
    }

    async fn send(
        &self,
        request: hyper::http::request::Builder,
        body: Bytes,
    ) -> Result<Answer, BackendError> {
        let request = request
            .header(header::HOST, &self.address)
            .header(header::CONNECTION, "close")
            .body(Full::new(body))?;
        let address = self.address.clone();
        timeout(PATIENCE, self.exchange(request))
            .await
            .unwrap_or(Err(BackendError::TimedOut { address }))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, BackendError> {
        let address = self.address.clone();
        let stream = TcpStream::connect(&self.address)
            .await
            .map_err(|source| match source.kind() {
                io::ErrorKind::ConnectionRefused => BackendError::Refused { address },
                _ => BackendError::Connect { address, source },
            })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let (response, _) = tokio::join!(
            async move {
                let (head, body) = sender.send_request(request).await?.into_parts();
                Ok(Answer {
                    status: head.status,
                    body: body.collect().await?.to_bytes(),
                })
            },
            connection
        );
        response
    }
}
