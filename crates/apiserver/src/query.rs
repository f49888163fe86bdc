//! Query parameters, as Kubernetes reads them into options.

use std::num::{IntErrorKind, ParseIntError};

/// The parameters of a request, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

/// A parameter's value can't be read. The text is Kubernetes', which is Go's; the reason is `BadRequest`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueryError {
    /// It is no number, or too large a one.
    #[error("strconv.{function}: parsing {text:?}: {why}")]
    Number {
        /// Go's function.
        function: &'static str,
        /// The value.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It is no time.
    #[error("parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": {why}")]
    Time {
        /// The value.
        text: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Query {
    /// Takes a URL's part after the question mark.
    pub(crate) fn parse(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// All values of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The value that counts.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        Some(value)
    }

    /// A value that isn't empty.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.first(name)
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
    }

    /// Whatever is neither `false` nor `0` is true.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.first(name)
            .is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, QueryError> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|error| QueryError::number("ParseInt", text, &error))
        };
        self.first(name).map(parse).transpose()
    }
}

impl QueryError {
    /// What Go says of a text that is no number.
    pub(crate) fn number(function: &'static str, text: &str, error: &ParseIntError) -> Self {
        let why = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        let text = text.to_owned();
        Self::Number { function, text, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_counts_and_escapes_are_read() {
        let query = Query::parse("command=sh&command=-c&command=echo+%22%C3%A4%22&container=&tail=7&tail=8");
        assert_eq!(
            query.all("command").collect::<Vec<_>>(),
            ["sh", "-c", "echo \"ä\""]
        );
        assert_eq!(query.text("container"), None);
        assert_eq!(query.number("tail"), Ok(Some(7)));
        assert_eq!(query.number("head"), Ok(None));
    }

    #[test]
    fn flags_are_true_unless_they_say_otherwise() {
        let cases = [
            ("", false),
            ("follow=false", false),
            ("follow=FALSE", false),
            ("follow=0", false),
            ("follow=0&follow=1", false),
            ("follow", true),
            ("follow=", true),
            ("follow=true", true),
            ("follow=1", true),
            ("follow=no", true),
        ];
        for (query, expected) in cases {
            assert_eq!(Query::parse(query).flag("follow"), expected, "{query}");
        }
    }

    #[test]
    fn numbers_are_refused_in_the_words_of_go() {
        let cases = [
            ("", "invalid syntax"),
            ("1.5", "invalid syntax"),
            ("0x10", "invalid syntax"),
            ("9223372036854775808", "value out of range"),
            ("-9223372036854775809", "value out of range"),
        ];
        for (text, why) in cases {
            let refused = Query::parse(&format!("n={text}")).number("n").unwrap_err();
            assert_eq!(
                refused.to_string(),
                format!("strconv.ParseInt: parsing {text:?}: {why}")
            );
        }
    }
}
