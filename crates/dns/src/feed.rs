//! Changes of the cluster as they come in: a line of JSON each, in the form of Kubernetes' watches.

use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde::Deserialize;
use serde_json::Value;

use crate::zone::Zone;

/// What a line says.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

/// What came of a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The zone may have changed.
    Change,
    /// All that was there in the beginning has been told.
    Synced,
}

/// Takes note of a line.
///
/// # Errors
/// The line isn't an event, or its object isn't of the kind that it says.
pub(crate) fn take(line: &str, zone: &mut Zone) -> Result<Taken, serde_json::Error> {
    let event: Event = serde_json::from_str(line)?;
    if event.kind == "BOOKMARK" {
        return Ok(Taken::Synced);
    }
    let is_there = event.kind != "DELETED";
    match event.object["kind"].as_str() {
        Some("Namespace") => {
            zone.set_namespace(&serde_json::from_value::<Namespace>(event.object)?, is_there)
        }
        Some("Service") => zone.set_service(&serde_json::from_value::<Service>(event.object)?, is_there),
        Some("EndpointSlice") => {
            zone.set_slice(&serde_json::from_value::<EndpointSlice>(event.object)?, is_there);
        }
        _ => {}
    }
    Ok(Taken::Change)
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::Name;
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_change_the_zone() {
        let mut zone = Zone::new(Name::from_ascii("cluster.local.").unwrap());
        let metadata = json!({"namespace": "default", "name": "web"});
        let line = |kind: &str| {
            let object = json!({
                "apiVersion": "v1", "kind": "Service", "metadata": metadata,
                "spec": {"clusterIP": "10.96.0.20", "ports": [{"port": 80}]},
            });
            json!({"type": kind, "object": object}).to_string()
        };
        assert_eq!(take(&line("ADDED"), &mut zone).unwrap(), Taken::Change);
        assert!(zone.service("default", "web").is_some());
        let end = json!({"type": "BOOKMARK", "object": {}}).to_string();
        assert_eq!(take(&end, &mut zone).unwrap(), Taken::Synced);
        assert_eq!(take(&line("DELETED"), &mut zone).unwrap(), Taken::Change);
        assert!(zone.service("default", "web").is_none());
        assert!(take("nonsense", &mut zone).is_err());
    }
}
