//! What the API tells of itself, apart from objects: its resources, their schemas, its version and its health.

use axum::Json;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::status::Failure;
use crate::{discovery, openapi};

/// The answer for a path that leads to no resource.
pub(crate) fn answer(method: &Method, path: &str, headers: &HeaderMap) -> Response {
    let path = path.trim_end_matches('/');
    let accept = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let found = match parts.as_slice() {
        [] => Some(json_of(json!({"paths": paths()}))),
        ["version"] => Some(json_of(discovery::version())),
        ["healthz" | "livez" | "readyz"] => Some("ok".into_response()),
        ["api"] => Some(document(discovery::api(accept))),
        ["apis"] => Some(document(discovery::apis(accept))),
        ["api", "v1"] => discovery::resources("v1").map(json_of),
        ["apis", group] => discovery::group(group).map(json_of),
        ["apis", group, version] => discovery::resources(&format!("{group}/{version}")).map(json_of),
        ["openapi", "v3"] => Some(json_of(openapi::index())),
        ["openapi", "v3", rest @ ..] => openapi::at(&rest.join("/")).map(|document| {
            let etag = format!("\"{}\"", document.hash);
            let json = HeaderValue::from_static("application/json");
            ([(CONTENT_TYPE, json)], [("etag", etag)], document.body.clone()).into_response()
        }),
        _ => None,
    };
    match found {
        None => (StatusCode::NOT_FOUND, "404 page not found\n").into_response(),
        Some(_) if !["GET", "HEAD"].contains(&method.as_str()) => {
            Failure::method_not_allowed().into_response()
        }
        Some(answer) => answer,
    }
}

fn paths() -> Vec<String> {
    let openapi = openapi::index();
    let versions = openapi["paths"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(path, _)| format!("/{path}"));
    let others = [
        "/api",
        "/apis",
        "/healthz",
        "/livez",
        "/openapi/v3",
        "/readyz",
        "/version",
    ];
    let mut paths: Vec<String> = versions.chain(others.map(str::to_owned)).collect();
    paths.sort();
    paths
}

fn document(document: discovery::Document) -> Response {
    let content_type = HeaderValue::from_static(document.content_type);
    ([(CONTENT_TYPE, content_type)], document.body.to_string()).into_response()
}

fn json_of(value: Value) -> Response {
    Json(value).into_response()
}
