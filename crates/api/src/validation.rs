//! Kubernetes' own rules for objects, in Kubernetes' own words.

mod addresses;
mod config_map;
mod containers;
mod endpoints;
mod event;
mod labels;
mod lease;
mod metadata;
pub(crate) mod names;
mod network_policy;
mod node;
mod pod;
mod probes;
mod secret;
mod service;
mod service_cidr;
mod slice;
mod update;
mod workload;

#[cfg(test)]
mod tests;

use std::fmt::Display;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::object::Object;
use crate::suggest::suggest;

pub use names::label;
pub use update::validate_update;

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's path as Kubernetes tells it: `spec.ports[0].port`.
    pub path: String,
    /// Where it stands, for Kubernetes' path doesn't always lead there: `metadata.labels` is told of
    /// `metadata.labels[app]`.
    pub place: String,
    /// Which sort of rule.
    pub reason: FieldReason,
    /// The value and the rule, without path and reason; may be empty.
    pub detail: String,
    /// What can be done about it.
    pub help: Option<String>,
}

/// What is wrong with a field; its text form is how Kubernetes begins the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldReason {
    /// The field is missing.
    Required,
    /// The value breaks a rule.
    Invalid,
    /// The value isn't one of those that the field can have.
    Unsupported,
    /// The value occurs twice.
    Duplicate,
    /// The field can't be set here.
    Forbidden,
    /// The value names something that isn't there.
    NotFound,
    /// There are too many items.
    TooMany,
    /// The value has too many characters.
    TooLong,
}

impl Display for FieldReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Required => "Required value",
            Self::Invalid => "Invalid value",
            Self::Unsupported => "Unsupported value",
            Self::Duplicate => "Duplicate value",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not found",
            Self::TooMany => "Too many",
            Self::TooLong => "Too long",
        })
    }
}

impl FieldError {
    /// An error about the field at `path`, which is where it stands.
    pub fn new(path: &str, reason: FieldReason, detail: String) -> Self {
        Self {
            path: path.to_owned(),
            place: path.to_owned(),
            reason,
            detail,
            help: None,
        }
    }

    /// The value is told in its JSON form: text in quotes, numbers without.
    pub fn invalid(path: &str, value: impl Into<serde_json::Value>, why: &str) -> Self {
        Self::new(path, FieldReason::Invalid, format!("{}: {why}", value.into()))
    }

    /// The message without the path: `Invalid value: 0: must be between 1 and 65535, inclusive`.
    pub fn message(&self) -> String {
        if self.detail.is_empty() {
            self.reason.to_string()
        } else {
            format!("{}: {}", self.reason, self.detail)
        }
    }
}

impl Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.message())
    }
}

/// Everything in an object that breaks a rule of Kubernetes. Expects an object with its defaults filled in.
///
/// What depends on other objects, such as whether a ClusterIP is free, is left to the registry.
pub fn validate(object: &Object) -> Vec<FieldError> {
    let mut errors = Errors::default();
    metadata::validate(object, &mut errors);
    match object {
        Object::Pod(pod) => errors.at("spec", |errors| match &pod.spec {
            Some(spec) => pod::validate(spec, pod::Of::Pod, errors),
            None => errors.required("containers", ""),
        }),
        Object::Service(service) => service::validate(service, &mut errors),
        Object::Deployment(deployment) => workload::validate_deployment(deployment, &mut errors),
        Object::ReplicaSet(replica_set) => workload::validate_replica_set(replica_set, &mut errors),
        Object::EndpointSlice(slice) => slice::validate(slice, &mut errors),
        Object::Endpoints(endpoints) => endpoints::validate(endpoints, &mut errors),
        Object::ServiceCIDR(range) => service_cidr::validate(range, &mut errors),
        Object::ConfigMap(map) => config_map::validate(map, &mut errors),
        Object::Secret(secret) => secret::validate(secret, &mut errors),
        Object::NetworkPolicy(policy) => network_policy::validate(policy, &mut errors),
        Object::Event(event) => event::validate(event, &mut errors),
        Object::Lease(lease) => lease::validate(lease, &mut errors),
        Object::Node(node) => node::validate(node, &mut errors),
        Object::Namespace(namespace) => {
            let finalizers = namespace.spec.as_ref().and_then(|spec| spec.finalizers.as_ref());
            for name in finalizers.into_iter().flatten() {
                errors.name("spec.finalizers", name, names::qualified);
                errors.name("spec.finalizers", name, names::finalizer);
            }
        }
        Object::ServiceAccount(_) => {}
    }
    errors.found
}

/// Collects errors under the path of the field that is looked at.
#[derive(Debug, Default)]
struct Errors {
    path: String,
    place: String,
    found: Vec<FieldError>,
}

impl Errors {
    /// Looks at a field of the current one.
    fn at<T>(&mut self, field: &str, look: impl FnOnce(&mut Self) -> T) -> T {
        self.at_told_as(field, field, look)
    }

