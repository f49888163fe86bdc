//! Bodies of `application/vnd.kubernetes.protobuf`: what kubectl's commands that know their kinds send, as JSON.

mod decode;
mod fields;
mod wire;

#[cfg(test)]
pub(crate) mod tests;

use podlab_api::wire::summary;
use serde_json::{Map, Value, json};

use crate::schema::Node;
use wire::{Fields, WireError};

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// What every body begins with.
const PREFIX: &[u8] = b"k8s\0";

/// Why a body isn't an object of the type that is wanted: reason `BadRequest`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProtobufError {
    /// It doesn't come as far as saying what it is.
    #[error("the object provided is unrecognized (must be of type {wanted}): {why} ({body})")]
    Unrecognized {
        /// The type.
        wanted: &'static str,
        /// What is wrong.
        why: WireError,
        /// How the body begins.
        body: String,
    },
    /// A field is of another type, or is cut off.
    #[error("{wanted} in version {version:?} cannot be handled as a {wanted}: {why}")]
    Unhandled {
        /// The type.
        wanted: &'static str,
        /// The version that the body says, without its group.
        version: String,
        /// What is wrong.
        why: WireError,
    },
}

/// The JSON form of an object of a component, such as [`crate::schema::of`] a kind; of an object that says it is of
/// another kind, only that.
///
/// # Errors
/// [`ProtobufError`].
pub(crate) fn to_json(component: &str, body: &[u8]) -> Result<Value, ProtobufError> {
    let node = Node::component(component);
    let wanted = node.type_name();
    let envelope = Envelope::read(body).map_err(|why| ProtobufError::Unrecognized {
        wanted,
        why,
        body: summary(body),
    })?;
    let Envelope {
        api_version,
        kind,
        raw,
    } = envelope;
    let mut object = Map::new();
    if kind.is_empty() || kind == wanted {
        decode::message(&mut object, node, raw).map_err(|why| ProtobufError::Unhandled {
            wanted,
            version: api_version
                .rsplit('/')
                .next()
                .filter(|version| !version.is_empty())
                .unwrap_or("v1")
                .to_owned(),
            why,
        })?;
    }
    for (field, said) in [("apiVersion", api_version), ("kind", kind)] {
        if !said.is_empty() {
            object.insert(field.to_owned(), json!(said));
        }
    }
    Ok(Value::Object(object))
}

/// What the body says of itself (apimachinery's `runtime.Unknown`).
#[derive(Default)]
struct Envelope<'a> {
    api_version: String,
    kind: String,
    raw: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn read(body: &'a [u8]) -> Result<Self, WireError> {
        let rest = match body.strip_prefix(PREFIX) {
            _ if body.is_empty() => return Err(WireError::EmptyData),
            None => return Err(WireError::NoPrefix),
            Some([]) => return Err(WireError::EmptyBody),
            Some(rest) => rest,
        };
        let mut envelope = Self::default();
        for field in Fields::of("Unknown", rest) {
            match field? {
                (1, wire) => envelope.read_type(wire.bytes("typeMeta")?)?,
                (2, wire) => envelope.raw = wire.bytes("raw")?,
                _ => {}
            }
        }
        Ok(envelope)
    }

    fn read_type(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        for field in Fields::of("TypeMeta", bytes) {
            match field? {
                (1, wire) => self.api_version = wire.text("apiVersion")?,
                (2, wire) => self.kind = wire.text("kind")?,
                _ => {}
            }
        }
        Ok(())
    }
}
