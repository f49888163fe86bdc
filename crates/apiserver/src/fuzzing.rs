//! The ways in that fuzzing takes: requests and their parts, without a cluster and without sockets.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use podlab_api::object::Kind;
use podlab_control::registry::Registry;
use serde_json::Value;

use crate::apply::{Manager, apply};
use crate::log::log_options;
use crate::options::{ListOptions, WriteOptions};
use crate::path::{Place, place};
use crate::port_forward::PortForwardOptions;
use crate::query::Query;
use crate::remote_command::ExecOptions;
use crate::spdy::frame::{Decoder, Frame};
use crate::spdy::headers::{Compressor, Decompressor};
use crate::status::Failure;
use crate::{api, documents, patch, protobuf, schema};

/// Answers a request, but for what only a pod's kubelet can answer.
pub async fn answer(
    registry: &Registry,
    method: Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Bytes,
) -> Response {
    match place(uri.path()) {
        Place::Resource(path) => api::resource(registry, path, method, uri, headers, Body::from(body)).await,
        Place::NoResource => Failure::no_resource().into_response(),
        Place::Elsewhere => documents::answer(&method, uri.path(), headers),
    }
}

/// Reads a URL's query as the options of all that has any.
pub fn options(kind: Kind, query: &str) {
    let parsed = Query::parse(query);
    let _ = ListOptions::read(kind, &parsed);
    let _ = WriteOptions::read("PatchOptions", &parsed, None);
    let _ = log_options(query);
    let _ = ExecOptions::parse(query);
    let _ = PortForwardOptions::parse(query);
}

/// Reads a path.
pub fn path(path: &str) {
    place(path);
}

/// The JSON form of a body in protobuf; none if it can't be read.
pub fn protobuf(kind: Kind, body: &[u8]) -> Option<Value> {
    protobuf::to_json(schema::of(kind), body).ok()
}

/// Patches an object in each way that takes JSON: what came of it, or why nothing did.
pub fn patched(kind: Kind, live: &Value, patch: &Value) -> [Result<Value, String>; 3] {
    [
        patch::json(live, patch),
        patch::merge(live, patch),
        patch::strategic(live, patch, kind),
    ]
    .map(|patched| patched.map_err(|error| error.status().message.unwrap_or_default()))
}

/// Applies a configuration as `manager`, whoever else owns its fields.
///
/// # Errors
/// Why it can't be applied.
pub fn applied(
    kind: Kind,
    live: Option<&Value>,
    configuration: &Value,
    manager: &str,
) -> Result<Value, String> {
    let manager = Manager {
        name: manager.to_owned(),
        subresource: None,
    };
    apply(live, configuration, kind, &manager, true, Timestamp::UNIX_EPOCH)
        .map_err(|error| Failure::from(error).message().to_owned())
}

/// What a SPDY connection says, in chunks of these lengths, the last one over and over: each frame in words, its headers
/// read, until one can't be taken.
pub fn spdy(mut bytes: &[u8], chunks: &[usize]) -> Vec<String> {
    let (mut frames, mut headers) = (Decoder::default(), Decompressor::new());
    let mut said = Vec::new();
    let mut chunks = chunks.iter().copied();
    let mut chunk = usize::MAX;
    while !bytes.is_empty() {
        chunk = chunks.next().unwrap_or(chunk).max(1);
        let (first, rest) = bytes.split_at(chunk.min(bytes.len()));
        bytes = rest;
        frames.add(first);
        loop {
            match frames.next() {
                Ok(None) => break,
                Err(error) => {
                    said.push(error.to_string());
                    return said;
                }
                Ok(Some(frame)) => {
                    said.push(format!("{frame:?}"));
                    if let Frame::SynStream { block, .. } | Frame::Headers { block, .. } = &frame {
                        said.push(format!("{:?}", headers.decompress(block)));
                    }
                    check_written(&frame);
                }
            }
        }
    }
    said
}

/// A frame is read as it was written, unless it says nothing.
fn check_written(frame: &Frame) {
    let mut bytes = BytesMut::new();
    frame.encode(&mut bytes);
    let mut frames = Decoder::default();
    frames.add(&bytes);
    assert_eq!(frames.next().as_ref(), Ok(&Some(frame.clone())));
}

/// Headers as they are after they were written and read, over one connection.
pub fn headers(blocks: &[BTreeMap<String, String>]) -> Vec<Option<BTreeMap<String, String>>> {
    let (mut write, mut read) = (Compressor::new(), Decompressor::new());
    blocks
        .iter()
        .map(|block| read.decompress(&write.compress(block)).ok())
        .collect()
}
