//! Who asks: the identity that a client certificate stands for, and the answer to who has none.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::status::Failure;

/// Who has sent a request; among the request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's name.
    pub user: String,
    /// The groups that the user is in.
    pub groups: Vec<String>,
}

impl Identity {
    /// The administrator's name and group, as kubeadm has them.
    pub(crate) const ADMIN: &str = "kubernetes-admin";
    pub(crate) const ADMINS: &str = "kubeadm:cluster-admins";

    /// Who the certificate of the kubeconfig stands for.
    pub(crate) fn admin() -> Self {
        Self {
            user: Self::ADMIN.to_owned(),
            groups: [Self::ADMINS, "system:authenticated"].map(str::to_owned).into(),
        }
    }
}

/// Passes on what comes from somebody known only; all others are answered 401.
pub(crate) async fn known_only(request: Request, next: Next) -> Response {
    if request.extensions().get::<Identity>().is_some() {
        return next.run(request).await;
    }
    Failure::unauthorized().into_response()
}
