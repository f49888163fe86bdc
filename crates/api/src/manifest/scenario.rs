//! From the Scenario document to the steps that are run.

use std::net::Ipv4Addr;

use ipnet::IpNet;
use serde_json::Value;

use super::check::{Problem, check, told};
use super::document::with_help;
use super::located::{Located, Place};
use super::objects::Objects;
use super::shape::shapes;
use super::step::StepReader;
use super::tree::Node;
use crate::diagnostic::{Diagnostic, Severity};
use crate::object::Object;
use crate::scenario::{ClusterSpec, Program, StepSpec};
use crate::steps::{self, Scenario, Step};
use crate::validation::names;

/// Reads the scenario; `known` are the objects of the manifests. Also returns the objects that its steps apply.
///
/// The scenario is none if something is wrong with it, which `diagnostics` tells then.
pub(super) fn read(
    place: &Place,
    known: Objects,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Option<Scenario>, Vec<Located<Object>>) {
    let before = diagnostics.len();
    let (value, problems) = check(&place.source, &place.node, shapes().scenario(), "");
    for problem in &problems {
        let diagnostic = place.say(Severity::Error, problem.span, &problem.message);
        diagnostics.push(with_help(diagnostic, problem.help.clone()));
    }
    let spec = &value["spec"];
    let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let mut complain = |path: &str, message: &str| {
        if !told(&problems, path) {
            diagnostics.push(place.diagnose(Severity::Error, path, message));
        }
    };
    for why in names::subdomain(&name) {
        complain("metadata.name", &format!("Invalid value: {name:?}: {why}"));
    }
    let cluster: ClusterSpec = serde_json::from_value(spec["cluster"].clone()).unwrap_or_default();
    let upstream_nameserver = upstream(&cluster, &mut complain);
    let given_mask_size = cluster.node_cidr_mask_size;
    let (service_cidr, pod_cidr) = ranges(cluster, &mut complain);
    let node_cidr_mask_size = mask_size(pod_cidr, given_mask_size, &mut complain);
    let programs = programs(&spec["programs"], &mut complain);
    let steps = spec["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    if steps.is_empty() {
        complain("spec.steps", "Required value: a scenario has at least one step");
    }
    let (steps, applied) = read_steps(place, steps, &problems, known, diagnostics);

    let failed = diagnostics[before..]
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error);
    let scenario = Scenario {
        name,
        description: spec["description"]
            .as_str()
            .map(|text| text.trim_end().to_owned()),
        service_cidr,
        pod_cidr,
        node_cidr_mask_size,
        upstream_nameserver,
        programs,
        requires: serde_json::from_value(spec["requires"].clone()).unwrap_or_default(),
        steps,
    };
    ((!failed).then_some(scenario), applied)
}

fn read_steps(
    place: &Place,
    values: &[Value],
    problems: &[Problem],
    known: Objects,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<Step>, Vec<Located<Object>>) {
    let nodes = place.node.find("spec.steps").map(Node::items).unwrap_or_default();
    let mut reader = StepReader::new(place, problems, known, diagnostics);
    let mut steps = Vec::new();
    for (index, (value, node)) in values.iter().zip(nodes).enumerate() {
        let path = format!("spec.steps[{index}]");
        // Objects are taken note of even if the step has a mistake, so that the steps after it find them.
        let objects = reader.apply(node.get("apply").map(Node::items).unwrap_or_default(), &path);
        if let Ok(spec) = serde_json::from_value::<StepSpec>(value.clone()) {
            steps.extend(reader.step(spec, &path, objects));
        }
    }
    (steps, reader.applied)
}

fn upstream(cluster: &ClusterSpec, complain: &mut impl FnMut(&str, &str)) -> Option<Ipv4Addr> {
    let text = cluster.upstream_nameserver.as_deref()?;
    let address = text
        .parse()
        .ok()
        .filter(|address: &Ipv4Addr| !address.is_unspecified());
    if address.is_none() {
        let message = format!("Invalid value: {text:?}: must be a valid IPv4 address");
        complain("spec.cluster.upstreamNameserver", &message);
    }
    address
}

fn ranges(cluster: ClusterSpec, complain: &mut impl FnMut(&str, &str)) -> (IpNet, IpNet) {
    let mut range = |field: &str, text: Option<String>, default: IpNet| {
        let path = format!("spec.cluster.{field}");
        let Some(text) = text else {
            return default;
        };
        match text.parse::<IpNet>() {
            Ok(range) if range.trunc() != range => {
                let canonical = range.trunc();
                complain(
                    &path,
                    &format!("Invalid value: {text:?}: must be in canonical form (\"{canonical}\")"),
                );
                canonical
            }
            Ok(range) => range,
            Err(_) => {
                let rule = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
                complain(&path, &format!("Invalid value: {text:?}: {rule}"));
                IpNet::default()
            }
        }
    };
    let services = range("serviceCIDR", cluster.service_cidr, steps::SERVICE_CIDR);
    let pods = range("podCIDR", cluster.pod_cidr, steps::POD_CIDR);
    if services.contains(&pods) || pods.contains(&services) {
        let message =
            format!("Invalid value: service range {services} and pod range {pods} must not overlap");
        complain("spec.cluster", &message);
    }
    (services, pods)
}

/// How much of the pods' range a node gets.
fn mask_size(pods: IpNet, given: Option<u8>, complain: &mut impl FnMut(&str, &str)) -> u8 {
    let size = given.unwrap_or(steps::NODE_CIDR_MASK_SIZE);
    let (shortest, longest) = (pods.prefix_len(), steps::LONGEST_NODE_CIDR_MASK_SIZE);
    if pods.addr().is_ipv6() || (shortest..=longest).contains(&size) {
        return size;
    }
    if given.is_some() && shortest <= longest {
        let message = format!("Invalid value: {size}: must be between {shortest} and {longest}, inclusive");
        complain("spec.cluster.nodeCIDRMaskSize", &message);
    } else {
        let size = size.min(longest);
        let message =
            format!("Invalid value: \"{pods}\": must be a /{size} or larger: each node gets a /{size} of it");
        complain("spec.cluster.podCIDR", &message);
    }
    size
}

fn programs(programs: &Value, complain: &mut impl FnMut(&str, &str)) -> Vec<Program> {
    let programs: Vec<Program> = serde_json::from_value(programs.clone()).unwrap_or_default();
    for (index, program) in programs.iter().enumerate() {
        if program.image.is_empty() {
            complain(&format!("spec.programs[{index}].image"), "Required value");
        }
        if program.command.first().is_none_or(String::is_empty) {
            complain(&format!("spec.programs[{index}].command"), "Required value");
        }
    }
    programs
}
