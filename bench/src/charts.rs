//! Charts.
use crate::{Result, figures::Figures};
use std::path::Path;
pub(crate) fn draw(_: &Path, _: &Figures) -> Result<Vec<(&'static str, String)>> {
    Ok(Vec::new())
}
