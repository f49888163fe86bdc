//! What a step names: pods, services and other objects, senders and receivers.

use std::net::IpAddr;

use crate::object::Kind;
use crate::selector::LabelSelector;
use crate::steps::{NamespacedName, ObjectRef, PodRef, Source, Target};
use crate::suggest::suggest;

/// Why a text is no reference: the message, and advice.
pub(super) type Refused = (String, Option<String>);

/// `KIND/NAME` or `KIND/NAMESPACE/NAME`.
pub(super) fn object(text: &str, namespace: &str) -> Result<ObjectRef, Refused> {
    let (kind_name, rest) = text.split_once('/').unwrap_or((text, ""));
    let kind = Kind::named(kind_name).ok_or_else(|| {
        let names: Vec<String> = Kind::ALL
            .iter()
            .map(|kind| kind.as_str().to_lowercase())
            .collect();
        let help = suggest(kind_name, names.iter().map(String::as_str))
            .map(|meant| format!("did you mean \"{}\"?", text.replacen(kind_name, meant, 1)));
        (invalid(text, "must be KIND/NAME, such as service/web"), help)
    })?;
    let (namespace, name) = rest.split_once('/').unwrap_or((namespace, rest));
    if name.is_empty() || name.contains('/') || namespace.is_empty() {
        return Err((invalid(text, "must be KIND/NAME or KIND/NAMESPACE/NAME"), None));
    }
    let namespace = if kind.namespaced() {
        namespace.to_owned()
    } else {
        String::new()
    };
    Ok(ObjectRef {
        kind,
        name: NamespacedName {
            namespace,
            name: name.to_owned(),
        },
    })
}

/// `pod/NAME` or `deployment/NAME`.
pub(super) fn pod(text: &str, namespace: &str) -> Result<PodRef, Refused> {
    pod_or(text, namespace, "must be pod/NAME or deployment/NAME")
}

fn pod_or(text: &str, namespace: &str, rule: &str) -> Result<PodRef, Refused> {
    let reference = object(text, namespace).map_err(|(_, help)| (invalid(text, rule), help))?;
    match reference.kind {
        Kind::Pod => Ok(PodRef::Pod(reference.name)),
        Kind::Deployment => Ok(PodRef::Deployment(reference.name)),
        _ => Err((invalid(text, rule), None)),
    }
}

/// Who sends.
pub(super) fn source(text: &str, namespace: &str) -> Result<Source, Refused> {
    match text {
        "node" => Ok(Source::Node),
        "outside" => Ok(Source::Outside),
        _ => pod_or(
            text,
            namespace,
            "must be pod/NAME, deployment/NAME, node or outside",
        )
        .map(Source::Pod),
    }
}

/// Whom something is sent to.
pub(super) fn target(text: &str, namespace: &str) -> Result<Target, Refused> {
    let rule = "must be service/NAME, pod/NAME, deployment/NAME, node, outside or an IP address";
    match text {
        "node" => return Ok(Target::Node),
        "outside" => return Ok(Target::Outside),
        _ => {}
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Target::Address(address));
    }
    let reference = object(text, namespace).map_err(|(_, help)| (invalid(text, rule), help))?;
    match reference.kind {
        Kind::Service => Ok(Target::Service(reference.name)),
        Kind::Pod => Ok(Target::Pod(PodRef::Pod(reference.name))),
        Kind::Deployment => Ok(Target::Pod(PodRef::Deployment(reference.name))),
        _ => Err((invalid(text, rule), None)),
    }
}

/// `KIND`, without a name.
pub(super) fn kind_alone(text: &str) -> Result<Kind, Refused> {
    Kind::named(text).ok_or_else(|| (invalid(text, "must be a KIND, such as endpointslices"), None))
}

/// Labels as `kubectl get -l` takes them.
pub(super) fn selector(text: &str) -> Result<LabelSelector, Refused> {
    LabelSelector::parse(text).map_err(|error| (invalid(text, &error.to_string()), None))
}

pub(super) fn invalid(value: &str, why: &str) -> String {
    format!("Invalid value: {value:?}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_kubectl_reads_them() {
        for (text, kind, name) in [
            ("service/web", Kind::Service, "shop/web"),
            ("svc/web", Kind::Service, "shop/web"),
            ("services/data/db", Kind::Service, "data/db"),
            ("Deployment/web", Kind::Deployment, "shop/web"),
            ("ns/data", Kind::Namespace, "data"),
        ] {
            let reference = object(text, "shop").unwrap();
            assert_eq!(
                (reference.kind, reference.name.to_string().as_str()),
                (kind, name),
                "{text}"
            );
        }
        for text in [
            "web",
            "service/",
            "service/a/b/c",
            "service//b",
            "",
            "/",
            "ingress/x",
        ] {
            assert!(object(text, "shop").is_err(), "{text}");
        }
    }

    #[test]
    fn a_kind_that_was_meant_is_suggested() {
        let (message, help) = target("servce/web", "default").unwrap_err();
        let rule = "must be service/NAME, pod/NAME, deployment/NAME, node, outside or an IP address";
        assert_eq!(message, format!("Invalid value: \"servce/web\": {rule}"));
        assert_eq!(help.as_deref(), Some("did you mean \"service/web\"?"));
    }
}
