//! Which part of the API a request is for.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use podlab_cluster::Cluster;

use crate::path::{Place, place};
use crate::pods::Wanted;
use crate::status::Failure;
use crate::{api, documents, pods};

/// The whole API of a cluster. Whoever may send it requests may do everything.
pub fn router(cluster: Arc<Cluster>) -> Router {
    Router::new().fallback(answer).with_state(cluster)
}

async fn answer(State(cluster): State<Arc<Cluster>>, request: Request) -> Response {
    let (request, body) = request.into_parts();
    match place(request.uri.path()) {
        Place::Resource(path) => match Wanted::at(&path) {
            Some(wanted) => pods::answer(&cluster, &path, wanted, request).await,
            None => {
                let (method, uri, headers) = (request.method, &request.uri, &request.headers);
                api::resource(cluster.registry(), path, method, uri, headers, body).await
            }
        },
        Place::NoResource => Failure::no_resource().into_response(),
        Place::Elsewhere => documents::answer(&request.method, request.uri.path(), &request.headers),
    }
}
