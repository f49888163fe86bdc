//! `podlab schema`: the JSON Schema of a Scenario, made from the types that read it.

use crate::exit;

pub(crate) fn schema() -> u8 {
    anstream::println!("{:#}", podlab_api::scenario::json_schema().as_value());
    exit::PASSED
}
