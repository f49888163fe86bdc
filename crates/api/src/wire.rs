//! What clients send to an API server: bytes in, an object out, or what is wrong with them in the server's words.
//!
//! As the API server does it (apimachinery's `serializer/json` and sigs.k8s.io/json): fields that don't exist and fields
//! that are there twice are told, and it is the caller who knows whether that is an error, a warning, or nothing.

mod json;
mod typed;
mod untyped;

#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::manifest::kinds;
use crate::manifest::tree::{Content, Node};
use crate::manifest::yaml;
use crate::object::{Kind, Object};
use crate::source::Source;

/// What a body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/json`.
    Json,
    /// `application/yaml`. The first document counts.
    Yaml,
}

/// An object that was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The object, without its defaults.
    pub object: Object,
    /// What strict field validation complains of, at most 100 things: `unknown field "spec.foo"`.
    pub problems: Vec<String>,
}

/// A value of any form that was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The value; of two values of one field, the last.
    pub value: Value,
    /// Fields that are there twice: `duplicate field "spec.replicas"`.
    pub problems: Vec<String>,
}

/// Why a body isn't an object of the kind that is wanted: reason `BadRequest`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It doesn't come as far as saying what it is.
    #[error("the object provided is unrecognized (must be of type {wanted}): {why} ({body})")]
    Unrecognized {
        /// The kind of the resource.
        wanted: Kind,
        /// What is wrong.
        why: String,
        /// How the body begins.
        body: String,
    },
    /// It is of another kind, or a field is of another type.
    #[error("{found} in version {version:?} cannot be handled as a {wanted}: {why}")]
    Unhandled {
        /// The kind that the body says.
        found: String,
        /// The version that the body says, without its group.
        version: String,
        /// The kind of the resource.
        wanted: Kind,
        /// What is wrong.
        why: String,
    },
    /// It is of an older version of the kind.
    #[error("the API version in the data ({found}) does not match the expected API version ({})", wanted.api_version())]
    OtherVersion {
        /// The API version that the body says.
        found: String,
        /// The kind of the resource.
        wanted: Kind,
    },
}

impl DecodeError {
    /// What is wrong, without the sentence around it: what an answer to a patch tells.
    pub fn why(&self) -> String {
        match self {
            Self::Unrecognized { why, .. } | Self::Unhandled { why, .. } => why.clone(),
            Self::OtherVersion { .. } => self.to_string(),
        }
    }
}

/// Why bytes are no JSON or no YAML, in the words of the server's parsers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(String);

/// The message that refuses an object for what strict field validation complains of.
pub fn strict_error(kind: Kind, problems: &[String]) -> String {
    let (_, version) = split(kind.api_version());
    format!(
        "{kind} in version {version:?} cannot be handled as a {kind}: strict decoding error: {}",
        problems.join(", ")
    )
}

/// Reads the body of a request that creates or replaces an object. `apiVersion` and `kind` can be left out.
///
/// # Errors
/// [`DecodeError`].
pub fn decode(kind: Kind, body: &[u8], format: Format) -> Result<Decoded, DecodeError> {
    let unrecognized = |why| DecodeError::Unrecognized {
        wanted: kind,
        why,
        body: summary(body),
    };
    let text = String::from_utf8_lossy(body);
    let (node, mut problems) = match format {
        Format::Json => {
            let why = |why| unrecognized(format!("couldn't get version/kind; json parse error: {why}"));
            (json::read(&text).map_err(why)?, Vec::new())
        }
        Format::Yaml => {
            let (value, problems) = from_yaml(&text).map_err(unrecognized)?;
            (json::node(value), problems)
        }
    };
    let mut decoded = object(kind, &node, || summary(body))?;
    problems.append(&mut decoded.problems);
    Ok(Decoded { problems, ..decoded })
}

/// Reads an object from what a patch has made of it.
///
/// # Errors
/// [`DecodeError`].
pub fn decode_value(kind: Kind, value: Value) -> Result<Decoded, DecodeError> {
    let node = json::node(value);
    object(kind, &node, || summary(node.to_json().to_string().as_bytes()))
}

/// Reads a body of any form, such as a patch.
///
/// # Errors
/// [`ParseError`].
pub fn parse(body: &[u8], format: Format) -> Result<Parsed, ParseError> {
    let text = String::from_utf8_lossy(body);
    match format {
        Format::Json => {
            let node = json::read(&text).map_err(ParseError)?;
            let problems = untyped::duplicates(&node);
            let value = node.to_json();
            Ok(Parsed { value, problems })
        }
        Format::Yaml => {
            let (value, problems) = from_yaml(&text).map_err(ParseError)?;
            Ok(Parsed { value, problems })
        }
    }
}

