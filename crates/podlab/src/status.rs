//! `podlab status`: how a cluster is, in a few lines.

use std::collections::BTreeMap;
use std::io::{Write, stdout};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Client;
use podlab_api::labels::SERVICE_NAME;
use podlab_api::object::Resource;
use podlab_apiserver::table::since;
use podlab_scenario::why_not_ready;

use crate::api::{ask, list};
use crate::args::Which;
use crate::clusters::Card;
use crate::exit::{self, cannot};
use crate::failure::Failure;
use crate::find;

/// Say how a live cluster is: nodes, pods and services, and what isn't ready.
///
/// Exit codes: 0 all is ready, 1 something isn't, or there is no such cluster.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    which: Which,
}

pub(crate) fn status(options: &Options) -> u8 {
    let name = &options.which.name;
    let card = match find::open() {
        Ok(clusters) => match find::find(&clusters, name) {
            Some(cluster) => cluster.card.clone(),
            None => return exit::FAILED,
        },
        Err(error) => return cannot(&error.to_string()),
    };
    ask(&options.which, async |client| {
        let state = State::ask(&client).await?;
        write!(stdout(), "{}{}", about(name, &card), state.text())?;
        match state.not_ready().is_empty() {
            true => Ok(exit::PASSED),
            false => Ok(exit::FAILED),
        }
    })
}

fn about(name: &str, card: &Card) -> String {
    let born = card.creation_timestamp.0;
    let age = since(Some(born), Timestamp::now());
    let born = born.strftime("%Y-%m-%dT%H:%M:%SZ");
    format!(
        "Name:       {name}\nUp since:   {born} ({age})\nAPI:        https://{}\n",
        card.server
    )
}

/// What a cluster is made of.
struct State {
    nodes: Vec<Node>,
    pods: Vec<Pod>,
    services: Vec<Service>,
    slices: Vec<EndpointSlice>,
}

impl State {
    async fn ask(client: &Client) -> Result<Self, Failure> {
        Ok(Self {
            nodes: all(client).await?,
            pods: all(client).await?,
            services: all(client).await?,
            slices: all(client).await?,
        })
    }

    fn text(&self) -> String {
        let ready = |count: usize, of: usize| format!("{count} of {of} ready");
        let nodes = self.nodes.iter().filter(|node| is_node_ready(node)).count();
        let pods = self
            .pods
            .iter()
            .filter(|pod| why_not_ready(pod).is_none())
            .count();
        let mut phases: BTreeMap<&str, usize> = BTreeMap::new();
        for pod in &self.pods {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            *phases.entry(phase.unwrap_or("Unknown")).or_default() += 1;
        }
        let phases: Vec<String> = phases
            .iter()
            .map(|(phase, count)| format!("{count} {phase}"))
            .collect();
        let without = self.without_endpoints().count();
        let mut text = format!(
            "Nodes:      {}\nPods:       {} ({})\nServices:   {}, {without} without endpoints\n",
            ready(nodes, self.nodes.len()),
            ready(pods, self.pods.len()),
            phases.join(", "),
            self.services.len(),
        );
        let not_ready = self.not_ready();
        if !not_ready.is_empty() {
            text += "Not ready:\n";
            text.extend(not_ready.iter().map(|line| format!("  {line}\n")));
        }
        text
    }

    /// A line for each thing.
    fn not_ready(&self) -> Vec<String> {
        let nodes = self.nodes.iter().filter(|node| !is_node_ready(node));
        let nodes = nodes.map(|node| format!("node/{}: NotReady", name(node)));
        let pods = self.pods.iter().filter_map(why_not_ready);
        let services = self
            .without_endpoints()
            .map(|service| match service.metadata.namespace.as_deref() {
                None | Some("default") => format!("service/{}: no endpoints", name(service)),
                Some(namespace) => format!("service/{namespace}/{}: no endpoints", name(service)),
            });
        nodes.chain(pods).chain(services).collect()
    }

    /// The services that select pods and have nobody who answers.
    fn without_endpoints(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(|service| {
            let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
            let selects = selector.is_some_and(|selector| !selector.is_empty());
            selects && !self.slices.iter().any(|slice| is_served(service, slice))
        })
    }
}

async fn all<T: Resource + serde::de::DeserializeOwned>(client: &Client) -> Result<Vec<T>, Failure> {
    let objects = list(client, T::KIND, None, None).await?;
    let objects = objects.into_iter().map(serde_json::from_value);
    Ok(objects.collect::<Result<_, _>>()?)
}

fn name<T: Resource>(object: &T) -> &str {
    object.metadata().name.as_deref().unwrap_or_default()
}

fn is_node_ready(node: &Node) -> bool {
    let conditions = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Whether somebody in the slice answers for the service.
fn is_served(service: &Service, slice: &EndpointSlice) -> bool {
    let labels = slice.metadata.labels.as_ref();
    let of = labels.and_then(|labels| labels.get(SERVICE_NAME));
    let answers = |ready: Option<bool>| ready.unwrap_or(true);
    slice.metadata.namespace == service.metadata.namespace
        && of == service.metadata.name.as_ref()
        && slice.endpoints.iter().any(|endpoint| {
            let conditions = endpoint.conditions.as_ref();
            answers(conditions.and_then(|conditions| conditions.ready))
        })
}
