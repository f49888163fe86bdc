//! The Status of a request that is refused.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ListMeta, Status, StatusCause, StatusDetails};

/// A failure; without a reason if `reason` is empty, as Kubernetes has it for what it doesn't expect.
pub(crate) fn failure(code: u16, reason: &str, message: String, causes: Vec<StatusCause>) -> Status {
    Status {
        code: Some(code.into()),
        details: (!causes.is_empty()).then(|| StatusDetails {
            causes: Some(causes),
            ..StatusDetails::default()
        }),
        message: Some(message),
        metadata: ListMeta::default(),
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        status: Some("Failure".to_owned()),
    }
}
