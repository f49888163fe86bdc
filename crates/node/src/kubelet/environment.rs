//! The variables of a container: services of its namespace, what the manifest says, and `$(NAME)` in it.

mod services;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, EnvFromSource, EnvVar, Pod};

use super::downward;
use super::sources::{Data, Missing, Origin, Sources};
use crate::variables::{Values, Variables};
pub(super) use services::service_variables;

/// A variable that can't be given its value: reason `CreateContainerConfigError`; texts as the kubelet gives them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum EnvironmentError {
    /// A field that the downward API doesn't have.
    #[error("field label not supported: {0}")]
    Field(String),
    /// The object that the value is in isn't there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// It is there, and hasn't got the value.
    #[error("couldn't find key {key} in {origin:?} {namespace}/{name}")]
    Key {
        /// The key asked for.
        key: String,
        /// The object's kind.
        origin: Origin,
        /// The object's namespace.
        namespace: String,
        /// The object's name.
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
    services: Arc<Values>,
    sources: &Sources<'_>,
) -> Result<Variables, EnvironmentError> {
    let mut variables = Variables::of_services(services);
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.as_deref().unwrap_or_default();
        for (key, value) in all_of(source, sources)?.unwrap_or_default().values {
            variables.insert(&format!("{prefix}{key}"), text(value));
        }
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = value_of(variable, pod, &variables, sources)? {
            variables.insert(&variable.name, value);
        }
    }
    Ok(variables)
}

fn all_of(source: &EnvFromSource, sources: &Sources<'_>) -> Result<Option<Data>, Missing> {
    if let Some(map) = &source.config_map_ref {
        return sources.data(Origin::ConfigMap, &map.name, map.optional);
    }
    match &source.secret_ref {
        Some(secret) => sources.data(Origin::Secret, &secret.name, secret.optional),
        None => Ok(None),
    }
}