    /// Looks at a field of the current one that Kubernetes tells by another path.
    fn at_told_as<T>(&mut self, told: &str, field: &str, look: impl FnOnce(&mut Self) -> T) -> T {
        let (path, place) = (self.path.len(), self.place.len());
        push(&mut self.path, told);
        push(&mut self.place, field);
        let result = look(self);
        self.path.truncate(path);
        self.place.truncate(place);
        result
    }

    /// Looks at each item of a list.
    fn each<'a, T: 'a>(
        &mut self,
        field: &str,
        items: impl IntoIterator<Item = &'a T>,
        mut look: impl FnMut(&'a T, &mut Self),
    ) {
        self.at(field, |errors| {
            for (index, item) in items.into_iter().enumerate() {
                errors.at(&format!("[{index}]"), |errors| look(item, errors));
            }
        });
    }

    fn add(&mut self, field: &str, reason: FieldReason, detail: String) {
        self.add_with_help(field, reason, detail, None);
    }

    fn add_with_help(&mut self, field: &str, reason: FieldReason, detail: String, help: Option<String>) {
        self.at(field, |errors| {
            errors.found.push(FieldError {
                path: errors.path.clone(),
                place: errors.place.clone(),
                reason,
                detail,
                help,
            });
        });
    }

    fn required(&mut self, field: &str, why: &str) {
        self.add(field, FieldReason::Required, why.to_owned());
    }

    fn forbidden(&mut self, field: &str, why: &str) {
        self.add(field, FieldReason::Forbidden, why.to_owned());
    }

    /// `value` in its JSON form: text in quotes, numbers without.
    fn invalid(&mut self, field: &str, value: impl Into<serde_json::Value>, why: &str) {
        self.add(field, FieldReason::Invalid, format!("{}: {why}", value.into()));
    }

    fn not_found(&mut self, field: &str, value: &str) {
        self.add(field, FieldReason::NotFound, format!("{value:?}"));
    }

    /// Checks that a list isn't longer than allowed.
    fn at_most(&mut self, field: &str, count: usize, most: usize) -> bool {
        if count > most {
            let detail = format!("{count}: must have at most {most} items");
            self.add(field, FieldReason::TooMany, detail);
        }
        count <= most
    }

    fn too_long(&mut self, field: &str, most: usize) {
        self.add(
            field,
            FieldReason::TooLong,
            format!("may not be more than {most} bytes"),
        );
    }

    fn duplicate(&mut self, field: &str, value: impl Into<serde_json::Value>) {
        self.add(field, FieldReason::Duplicate, value.into().to_string());
    }

    /// Checks that a value is one of those that the field can have.
    fn one_of(&mut self, field: &str, value: Option<&str>, supported: &[&str]) {
        if let Some(value) = value.filter(|value| !supported.contains(value)) {
            self.unsupported(field, format!("{value:?}"), Some(value), supported);
        }
    }

    /// `told` is what the message says of the value.
    fn unsupported(&mut self, field: &str, told: String, value: Option<&str>, supported: &[&str]) {
        let meant = value.and_then(|value| suggest(value, supported.iter().copied()));
        let help = meant.map(|meant| format!("did you mean {meant:?}?"));
        let supported: Vec<String> = supported.iter().map(|value| format!("{value:?}")).collect();
        let detail = format!("{told}: supported values: {}", supported.join(", "));
        self.add_with_help(field, FieldReason::Unsupported, detail, help);
    }

    fn not_negative(&mut self, field: &str, value: Option<impl Into<i64>>) {
        if let Some(value) = value.map(Into::into).filter(|value| *value < 0) {
            self.invalid(field, value, "must be greater than or equal to 0");
        }
    }

    fn port(&mut self, field: &str, port: i32) {
        self.between(field, port, 1, 65535);
    }

    fn between(&mut self, field: &str, value: impl Into<i64>, least: i64, most: i64) {
        let value = value.into();
        if !(least..=most).contains(&value) {
            let why = format!("must be between {least} and {most}, inclusive");
            self.invalid(field, value, &why);
        }
    }

    /// A port by its number or by its name.
    fn port_or_name(&mut self, field: &str, port: &IntOrString) {
        match port {
            IntOrString::Int(number) => self.port(field, *number),
            IntOrString::String(name) => self.name(field, name, names::port_name),
        }
    }

    /// Adds an error for each rule that a name breaks.
    fn name(&mut self, field: &str, name: &str, rule: fn(&str) -> Vec<String>) {
        for why in rule(name) {
            self.invalid(field, name, &why);
        }
    }
}

fn push(path: &mut String, field: &str) {
    if !path.is_empty() && !field.is_empty() && !field.starts_with('[') {
        path.push('.');
    }
    path.push_str(field);
}
