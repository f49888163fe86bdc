//! What Kubernetes accepts and warns of, in its words.

mod addresses;
mod network_policy;
mod pod;
mod secret;
mod service;
#[cfg(test)]
mod tests;

use k8s_openapi::api::core::v1::Endpoints;
use k8s_openapi::api::discovery::v1::EndpointSlice;

use crate::object::Object;
use crate::validation::names;

/// Something in a valid object that its author may not have meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The path of the field to point at: `spec.sessionAffinity`.
    pub place: String,
    /// All that Kubernetes says: `spec.SessionAffinity is ignored for headless services`.
    pub message: String,
}

/// Everything in an object that Kubernetes warns of when it is created. Expects an object with its defaults filled in.
pub fn warnings(object: &Object) -> Vec<Warning> {
    let mut warnings = Warnings(Vec::new());
    match object {
        Object::Service(service) => service::warn(service, &mut warnings),
        Object::Pod(pod) => {
            warnings.name(object, "the Pod's hostname");
            pod::warn("", Some(&pod.metadata), pod.spec.as_ref(), &mut warnings);
        }
        Object::Deployment(deployment) => {
            warnings.name(object, "Pod names and hostnames");
            let template = deployment.spec.as_ref().map(|spec| &spec.template);
            pod::warn_of_template(template, &mut warnings);
        }
        Object::ReplicaSet(set) => {
            warnings.name(object, "Pod names and hostnames");
            let template = set.spec.as_ref().and_then(|spec| spec.template.as_ref());
            pod::warn_of_template(template, &mut warnings);
        }
        Object::EndpointSlice(slice) => warnings.slice(slice),
        Object::Endpoints(endpoints) => warnings.endpoints(endpoints),
        Object::NetworkPolicy(policy) => network_policy::warn(policy, &mut warnings),
        Object::Secret(secret) => secret::warn(secret, &mut warnings),
        Object::ServiceAccount(account) => {
            let annotation = "kubernetes.io/enforce-mountable-secrets";
            if account
                .metadata
                .annotations
                .as_ref()
                .is_some_and(|all| all.contains_key(annotation))
            {
                let message =
                    "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets";
                warnings.add(&format!("metadata.annotations[{annotation}]"), message);
            }
        }
        Object::Node(node) => {
            let spec = node.spec.as_ref();
            if spec.is_some_and(|spec| spec.config_source.is_some()) {
                warnings.add("spec.configSource", "the feature is removed");
            }
            if spec.is_some_and(|spec| spec.external_id.is_some()) {
                warnings.add(
                    "spec.externalID",
                    "this field is deprecated, and is unused by Kubernetes",
                );
            }
        }
        Object::Namespace(_)
        | Object::ServiceCIDR(_)
        | Object::ConfigMap(_)
        | Object::Event(_)
        | Object::Lease(_) => {}
    }
    warnings.0
}

struct Warnings(Vec<Warning>);

impl Warnings {
    /// About a field that the message doesn't name by its path.
    fn say(&mut self, place: &str, message: impl Into<String>) {
        self.0.push(Warning {
            place: place.to_owned(),
            message: message.into(),
        });
    }

    /// About the field at `path`.
    fn add(&mut self, path: &str, message: impl std::fmt::Display) {
        self.say(path, format!("{path}: {message}"));
    }

    fn name(&mut self, object: &Object, used_in: &str) {
        let name = object.metadata().name.as_deref().unwrap_or_default();
        let broken = names::label(name);
        if !name.is_empty() && !broken.is_empty() {
            let message = format!(
                "this is used in {used_in}, which can result in surprising behavior; a DNS label is recommended: [{}]",
                broken.join(" ")
            );
            self.add("metadata.name", message);
        }
    }

    fn slice(&mut self, slice: &EndpointSlice) {
        if slice.address_type == "FQDN" {
            return self.say("addressType", "spec.addressType: FQDN endpoints are deprecated");
        }
        for (number, endpoint) in slice.endpoints.iter().enumerate() {
            for (index, address) in endpoint.addresses.iter().enumerate() {
                addresses::ip(&format!("endpoints[{number}].addresses[{index}]"), address, self);
            }
        }
    }

    fn endpoints(&mut self, endpoints: &Endpoints) {
        let message = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
        self.say("kind", message);
        for (number, subset) in endpoints.subsets.iter().flatten().enumerate() {
            let lists = [
                ("addresses", &subset.addresses),
                ("notReadyAddresses", &subset.not_ready_addresses),
            ];
            for (field, list) in lists {
                for (index, address) in list.iter().flatten().enumerate() {
                    addresses::ip(
                        &format!("subsets[{number}].{field}[{index}].ip"),
                        &address.ip,
                        self,
                    );
                }
            }
        }
    }
}
