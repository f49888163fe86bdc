//! Kubernetes' own rules for objects, in Kubernetes' own words.

mod addresses;
mod containers;
mod endpoints;
mod labels;
mod metadata;
pub(crate) mod names;
mod pod;
mod probes;
mod service;
mod service_cidr;
mod slice;
mod workload;

use std::fmt::Display;

use crate::object::Object;
use crate::suggest::suggest;

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's path: `spec.ports[0].port`.
    pub path: String,
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
            Some(spec) => pod::validate(spec, errors),
            None => errors.required("containers", ""),
        }),
        Object::Service(service) => service::validate(service, &mut errors),
        Object::Deployment(deployment) => workload::validate_deployment(deployment, &mut errors),
        Object::ReplicaSet(replica_set) => workload::validate_replica_set(replica_set, &mut errors),
        Object::EndpointSlice(slice) => slice::validate(slice, &mut errors),
        Object::Endpoints(endpoints) => endpoints::validate(endpoints, &mut errors),
        Object::ServiceCIDR(range) => service_cidr::validate(range, &mut errors),
        Object::Namespace(_) | Object::Node(_) => {}
    }
    errors.found
}

/// Collects errors under the path of the field that is looked at.
#[derive(Debug, Default)]
struct Errors {
    path: String,
    found: Vec<FieldError>,
}

impl Errors {
    /// Looks at a field of the current one.
    fn at<T>(&mut self, field: &str, look: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 && !field.is_empty() && !field.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(field);
        let result = look(self);
        self.path.truncate(length);
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
            let path = errors.path.clone();
            errors.found.push(FieldError {
                path,
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

    fn duplicate(&mut self, field: &str, value: impl Into<serde_json::Value>) {
        self.add(field, FieldReason::Duplicate, value.into().to_string());
    }

    /// Checks that a value is one of those that the field can have.
    fn one_of(&mut self, field: &str, value: Option<&str>, supported: &[&str]) {
        let Some(value) = value.filter(|value| !supported.contains(value)) else {
            return;
        };
        let help = suggest(value, supported.iter().copied()).map(|meant| format!("did you mean {meant:?}?"));
        let supported: Vec<String> = supported.iter().map(|value| format!("{value:?}")).collect();
        let detail = format!("{value:?}: supported values: {}", supported.join(", "));
        self.add_with_help(field, FieldReason::Unsupported, detail, help);
    }

    fn not_negative(&mut self, field: &str, value: Option<impl Into<i64>>) {
        if let Some(value) = value.map(Into::into).filter(|value| *value < 0) {
            self.invalid(field, value, "must be greater than or equal to 0");
        }
    }

    fn port(&mut self, field: &str, port: i32) {
        if !(1..=65535).contains(&port) {
            self.invalid(field, port, "must be between 1 and 65535, inclusive");
        }
    }

    /// Adds an error for each rule that a name breaks.
    fn name(&mut self, field: &str, name: &str, rule: fn(&str) -> Vec<String>) {
        for why in rule(name) {
            self.invalid(field, name, &why);
        }
    }
}
