//! The options of requests that list, watch and write.

use podlab_api::object::Kind;
use podlab_api::selector::{FieldSelector, LabelSelector};
use podlab_api::validation::{FieldError, FieldReason};
use podlab_control::registry::Mode;

use crate::query::Query;
use crate::status::Failure;

/// Which objects of a collection are asked for, as of when.
#[derive(Debug, Clone)]
pub(crate) struct ListOptions {
    /// By labels.
    pub labels: LabelSelector,
    /// By fields.
    pub fields: FieldSelector,
    /// At most so many at once; 0: all.
    pub limit: usize,
    /// Where an earlier list ended.
    pub continue_: Option<String>,
    /// As of which revision; none: the newest. 0: any.
    pub revision: Option<u64>,
    /// Exactly then, or not before.
    pub exact: bool,
    /// A watch begins with what is there, and says where that ends.
    pub initial_events: bool,
    /// The client understands bookmarks.
    pub bookmarks: bool,
    /// How long a watch lasts, in seconds.
    pub timeout: Option<u64>,
}

impl ListOptions {
    /// Reads them for a kind; a named object is a selector by its name.
    ///
    /// # Errors
    /// BadRequest for selectors that can't be read, Invalid for what doesn't go together.
    pub(crate) fn read(kind: Kind, query: &Query) -> Result<Self, Failure> {
        let selector = |error: podlab_api::selector::SelectorError| Failure::bad_request(error.to_string());
        let labels =
            LabelSelector::parse(&query.text("labelSelector").unwrap_or_default()).map_err(selector)?;
        let fields =
            FieldSelector::parse(kind, &query.text("fieldSelector").unwrap_or_default()).map_err(selector)?;
        let limit = query.number("limit")?.unwrap_or_default();
        let given = query.text("resourceVersion");
        let revision = given.as_deref().map(revision).transpose()?;
        let continue_ = query.text("continue");
        let initial_events = query.flag("sendInitialEvents");
        let mut errors = Vec::new();
        let mut forbid = |field: &str, why: &str| {
            errors.push(FieldError::new(field, FieldReason::Forbidden, why.to_owned()));
        };
        let matching = query.text("resourceVersionMatch");
        let matching = matching.as_deref();
        if let Some(matching) = matching {
            if given.is_none() && !initial_events {
                forbid(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                );
            }
            if continue_.is_some() {
                forbid(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden when continue is provided",
                );
            }
            if matching == "Exact" && revision == Some(0) {
                forbid(
                    "resourceVersionMatch",
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
                );
            }
            if !["Exact", "NotOlderThan"].contains(&matching) {
                let detail = format!("{matching:?}: supported values: \"Exact\", \"NotOlderThan\", \"\"");
                errors.push(FieldError::new(
                    "resourceVersionMatch",
                    FieldReason::Unsupported,
                    detail,
                ));
            }
        }
        if initial_events && matching != Some("NotOlderThan") {
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            errors.push(FieldError::new(
                "resourceVersionMatch",
                FieldReason::Forbidden,
                why.to_owned(),
            ));
        }
        if !errors.is_empty() {
            return Err(Failure::invalid("ListOptions", "meta.k8s.io", "", &errors));
        }
        Ok(Self {
            labels,
            fields,
            limit: usize::try_from(limit).unwrap_or_default(),
            continue_,
            revision,
            exact: matching == Some("Exact"),
            initial_events,
            bookmarks: query.flag("allowWatchBookmarks"),
            timeout: query
                .number("timeoutSeconds")?
                .and_then(|seconds| u64::try_from(seconds).ok()),
        })
    }
}

/// Reads a resourceVersion.
///
/// # Errors
/// It is no number.
pub(crate) fn revision(text: &str) -> Result<u64, Failure> {
    text.parse().map_err(|_| {
        let error = FieldError::invalid(
            "resourceVersion",
            text,
            &format!("strconv.ParseUint: parsing {text:?}: invalid syntax"),
        );
        Failure::invalid("ListOptions", "meta.k8s.io", "", &[error])
    })
}

/// How a change is made.
#[derive(Debug, Clone)]
pub(crate) struct WriteOptions {
    /// Whether it is made at all.
    pub mode: Mode,
    /// Who changes: the owner of the fields.
    pub manager: String,
    /// What is done about fields that the kind doesn't have.
    pub validation: FieldValidation,
    /// Whether fields are taken from other managers.
    pub force: bool,
}

/// What is done about fields that the kind doesn't have, or that are there twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

impl WriteOptions {
    /// Reads them; `options` is how Kubernetes names their type in errors, `CreateOptions`.
    ///
    /// # Errors
    /// Invalid for values that an option can't have.
    pub(crate) fn read(options: &str, query: &Query, user_agent: Option<&str>) -> Result<Self, Failure> {
        let mut errors = Vec::new();
        let dry_run: Vec<&str> = query.all("dryRun").filter(|value| !value.is_empty()).collect();
        if let Some(other) = dry_run.iter().find(|value| **value != "All") {
            let detail = format!("{:?}: supported values: \"All\"", [other]);
            errors.push(FieldError::new("dryRun", FieldReason::Unsupported, detail));
        }
        let given = query.text("fieldManager");
        if let Some(manager) = &given {
            if manager.len() > LONGEST_MANAGER {
                let detail = format!("may not be more than {LONGEST_MANAGER} bytes");
                errors.push(FieldError::new("fieldManager", FieldReason::TooLong, detail));
            }
            if manager.chars().any(char::is_control) {
                errors.push(FieldError::invalid(
                    "fieldManager",
                    manager.as_str(),
                    "should only contain printable characters",
                ));
            }
        }
        let validation = match query.first("fieldValidation") {
            None | Some("" | "Warn") => FieldValidation::Warn,
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            Some(other) => {
                let detail = format!("{other:?}: supported values: \"Ignore\", \"Strict\", \"Warn\", \"\"");
                errors.push(FieldError::new(
                    "fieldValidation",
                    FieldReason::Unsupported,
                    detail,
                ));
                FieldValidation::Warn
            }
        };
        if !errors.is_empty() {
            return Err(Failure::invalid(options, "meta.k8s.io", "", &errors));
        }
        let agent = || {
            let agent = user_agent
                .unwrap_or_default()
                .split('/')
                .next()
                .unwrap_or_default();
            let printable = agent.chars().filter(|letter| !letter.is_control());
            printable.take(LONGEST_MANAGER).collect::<String>()
        };
        Ok(Self {
            mode: if dry_run.is_empty() {
                Mode::Commit
            } else {
                Mode::DryRun
            },
            manager: given.unwrap_or_else(agent),
            validation,
            force: query.flag("force"),
        })
    }
}

const LONGEST_MANAGER: usize = 128;
