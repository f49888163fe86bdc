//! The variables that tell of services: made once for all pods of a namespace, until services change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::Service;
use podlab_api::steps::NamespacedName;
use podlab_control::store::{Shared, Store};

use super::environment::service_variables;
use crate::variables::Values;

/// Where the API's service is: the only one of another namespace that a pod is told of.
const API_NAMESPACE: &str = "default";

/// By namespace, for its pods that want them.
#[derive(Default)]
pub(super) struct Links(Mutex<HashMap<String, Arc<Values>>>);

impl Links {
    /// The variables for a pod of `namespace`: of the API's service always, of its namespace's own if it `wants` links.
    pub(super) fn of(&self, store: &Store, namespace: &str, wants: bool) -> Arc<Values> {
        let api = store.get::<Service>(&NamespacedName {
            namespace: API_NAMESPACE.to_owned(),
            name: "kubernetes".to_owned(),
        });
        let variables = |own: &[Shared<Service>]| {
            let services = api.iter().chain(own).map(|service| &**service);
            Arc::new(service_variables(services, namespace, wants))
        };
        if !wants {
            return variables(&[]);
        }
        let mut known = self.lock();
        if let Some(links) = known.get(namespace) {
            return links.clone();
        }
        let links = variables(&store.list_in::<Service>(namespace));
        known.insert(namespace.to_owned(), links.clone());
        links
    }

    /// Has them made anew, after a service of `namespace` has changed.
    pub(super) fn forget(&self, namespace: &str) {
        match namespace {
            API_NAMESPACE => self.lock().clear(),
            _ => drop(self.lock().remove(namespace)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Values>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    use super::*;

    #[test]
    fn they_are_made_anew_when_services_have_changed() {
        let store = Store::new(Arc::new(|| Time(jiff::Timestamp::UNIX_EPOCH)));
        let links = Links::default();
        let host = |namespace: &str, name: &str, wants| {
            let links = links.of(&store, namespace, wants);
            links.get(&format!("{name}_SERVICE_HOST")).cloned()
        };
        let create = |namespace: &str, name: &str, address: &str| {
            let service = json!({
                "metadata": {"namespace": namespace, "name": name},
                "spec": {"clusterIP": address, "ports": [{"port": 80}]},
            });
            store
                .create(serde_json::from_value::<Service>(service).unwrap())
                .unwrap();
            links.forget(namespace);
        };
        assert_eq!(host("shop", "WEB", true), None);
        create("shop", "web", "10.96.0.5");
        assert_eq!(host("shop", "WEB", true).as_deref(), Some("10.96.0.5"));
        assert_eq!(host("shop", "WEB", false), None);
        assert_eq!(host("bank", "WEB", true), None);
        assert_eq!(host("shop", "KUBERNETES", true), None);
        create("default", "kubernetes", "10.96.0.1");
        for (namespace, wants) in [("shop", true), ("shop", false), ("bank", true)] {
            assert_eq!(host(namespace, "KUBERNETES", wants).as_deref(), Some("10.96.0.1"));
        }
    }
}
