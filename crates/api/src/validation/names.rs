//! The forms that names must have. Each function gives a message for every rule that a name breaks.

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
     '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const SEARCHED_DOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', \
     '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
     start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
     alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
     validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
     alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
     '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
     used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  \
     or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// The name of most objects: `example.com`.
pub(crate) fn subdomain(name: &str) -> Vec<String> {
    rules([
        (name.len() > 253, too_long(253)),
        (!name.split('.').all(is_label), SUBDOMAIN.to_owned()),
    ])
}

/// Like [`subdomain`], with underscores as well: where a resolver searches.
pub(super) fn searched_domain(name: &str) -> Vec<String> {
    let valid = |label: &str| is_label(&label.strip_prefix('_').unwrap_or(label).replace('_', "-"));
    rules([
        (name.len() > 253, too_long(253)),
        (!name.split('.').all(valid), SEARCHED_DOMAIN.to_owned()),
    ])
}

/// A domain name of at least two labels, with or without the dot at its end.
pub(super) fn fully_qualified(name: &str) -> Vec<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let broken = subdomain(name);
    if !broken.is_empty() {
        return vec![broken.join(",")];
    }
    if !name.contains('.') {
        return vec!["should be a domain with at least two segments separated by dots".to_owned()];
    }
    let labels = name.split('.').map(label).find(|broken| !broken.is_empty());
    labels.iter().map(|broken| broken.join(",")).collect()
}

/// What is wrong with `name` as a DNS label, such as `my-name`; nothing if it is one.
pub fn label(name: &str) -> Vec<String> {
    let dots = name.contains('.') && name.split('.').all(is_label);
    rules([
        (name.len() > 63, too_long(63)),
        (dots, "must not contain dots".to_owned()),
        (!dots && !is_label(name), LABEL.to_owned()),
    ])
}

/// A DNS label of the older kind, which can't begin with a digit: the name of a service.
pub(crate) fn label_1035(name: &str) -> Vec<String> {
    let valid = is_label(name) && !name.starts_with(|first: char| first.is_ascii_digit());
    rules([(name.len() > 63, too_long(63)), (!valid, LABEL_1035.to_owned())])
}

/// The key of a label or an annotation: `app`, `app.kubernetes.io/name`.
pub(crate) fn qualified(key: &str) -> Vec<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if name.contains('/') {
        let rule = format!(
            "a qualified name {QUALIFIED} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        );
        return vec![rule];
    }
    let mut broken = match prefix {
        Some("") => vec!["prefix part must be non-empty".to_owned()],
        Some(prefix) => subdomain(prefix)
            .into_iter()
            .map(|why| format!("prefix part {why}"))
            .collect(),
        None => Vec::new(),
    };
    broken.extend(rules([
        (name.is_empty(), "name part must be non-empty".to_owned()),
        (name.len() > 63, format!("name part {}", too_long(63))),
        (!is_qualified(name), format!("name part {QUALIFIED}")),
    ]));
    broken
}

/// The value of a label.
pub(crate) fn label_value(value: &str) -> Vec<String> {
    rules([
        (value.len() > 63, too_long(63)),
        (!value.is_empty() && !is_qualified(value), LABEL_VALUE.to_owned()),
    ])
}

/// The name of a container's port, which services can refer to.
pub(super) fn port_name(name: &str) -> Vec<String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    rules([
        (name.len() > 15, too_long(15)),
        (
            name.is_empty() || !name.bytes().all(allowed),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned(),
        ),
        (
            !name.bytes().any(|byte| byte.is_ascii_lowercase()),
            "must contain at least one letter (a-z)".to_owned(),
        ),
        (
            name.contains("--"),
            "must not contain consecutive hyphens".to_owned(),
        ),
        (
            name.starts_with('-') || name.ends_with('-'),
            "must not begin or end with a hyphen".to_owned(),
        ),
    ])
}

/// The name of an environment variable.
pub(super) fn variable(name: &str) -> Vec<String> {
    let valid = name
        .bytes()
        .all(|byte| (byte.is_ascii_graphic() || byte == b' ') && byte != b'=');
    let rule =
        "a valid environment variable name must consist only of printable ASCII characters other than '='";
    rules([(!valid, rule.to_owned())])
}

/// A key of a ConfigMap or a Secret, which can become the name of a file.
pub(super) fn config_key(key: &str) -> Vec<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    rules([
        (key.len() > 253, too_long(253)),
        (key.is_empty() || !key.bytes().all(allowed), CONFIG_KEY.to_owned()),
        (key == ".", "must not be '.'".to_owned()),
        (key == "..", "must not be '..'".to_owned()),
        (
            key != ".." && key.starts_with(".."),
            "must not start with '..'".to_owned(),
        ),
    ])
}

/// The least that a name must be: a part of a path.
pub(super) fn path_segment(name: &str) -> Vec<String> {
    if matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    rules(["/", "%"].map(|part| (name.contains(part), format!("may not contain '{part}'"))))
}

/// The name of a finalizer, as far as it isn't a qualified name: without a domain it is one of Kubernetes' own.
pub(super) fn finalizer(name: &str) -> Vec<String> {
    let is_own = matches!(name, "kubernetes" | "orphan" | "foregroundDeletion");
    let rule = "name is neither a standard finalizer name nor is it fully qualified";
    rules([(!name.contains('/') && !is_own, rule.to_owned())])
}

/// The name of an HTTP header.
pub(super) fn header(name: &str) -> Vec<String> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let rule = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for \
                validation is '[-A-Za-z0-9]+')";
    rules([(name.is_empty() || !name.bytes().all(valid), rule.to_owned())])
}

fn rules<const N: usize>(rules: [(bool, String); N]) -> Vec<String> {
    rules
        .into_iter()
        .filter(|(broken, _)| *broken)
        .map(|(_, rule)| rule)
        .collect()
}

fn too_long(limit: usize) -> String {
    format!("must be no more than {limit} bytes")
}

fn is_label(name: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let inner = |byte: u8| alphanumeric(byte) || byte == b'-';
    name.bytes().next().is_some_and(alphanumeric)
        && name.bytes().next_back().is_some_and(alphanumeric)
        && name.bytes().all(inner)
}

fn is_qualified(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name
            .bytes()
            .next_back()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name.bytes().all(inner)
}
