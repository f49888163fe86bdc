//! What must be true of an object's fields, of those that Kubernetes can select by.

use std::borrow::Cow;

use k8s_openapi::api::core::v1::{Event, Pod};

use super::SelectorError;
use crate::object::{Kind, Object};

/// A field selector of a kind. An empty one selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSelector {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    field: String,
    equal: bool,
    value: String,
}

impl FieldSelector {
    /// Reads the text form: `status.phase!=Running,spec.nodeName=node-1`. A backslash goes before a comma, an equals sign
    /// and a backslash in a value.
    ///
    /// # Errors
    /// [`SelectorError`]: objects of this kind can't be selected by the field, or the text is no selector.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, SelectorError> {
        let mut parts = parts(text);
        parts.sort_unstable();
        let terms = parts.into_iter().filter(|part| !part.is_empty()).map(|part| {
            let (field, equal, value) = split(part).ok_or_else(|| {
                SelectorError(format!("invalid selector: '{text}'; can't understand '{part}'"))
            })?;
            let value = unescape(value)?;
            let field = field_of(kind, field)?.to_owned();
            Ok(Term { field, equal, value })
        });
        let terms = terms.collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }

    /// Whether it selects an object.
    pub fn matches(&self, object: &Object) -> bool {
        let met = |term: &Term| (value(object, &term.field) == term.value) == term.equal;
        self.terms.iter().all(met)
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The name that an object must have to be selected, if it must have one.
    pub fn name(&self) -> Option<&str> {
        let mut terms = self.terms.iter();
        let named = terms.find(|term| term.equal && term.field == "metadata.name");
        named.map(|term| &*term.value)
    }
}

/// The text between commas.
fn parts(text: &str) -> Vec<&str> {
    let mut escaped = false;
    let is_comma = |c: char| {
        let literal = escaped;
        escaped = c == '\\' && !literal;
        c == ',' && !literal
    };
    text.split(is_comma).collect()
}

/// Field, whether it must be equal, and value.
fn split(part: &str) -> Option<(&str, bool, &str)> {
    let at = part
        .char_indices()
        .find_map(|(at, _)| (part[at..].starts_with("!=") || part[at..].starts_with('=')).then_some(at))?;
    let (field, rest) = part.split_at(at);
    if let Some(value) = rest.strip_prefix("!=") {
        return Some((field, false, value));
    }
    let value = rest.strip_prefix("==").or_else(|| rest.strip_prefix('='))?;
    Some((field, true, value))
}

fn unescape(value: &str) -> Result<String, SelectorError> {
    let invalid = |why: String| SelectorError(format!("invalid field selector: {why}"));
    let mut unescaped = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | ',' | '=')) => unescaped.push(c),
                other => {
                    let sequence: String = std::iter::once('\\').chain(other).collect();
                    return Err(invalid(format!("invalid escape sequence: {sequence}")));
                }
            },
            // Kubernetes tells the character by its number.
            ',' | '=' => return Err(invalid(format!("unescaped character in value: {}", u32::from(c)))),
            _ => unescaped.push(c),
        }
    }
    Ok(unescaped)
}

/// The fields of a kind beside name and namespace; none for kinds that have no list of their own.
fn own_fields(kind: Kind) -> Option<&'static [&'static str]> {
    match kind {
        Kind::Pod => Some(&[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ]),
        Kind::Event => Some(&[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ]),
        Kind::Node => Some(&["spec.unschedulable"]),
        Kind::Namespace => Some(&["status.phase"]),
        Kind::Secret => Some(&["type"]),
        Kind::Service => Some(&["spec.clusterIP", "spec.type"]),
        Kind::ReplicaSet => Some(&["status.replicas"]),
        _ => None,
    }
}

fn field_of(kind: Kind, field: &str) -> Result<&str, SelectorError> {
    let field = match (kind, field) {
        // What it was called once.
        (Kind::Pod, "spec.host") => "spec.nodeName",
        _ => field,
    };
    let own = own_fields(kind);
    let common = match field {
        "metadata.name" => true,
        "metadata.namespace" => kind.namespaced() || own.is_none(),
        _ => false,
    };
    match own {
        _ if common => Ok(field),
        Some(own) if own.contains(&field) => Ok(field),
        Some(_) => Err(SelectorError(format!("field label not supported: {field}"))),
        None => Err(SelectorError(format!(
            "{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        ))),
    }
}

fn value<'a>(object: &'a Object, field: &str) -> Cow<'a, str> {
    let text = |text: Option<&'a String>| Cow::Borrowed(text.map_or("", String::as_str));
    match (object, field) {
        (_, "metadata.name") => text(object.metadata().name.as_ref()),
        (_, "metadata.namespace") => text(object.metadata().namespace.as_ref()),
        (Object::Pod(pod), _) => pod_value(pod, field),
        (Object::Event(event), _) => text(event_value(event, field)),
        (Object::Node(node), "spec.unschedulable") => {
            let unschedulable = node.spec.as_ref().and_then(|spec| spec.unschedulable);
            Cow::Owned(unschedulable.unwrap_or_default().to_string())
        }
        (Object::Namespace(namespace), "status.phase") => {
            text(namespace.status.as_ref().and_then(|status| status.phase.as_ref()))
        }
        (Object::Secret(secret), "type") => text(secret.type_.as_ref()),
        (Object::Service(service), "spec.clusterIP") => {
            text(service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_ref()))
        }
        (Object::Service(service), "spec.type") => {
            text(service.spec.as_ref().and_then(|spec| spec.type_.as_ref()))
        }
        (Object::ReplicaSet(set), "status.replicas") => {
            let replicas = set.status.as_ref().map(|status| status.replicas);
            Cow::Owned(replicas.unwrap_or_default().to_string())
        }
        _ => Cow::Borrowed(""),
    }
}

