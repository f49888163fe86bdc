//! Services in the registry: each has a ClusterIP for as long as it is there.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use podlab_api::object::Resource;
use podlab_api::validation::{FieldError, FieldReason};

use super::{ApiError, Applied, Registry, invalid};
use crate::store::name_of;

/// The service of the API server, which every cluster has.
pub(super) fn api(address: IpAddr) -> Service {
    let labels = [("component", "apiserver"), ("provider", "kubernetes")];
    let port = ServicePort {
        name: Some("https".to_owned()),
        port: 443,
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::Int(6443)),
        ..ServicePort::default()
    };
    Service {
        metadata: ObjectMeta {
            name: Some("kubernetes".to_owned()),
            namespace: Some("default".to_owned()),
            labels: Some(
                labels
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
            ),
            ..ObjectMeta::default()
        },
        spec: Some(ServiceSpec {
            cluster_ip: Some(address.to_string()),
            ports: Some(vec![port]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// The address of a service, if it has one: headless services and ExternalNames don't.
pub(super) fn cluster_ip(service: &Service) -> Option<IpAddr> {
    service.spec.as_ref()?.cluster_ip.as_ref()?.parse().ok()
}

impl Registry {
    pub(super) fn apply_service(&self, mut service: Service) -> Result<Applied, ApiError> {
        let stored = self.store.get::<Service>(&name_of(&service.metadata));
        let old = stored
            .as_ref()
            .and_then(|stored| stored.spec.as_ref()?.cluster_ip.clone());
        let spec = service.spec.get_or_insert_default();
        let requested = spec.cluster_ip.take().filter(|address| !address.is_empty());
        let has_address = spec.type_.as_deref() != Some("ExternalName");
        let taken = match (old, requested) {
            (Some(old), Some(new)) if old != new && has_address => {
                let error = wrong_ip(&new, "may not change once set");
                return Err(invalid(&service.into_object(), vec![error]));
            }
            (Some(old), _) if has_address => {
                set_address(spec, old);
                None
            }
            (_, Some(none)) if none == "None" => {
                set_address(spec, none);
                None
            }
            _ if !has_address => None,
            (_, requested) => match self.allocate(requested) {
                Ok(address) => {
                    set_address(spec, address.to_string());
                    Some(address)
                }
                Err(error) => return Err(invalid(&service.into_object(), vec![error])),
            },
        };
        let applied = self.put(service, |stored, new| stored.spec = new.spec);
        if let (Err(_), Some(address)) = (&applied, taken) {
            self.lock_addresses().release(address);
        }
        applied
    }

    fn allocate(&self, requested: Option<String>) -> Result<IpAddr, FieldError> {
        let Some(text) = requested else {
            return self.lock_addresses().take_any().map_err(|why| FieldError {
                path: "spec.clusterIP".to_owned(),
                reason: FieldReason::Invalid,
                detail: format!("failed to allocate a serviceIP: {why}"),
                help: None,
            });
        };
        let address: IpAddr = text
            .parse()
            .map_err(|_| wrong_ip(&text, "must be a valid IP address"))?;
        let taken = self.lock_addresses().take(address);
        taken.map_err(|why| wrong_ip(&text, &format!("failed to allocate IP {address}: {why}")))?;
        Ok(address)
    }
}

fn set_address(spec: &mut ServiceSpec, address: String) {
    spec.cluster_ips = Some(vec![address.clone()]);
    spec.cluster_ip = Some(address);
    spec.ip_families.get_or_insert_with(|| vec!["IPv4".to_owned()]);
    spec.ip_family_policy
        .get_or_insert_with(|| "SingleStack".to_owned());
}

fn wrong_ip(address: &str, why: &str) -> FieldError {
    FieldError {
        path: "spec.clusterIP".to_owned(),
        reason: FieldReason::Invalid,
        detail: format!("{address:?}: {why}"),
        help: None,
    }
}
