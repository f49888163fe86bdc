//! Kinds of which one or two columns tell all.

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, ServiceAccount};
use k8s_openapi::api::networking::v1::{NetworkPolicy, ServiceCIDR};

use super::text::{age, name, or_empty, selector_or_none};
use super::{AGE, Cell, Column, NAME, Printed, cells};

impl Printed for Namespace {
    const COLUMNS: &'static [Column] = &[
        NAME,
        Column::text("Status", "Whether the namespace is in use or being deleted."),
        AGE,
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        let phase = self.status.as_ref().and_then(|status| status.phase.as_deref());
        cells![
            name(&self.metadata),
            phase.unwrap_or_default(),
            age(&self.metadata, now)
        ]
    }
}

impl Printed for ConfigMap {
    const COLUMNS: &'static [Column] = &[NAME, Column::text("Data", "How many entries it has."), AGE];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        let texts = self.data.as_ref().map_or(0, |data| data.len());
        let binaries = self.binary_data.as_ref().map_or(0, |data| data.len());
        cells![name(&self.metadata), texts + binaries, age(&self.metadata, now)]
    }
}

impl Printed for Secret {
    const COLUMNS: &'static [Column] = &[
        NAME,
        Column::text("Type", "What the secret is for."),
        Column::text("Data", "How many entries it has."),
        AGE,
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        cells![
            name(&self.metadata),
            or_empty(&self.type_),
            self.data.as_ref().map_or(0, |data| data.len()),
            age(&self.metadata, now),
        ]
    }
}

impl Printed for ServiceAccount {
    const COLUMNS: &'static [Column] = &[
        NAME,
        Column::text("Secrets", "How many secrets its pods may use."),
        AGE,
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        cells![
            name(&self.metadata),
            self.secrets.as_ref().map_or(0, Vec::len),
            age(&self.metadata, now),
        ]
    }
}

impl Printed for Lease {
    const COLUMNS: &'static [Column] = &[NAME, Column::text("Holder", "Who has the lease."), AGE];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        let holder = self
            .spec
            .as_ref()
            .and_then(|spec| spec.holder_identity.as_deref());
        cells![
            name(&self.metadata),
            holder.unwrap_or_default(),
            age(&self.metadata, now)
        ]
    }
}

impl Printed for NetworkPolicy {
    const COLUMNS: &'static [Column] = &[
        NAME,
        Column::text("Pod-Selector", "The labels of the pods that it is about."),
        AGE,
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        let selector = self.spec.as_ref().and_then(|spec| spec.pod_selector.as_ref());
        cells![
            name(&self.metadata),
            selector_or_none(selector),
            age(&self.metadata, now),
        ]
    }
}

impl Printed for ServiceCIDR {
    const COLUMNS: &'static [Column] = &[
        NAME,
        Column::text("CIDRs", "The ranges that ClusterIPs are taken from."),
        AGE,
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        let cidrs = self.spec.as_ref().and_then(|spec| spec.cidrs.as_deref());
        cells![
            name(&self.metadata),
            cidrs.unwrap_or_default().join(","),
            age(&self.metadata, now),
        ]
    }
}