fn pod_value<'a>(pod: &'a Pod, field: &str) -> Cow<'a, str> {
    let (spec, status) = (pod.spec.as_ref(), pod.status.as_ref());
    let text = match field {
        "spec.nodeName" => spec.and_then(|spec| spec.node_name.as_deref()),
        "spec.restartPolicy" => spec.and_then(|spec| spec.restart_policy.as_deref()),
        "spec.schedulerName" => spec.and_then(|spec| spec.scheduler_name.as_deref()),
        "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.as_deref()),
        "spec.hostNetwork" => {
            let host_network = spec.and_then(|spec| spec.host_network);
            return Cow::Owned(host_network.unwrap_or_default().to_string());
        }
        "status.phase" => status.and_then(|status| status.phase.as_deref()),
        "status.podIP" => status.and_then(|status| status.pod_ip.as_deref()),
        "status.nominatedNodeName" => status.and_then(|status| status.nominated_node_name.as_deref()),
        _ => None,
    };
    Cow::Borrowed(text.unwrap_or_default())
}

fn event_value<'a>(event: &'a Event, field: &str) -> Option<&'a String> {
    let object = &event.involved_object;
    let component = event.source.as_ref().and_then(|source| source.component.as_ref());
    match field {
        "involvedObject.kind" => object.kind.as_ref(),
        "involvedObject.namespace" => object.namespace.as_ref(),
        "involvedObject.name" => object.name.as_ref(),
        "involvedObject.uid" => object.uid.as_ref(),
        "involvedObject.apiVersion" => object.api_version.as_ref(),
        "involvedObject.resourceVersion" => object.resource_version.as_ref(),
        "involvedObject.fieldPath" => object.field_path.as_ref(),
        "reason" => event.reason.as_ref(),
        "reportingComponent" => event.reporting_component.as_ref(),
        "source" => component
            .filter(|component| !component.is_empty())
            .or(event.reporting_component.as_ref()),
        "type" => event.type_.as_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: Kind, value: serde_json::Value) -> Object {
        Object::from_json(kind, value).unwrap()
    }

    #[test]
    fn selectors_select() {
        let pod = object(
            Kind::Pod,
            json!({
                "metadata": {"name": "web", "namespace": "shop"},
                "spec": {"nodeName": "node-1", "restartPolicy": "Always"},
                "status": {"phase": "Running", "podIP": "10.244.0.3"},
            }),
        );
        let event = object(
            Kind::Event,
            json!({
                "metadata": {"name": "web.1"},
                "involvedObject": {"kind": "Pod", "name": "web"},
                "reason": "Started", "reportingComponent": "kubelet",
            }),
        );
        let node = object(
            Kind::Node,
            json!({"metadata": {"name": "node-1"}, "spec": {"unschedulable": true}}),
        );
        let policy = object(
            Kind::NetworkPolicy,
            json!({"metadata": {"name": "a", "namespace": "shop"}}),
        );
        let set = object(Kind::ReplicaSet, json!({"status": {"replicas": 3}}));
        let cases = [
            (&pod, "", true),
            (&pod, "metadata.name=web,metadata.namespace==shop", true),
            (&pod, "status.phase!=Running", false),
            (&pod, "status.phase!=Pending,spec.nodeName=node-1", true),
            (&pod, "spec.host=node-1", true),
            (&pod, "spec.hostNetwork=false", true),
            (&pod, "spec.schedulerName=", true),
            (&pod, "status.podIP=10.244.0.4", false),
            (
                &event,
                "involvedObject.name=web,involvedObject.kind=Pod,involvedObject.uid=",
                true,
            ),
            (&event, "source=kubelet,reason!=Killing", true),
            (&event, "type=Warning", false),
            (&node, "spec.unschedulable=true", true),
            (&policy, "metadata.name!=a", false),
            (&policy, r"metadata.name!=a\,\=\\", true),
            (&set, "status.replicas=3", true),
        ];
        for (object, text, expected) in cases {
            let selector = FieldSelector::parse(object.kind(), text).unwrap();
            assert_eq!(selector.matches(object), expected, "{text:?}");
        }
    }

    #[test]
    fn the_one_name_that_is_asked_for_is_known() {
        let name = |text| {
            FieldSelector::parse(Kind::Pod, text)
                .unwrap()
                .name()
                .map(str::to_owned)
        };
        assert_eq!(
            name("status.phase=Running,metadata.name=web").as_deref(),
            Some("web")
        );
        assert_eq!(name("metadata.name!=web"), None);
    }

    #[test]
    fn what_is_no_selector_is_refused_in_kubernetes_words() {
        let cases = [
            (Kind::Pod, "spec.foo=1", "field label not supported: spec.foo"),
            (
                Kind::Node,
                "metadata.namespace=a",
                "field label not supported: metadata.namespace",
            ),
            (
                Kind::ConfigMap,
                "data=1",
                "\"data\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
            ),
            (
                Kind::Pod,
                "metadata.name=web,phase",
                "invalid selector: 'metadata.name=web,phase'; can't understand 'phase'",
            ),
            (
                Kind::Pod,
                r"metadata.name=a\b",
                r"invalid field selector: invalid escape sequence: \b",
            ),
            (
                Kind::Pod,
                "metadata.name=a=b",
                "invalid field selector: unescaped character in value: 61",
            ),
        ];
        for (kind, text, expected) in cases {
            let refused = FieldSelector::parse(kind, text).unwrap_err();
            assert_eq!(refused.to_string(), expected, "{text:?}");
        }
    }
}
