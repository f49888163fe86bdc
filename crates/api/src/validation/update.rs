//! What an object may not become.

mod config;
mod node;
mod pod;
mod service;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::networking::v1::ServiceCIDR;
use serde_json::{Value, json};

use super::{Errors, FieldError, metadata, service_cidr, validate};
use crate::object::Object;

const IMMUTABLE: &str = "field is immutable";

/// Everything that breaks a rule of Kubernetes when `new` takes the place of `old`, an object of the same kind. Expects
/// both with their defaults filled in, and `new` with what an update keeps.
pub fn validate_update(new: &Object, old: &Object) -> Vec<FieldError> {
    let mut errors = Errors::default();
    metadata::validate_update(new.metadata(), old.metadata(), &mut errors);
    match (new, old) {
        (Object::ConfigMap(new), Object::ConfigMap(old)) => {
            config::validate_config_map(new, old, &mut errors)
        }
        (Object::Secret(new), Object::Secret(old)) => config::validate_secret(new, old, &mut errors),
        (Object::Node(new), Object::Node(old)) => node::validate(new, old, &mut errors),
        _ => {}
    }
    match (new, old) {
        (Object::Service(new_service), Object::Service(old)) => {
            service::validate(new_service, old, &mut errors);
            errors.found.extend(validate(new));
        }
        (Object::ServiceCIDR(new), Object::ServiceCIDR(old)) => validate_range(new, old, &mut errors),
        _ => errors.found.extend(validate(new)),
    }
    match (new, old) {
        (Object::Pod(new), Object::Pod(old)) => pod::validate(new, old, &mut errors),
        (Object::Deployment(new), Object::Deployment(old)) => {
            let selector = |it: &Deployment| json!(it.spec.as_ref().map(|spec| &spec.selector));
            immutable("spec.selector", selector(new), selector(old), &mut errors);
        }
        (Object::ReplicaSet(new), Object::ReplicaSet(old)) => {
            let selector = |it: &ReplicaSet| json!(it.spec.as_ref().map(|spec| &spec.selector));
            immutable("spec.selector", selector(new), selector(old), &mut errors);
        }
        (Object::EndpointSlice(new), Object::EndpointSlice(old)) => {
            let (new, old) = (new.address_type.as_str(), old.address_type.as_str());
            immutable("addressType", json!(new), json!(old), &mut errors);
        }
        _ => {}
    }
    errors.found
}

/// What may not change at all.
pub(super) fn immutable(field: &str, new: Value, old: Value, errors: &mut Errors) {
    if new != old {
        errors.invalid(field, new, IMMUTABLE);
    }
}

/// A range stays; one of the other family may join it.
fn validate_range(new: &ServiceCIDR, old: &ServiceCIDR, errors: &mut Errors) {
    let cidrs = |range: &ServiceCIDR| {
        let cidrs = range.spec.as_ref().and_then(|spec| spec.cidrs.clone());
        cidrs.unwrap_or_default()
    };
    let (new_cidrs, old_cidrs) = (cidrs(new), cidrs(old));
    let joins = old_cidrs.len() == 1 && new_cidrs.len() == 2;
    if new_cidrs.len() != old_cidrs.len() && !joins {
        return errors.invalid("spec.cidrs", json!(new_cidrs), IMMUTABLE);
    }
    for (index, (new, old)) in new_cidrs.iter().zip(&old_cidrs).enumerate() {
        let field = format!("spec.cidrs[{index}]");
        immutable(&field, json!(new), json!(old), errors);
    }
    if joins {
        service_cidr::validate(new, errors);
    }
}
