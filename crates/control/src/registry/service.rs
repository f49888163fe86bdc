//! Services in the registry: each has a ClusterIP for as long as it is there.

mod families;

use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use podlab_api::object::{Object, Resource};
use podlab_api::validation::FieldError;
use serde_json::json;

use super::{ApiError, Mode, Registry, invalid};
use crate::allocator::AllocationError;

/// The address of a service, if it has one: headless services and ExternalNames don't.
pub(super) fn cluster_ip(service: &Service) -> Option<IpAddr> {
    service.spec.as_ref()?.cluster_ip.as_ref()?.parse().ok()
}

impl Registry {
    /// Gives a service its address, and stores it by `put`.
    pub(super) fn store_service(
        &self,
        mut service: Service,
        stored: Option<&Service>,
        put: impl FnOnce(Object) -> Result<Arc<Object>, ApiError>,
        mode: Mode,
    ) -> Result<Arc<Object>, ApiError> {
        let old = stored.and_then(cluster_ip);
        let spec = service.spec.get_or_insert_default();
        let mut errors = families::fill(spec, stored.and_then(|stored| stored.spec.as_ref()));
        errors.extend(out_of_range(spec));
        if !errors.is_empty() {
            return Err(invalid(&service.into_object(), errors));
        }
        let needs_address = needs_address(spec);
        let mut new = None;
        if needs_address && old.is_none() {
            let requested = spec.cluster_ip.clone().filter(|address| !address.is_empty());
            let address = self.allocate(&service, requested.as_deref())?;
            set_address(service.spec.get_or_insert_default(), address.to_string());
            new = Some(address);
        }
        let result = put(service.into_object());
        // What nobody has now: the new address when the service isn't there, the old one when its type has changed.
        let unused = match (&result, mode) {
            (Err(_), _) | (_, Mode::DryRun) => new,
            (Ok(_), Mode::Commit) => old.filter(|_| !needs_address),
        };
        unused.into_iter().for_each(|address| self.release(address));
        result
    }

    pub(super) fn release(&self, address: IpAddr) {
        self.lock_addresses().release(address);
        self.remove_unused_ranges();
    }

    fn allocate(&self, service: &Service, requested: Option<&str>) -> Result<IpAddr, ApiError> {
        let Some(text) = requested else {
            let taken = self.lock_addresses().take_any();
            return taken.map_err(|why| ApiError::Internal(format!("failed to allocate a serviceIP: {why}")));
        };
        let refuse = |why: &str, help: Option<String>| {
            let error = FieldError {
                help,
                ..FieldError::invalid("spec.clusterIPs", json!([text]), why)
            };
            invalid(&service.clone().into_object(), vec![error])
        };
        let address = text.parse();
        let address: IpAddr = address.map_err(|_| refuse("must be a valid IP address", None))?;
        let mut addresses = self.lock_addresses();
        addresses.take(address).map_err(|why| {
            let ranges: Vec<String> = addresses.ranges().map(|range| range.to_string()).collect();
            let help = (why == AllocationError::OutOfRange)
                .then(|| format!("addresses of services come from {}", ranges.join(", ")));
            refuse(&format!("failed to allocate IP {address}: {why}"), help)
        })?;
        Ok(address)
    }
}

/// Ports of nodes that Kubernetes keeps for other things, unless it is told otherwise.
fn out_of_range(spec: &ServiceSpec) -> Vec<FieldError> {
    let ports = spec.ports.iter().flatten().enumerate();
    let ports = ports.filter_map(|(index, port)| Some((index, port.node_port.filter(|port| *port != 0)?)));
    let why = "provided port is not in the valid range. The range of valid ports is 30000-32767";
    ports
        .filter(|(_, port)| !(30000..=32767).contains(port))
        .map(|(index, port)| FieldError::invalid(&format!("spec.ports[{index}].nodePort"), port, why))
        .collect()
}

fn needs_address(spec: &ServiceSpec) -> bool {
    spec.type_.as_deref() != Some("ExternalName") && spec.cluster_ip.as_deref() != Some("None")
}

fn set_address(spec: &mut ServiceSpec, address: String) {
    spec.cluster_ips = Some(vec![address.clone()]);
    spec.cluster_ip = Some(address);
}
