//! What rows are measured in: a sandbox, and in it nodes, pods, a store and its proxy.

use std::io;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service as ServiceObject;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use podlab_api::steps::NamespacedName;
use podlab_control::store::Store;
use podlab_kernel::netns::Netns;
use podlab_kernel::nft::find_program;
use podlab_node::cni::NodeNetwork;
use podlab_node::sandbox::{self, Outside};
use podlab_proxy::agent::{self, Config};
use podlab_proxy::plan::PodRanges;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Result;
use crate::services::{CLUSTER_CIDR, POD_CIDR, POD_PORT, PORT, SERVICE_CIDR, Service};

/// Runs `work` in namespaces of its own. Must be called while the process has one thread.
///
/// # Errors
/// The sandbox can't be made. What `work` fails with is printed, and is an error without a text here.
pub(crate) fn in_sandbox(work: impl FnOnce(Outside) -> Result<()>) -> Result<()> {
    let code = sandbox::run(|outside| match work(outside) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error}");
            1
        }
    })?;
    if code == 0 { Ok(()) } else { Err("".into()) }
}

/// As [`in_sandbox`], with a runtime.
///
/// # Errors
/// As there.
pub(crate) fn in_async_sandbox<F: Future<Output = Result<()>>>(work: impl FnOnce() -> F) -> Result<()> {
    in_sandbox(|_| Runtime::new()?.block_on(async { work().await }))
}

/// A node's pod network, with room for thousands of pods, in a new namespace.
///
/// # Errors
/// What the kernel refuses.
pub(crate) async fn node() -> Result<NodeNetwork> {
    let range = POD_CIDR.parse()?;
    Ok(NodeNetwork::create(Netns::create()?, range, range).await?)
}

/// A store of a cluster without services.
pub(crate) fn store() -> Result<Store> {
    let store = Store::new(Arc::new(now));
    let range = json!({ "metadata": { "name": "kubernetes" }, "spec": { "cidrs": [SERVICE_CIDR] } });
    store.create(serde_json::from_value::<ServiceCIDR>(range)?)?;
    Ok(store)
}

/// The time of a store's clock.
pub(crate) fn now() -> Time {
    Time(Timestamp::now())
}

/// Puts services into a store, named `web-NUMBER`, for some protocols.
///
/// # Errors
/// There are services of these names.
pub(crate) fn fill(store: &Store, services: &[Service], protocols: &[&str]) -> Result<()> {
    for (number, service) in services.iter().enumerate() {
        let name = format!("web-{number}");
        let ports = |port: u16| {
            let ports = protocols.iter();
            let ports = ports.map(|it| json!({ "name": it.to_lowercase(), "protocol": it, "port": port }));
            ports.collect::<Value>()
        };
        let object = json!({
            "metadata": { "namespace": "default", "name": name },
            "spec": { "clusterIP": service.cluster_ip, "ports": ports(PORT) },
        });
        let endpoints = service.endpoints.iter();
        let endpoints = endpoints.map(|it| json!({ "addresses": [it.ip()], "nodeName": "another" }));
        let slice = json!({
            "metadata": {
                "namespace": "default",
                "name": name,
                "labels": { "kubernetes.io/service-name": name },
            },
            "addressType": "IPv4",
            "ports": ports(POD_PORT),
            "endpoints": endpoints.collect::<Vec<_>>(),
        });
        store.create(serde_json::from_value::<ServiceObject>(object)?)?;
        store.create(serde_json::from_value::<EndpointSlice>(slice)?)?;
    }
    Ok(())
}

/// Replaces the first endpoint of the service number `number`.
///
/// # Errors
/// There is no such service.
pub(crate) fn replace_endpoint(store: &Store, number: u32, newcomer: Ipv4Addr) -> Result<()> {
    let name = NamespacedName {
        namespace: "default".into(),
        name: format!("web-{number}"),
    };
    store.modify(&name, |slice: &mut EndpointSlice| {
        if let Some(endpoint) = slice.endpoints.first_mut() {
            endpoint.addresses = vec![newcomer.to_string()];
        }
    })?;
    Ok(())
}

/// podlab's proxy of a node.
pub(crate) struct Proxy {
    progress: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) fn start(store: &Store, node: &Netns) -> Result<Self> {
        let config = Config {
            node: "node".to_owned(),
            ranges: PodRanges {
                cluster: CLUSTER_CIDR.parse()?,
                node: POD_CIDR.parse()?,
            },
        };
        let (sender, progress) = watch::channel(0);
        let (served, on) = (store.clone(), node.clone());
        let task = tokio::spawn(async move { drop(agent::serve(served, on, config, &sender).await) });
        Ok(Self { progress, task })
    }

    /// Waits until the kernel has all that is in the store.
    ///
    /// # Errors
    /// The proxy has given up.
    pub(crate) async fn settle(&mut self, store: &Store) -> Result<()> {
        let revision = store.revision();
        match self.progress.wait_for(|done| *done >= revision).await {
            Ok(_) => Ok(()),
            Err(_) => Err("the proxy has given up".into()),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Has a program read `input` inside a namespace, and returns what it prints.
///
/// # Errors
/// It fails; with what it says.
pub(crate) fn feed(at: &Netns, program: &str, arguments: &[&str], input: &str) -> Result<String> {
    let path = find_program(program).ok_or_else(|| format!("not installed: {program}"))?;
    let output = at.visit(|| {
        let mut child = Command::new(path)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            io::Write::write_all(&mut stdin, input.as_bytes())?;
        }
        child.wait_with_output()
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}", said.lines().next_back().unwrap_or("failed")).into())
}
