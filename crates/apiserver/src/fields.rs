//! Sets of an object's fields, as managers own them (KEP-555, structured-merge-diff).

mod element;
mod fields_v1;
mod order;
#[cfg(test)]
mod proptests;
mod set;

pub(crate) use element::{Element, Path};
pub(crate) use fields_v1::FieldsError;
pub(crate) use order::same;
pub(crate) use set::Set;
