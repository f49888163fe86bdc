//! The environment of a container: services of its namespace, what the manifest says, and `$(NAME)` in it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvVar, Pod, Service};

/// Where programs are looked up when the manifest sets no PATH: what images commonly have.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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

/// All variables of a container, with those of `services`, the services that it may know of.
///
/// # Errors
/// [`EnvironmentError`].
pub(super) fn environment<'a>(
    pod: &Pod,
    container: &Container,
    hostname: &str,
    services: impl Iterator<Item = &'a Service>,
) -> Result<Vec<(String, String)>, EnvironmentError> {
    let mut variables = BTreeMap::from([
        ("HOME".to_owned(), "/root".to_owned()),
        ("HOSTNAME".to_owned(), hostname.to_owned()),
        ("PATH".to_owned(), PATH.to_owned()),
    ]);
    services.for_each(|service| add_service(service, &mut variables));
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
    Ok(variables.into_iter().collect())
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
        "status.hostIP" => text(status.and_then(|status| status.host_ip.as_ref())),
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

/// `NAME_SERVICE_HOST`, `NAME_SERVICE_PORT`, and the variables that Docker's links had.
fn add_service(service: &Service, variables: &mut BTreeMap<String, String>) {
    let Some(spec) = &service.spec else { return };
    let Some(address) = spec
        .cluster_ip
        .as_deref()
        .filter(|ip| !ip.is_empty() && *ip != "None")
    else {
        return;
    };
    let name = service
        .metadata
        .name
        .as_deref()
        .unwrap_or_default()
        .to_uppercase()
        .replace('-', "_");
    for (index, port) in spec.ports.iter().flatten().enumerate() {
        let (number, protocol) = (port.port, port.protocol.as_deref().unwrap_or("TCP"));
        let url = format!("{}://{address}:{number}", protocol.to_lowercase());
        let prefix = format!("{name}_PORT_{number}_{protocol}");
        if index == 0 {
            variables.insert(format!("{name}_SERVICE_HOST"), address.to_owned());
            variables.insert(format!("{name}_SERVICE_PORT"), number.to_string());
            variables.insert(format!("{name}_PORT"), url.clone());
        }
        if let Some(port_name) = &port.name {
            let port_name = port_name.to_uppercase().replace('-', "_");
            variables.insert(format!("{name}_SERVICE_PORT_{port_name}"), number.to_string());
        }
        variables.insert(prefix.clone(), url);
        variables.insert(format!("{prefix}_PROTO"), protocol.to_lowercase());
        variables.insert(format!("{prefix}_PORT"), number.to_string());
        variables.insert(format!("{prefix}_ADDR"), address.to_owned());
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
    fn a_container_knows_services_its_pod_and_what_came_before() {
        let service: Service = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "order-api"},
            "spec": {"clusterIP": "10.96.0.5", "ports": [{"name": "http", "port": 80}, {"name": "dns-udp", "port": 53, "protocol": "UDP"}]},
        }))
        .unwrap();
        let headless: Service = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "peers"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]},
        }))
        .unwrap();
        let pod: Pod = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "client", "labels": {"app": "shop"}},
        }))
        .unwrap();
        let container: Container = serde_json::from_value(serde_json::json!({
            "name": "main",
            "env": [
                {"name": "URL", "value": "http://$(ORDER_API_SERVICE_HOST):$(ORDER_API_SERVICE_PORT_HTTP)"},
                {"name": "TWICE", "value": "$(URL) $(LATER)"},
                {"name": "LATER", "value": "x"},
                {"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            ],
        }))
        .unwrap();
        let variables: BTreeMap<_, _> =
            environment(&pod, &container, "client", [&service, &headless].into_iter())
                .unwrap()
                .into_iter()
                .collect();
        let expected = [
            ("URL", "http://10.96.0.5:80"),
            ("TWICE", "http://10.96.0.5:80 $(LATER)"),
            ("ME", "client"),
            ("APP", "shop"),
            ("HOSTNAME", "client"),
            ("ORDER_API_PORT", "tcp://10.96.0.5:80"),
            ("ORDER_API_SERVICE_PORT_DNS_UDP", "53"),
            ("ORDER_API_PORT_53_UDP_PROTO", "udp"),
        ];
        for (name, value) in expected {
            assert_eq!(variables.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert!(!variables.contains_key("PEERS_SERVICE_HOST"));
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
            let error = environment(&pod, &container, "", std::iter::empty()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
