//! Which of a service's endpoints a node uses, as Kubernetes' proxies decide it: by their conditions, by
//! `internalTrafficPolicy`, and by the hints that `trafficDistribution` leads to.

use std::net::SocketAddr;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::Endpoint;

use crate::desired::{Answer, ordered};

/// Where a proxy is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The name of its node.
    pub(crate) node: String,
    /// The node's label `topology.kubernetes.io/zone`.
    pub(crate) zone: Option<String>,
}

/// An endpoint that a port could have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) endpoint: &'a Endpoint,
}

/// Who answers at a port, on this node.
pub(crate) fn answer(service: &Service, candidates: &[Candidate<'_>], place: &Place) -> Answer {
    let policy = service
        .spec
        .as_ref()
        .and_then(|spec| spec.internal_traffic_policy.as_deref());
    if policy == Some("Local") {
        let local = usable(candidates, |endpoint| is_on(endpoint, place));
        return if local.is_empty() && !usable(candidates, |_| true).is_empty() {
            Answer::Silence
        } else {
            Answer::By(local)
        };
    }
    let hint = hint(candidates, place);
    Answer::By(usable(candidates, |endpoint| match hint {
        // What isn't ready has no say in the hints, and is used only when nothing else is left.
        _ if !is_ready(endpoint) => true,
        Hint::None => true,
        Hint::Zone => is_for_zone(endpoint, place),
        Hint::Node => is_for_node(endpoint, place),
    }))
}

/// Who could answer for a port on any node, ready or not, also to their last.
pub(crate) fn serving(candidates: &[Candidate<'_>]) -> Vec<SocketAddr> {
    let serving = candidates
        .iter()
        .filter(|candidate| is_serving(candidate.endpoint));
    ordered(serving.map(|candidate| candidate.address))
}

/// The endpoints that are ready; when none is, those that still serve while they terminate.
fn usable(candidates: &[Candidate<'_>], keep: impl Fn(&Endpoint) -> bool) -> Vec<SocketAddr> {
    let that = |condition: fn(&Endpoint) -> bool| {
        let those = candidates
            .iter()
            .filter(|candidate| condition(candidate.endpoint) && keep(candidate.endpoint));
        ordered(those.map(|candidate| candidate.address))
    };
    let ready = that(is_ready);
    if ready.is_empty() {
        that(is_serving_its_last)
    } else {
        ready
    }
}

/// Which hints count: all ready endpoints must have one, and one of them must be for this place.
enum Hint {
    None,
    Zone,
    Node,
}

fn hint(candidates: &[Candidate<'_>], place: &Place) -> Hint {
    let ready = || {
        candidates
            .iter()
            .map(|candidate| candidate.endpoint)
            .filter(|it| is_ready(it))
    };
    if ready().all(|it| node_hints(it).next().is_some()) && ready().any(|it| is_for_node(it, place)) {
        Hint::Node
    } else if ready().all(|it| zone_hints(it).next().is_some()) && ready().any(|it| is_for_zone(it, place)) {
        Hint::Zone
    } else {
        Hint::None
    }
}

fn node_hints(endpoint: &Endpoint) -> impl Iterator<Item = &str> {
    let nodes = endpoint
        .hints
        .iter()
        .flat_map(|hints| hints.for_nodes.iter().flatten());
    nodes.map(|node| node.name.as_str())
}

fn zone_hints(endpoint: &Endpoint) -> impl Iterator<Item = &str> {
    let zones = endpoint
        .hints
        .iter()
        .flat_map(|hints| hints.for_zones.iter().flatten());
    zones.map(|zone| zone.name.as_str())
}

fn is_for_node(endpoint: &Endpoint, place: &Place) -> bool {
    node_hints(endpoint).any(|node| node == place.node)
}

fn is_for_zone(endpoint: &Endpoint, place: &Place) -> bool {
    zone_hints(endpoint).any(|zone| place.zone.as_deref() == Some(zone))
}

fn is_on(endpoint: &Endpoint, place: &Place) -> bool {
    endpoint.node_name.as_deref() == Some(&place.node)
}

fn is_ready(endpoint: &Endpoint) -> bool {
    let conditions = endpoint.conditions.as_ref();
    conditions.and_then(|conditions| conditions.ready).unwrap_or(true)
}

fn is_serving(endpoint: &Endpoint) -> bool {
    let conditions = endpoint.conditions.as_ref();
    conditions
        .and_then(|conditions| conditions.serving)
        .unwrap_or(true)
}

fn is_serving_its_last(endpoint: &Endpoint) -> bool {
    let conditions = endpoint.conditions.as_ref();
    let is_terminating = conditions.and_then(|conditions| conditions.terminating);
    is_serving(endpoint) && is_terminating.unwrap_or(false)
}

#[cfg(test)]
mod tests;
