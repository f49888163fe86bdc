//! Which objects a request is about: label selectors and field selectors, in their text form and as objects.

mod fields;
mod labels;
mod text;

pub use fields::FieldSelector;
pub use labels::LabelSelector;

/// Why a text or an object is no selector, in Kubernetes' words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(String);
