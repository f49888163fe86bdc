//! The downward API: what a pod can be told of itself.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;

/// A field of a pod as text; none when the downward API has no such field.
pub(super) fn field(pod: &Pod, path: &str) -> Option<String> {
    let (metadata, spec, status) = (&pod.metadata, pod.spec.as_ref(), pod.status.as_ref());
    let text = |text: Option<&String>| Some(text.cloned().unwrap_or_default());
    match path {
        "metadata.name" => text(metadata.name.as_ref()),
        "metadata.namespace" => text(metadata.namespace.as_ref()),
        "metadata.uid" => text(metadata.uid.as_ref()),
        "metadata.labels" => Some(lines(metadata.labels.as_ref())),
        "metadata.annotations" => Some(lines(metadata.annotations.as_ref())),
        "spec.nodeName" => text(spec.and_then(|spec| spec.node_name.as_ref())),
        "spec.serviceAccountName" => text(spec.and_then(|spec| spec.service_account_name.as_ref())),
        "status.hostIP" | "status.hostIPs" => text(status.and_then(|status| status.host_ip.as_ref())),
        "status.podIP" | "status.podIPs" => text(status.and_then(|status| status.pod_ip.as_ref())),
        _ => {
            let (map, key) = path.strip_suffix("']")?.split_once("['")?;
            let map = match map {
                "metadata.labels" => metadata.labels.as_ref(),
                "metadata.annotations" => metadata.annotations.as_ref(),
                _ => return None,
            };
            text(map.and_then(|map| map.get(key)))
        }
    }
}

/// Every entry as `key="value"`.
fn lines(map: Option<&BTreeMap<String, String>>) -> String {
    let entries = map.into_iter().flatten();
    let lines: Vec<String> = entries.map(|(key, value)| format!("{key}={value:?}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_told_as_text() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {
                "name": "client",
                "labels": {"app": "shop", "tier": "a \"front\""},
            },
            "status": {"hostIP": "172.18.0.2"},
        }))
        .unwrap();
        let cases = [
            ("metadata.name", Some("client")),
            ("metadata.labels", Some("app=\"shop\"\ntier=\"a \\\"front\\\"\"")),
            ("metadata.labels['app']", Some("shop")),
            ("metadata.labels['none']", Some("")),
            ("metadata.annotations", Some("")),
            ("status.hostIPs", Some("172.18.0.2")),
            ("spec.nodeName", Some("")),
            ("spec.nothing", None),
            ("metadata.name['app']", None),
        ];
        for (path, expected) in cases {
            assert_eq!(field(&pod, path).as_deref(), expected, "{path}");
        }
    }
}
