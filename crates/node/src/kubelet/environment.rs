//! The variables of a container: services of its namespace, what the manifest says, and `$(NAME)` in it.

mod services;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvVar, Pod};

pub(super) use services::service_variables;

/// A variable that can't be given its value: reason `CreateContainerConfigError`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum EnvironmentError {
    /// A field that the downward API doesn't have.
    #[error("env {variable}: field label not supported: {field}")]
    Field {
        /// The variable.
        variable: String,
        /// The path asked for.
        field: String,
    },
    /// A source that podlab doesn't have.
    #[error("env {variable}: {kind} \"{name}\" not found")]
    Source {
        /// The variable, or `envFrom`.
        variable: String,
        /// `configmap` or `secret`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
}

/// The variables that Kubernetes gives to a container: those of `services`, and over them the manifest's.
///
/// # Errors
/// [`EnvironmentError`].
pub(super) fn environment(
    pod: &Pod,
    container: &Container,
    services: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, EnvironmentError> {
    let mut variables = services.clone();
    for source in container.env_from.iter().flatten() {
        let config_map = source
            .config_map_ref
            .as_ref()
            .filter(|source| source.optional != Some(true));
        let secret = source
            .secret_ref
            .as_ref()
            .filter(|source| source.optional != Some(true));
        let missing = config_map
            .map(|source| ("configmap", source.name.clone()))
            .or_else(|| secret.map(|source| ("secret", source.name.clone())));
        if let Some((kind, name)) = missing {
            return Err(EnvironmentError::Source {
                variable: "envFrom".into(),
                kind,
                name,
            });
        }
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = value_of(variable, pod, &variables)? {
            variables.insert(variable.name.clone(), value);
        }
    }
    Ok(variables)
}

/// Replaces `$(NAME)` by the value of the variable; unknown names stay as they are, and `$$` is one `$`.
pub(super) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        expanded.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            match variables.get(name) {
                Some(value) => expanded.push_str(value),
                None => expanded.extend(["$(", name, ")"]),
            }
            rest = after;
        } else {
            expanded.push('$');
        }
    }
    expanded + rest
}

fn value_of(
    variable: &EnvVar,
    pod: &Pod,
    before: &BTreeMap<String, String>,
) -> Result<Option<String>, EnvironmentError> {
    let Some(source) = &variable.value_from else {
        return Ok(Some(expand(
            variable.value.as_deref().unwrap_or_default(),
            before,
        )));
    };
    if let Some(field) = &source.field_ref {
        return downward(pod, &field.field_path)
            .map(Some)
            .ok_or_else(|| EnvironmentError::Field {
                variable: variable.name.clone(),
                field: field.field_path.clone(),
            });
    }
    let missing = |kind, name: &str, optional: Option<bool>| match optional {
        Some(true) => Ok(None),
        _ => Err(EnvironmentError::Source {
            variable: variable.name.clone(),
            kind,
            name: name.to_owned(),
        }),
    };
    if let Some(source) = &source.config_map_key_ref {
        return missing("configmap", &source.name, source.optional);
    }
    if let Some(source) = &source.secret_key_ref {
        return missing("secret", &source.name, source.optional);
    }
    Ok(None)
}

/// The downward API's fields of a pod.
fn downward(pod: &Pod, path: &str) -> Option<String> {
    let (metadata, spec, status) = (&pod.metadata, pod.spec.as_ref(), pod.status.as_ref());
    let entry = |map: &Option<BTreeMap<String, String>>, path: &str| {
        let key = path.trim_start_matches("['").trim_end_matches("']");
        Some(
            map.as_ref()
                .and_then(|map| map.get(key))
                .cloned()
                .unwrap_or_default(),
        )
    };
    let text = |text: Option<&String>| Some(text.cloned().unwrap_or_default());
    match path {
        "metadata.name" => text(metadata.name.as_ref()),
        "metadata.namespace" => text(metadata.namespace.as_ref()),
        "metadata.uid" => text(metadata.uid.as_ref()),
        "spec.nodeName" => text(spec.and_then(|spec| spec.node_name.as_ref())),
        "spec.serviceAccountName" => text(spec.and_then(|spec| spec.service_account_name.as_ref())),
        "status.hostIP" | "status.hostIPs" => text(status.and_then(|status| status.host_ip.as_ref())),
        "status.podIP" | "status.podIPs" => text(status.and_then(|status| status.pod_ip.as_ref())),
        _ => {
            if let Some(path) = path.strip_prefix("metadata.labels") {
                entry(&metadata.labels, path)
            } else if let Some(path) = path.strip_prefix("metadata.annotations") {
                entry(&metadata.annotations, path)
            } else {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_parentheses_are_expanded() {
        let variables = BTreeMap::from([
            ("HOST".to_owned(), "10.96.0.5".to_owned()),
            ("PORT".to_owned(), "80".to_owned()),
        ]);
        let cases = [
            ("http://$(HOST):$(PORT)/", "http://10.96.0.5:80/"),
            ("$(NOBODY)", "$(NOBODY)"),
            ("$$(HOST)", "$(HOST)"),
            ("100$ and $HOST", "100$ and $HOST"),
            ("$(HOST", "$(HOST"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(expand(text, &variables), expected, "{text}");
        }
    }

    #[test]
    fn what_the_manifest_says_wins_and_knows_services_and_what_came_before() {
        let services = [
            ("API_SERVICE_HOST", "10.96.0.5"),
            ("API_SERVICE_PORT", "80"),
            ("API_PORT", "tcp://10.96.0.5:80"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let pod: Pod = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "client", "labels": {"app": "shop"}},
            "status": {"hostIP": "172.18.0.2"},
        }))
        .unwrap();
        let container: Container = serde_json::from_value(serde_json::json!({
            "name": "main",
            "env": [
                {"name": "URL", "value": "http://$(API_SERVICE_HOST):$(API_SERVICE_PORT)"},
                {"name": "API_SERVICE_PORT", "value": "8080"},
                {"name": "TWICE", "value": "$(URL) $(API_SERVICE_PORT) $(LATER)"},
                {"name": "LATER", "value": "$(HOSTNAME)"},
                {"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
                {"name": "NODES", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIPs"}}},
            ],
        }))
        .unwrap();
        let expected = [
            ("API_PORT", "tcp://10.96.0.5:80"),
            ("API_SERVICE_HOST", "10.96.0.5"),
            ("API_SERVICE_PORT", "8080"),
            ("APP", "shop"),
            ("LATER", "$(HOSTNAME)"),
            ("ME", "client"),
            ("NODES", "172.18.0.2"),
            ("TWICE", "http://10.96.0.5:80 8080 $(LATER)"),
            ("URL", "http://10.96.0.5:80"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(environment(&pod, &container, &services), Ok(expected.into()));
    }

    #[test]
    fn what_is_missing_is_named_as_kubernetes_names_it() {
        let pod = Pod::default();
        let cases = [
            (
                serde_json::json!({"fieldRef": {"fieldPath": "spec.nothing"}}),
                "env X: field label not supported: spec.nothing",
            ),
            (
                serde_json::json!({"secretKeyRef": {"name": "login", "key": "k"}}),
                "env X: secret \"login\" not found",
            ),
            (
                serde_json::json!({"configMapKeyRef": {"name": "c", "key": "k"}}),
                "env X: configmap \"c\" not found",
            ),
        ];
        for (source, expected) in cases {
            let container: Container = serde_json::from_value(
                serde_json::json!({"name": "c", "env": [{"name": "X", "valueFrom": source}]}),
            )
            .unwrap();
            let error = environment(&pod, &container, &BTreeMap::new()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
