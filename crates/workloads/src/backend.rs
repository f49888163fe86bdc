//! The second tier: business logic. It checks orders, computes what they cost, and keeps them in the database.

mod order;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde::Serialize;
use serde_json::json;

use crate::{Ending, WorkloadError, listen, pod};
use order::NewOrder;
use store::{OrderStore, StoreError, StoredOrder};

/// Where the backend listens, and where it keeps its orders.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Serve the API on this port.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    port: u16,
    /// The PostgreSQL server.
    #[arg(long, value_name = "HOST:PORT", default_value = "database:5432")]
    database: String,
}

/// A stored order, and the pod that tells of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Served {
    #[serde(flatten)]
    order: StoredOrder,
    served_by: String,
}

pub(crate) async fn serve(options: Options, ending: Ending) -> Result<(), WorkloadError> {
    let seed = match std::env::var("SEED_ORDER") {
        Ok(seed) => Some((
            seed.parse()
                .map_err(|()| WorkloadError::SeedOrder(seed.clone()))?,
            seed,
        )),
        Err(_) => None,
    };
    let store = Arc::new(OrderStore::new(&options.database, seed)?);
    let router = Router::new()
        .route("/orders", get(list).post(create))
        .route("/", get(whoami))
        .route("/whoami", get(whoami))
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(ready))
        .with_state(store);
    Ok(ending.serve_http(listen(options.port).await?, router).await?)
}

async fn list(State(store): State<Arc<OrderStore>>) -> Result<Json<Vec<Served>>, StoreError> {
    Ok(Json(store.list().await?.into_iter().map(served).collect()))
}

async fn create(
    State(store): State<Arc<OrderStore>>,
    order: Result<Json<NewOrder>, JsonRejection>,
) -> Result<Response, StoreError> {
    let Json(order) = match order {
        Ok(order) => order,
        Err(rejection) => return Ok(refusal(rejection.status(), &rejection.body_text())),
    };
    if let Err(mistake) = order.check() {
        return Ok(refusal(StatusCode::UNPROCESSABLE_ENTITY, &mistake));
    }
    let stored = store.insert(&order).await?;
    Ok((StatusCode::CREATED, Json(served(stored))).into_response())
}

async fn whoami(ConnectInfo(client): ConnectInfo<SocketAddr>) -> impl IntoResponse {
    Json(json!({"pod": pod::name(), "client": client}))
}

/// A backend without its database is of no use to anybody.
async fn ready(State(store): State<Arc<OrderStore>>) -> Result<&'static str, StoreError> {
    store.ping().await.map(|()| "ok")
}

fn served(order: StoredOrder) -> Served {
    Served {
        order,
        served_by: pod::name(),
    }
}

fn refusal(status: StatusCode, mistake: &str) -> Response {
    (status, Json(json!({"error": mistake}))).into_response()
}

impl IntoResponse for StoreError {
    fn into_response(self) -> Response {
        eprintln!("database: {self}");
        refusal(StatusCode::SERVICE_UNAVAILABLE, &format!("database: {self}"))
    }
}
