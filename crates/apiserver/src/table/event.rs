//! Events.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;

use super::text::{given, name, or_empty, since, time};
use super::{Cell, Column, NAME, Printed, cells};

impl Printed for Event {
    const COLUMNS: &'static [Column] = &[
        Column::text("Last Seen", "The time since it happened last."),
        Column::text("Type", "Normal or Warning."),
        Column::text("Reason", "What happened, in a word."),
        Column::text("Object", "What it happened to."),
        Column::text("Subobject", "The part of the object that it happened to.").wide(),
        Column::text("Source", "Who reports it, and from where.").wide(),
        Column::text("Message", "What happened."),
        Column::text("First Seen", "The time since it happened first.").wide(),
        Column::text("Count", "How often it happened.").wide(),
        NAME.wide(),
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        let first = self.first_timestamp.as_ref().map(time);
        let first = first.or_else(|| self.event_time.as_ref().map(|time| time.0));
        let (last, count) = match &self.series {
            Some(series) => (
                series.last_observed_time.as_ref().map(|time| time.0),
                series.count.unwrap_or_default(),
            ),
            None => (
                self.last_timestamp.as_ref().map(time).or(first),
                // Newer clients don't count what happened once.
                self.count.filter(|count| *count != 0).unwrap_or(1),
            ),
        };
        cells![
            since(last, now),
            or_empty(&self.type_),
            or_empty(&self.reason),
            object(self),
            or_empty(&self.involved_object.field_path),
            source(self),
            or_empty(&self.message).trim(),
            since(first, now),
            count,
            name(&self.metadata),
        ]
    }
}

/// `pod/web`
fn object(event: &Event) -> String {
    let kind = or_empty(&event.involved_object.kind).to_lowercase();
    match or_empty(&event.involved_object.name) {
        "" => kind,
        name => format!("{kind}/{name}"),
    }
}

/// `kubelet, node-1`
fn source(event: &Event) -> String {
    let source = event.source.as_ref();
    let component = source.and_then(|source| source.component.as_deref());
    let component = given(component, or_empty(&event.reporting_component));
    let host = source.and_then(|source| source.host.as_deref());
    match given(host, or_empty(&event.reporting_instance)) {
        "" => component.to_owned(),
        instance => format!("{component}, {instance}"),
    }
}
