//! Status: Kubernetes' answer to a request that can't be fulfilled, and to some that can.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusCause, StatusDetails};
use podlab_api::object::Kind;
use podlab_api::validation::{FieldError, FieldReason};
use podlab_api::wire::{DecodeError, ParseError};
use podlab_control::registry::ApiError;
use podlab_control::store::{Expired, StoreError};
use serde_json::{Value, json};

use crate::apply::ApplyError;
use crate::failure::failure;
use crate::patch::PatchError;
use crate::protobuf::ProtobufError;
use crate::query::QueryError;

/// Why a request isn't fulfilled: a Status with its HTTP code, reason and details.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure(Box<Status>);

impl Failure {
    fn new(code: StatusCode, reason: &str, message: impl Into<String>) -> Self {
        Self(Box::new(failure(
            code.as_u16(),
            reason,
            message.into(),
            Vec::new(),
        )))
    }

    /// What it says to people.
    pub(crate) fn message(&self) -> &str {
        self.0.message.as_deref().unwrap_or_default()
    }

    fn about(mut self, details: StatusDetails) -> Self {
        self.0.details = Some(details);
        self
    }

    fn of(self, kind: Kind, name: &str) -> Self {
        self.about(details(kind.plural(), kind.group(), name))
    }

    /// A list may be continued by this token all the same.
    pub(crate) fn continued(mut self, token: String) -> Self {
        self.0.metadata.continue_ = Some(token);
        self
    }

    /// 400: the request makes no sense.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// 401: it isn't known who asks.
    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// 404: the path leads to nothing.
    pub(crate) fn no_resource() -> Self {
        let message = "the server could not find the requested resource";
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(StatusDetails::default())
    }

    /// 404: there is no such object.
    pub(crate) fn not_found(kind: Kind, name: &str) -> Self {
        let message = format!("{} {name:?} not found", kind.qualified());
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).of(kind, name)
    }

    /// 405: the resource can't be asked so.
    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message).about(StatusDetails::default())
    }

    /// 406: no form of the answer that the client accepts.
    pub(crate) fn not_acceptable(accepted: &str) -> Self {
        let message = format!("only the following media types are accepted: {accepted}");
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
    }

    /// 410: what was so long ago isn't known any more.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Expired", message)
    }

    /// 413: the body is too large.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
    }

    /// 415: the body is of a form that isn't understood.
    pub(crate) fn unsupported_media_type(accepted: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {accepted}"
        );
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            message,
        )
    }

    /// 422: the request's options or object break a rule.
    pub(crate) fn invalid(what: &str, group: &str, name: &str, errors: &[FieldError]) -> Self {
        let mut texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        texts.dedup();
        let list = match texts.as_slice() {
            [only] => only.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let qualified = if group.is_empty() {
            what.to_owned()
        } else {
            format!("{what}.{group}")
        };
        let message = format!("{qualified} {name:?} is invalid: {list}");
        let causes = errors.iter().map(cause).collect::<Vec<_>>();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).about(StatusDetails {
            causes: Some(causes),
            ..details(what, group, name)
        })
    }

    /// 504: the revision asked for isn't there yet.
    pub(crate) fn too_new(revision: u64, newest: u64) -> Self {
        let message = format!("Too large resource version: {revision}, current: {newest}");
        let cause = StatusCause {
            reason: Some("ResourceVersionTooLarge".to_owned()),
            message: Some("Too large resource version".to_owned()),
            field: None,
        };
        Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message).about(StatusDetails {
            causes: Some(vec![cause]),
            retry_after_seconds: Some(1),
            ..StatusDetails::default()
        })
    }

    /// 500 or another: something went wrong on the way.
    pub(crate) fn internal(message: impl std::fmt::Display) -> Self {
        let text = format!("Internal error occurred: {message}");
        let cause = StatusCause {
            message: Some(message.to_string()),
            ..StatusCause::default()
        };
        Self(Box::new(failure(500, "InternalError", text, vec![cause])))
    }

    /// Whether somebody else has changed the object.
    pub(crate) fn is_conflict(&self) -> bool {
        self.has_reason("Conflict")
    }

    /// Whether the name is taken.
    pub(crate) fn is_taken(&self) -> bool {
        self.has_reason("AlreadyExists")
    }

    /// Whether there is no such object.
    pub(crate) fn is_not_found(&self) -> bool {
        self.has_reason("NotFound")
    }

    fn has_reason(&self, reason: &str) -> bool {
        self.0.reason.as_deref() == Some(reason)
    }

    /// The Status as JSON.
    pub(crate) fn to_json(&self) -> Value {
        json!(self.0)
    }
}

fn details(kind: &str, group: &str, name: &str) -> StatusDetails {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    StatusDetails {
        kind: text(kind),
        group: text(group),
        name: text(name),
        ..StatusDetails::default()
    }
}

fn cause(error: &FieldError) -> StatusCause {
    let reason = match error.reason {
        FieldReason::Required => "FieldValueRequired",
        FieldReason::Invalid => "FieldValueInvalid",
        FieldReason::Unsupported => "FieldValueNotSupported",
        FieldReason::Duplicate => "FieldValueDuplicate",
        FieldReason::Forbidden => "FieldValueForbidden",
        FieldReason::NotFound => "FieldValueNotFound",
        FieldReason::TooMany => "FieldValueTooMany",
        FieldReason::TooLong => "FieldValueTooLong",
    };
    StatusCause {
        reason: Some(reason.to_owned()),
        message: Some(error.message()),
        field: Some(error.path.clone()),
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let code = self
            .0
            .code
            .and_then(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok());
        let code = code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (code, Json(self.0)).into_response()
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        let (code, reason, kind, name) = match error {
            StoreError::NotFound { kind, name } => (StatusCode::NOT_FOUND, "NotFound", kind, name),
            StoreError::AlreadyExists { kind, name } => (StatusCode::CONFLICT, "AlreadyExists", kind, name),
            StoreError::Conflict { kind, name } => (StatusCode::CONFLICT, "Conflict", kind, name),
        };
        Self::new(code, reason, message).of(kind, &name.name)
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let message = error.to_string();
        match error {
            ApiError::Store(error) => error.into(),
            ApiError::Invalid { kind, name, errors } => {
                Self::invalid(kind.as_str(), kind.group(), &name, &errors)
            }
            ApiError::NoNamespace(name) => Self::not_found(Kind::Namespace, &name),
            ApiError::Forbidden { kind, name, .. } | ApiError::Exceeded { kind, name, .. } => {
                Self::new(StatusCode::FORBIDDEN, "Forbidden", message).of(kind, &name)
            }
            ApiError::Precondition { kind, name, .. } => {
                Self::new(StatusCode::CONFLICT, "Conflict", message).of(kind, &name)
            }
            ApiError::Internal(why) => Self::internal(why),
            ApiError::Unknown(why) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", why),
        }
    }
}

impl From<Expired> for Failure {
    fn from(error: Expired) -> Self {
        Self::expired(error.to_string())
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<ProtobufError> for Failure {
    fn from(error: ProtobufError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<PatchError> for Failure {
    fn from(error: PatchError) -> Self {
        error.status().into()
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        error.status().into()
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self(Box::new(status))
    }
}

/// The Status of a request that was fulfilled and has no object to show.
pub(crate) fn success(kind: Kind, name: &str, uid: Option<&str>) -> Value {
    json!(Status {
        status: Some("Success".to_owned()),
        details: Some(StatusDetails {
            uid: uid.map(str::to_owned),
            ..details(kind.plural(), kind.group(), name)
        }),
        ..Status::default()
    })
}
