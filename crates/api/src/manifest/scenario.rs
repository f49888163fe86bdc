//! From the Scenario document to the steps that are run.

use super::located::{Located, Place};
use super::objects::Objects;
use crate::diagnostic::Diagnostic;
use crate::object::Object;
use crate::steps::Scenario;

pub(super) fn read(
    _: &Place,
    _: Objects,
    _: &mut Vec<Diagnostic>,
) -> (Option<Scenario>, Vec<Located<Object>>) {
    (None, Vec::new())
}
