//! Leases: who leads, and for how long.

use k8s_openapi::api::coordination::v1::Lease;

use super::Errors;

pub(super) fn validate(lease: &Lease, errors: &mut Errors) {
    let Some(spec) = &lease.spec else { return };
    errors.at("spec", |errors| {
        if let Some(seconds) = spec.lease_duration_seconds.filter(|seconds| *seconds <= 0) {
            errors.invalid("leaseDurationSeconds", seconds, "must be greater than 0");
        }
        errors.not_negative("leaseTransitions", spec.lease_transitions);
    });
}
