//! The first tier: a website. It keeps nothing and decides nothing; it asks the backend and draws a page.

mod client;
mod page;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, RequestExt, Router};
use serde::{Deserialize, Serialize};

use crate::{Ending, WorkloadError, listen, pod};
use client::{Answer, Backend};

/// Where the frontend listens and whom it asks.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Serve the website on this port.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    port: u16,
    /// The backend.
    #[arg(long, value_name = "HOST:PORT", default_value = "backend:80")]
    backend: String,
}

/// An order as the backend tells it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    id: i64,
    customer: String,
    item: String,
    quantity: i32,
    total_cents: i64,
}

/// An order as a visitor fills it in.
#[derive(Debug, Serialize, Deserialize)]
struct NewOrder {
    customer: String,
    item: String,
    quantity: i32,
}

pub(crate) async fn serve(options: Options, ending: Ending) -> Result<(), WorkloadError> {
    let backend = Backend::new(options.backend);
    let router = Router::new()
        .route("/", get(show))
        .route("/orders", post(order))
        .route("/healthz", get(async || "ok"))
        .with_state(Arc::new(backend));
    Ok(ending.serve_http(listen(options.port).await?, router).await?)
}

async fn show(State(backend): State<Arc<Backend>>) -> Response {
    match backend.get("/orders").await {
        Ok(answer) if answer.status.is_success() => {
            match serde_json::from_slice::<Vec<Order>>(&answer.body) {
                Ok(orders) => Html(page::orders(&orders, &pod::name())).into_response(),
                Err(error) => missing(&format!("its answer makes no sense: {error}")),
            }
        }
        Ok(answer) => missing(&said(&answer)),
        Err(error) => missing(&error.to_string()),
    }
}

/// From the page's form, or as JSON from a program, which gets the backend's own answer.
async fn order(State(backend): State<Arc<Backend>>, headers: HeaderMap, request: Request) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    if content_type.is_some_and(|value| value.starts_with(b"application/x-www-form-urlencoded")) {
        return match request.extract::<Form<NewOrder>, _>().await {
            Ok(Form(order)) => order_by_form(&backend, &order).await,
            Err(rejection) => rejection.into_response(),
        };
    }
    let body = match request.extract::<Bytes, _>().await {
        Ok(body) => body,
        Err(rejection) => return rejection.into_response(),
    };
    match backend.post("/orders", body).await {
        Ok(Answer { status, body }) => {
            (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Err(error) => missing(&error.to_string()),
    }
}

async fn order_by_form(backend: &Backend, order: &NewOrder) -> Response {
    let Ok(body) = serde_json::to_vec(order) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match backend.post("/orders", body.into()).await {
        Ok(answer) if answer.status.is_success() => Redirect::to("/").into_response(),
        Ok(answer) => {
            let page = page::problem("This order was not taken", &said(&answer));
            (answer.status, Html(page)).into_response()
        }
        Err(error) => missing(&error.to_string()),
    }
}

fn missing(reason: &str) -> Response {
    let page = page::problem("The backend can't be reached", reason);
    (StatusCode::BAD_GATEWAY, Html(page)).into_response()
}

fn said(answer: &Answer) -> String {
    format!(
        "it answered {}: {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    )
}
