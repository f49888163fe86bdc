//! Requests and answers, on a control plane without nodes.

mod protobuf;
mod reading;
mod refusals;
mod upstream;
mod watching;
mod writing;

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use http_body_util::BodyExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use podlab_control::registry::{Registry, RegistryOptions};
use podlab_control::store::Store;
use serde_json::{Value, json};

use super::resource;
use crate::path::{Place, place};
use crate::status::Failure;
use axum::response::IntoResponse;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

/// A control plane that answers.
struct Lab {
    registry: Registry,
}

impl Lab {
    fn new() -> Self {
        let store = Store::new(Arc::new(|| Time(Timestamp::UNIX_EPOCH)));
        let service_cidr = "10.96.0.0/12".parse().unwrap();
        let registry = Registry::new(store, RegistryOptions { service_cidr }).unwrap();
        Self { registry }
    }

    async fn send(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Response {
        let uri: Uri = uri.parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(
                axum::http::HeaderName::try_from(*name).unwrap(),
                value.parse().unwrap(),
            );
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        match place(uri.path()) {
            Place::Resource(path) => resource(&self.registry, path, method, &uri, &map, body.into()).await,
            _ => Failure::no_resource().into_response(),
        }
    }

    /// Code and body of an answer.
    async fn ask(&self, method: &str, uri: &str, content_type: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let headers = [(CONTENT_TYPE.as_str(), content_type)];
        taken(self.send(method, uri, &headers, body).await).await
    }

    async fn get(&self, uri: &str) -> (u16, Value) {
        self.ask("GET", uri, "", &Value::Null).await
    }

    async fn table(&self, uri: &str) -> Value {
        taken(self.send("GET", uri, &[(ACCEPT.as_str(), TABLE)], "").await)
            .await
            .1
    }

    async fn post(&self, uri: &str, body: &Value) -> (u16, Value) {
        self.ask("POST", uri, "application/json", body).await
    }

    async fn patch(&self, uri: &str, content_type: &str, body: &Value) -> (u16, Value) {
        self.ask("PATCH", uri, content_type, body).await
    }

    /// Makes so many changes that what was before them is forgotten.
    async fn forget(&self) {
        for number in 0..4_200 {
            let map = json!({"data": {"key": number.to_string()}});
            self.patch("/api/v1/namespaces/kube-system/configmaps/counter", MERGE, &map)
                .await;
            if number == 0 {
                let map = json!({"metadata": {"name": "counter"}});
                self.post("/api/v1/namespaces/kube-system/configmaps", &map).await;
            }
        }
    }

    /// Creates a ConfigMap with one label.
    async fn map(&self, name: &str, label: &str) -> Value {
        let labels = json!({"tier": label});
        let map = json!({"metadata": {"name": name, "labels": labels}, "data": {"key": "value"}});
        let (code, created) = self.post(MAPS, &map).await;
        assert_eq!(code, 201, "{created}");
        created
    }
}

async fn taken(response: Response) -> (u16, Value) {
    let code = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (
        code,
        serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body))),
    )
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "podlab/echo", "ports": [{"containerPort": 8080}]}]},
            },
        },
    })
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}
