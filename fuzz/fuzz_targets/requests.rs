//! Any requests, one after another, to a control plane that has a few objects: each is answered, by an object or a
//! Status, and whatever they leave can be shown and is run to its end.
#![no_main]

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use futures::{FutureExt, StreamExt};
use libfuzzer_sys::fuzz_target;
use podlab_api::object::Kind;
use podlab_apiserver::fuzzing::answer;
use podlab_control::registry::Registry;
use podlab_fuzz::{OBJECTS, registry, settle};
use tokio::runtime::Runtime;

/// Between two requests.
const SEPARATOR: &str = "\n~~~\n";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// For the time that watches wait for.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().expect("a runtime")
});

fuzz_target!(|bytes: &[u8]| {
    let _runtime = RUNTIME.enter();
    let registry = registry();
    for object in OBJECTS.iter() {
        registry.apply(object.clone()).expect("it is right");
    }
    for request in split(bytes).take(6) {
        if let Some(request) = parse(request) {
            ask(&registry, &request);
        }
    }
    settle(&registry);
    for kind in Kind::ALL {
        let group = if kind.group().is_empty() { "/api" } else { "/apis" };
        let uri = format!("{group}/{}/{}", kind.api_version(), kind.plural());
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static(TABLE));
        let list = Request {
            method: Method::GET,
            uri: uri.parse().expect("it is a path"),
            headers,
            body: Vec::new(),
        };
        assert_eq!(ask(&registry, &list), 200, "{uri}");
    }
});

struct Request {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
}

fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let separator = SEPARATOR.as_bytes();
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let at = bytes
            .windows(separator.len())
            .position(|window| window == separator);
        rest = at.map(|at| &bytes[at + separator.len()..]);
        Some(at.map_or(bytes, |at| &bytes[..at]))
    })
}

/// In the form of HTTP. None for what hyper wouldn't pass on.
fn parse(bytes: &[u8]) -> Option<Request> {
    let (head, body) = match bytes.windows(2).position(|window| window == b"\n\n") {
        Some(at) => (&bytes[..at], &bytes[at + 2..]),
        None => (bytes, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.next()?;
    let space = first.iter().position(|byte| *byte == b' ')?;
    let (method, uri) = (&first[..space], &first[space + 1..]);
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        headers.append(
            name,
            HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?,
        );
    }
    Some(Request {
        method: Method::from_bytes(method).ok()?,
        uri: Uri::try_from(uri).ok()?,
        headers,
        body: body.to_vec(),
    })
}

/// The code of the answer, whose form is checked.
fn ask(registry: &Registry, request: &Request) -> u16 {
    let body = request.body.clone().into();
    let answer = answer(
        registry,
        request.method.clone(),
        &request.uri,
        &request.headers,
        body,
    );
    let answer = answer.now_or_never().expect("nothing is waited for");
    let code = answer.status().as_u16();
    let mut body = answer.into_body().into_data_stream();
    let mut bytes = Vec::new();
    // A watch doesn't end by itself.
    while let Some(Some(part)) = body.next().now_or_never() {
        bytes.extend_from_slice(&part.expect("nothing is lost"));
    }
    check(code, &bytes, request.uri.path());
    code
}

fn check(code: u16, bytes: &[u8], path: &str) {
    let is_of_api = path.starts_with("/api/") || path.starts_with("/apis/");
    let said = String::from_utf8_lossy(bytes);
    if code == 404 && said == "404 page not found\n" || code == 200 && !is_of_api {
        return;
    }
    for value in serde_json::Deserializer::from_slice(bytes).into_iter::<serde_json::Value>() {
        let value = value.unwrap_or_else(|error| panic!("{path}: {code}: {error}: {said}"));
        let kind = value["kind"].as_str();
        assert!(
            kind.is_some() || value["type"].is_string(),
            "{path}: {code}: {said}"
        );
        if code >= 400 {
            assert_eq!(kind, Some("Status"), "{path}: {code}: {said}");
            assert_eq!(value["code"], code, "{path}: {said}");
            // Kubernetes, too, has no reason for what it didn't foresee, such as a field that it can't apply.
            let is_known = code < 500 || value["reason"].is_null() || value["reason"] == "Timeout";
            assert!(is_known, "{path}: {code}: {said}");
        }
    }
}
