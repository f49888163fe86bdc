//! Events: where they are is where what they are about is; newer ones, which have a time, say more.

use k8s_openapi::api::core::v1::Event;

use super::{Errors, names};

pub(super) fn validate(event: &Event, errors: &mut Errors) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let namespace = text(&event.metadata.namespace);
    let about = text(&event.involved_object.namespace);
    let is_newer = event.event_time.is_some();
    let belongs = match (about.as_str(), is_newer) {
        ("", false) => ["", "default"].contains(&&*namespace),
        ("", true) => ["default", "kube-system"].contains(&&*namespace),
        (about, false) => about == namespace,
        (_, true) => true,
    };
    if !belongs {
        errors.invalid(
            "involvedObject.namespace",
            about,
            "does not match event.namespace",
        );
    }
    if is_newer {
        let reporter = text(&event.reporting_component);
        if reporter.is_empty() {
            errors.required("reportingController", "");
        }
        errors.name("reportingController", &reporter, names::qualified);
        for (field, text) in [
            ("reportingInstance", text(&event.reporting_instance)),
            ("action", text(&event.action)),
            ("reason", text(&event.reason)),
        ] {
            if text.is_empty() {
                errors.required(field, "");
            }
            at_most(field, &text, 128, errors);
        }
        at_most("message", &text(&event.message), 1024, errors);
    }
    errors.name("namespace", &namespace, names::subdomain);
}

fn at_most(field: &str, text: &str, most: usize, errors: &mut Errors) {
    if text.len() > most {
        errors.invalid(field, "", &format!("can have at most {most} characters"));
    }
}
