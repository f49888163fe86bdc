//! Why a command on a cluster's API has failed, in kubectl's words.

use std::error::Error;
use std::fmt;
use std::io;

use kube::config::KubeconfigError;
use kube::core::Status;
use kube::core::response::StatusDetails;

use crate::exit;

/// Why it has failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server has refused it.
    Server(Box<Status>),
    /// Whoever reads the output has read enough.
    Unheard,
    /// Anything else.
    Other(String),
}

impl Failure {
    /// Says it on standard error; what a command ends with, also if it has done the rest.
    pub(crate) fn say(&self) -> u8 {
        say!("{self}");
        exit::FAILED
    }

    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Server(status) if status.reason == "NotFound")
    }

    /// With what was being done, and in which file that is asked for.
    #[must_use]
    pub(crate) fn when(mut self, doing: &str, file: &str) -> Self {
        if let Self::Server(status) = &mut self {
            status.message = format!("error when {doing} {file:?}: {}", status.message);
        }
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(status) => match (&*status.reason, &status.details) {
                ("Invalid", Some(details)) => write_invalid(details, f),
                ("Unauthorized", _) => {
                    write!(
                        f,
                        "error: You must be logged in to the server ({})",
                        status.message
                    )
                }
                ("", _) => write!(f, "Error from server: {}", status.message),
                (reason, _) => write!(f, "Error from server ({reason}): {}", status.message),
            },
            Self::Unheard => f.write_str("error: nobody reads what is written"),
            Self::Other(why) => write!(f, "error: {why}"),
        }
    }
}

fn write_invalid(details: &StatusDetails, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let StatusDetails { kind, name, .. } = details;
    write!(f, "The {kind} {name:?} is invalid")?;
    let mut causes: Vec<String> = Vec::new();
    for cause in &details.causes {
        let cause = format!("{}: {}", cause.field, cause.message);
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    match &*causes {
        [] => Ok(()),
        [cause] => write!(f, ": {cause}"),
        causes => {
            f.write_str(": ")?;
            causes.iter().try_for_each(|cause| write!(f, "\n* {cause}"))
        }
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Server(status),
            error @ (kube::Error::Service(_) | kube::Error::HyperError(_)) => {
                Self::Other(format!("unable to connect to the server: {}", root(&error)))
            }
            error => Self::Other(error.to_string()),
        }
    }
}

/// The first cause.
fn root<'a>(mut error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

impl From<kube::core::request::Error> for Failure {
    fn from(error: kube::core::request::Error) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<KubeconfigError> for Failure {
    fn from(error: KubeconfigError) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unheard,
            _ => Self::Other(error.to_string()),
        }
    }
}
