//! The API of a live cluster, for commands that ask it for what kubectl does.

use std::path::Path;

use k8s_openapi::api::core::v1::Node;
use kube::api::{GetParams, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Request;
use kube::{Client, Config};
use podlab_api::object::{Kind, Object};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::args::Which;
use crate::exit::{self, cannot};
use crate::failure::Failure;
use crate::{kubeconfig, runtime};

/// The field manager of what podlab changes.
pub(crate) const MANAGER: &str = "podlab";

/// Runs a command on the API of a cluster. What goes wrong is said in kubectl's words; then the exit code is 1.
pub(crate) fn ask(which: &Which, command: impl AsyncFnOnce(Client) -> Result<u8, Failure>) -> u8 {
    ask_or(exit::FAILED, which, command)
}

/// The same with another exit code for what goes wrong.
pub(crate) fn ask_or(
    failed: u8,
    which: &Which,
    command: impl AsyncFnOnce(Client) -> Result<u8, Failure>,
) -> u8 {
    let path = match kubeconfig::path(&which.name) {
        Ok(Some(path)) => path,
        Ok(None) => return failed,
        Err(error) => return cannot(&error.to_string()),
    };
    let runtime = match runtime::one_thread() {
        Ok(runtime) => runtime,
        Err(error) => return cannot(&error.to_string()),
    };
    let code = runtime.block_on(async {
        let done = match connect(&path).await {
            Ok(client) => command(client).await,
            Err(failure) => Err(failure),
        };
        match done {
            Ok(code) => code,
            Err(Failure::Unheard) => exit::PASSED,
            Err(failure) => {
                failure.say();
                failed
            }
        }
    });
    // A thread may still wait for standard input.
    runtime.shutdown_background();
    code
}

async fn connect(kubeconfig: &Path) -> Result<Client, Failure> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Requests for the objects of a kind: in a namespace, or in all of them.
pub(crate) fn objects(kind: Kind, namespace: Option<&str>) -> Request {
    let version = match kind.group() {
        "" => "/api/v1".to_owned(),
        _ => format!("/apis/{}", kind.api_version()),
    };
    let within = match namespace {
        Some(namespace) if kind.namespaced() => format!("/namespaces/{namespace}"),
        _ => String::new(),
    };
    Request::new(format!("{version}{within}/{}", kind.plural()))
}

/// An object, as a type that knows its kind.
pub(crate) async fn get<T: DeserializeOwned>(
    client: &Client,
    kind: Kind,
    namespace: &str,
    name: &str,
) -> Result<T, Failure> {
    let request = objects(kind, Some(namespace)).get(name, &GetParams::default())?;
    Ok(client.request(request).await?)
}

/// The objects of a kind, in a namespace or in all of them.
pub(crate) async fn list(
    client: &Client,
    kind: Kind,
    namespace: Option<&str>,
    selector: Option<&str>,
) -> Result<Vec<Value>, Failure> {
    let params = ListParams {
        label_selector: selector.map(str::to_owned),
        ..ListParams::default()
    };
    let request = objects(kind, namespace).list(&params)?;
    Ok(items(kind, client.request(request).await?))
}

/// The objects of a list; within it, they don't say what they are.
pub(crate) fn items(kind: Kind, mut list: Value) -> Vec<Value> {
    let Value::Array(mut items) = list["items"].take() else {
        return Vec::new();
    };
    for item in &mut items {
        item["apiVersion"] = kind.api_version().into();
        item["kind"] = kind.as_str().into();
    }
    items
}

/// The namespaces that there are.
pub(crate) async fn namespaces(client: &Client) -> Result<Vec<Object>, Failure> {
    let namespaces = list(client, Kind::Namespace, None, None).await?;
    let objects = namespaces
        .into_iter()
        .map(|namespace| Object::from_json(Kind::Namespace, namespace));
    objects
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::Other(error.to_string()))
}

/// The nodes that there are.
pub(crate) async fn nodes(client: &Client) -> Result<Vec<Node>, Failure> {
    let nodes = list(client, Kind::Node, None, None).await?;
    let nodes = nodes.into_iter().map(serde_json::from_value);
    nodes.collect::<Result<_, _>>().map_err(Failure::from)
}
