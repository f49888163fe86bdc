//! ServiceCIDRs in the registry: a range is used as long as it is there, and stays as long as it is used.

use std::sync::Arc;

use ipnet::IpNet;
use k8s_openapi::api::networking::v1::{ServiceCIDR, ServiceCIDRSpec, ServiceCIDRStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, Time};
use podlab_api::object::{Object, Resource};
use podlab_api::steps::NamespacedName;
use podlab_api::validation::FieldError;

use super::{ApiError, Mode, Registry, invalid};
use crate::store::name_of;

/// Who keeps a range as long as a service has an address of it.
const FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";

/// The reason of its condition while it waits for the last one.
const TERMINATING: &str = "Terminating";

/// The range that every cluster has, by the name that Kubernetes gives it.
pub(super) fn first(cidr: IpNet) -> ServiceCIDR {
    ServiceCIDR {
        metadata: ObjectMeta {
            name: Some("kubernetes".to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(ServiceCIDRSpec {
            cidrs: Some(vec![cidr.trunc().to_string()]),
        }),
        status: None,
    }
}

impl Registry {
    /// Takes a range into use, and stores it by `put`.
    pub(super) fn store_service_cidr(
        &self,
        mut range: ServiceCIDR,
        stored: Option<&ServiceCIDR>,
        put: impl FnOnce(Object) -> Result<Arc<Object>, ApiError>,
        mode: Mode,
    ) -> Result<Arc<Object>, ApiError> {
        let old = stored.map(cidrs).unwrap_or_default();
        let wanted = cidrs(&range);
        let mut addresses = self.lock_addresses();
        for (index, cidr) in wanted.iter().enumerate().skip(old.len()) {
            if let Err(why) = addresses.add_range(*cidr) {
                wanted[old.len()..index]
                    .iter()
                    .for_each(|cidr| addresses.remove_range(*cidr));
                let path = format!("spec.cidrs[{index}]");
                let error = FieldError::invalid(&path, cidr.to_string(), &why.to_string());
                return Err(invalid(&range.into_object(), vec![error]));
            }
        }
        drop(addresses);
        if stored.is_none() {
            let message = "Kubernetes Service CIDR is ready";
            set_ready(&mut range, true, "", message, self.store.now());
        }
        range.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
        let result = put(range.into_object());
        if result.is_err() || mode == Mode::DryRun {
            let mut addresses = self.lock_addresses();
            wanted[old.len()..]
                .iter()
                .for_each(|cidr| addresses.remove_range(*cidr));
        }
        // It may hold the addresses that another one is kept for.
        self.remove_unused_ranges();
        result
    }

    /// No service gets an address of a range that is being deleted; it goes with the last one that has.
    pub(super) fn close_service_cidr(&self, name: &NamespacedName) {
        let Some(range) = self.store.get::<ServiceCIDR>(name) else {
            return;
        };
        let mut addresses = self.lock_addresses();
        cidrs(&range)
            .iter()
            .for_each(|cidr| addresses.remove_range(*cidr));
        drop(addresses);
        self.remove_unused_ranges();
        // Not found: it is gone already.
        let _ = self.store.modify(name, |range: &mut ServiceCIDR| {
            let message =
                "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
            let is_told = range.status.iter().flat_map(|status| status.conditions.iter().flatten());
            if !is_told.into_iter().any(|condition| condition.reason == TERMINATING) {
                set_ready(range, false, TERMINATING, message, self.store.now());
            }
        });
    }

    /// Removes the ranges that are being deleted and that no service depends on.
    pub(super) fn remove_unused_ranges(&self) {
        let mut ranges = self.store.list::<ServiceCIDR>();
        ranges.retain(|range| range.metadata.deletion_timestamp.is_some());
        for range in ranges {
            let addresses = self.lock_addresses();
            if !cidrs(&range).iter().any(|cidr| addresses.depend_on(*cidr)) {
                // Not found: somebody else was faster.
                let _ = self.store.remove::<ServiceCIDR>(&name_of(&range.metadata));
            }
        }
    }
}

fn cidrs(range: &ServiceCIDR) -> Vec<IpNet> {
    let cidrs = range.spec.iter().flat_map(|spec| spec.cidrs.iter().flatten());
    cidrs.filter_map(|cidr| cidr.parse().ok()).collect()
}

fn set_ready(range: &mut ServiceCIDR, ready: bool, reason: &str, message: &str, now: Time) {
    let condition = Condition {
        type_: "Ready".to_owned(),
        status: if ready { "True" } else { "False" }.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time: now,
        observed_generation: None,
    };
    range.status = Some(ServiceCIDRStatus {
        conditions: Some(vec![condition]),
    });
}