/// All keys that are there twice are one problem: so the server's YAML reader tells it.
fn from_yaml(text: &str) -> Result<(Value, Vec<String>), String> {
    let source = Source::new("", text);
    let document = yaml::first(&source).map_err(|why| {
        let message = why.message.strip_prefix("invalid YAML: ").unwrap_or(&why.message);
        format!("yaml: line {}: {message}", why.line)
    })?;
    let Some(document) = document else {
        return Ok((Value::Null, Vec::new()));
    };
    let mut duplicates: Vec<_> = document
        .duplicates
        .iter()
        .map(|why| (why.line, &why.message))
        .collect();
    duplicates.sort_unstable();
    let lines: String = duplicates
        .iter()
        .map(|(line, why)| format!("\n  line {line}: {why}"))
        .collect();
    let problem = (!lines.is_empty()).then(|| format!("yaml: unmarshal errors:{lines}"));
    Ok((document.node.to_json(), problem.into_iter().collect()))
}

fn object(wanted: Kind, node: &Node, body: impl Fn() -> String) -> Result<Decoded, DecodeError> {
    let unrecognized = |why| DecodeError::Unrecognized {
        wanted,
        why,
        body: body(),
    };
    let (api_version, found) = type_meta(node).map_err(unrecognized)?;
    if api_version.matches('/').count() > 1 {
        return Err(unrecognized(format!(
            "unexpected GroupVersion string: {api_version}"
        )));
    }
    let or = |said: &str, own: &str| {
        if said.is_empty() {
            own.to_owned()
        } else {
            said.to_owned()
        }
    };
    let (api_version, found) = (or(api_version, wanted.api_version()), or(found, wanted.as_str()));
    let (group, version) = split(&api_version);
    let unhandled = |why| DecodeError::Unhandled {
        found: found.clone(),
        version: version.to_owned(),
        wanted,
        why,
    };
    if (&*api_version, &*found) != (wanted.api_version(), wanted.as_str()) {
        if found == wanted.as_str() && other_versions(wanted).contains(&&*api_version) {
            return Err(DecodeError::OtherVersion {
                found: api_version,
                wanted,
            });
        }
        return Err(unhandled(if kinds::is_built_in(&api_version, &found) {
            let target = wanted.group().split('.').next().filter(|group| !group.is_empty());
            let target = target.unwrap_or("core");
            format!("converting ({version}.{found}) to ({target}.{wanted}): unknown conversion")
        } else {
            let scheme = "pkg/api/legacyscheme/scheme.go:30";
            let (group, slash) = if group.is_empty() { ("", "") } else { (group, "/") };
            format!(
                "no kind {found:?} is registered for version \"{group}{slash}{version}\" in scheme {scheme:?}"
            )
        }));
    }
    let (value, problems) = typed::read(wanted, node).map_err(unhandled)?;
    let object = Object::from_json(wanted, value).map_err(|error| unhandled(error.inner().to_string()))?;
    Ok(Decoded { object, problems })
}

/// `apiVersion` and `kind` as the body says them; empty where it doesn't.
fn type_meta(node: &Node) -> Result<(&str, &str), String> {
    let refused = |value: &Node, into: &str| {
        let found = json::type_of(value);
        format!("couldn't get version/kind; json parse error: json: cannot unmarshal {found} into Go {into}")
    };
    let entries = match &node.content {
        Content::Map(entries) => entries.as_slice(),
        Content::Null => &[],
        _ => {
            let meta = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
            return Err(refused(node, &format!("value of type {meta}")));
        }
    };
    let text = |field: &str| {
        let entry = entries.iter().rev().find(|entry| entry.key == field);
        match entry.map(|entry| (&entry.value.content, &entry.value)) {
            None | Some((Content::Null, _)) => Ok(""),
            Some((Content::Text(text), _)) => Ok(text.as_str()),
            Some((_, value)) => Err(refused(value, &format!("struct field .{field} of type string"))),
        }
    };
    Ok((text("apiVersion")?, text("kind")?))
}

/// Group and version.
fn split(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// Versions of a kind that Kubernetes can read and this server doesn't serve.
fn other_versions(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Deployment => &["apps/v1beta1", "apps/v1beta2", "extensions/v1beta1"],
        Kind::ReplicaSet => &["apps/v1beta2", "extensions/v1beta1"],
        Kind::NetworkPolicy => &["extensions/v1beta1"],
        Kind::EndpointSlice => &["discovery.k8s.io/v1beta1"],
        Kind::ServiceCIDR => &["networking.k8s.io/v1beta1"],
        Kind::Lease => &["coordination.k8s.io/v1beta1"],
        Kind::Event => &["events.k8s.io/v1", "events.k8s.io/v1beta1"],
        _ => &[],
    }
}

/// How a body begins, for a message about it: as it is if it is JSON, in hexadecimal otherwise.
pub fn summary(body: &[u8]) -> String {
    const LENGTH: usize = 30;
    let start = &body[..body.len().min(LENGTH)];
    let text = match body.first() {
        None => return "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(start).into_owned(),
        Some(_) => start.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    if body.len() > LENGTH {
        format!("{text} ...")
    } else {
        text
    }
}
