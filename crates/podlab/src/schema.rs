//! `podlab schema`: the JSON Schema of a Scenario, made from the types that read it.

use crate::output::answer;

pub(crate) fn schema() -> u8 {
    answer(format_args!(
        "{:#}",
        podlab_api::scenario::json_schema().as_value()
    ))
}
