//! How a pod resolves names.

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::json;

use crate::validation::addresses::ip;
use crate::validation::{Errors, names};

// What the resolver of the C library takes.
const NAMESERVERS: usize = 3;
const SEARCHES: usize = 32;
const SEARCH_CHARACTERS: usize = 2048;

pub(super) fn validate(spec: &PodSpec, errors: &mut Errors) {
    let is_none = spec.dns_policy.as_deref() == Some("None");
    let Some(config) = &spec.dns_config else {
        if is_none {
            errors.required("dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None");
        }
        return;
    };
    let nameservers = config.nameservers.as_deref().unwrap_or_default();
    if is_none && nameservers.is_empty() {
        let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        return errors.required("dnsConfig.nameservers", why);
    }
    errors.at("dnsConfig", |errors| {
        if nameservers.len() > NAMESERVERS {
            let rule = format!("must not have more than {NAMESERVERS} nameservers");
            errors.invalid("nameservers", json!(nameservers), &rule);
        }
        errors.each("nameservers", nameservers, |address, errors| {
            ip("", address, errors);
        });
        validate_searches(config.searches.as_deref().unwrap_or_default(), errors);
        errors.each("options", config.options.iter().flatten(), |option, errors| {
            if option.name.as_deref().is_none_or(str::is_empty) {
                errors.required("", "must not be empty");
            }
        });
    });
}

fn validate_searches(searches: &[String], errors: &mut Errors) {
    if searches.len() > SEARCHES {
        let rule = format!("must not have more than {SEARCHES} search paths");
        errors.invalid("searches", json!(searches), &rule);
    }
    if searches.join(" ").len() > SEARCH_CHARACTERS {
        let rule = format!(
            "must not have more than {SEARCH_CHARACTERS} characters (including spaces) in the search list"
        );
        errors.invalid("searches", json!(searches), &rule);
    }
    errors.each("searches", searches, |search, errors| {
        if search != "." {
            let domain = search.strip_suffix('.').unwrap_or(search);
            errors.name("", domain, names::searched_domain);
        }
    });
}
