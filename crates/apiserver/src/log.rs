//! What is asked of a container's log: the query parameters of `pods/log`.

use jiff::Timestamp;
use podlab_api::validation::{FieldError, FieldReason};
use podlab_cluster::kubelet::logs::{LogOptions, Since};

use crate::query::{Query, QueryError};

/// Such a log can't be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LogOptionsError {
    /// Reason `BadRequest`.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Reason `Invalid`, of the kind PodLogOptions with the pod's name.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Invalid(Vec<FieldError>),
}

/// Reads a URL's part after the question mark.
///
/// # Errors
/// What Kubernetes says of values that can't be read, or that break a rule.
pub(crate) fn log_options(query: &str) -> Result<LogOptions, LogOptionsError> {
    let query = Query::parse(query);
    let mut errors = Vec::new();
    let mut at_least = |name: &str, least: i64, why: &str| -> Result<Option<u64>, QueryError> {
        let Some(number) = query.number(name)? else {
            return Ok(None);
        };
        if number < least {
            errors.push(FieldError::invalid(name, number, why));
        }
        Ok(u64::try_from(number).ok())
    };
    let tail_lines = at_least("tailLines", 0, "must be greater than or equal to 0")?;
    let limit_bytes = at_least("limitBytes", 1, "must be greater than 0")?;
    let since_time = query.first("sinceTime").map(time).transpose()?;
    let since = if let Some(time) = since_time {
        if query.number("sinceSeconds")?.is_some() {
            let why = "at most one of `sinceTime` or `sinceSeconds` may be specified";
            errors.push(FieldError::new("", FieldReason::Forbidden, why.to_owned()));
        }
        Some(Since::Time(time))
    } else {
        at_least("sinceSeconds", 1, "must be greater than 0")?.map(seconds)
    };
    if query.first("stream").is_some() {
        let why = "may not be specified".to_owned();
        errors.push(FieldError::new("stream", FieldReason::Forbidden, why));
    }
    if !errors.is_empty() {
        return Err(LogOptionsError::Invalid(errors));
    }
    Ok(LogOptions {
        container: query.text("container"),
        follow: query.flag("follow"),
        previous: query.flag("previous"),
        timestamps: query.flag("timestamps"),
        since,
        tail_lines,
        limit_bytes,
    })
}

fn seconds(seconds: u64) -> Since {
    Since::Seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// An empty time is before all others, as Kubernetes has it.
fn time(text: &str) -> Result<Timestamp, QueryError> {
    if text.is_empty() || text == "null" {
        return Ok(Timestamp::MIN);
    }
    text.parse().map_err(|error: jiff::Error| QueryError::Time {
        text: text.to_owned(),
        why: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubectl_asks_for() {
        let asked = "container=web&follow=true&limitBytes=1000&previous=true&sinceSeconds=60&tailLines=0&timestamps=true";
        let options = LogOptions {
            container: Some("web".to_owned()),
            follow: true,
            previous: true,
            timestamps: true,
            since: Some(Since::Seconds(60)),
            tail_lines: Some(0),
            limit_bytes: Some(1000),
        };
        assert_eq!(log_options(asked), Ok(options));
        assert_eq!(log_options(""), Ok(LogOptions::default()));
    }

    #[test]
    fn times_are_of_rfc_3339() {
        let since = |time: &str| log_options(&format!("sinceTime={time}")).unwrap().since;
        let noon = Timestamp::from_second(1_767_268_800).unwrap();
        assert_eq!(since("2026-01-01T12:00:00Z"), Some(Since::Time(noon)));
        assert_eq!(since("2026-01-01T13:00:00%2B01:00"), Some(Since::Time(noon)));
        assert_eq!(since(""), Some(Since::Time(Timestamp::MIN)));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let cases = [
            (
                "tailLines=-1",
                "tailLines: Invalid value: -1: must be greater than or equal to 0",
            ),
            ("tailLines=x", "strconv.ParseInt: parsing \"x\": invalid syntax"),
            (
                "limitBytes=0",
                "limitBytes: Invalid value: 0: must be greater than 0",
            ),
            (
                "sinceSeconds=0",
                "sinceSeconds: Invalid value: 0: must be greater than 0",
            ),
            (
                "sinceSeconds=-5",
                "sinceSeconds: Invalid value: -5: must be greater than 0",
            ),
            (
                "sinceSeconds=5&sinceTime=2026-01-01T12:00:00Z",
                ": Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
            ),
            ("stream=Stdout", "stream: Forbidden: may not be specified"),
            (
                "tailLines=-1&limitBytes=0",
                "tailLines: Invalid value: -1: must be greater than or equal to 0, \
                 limitBytes: Invalid value: 0: must be greater than 0",
            ),
        ];
        for (query, message) in cases {
            assert_eq!(log_options(query).unwrap_err().to_string(), message, "{query}");
        }
        let time = log_options("sinceTime=yesterday").unwrap_err().to_string();
        assert!(
            time.starts_with("parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": "),
            "{time}"
        );
    }
}
