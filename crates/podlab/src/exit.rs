//! What podlab's exit codes mean.

/// Everything is as it should be.
pub(crate) const PASSED: u8 = 0;
/// A step has shown something else than was expected.
pub(crate) const FAILED: u8 = 1;
/// The input is wrong; nothing was built.
pub(crate) const BAD_INPUT: u8 = 2;
/// This machine can't do it, or doesn't let podlab do it.
pub(crate) const CANNOT: u8 = 3;

/// Says why this machine can't do it.
pub(crate) fn cannot(why: &str) -> u8 {
    say!("error: {why}");
    CANNOT
}
