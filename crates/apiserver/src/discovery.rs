//! What the API tells of itself: its groups, versions and resources.
//!
//! Newer clients ask for everything at once (`APIGroupDiscoveryList`, KEP-3352), older ones go from document to
//! document.

#[cfg(test)]
mod tests;

use podlab_api::builtin::KUBERNETES_VERSION;
use serde_json::{Value, json};

use crate::resources::{self, GroupKind, ResourceInfo, Verb};

const JSON: &str = "application/json";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A document in the form that the client asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    /// The `Content-Type` that says so.
    pub(crate) content_type: &'static str,
    /// What it says.
    pub(crate) body: Value,
}

/// `/version`: which Kubernetes this is.
pub(crate) fn version() -> Value {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    json!({
        "major": "1",
        "minor": "34",
        "gitVersion": KUBERNETES_VERSION,
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{architecture}", std::env::consts::OS),
    })
}

/// `/api`: the versions of Kubernetes' first group. `accept` is the request's header of that name, if it has one.
pub(crate) fn api(accept: &str) -> Document {
    if wants_aggregated(accept) {
        return aggregated(&[""]);
    }
    plain(json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [],
    }))
}

/// `/apis`: all groups that have a name. `accept` is the request's header of that name, if it has one.
pub(crate) fn apis(accept: &str) -> Document {
    let groups = resources::groups();
    if wants_aggregated(accept) {
        return aggregated(&groups);
    }
    plain(json!({
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": groups.into_iter().map(described).collect::<Vec<_>>(),
    }))
}

/// `/apis/GROUP`: the versions of a group, if there is such a group.
pub(crate) fn group(name: &str) -> Option<Value> {
    let groups = resources::groups();
    let name = groups.into_iter().find(|group| *group == name)?;
    let mut group = described(name);
    group["kind"] = json!("APIGroup");
    group["apiVersion"] = json!("v1");
    Some(group)
}

/// `/api/v1` and `/apis/GROUP/VERSION`: the resources of an API version, `v1` or `apps/v1`, if there is such a one.
pub(crate) fn resources(api_version: &str) -> Option<Value> {
    let resources = resources::of_version(api_version);
    if resources.is_empty() {
        return None;
    }
    Some(json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version,
        "resources": resources.iter().flat_map(listed).collect::<Vec<_>>(),
    }))
}

/// Whether the first of the forms a client takes that are to be had here is the aggregated one.
fn wants_aggregated(accept: &str) -> bool {
    let mut forms = accept.split(',').map(|form| {
        let mut parts = form.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let parameters: Vec<_> = parts.collect();
        (media_type, parameters)
    });
    let aggregated = ["g=apidiscovery.k8s.io", "v=v2", "as=APIGroupDiscoveryList"];
    let known = forms.find_map(|(media_type, parameters)| {
        if media_type != JSON {
            None
        } else if aggregated.iter().all(|wanted| parameters.contains(wanted)) {
            Some(true)
        } else {
            let other_form = parameters.iter().any(|parameter| parameter.starts_with("as="));
            (!other_form).then_some(false)
        }
    });
    known.unwrap_or(false)
}

fn plain(body: Value) -> Document {
    Document {
        content_type: JSON,
        body,
    }
}

fn described(group: &str) -> Value {
    let version = json!({"groupVersion": format!("{group}/v1"), "version": "v1"});
    json!({"name": group, "versions": [version], "preferredVersion": version})
}

/// A resource and its subresources, each on its own.
fn listed(resource: &ResourceInfo) -> Vec<Value> {
    let kind = resource.kind;
    let mut itself = json!({
        "name": kind.plural(),
        "singularName": kind.singular(),
        "namespaced": kind.namespaced(),
        "kind": kind.as_str(),
        "verbs": words(resource.verbs),
    });
    add_names(&mut itself, resource);
    let subresources = resource.subresources.iter().map(|subresource| {
        let of = subresource.group_kind(kind);
        let mut listed = json!({
            "name": format!("{}/{}", kind.plural(), subresource.as_str()),
            "singularName": "",
            "namespaced": kind.namespaced(),
            "kind": of.kind,
            "verbs": words(subresource.verbs()),
        });
        if of.group != kind.group() {
            listed["group"] = json!(of.group);
            listed["version"] = json!("v1");
        }
        listed
    });
    std::iter::once(itself).chain(subresources).collect()
}

fn aggregated(groups: &[&str]) -> Document {
    let items = groups.iter().map(|group| {
        let api_version = if group.is_empty() {
            "v1".to_owned()
        } else {
            format!("{group}/v1")
        };
        let resources = resources::of_version(&api_version);
        json!({
            "metadata": {"name": group, "creationTimestamp": null},
            "versions": [{
                "version": "v1",
                "resources": resources.iter().map(discovered).collect::<Vec<_>>(),
                "freshness": "Current",
            }],
        })
    });
    Document {
        content_type: AGGREGATED,
        body: json!({
            "kind": "APIGroupDiscoveryList",
            "apiVersion": "apidiscovery.k8s.io/v2",
            "metadata": {},
            "items": items.collect::<Vec<_>>(),
        }),
    }
}

/// A resource with its subresources in it.
fn discovered(resource: &ResourceInfo) -> Value {
    let kind = resource.kind;
    let mut discovered = json!({
        "resource": kind.plural(),
        "responseKind": group_version_kind(GroupKind::of(kind)),
        "scope": if kind.namespaced() { "Namespaced" } else { "Cluster" },
        "singularResource": kind.singular(),
        "verbs": words(resource.verbs),
    });
    add_names(&mut discovered, resource);
    let subresources = resource.subresources.iter().map(|subresource| {
        json!({
            "subresource": subresource.as_str(),
            "responseKind": group_version_kind(subresource.group_kind(kind)),
            "verbs": words(subresource.verbs()),
        })
    });
    let subresources: Vec<_> = subresources.collect();
    if !subresources.is_empty() {
        discovered["subresources"] = json!(subresources);
    }
    discovered
}

fn add_names(resource: &mut Value, info: &ResourceInfo) {
    let names = [
        ("shortNames", info.kind.short_names()),
        ("categories", info.categories),
    ];
    for (field, names) in names {
        if !names.is_empty() {
            resource[field] = json!(names);
        }
    }
}

fn words(verbs: &[Verb]) -> Vec<&'static str> {
    verbs.iter().map(|verb| verb.as_str()).collect()
}

/// A kind as Kubernetes writes it together with its group and version.
pub(crate) fn group_version_kind(of: GroupKind) -> Value {
    json!({"group": of.group, "version": "v1", "kind": of.kind})
}
