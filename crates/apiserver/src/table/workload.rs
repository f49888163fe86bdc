//! What makes pods: Deployments, ReplicaSets, and their subresource `scale`.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};

use super::text::{age, name, selector, selector_or_none};
use super::{AGE, CONTAINERS, Cell, Column, IMAGES, NAME, Printed, SELECTOR, cells};

impl Printed for Deployment {
    const COLUMNS: &'static [Column] = &[
        NAME,
        Column::text("Ready", "How many of the pods that it is to have are ready."),
        Column::text("Up-to-date", "How many pods are of the newest template."),
        Column::text("Available", "How many pods have been ready long enough."),
        AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        let (spec, status) = (self.spec.as_ref(), self.status.as_ref());
        let replicas = spec.and_then(|spec| spec.replicas).unwrap_or_default();
        let ready = status
            .and_then(|status| status.ready_replicas)
            .unwrap_or_default();
        let updated = status.and_then(|status| status.updated_replicas);
        let available = status.and_then(|status| status.available_replicas);
        let (containers, images) = containers(spec.map(|spec| &spec.template));
        let selector = spec.map_or(Some(String::new()), |spec| selector(&spec.selector));
        cells![
            name(&self.metadata),
            format!("{ready}/{replicas}"),
            updated.unwrap_or_default(),
            available.unwrap_or_default(),
            age(&self.metadata, now),
            containers,
            images,
            selector.unwrap_or_else(|| "<invalid>".to_owned()),
        ]
    }
}

impl Printed for ReplicaSet {
    const COLUMNS: &'static [Column] = &[
        NAME,
        Column::number("Desired", "How many pods it is to have."),
        Column::number("Current", "How many pods it has."),
        Column::number("Ready", "How many of them are ready."),
        AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        let (spec, status) = (self.spec.as_ref(), self.status.as_ref());
        let (containers, images) = containers(spec.and_then(|spec| spec.template.as_ref()));
        cells![
            name(&self.metadata),
            spec.and_then(|spec| spec.replicas).unwrap_or_default(),
            status.map_or(0, |status| status.replicas),
            status
                .and_then(|status| status.ready_replicas)
                .unwrap_or_default(),
            age(&self.metadata, now),
            containers,
            images,
            selector_or_none(spec.map(|spec| &spec.selector)),
        ]
    }
}

impl Printed for Scale {
    const COLUMNS: &'static [Column] = &[
        Column::text("Name", NAME.description),
        Column::number("Desired", "How many pods there are to be."),
        Column::number("Available", "How many pods there are."),
        AGE,
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        let (spec, status) = (self.spec.as_ref(), self.status.as_ref());
        cells![
            name(&self.metadata),
            spec.and_then(|spec| spec.replicas).unwrap_or_default(),
            status.map_or(0, |status| status.replicas),
            age(&self.metadata, now),
        ]
    }
}

/// The names and the images of a template's containers.
fn containers(template: Option<&PodTemplateSpec>) -> (String, String) {
    let containers = template
        .and_then(|template| template.spec.as_ref())
        .map_or(&[][..], |spec| &spec.containers);
    let joined = |text: fn(&Container) -> &str| {
        let texts: Vec<&str> = containers.iter().map(text).collect();
        texts.join(",")
    };
    let names = joined(|container| &container.name);
    let images = joined(|container| container.image.as_deref().unwrap_or_default());
    (names, images)
}