/// The kernel takes any bytes; here variables are text.
fn text(value: Vec<u8>) -> String {
    String::from_utf8(value).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Replaces `$(NAME)` by the value of the variable; unknown names stay as they are, and `$$` is one `$`.
pub(super) fn expand(text: &str, variables: &Variables) -> String {
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

/// The variable's value; none when it has none, and needs none.
fn value_of(
    variable: &EnvVar,
    pod: &Pod,
    before: &Variables,
    sources: &Sources<'_>,
) -> Result<Option<String>, EnvironmentError> {
    let Some(source) = &variable.value_from else {
        return Ok(Some(expand(
            variable.value.as_deref().unwrap_or_default(),
            before,
        )));
    };
    if let Some(field) = &source.field_ref {
        let value = downward::field(pod, &field.field_path);
        return value
            .map(Some)
            .ok_or_else(|| EnvironmentError::Field(field.field_path.clone()));
    }
    let (origin, name, key, optional) = if let Some(it) = &source.config_map_key_ref {
        (Origin::ConfigMap, &it.name, &it.key, it.optional)
    } else if let Some(it) = &source.secret_key_ref {
        (Origin::Secret, &it.name, &it.key, it.optional)
    } else {
        return Ok(None);
    };
    let data = sources.data(origin, name, optional)?;
    match data.and_then(|mut data| data.values.remove(key)) {
        None if optional != Some(true) => Err(EnvironmentError::Key {
            key: key.clone(),
            origin,
            namespace: sources.namespace.to_owned(),
            name: name.clone(),
        }),
        value => Ok(value.map(text)),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Secret};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use podlab_control::store::Store;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_in_parentheses_are_expanded() {
        let variables = Variables::from(Values::from([
            ("HOST".to_owned(), "10.96.0.5".to_owned()),
            ("PORT".to_owned(), "80".to_owned()),
        ]));
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
        ];
        let services = services.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let services = Arc::new(Values::from(services));
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
        let sources = Sources {
            store: &stored(),
            namespace: "shop",
        };
        let seen = environment(&pod, &container, services, &sources);
        assert_eq!(seen, Ok(Values::from(expected).into()));
    }

    #[test]
    fn variables_have_values_of_config_maps_and_secrets() {
        let store = stored();
        let cases = [
            (
                json!([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}}]),
                Ok("X=blue"),
            ),
            (
                json!([{"name": "X", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}}]),
                Ok("X=hunter2"),
            ),
            (
                json!([
                    {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}},
                    {"name": "Y", "value": "light $(X)"},
                ]),
                Ok("X=blue Y=light blue"),
            ),
            (
                json!([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "k", "optional": true}}}]),
                Ok(""),
            ),
            (
                json!([{"name": "X", "valueFrom": {"secretKeyRef": {"name": "login", "key": "k", "optional": true}}}]),
                Ok(""),
            ),
            (
                json!([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "k"}}}]),
                Err("configmap \"no\" not found"),
            ),
            (
                json!([{"name": "X", "valueFrom": {"secretKeyRef": {"name": "settings", "key": "k"}}}]),
                Err("secret \"settings\" not found"),
            ),
            (
                json!([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "logo"}}}]),
                Err("couldn't find key logo in ConfigMap shop/settings"),
            ),
            (
                json!([{"name": "X", "valueFrom": {"secretKeyRef": {"name": "login", "key": "k"}}}]),
                Err("couldn't find key k in Secret shop/login"),
            ),
            (
                json!([{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "spec.nothing"}}}]),
                Err("field label not supported: spec.nothing"),
            ),
        ];
        for (env, expected) in cases {
            assert_seen(&store, json!({"name": "main", "env": env}), expected);
        }
    }

    #[test]
    fn all_of_a_config_map_or_secret_can_be_variables() {
        let store = stored();
        let cases = [
            (
                json!({"envFrom": [{"configMapRef": {"name": "settings"}}]}),
                Ok("color=blue log.level=info"),
            ),
            (
                json!({"envFrom": [
                    {"prefix": "A_", "configMapRef": {"name": "settings"}},
                    {"prefix": "B_", "secretRef": {"name": "login"}},
                ]}),
                Ok("A_color=blue A_log.level=info B_password=hunter2"),
            ),
            (
                json!({
                    "envFrom": [{"configMapRef": {"name": "settings"}}],
                    "env": [{"name": "color", "value": "not $(color)"}],
                }),
                Ok("color=not blue log.level=info"),
            ),
            (
                json!({"envFrom": [{"configMapRef": {"name": "no", "optional": true}}]}),
                Ok(""),
            ),
            (
                json!({"envFrom": [{"configMapRef": {"name": "no"}}]}),
                Err("configmap \"no\" not found"),
            ),
            (
                json!({"envFrom": [{"secretRef": {"name": "no"}}]}),
                Err("secret \"no\" not found"),
            ),
        ];
        for (mut container, expected) in cases {
            container["name"] = json!("main");
            assert_seen(&store, container, expected);
        }
    }

    fn stored() -> Store {
        let store = Store::new(Arc::new(|| Time(jiff::Timestamp::UNIX_EPOCH)));
        let metadata = |name: &str| json!({"namespace": "shop", "name": name});
        let settings: ConfigMap = serde_json::from_value(json!({
            "metadata": metadata("settings"),
            "data": {"color": "blue", "log.level": "info"}, "binaryData": {"logo": "/w=="},
        }))
        .unwrap();
        let login = json!({"metadata": metadata("login"), "data": {"password": "aHVudGVyMg=="}});
        let login: Secret = serde_json::from_value(login).unwrap();
        store.create(settings).unwrap();
        store.create(login).unwrap();
        store
    }

    fn assert_seen(store: &Store, container: serde_json::Value, expected: Result<&str, &str>) {
        let sources = Sources {
            store,
            namespace: "shop",
        };
        let container: Container = serde_json::from_value(container).unwrap();
        let seen = environment(&Pod::default(), &container, Arc::default(), &sources);
        let words = |variables: Variables| {
            let words = variables.iter().map(|(name, value)| format!("{name}={value}"));
            let mut words: Vec<_> = words.collect();
            words.sort();
            words.join(" ")
        };
        assert_eq!(
            seen.map(words).map_err(|error| error.to_string()),
            expected.map(str::to_owned).map_err(str::to_owned),
            "{container:?}"
        );
    }
}
