//! Requests for resources: which one, what is to be done with it, and in which form the client wants the answer.

use axum::Json;
use axum::body::{Body, HttpBody};
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, WARNING};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use podlab_control::registry::Registry;
use serde_json::Value;

use crate::negotiate;
use crate::options::ListOptions;
use crate::path::ResourcePath;
use crate::query::Query;
use crate::read;
use crate::render::View;
use crate::scale;
use crate::status::Failure;
use crate::watch::watch;
use crate::write::{Answer, Request, Written};

/// No object is larger: etcd's limit for a request, and Kubernetes' for a body.
const LARGEST_BODY: usize = 3 * 1024 * 1024;

/// How many bytes of warnings an answer has, as in Kubernetes: headers can't take any number of them.
const MOST_WARNINGS: usize = 4 * 1024;

/// Answers a request for the resource at `path`.
pub(crate) async fn resource(
    registry: &Registry,
    path: ResourcePath,
    method: Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    let body = match whole(body).await {
        Ok(body) => body,
        Err(failure) => return failure.into_response(),
    };
    let answer = answer(registry, path, &method, uri, headers, body);
    answer.unwrap_or_else(Failure::into_response)
}

fn answer(
    registry: &Registry,
    path: ResourcePath,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let query = Query::parse(uri.query().unwrap_or_default());
    let view = View::new(path.kind, negotiate::form(headers)?, &query)?;
    let part = path.subresource.as_deref();
    let request = Request {
        registry,
        path: &path,
        query: &query,
        headers,
        body,
    };
    let written = match (method.as_str(), path.name.is_some(), part) {
        ("GET", false, None) if query.flag("watch") => {
            let options = ListOptions::read(path.kind, &query)?;
            return Ok(stream(Body::from_stream(watch(registry, path, options, view))));
        }
        ("GET", false, None) => {
            let options = ListOptions::read(path.kind, &query)?;
            return Ok(json(StatusCode::OK, read::list(registry, &path, &options, view)?));
        }
        ("GET", true, None | Some("status")) => {
            let object = read::find(registry, &path)?;
            return Ok(json(StatusCode::OK, view.object(&object, true)));
        }
        ("GET", true, Some("scale")) => {
            let scale = scale::of(&*read::find(registry, &path)?).ok_or_else(Failure::no_resource)?;
            return Ok(json(StatusCode::OK, serde_json::json!(scale)));
        }
        ("POST", false, None) => request.create()?,
        ("PUT", true, Some("scale")) => request.update_scale()?,
        ("PATCH", true, Some("scale")) => request.patch_scale()?,
        ("PUT", true, None | Some("status")) => request.update()?,
        ("PATCH", true, None | Some("status")) => request.patch()?,
        ("DELETE", true, None) => request.delete()?,
        ("DELETE", false, None) => request.delete_collection(view)?,
        (_, _, None | Some("status" | "scale")) => return Err(Failure::method_not_allowed()),
        _ => return Err(Failure::no_resource()),
    };
    let Written { code, body, warnings } = written;
    let mut response = match body {
        Answer::Object(object) => json(code, view.object(&object, true)),
        Answer::Json(value) => json(code, value),
    };
    let mut letters = 0;
    for warning in warnings {
        letters += warning.len();
        if letters > MOST_WARNINGS {
            break;
        }
        // What can't stand in a header is left out of it.
        let text: String = warning.chars().filter(|letter| !letter.is_control()).collect();
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_bytes(format!("299 - \"{quoted}\"").as_bytes()) {
            response.headers_mut().append(WARNING, value);
        }
    }
    Ok(response)
}

async fn whole(body: Body) -> Result<Bytes, Failure> {
    if body.size_hint().lower() > LARGEST_BODY as u64 {
        return Err(Failure::too_large(LARGEST_BODY));
    }
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Failure::too_large(LARGEST_BODY)),
        Err(error) => Err(Failure::bad_request(error.to_string())),
    }
}

fn json(code: StatusCode, value: Value) -> Response {
    (code, Json(value)).into_response()
}

fn stream(body: Body) -> Response {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests;
