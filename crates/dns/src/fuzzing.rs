//! The ways in that fuzzing takes: lines of the standard input, without the server.

use crate::feed;
use crate::zone::Zone;

/// Takes note of a line.
///
/// # Errors
/// It is none that the server understands.
pub fn take(line: &str, zone: &mut Zone) -> Result<(), serde_json::Error> {
    feed::take(line, zone).map(drop)
}
