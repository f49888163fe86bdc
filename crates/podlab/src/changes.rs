//! What changes, as the server tells it: a JSON document on each line.

use std::pin::Pin;

use futures::io::Lines;
use futures::{AsyncBufRead, AsyncBufReadExt, StreamExt};
use kube::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;

/// The changes that a request asks for.
pub(crate) struct Changes(Lines<Pin<Box<dyn AsyncBufRead>>>);

/// A change.
#[derive(Debug, Deserialize)]
pub(crate) struct Change<T> {
    /// `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`
    #[serde(rename = "type")]
    pub(crate) type_: String,
    pub(crate) object: T,
}

impl Changes {
    pub(crate) async fn ask(client: &Client, request: http::Request<Vec<u8>>) -> Result<Self, Failure> {
        let stream: Pin<Box<dyn AsyncBufRead>> = Box::pin(client.request_stream(request).await?);
        Ok(Self(stream.lines()))
    }

    /// The next one; none when the server doesn't tell more.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<Change<T>>, Failure> {
        let Some(line) = self.0.next().await else {
            return Ok(None);
        };
        let Change { type_, object } = serde_json::from_str::<Change<Value>>(&line?)?;
        if type_ == "ERROR" {
            return Err(Failure::Server(serde_json::from_value(object)?));
        }
        let object = serde_json::from_value(object)?;
        Ok(Some(Change { type_, object }))
    }
}
