//! Tests inside of one sandbox: they run as any user whom the kernel lets make namespaces, and fail loudly when it
//! doesn't.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use podlab_node::sandbox;

/// Does something in a sandbox, and says how the process shall end. Must be called while it has one thread.
pub fn run(work: impl FnOnce() -> u8) -> ExitCode {
    match sandbox::run(|_| work()) {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("THESE TESTS CAN'T RUN HERE, AND FAIL: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs tests in a sandbox, those that the command line names, and says how the process shall end. They are made inside,
/// by name. Must be called while the process has one thread.
pub fn trials<T, I>(tests: impl FnOnce() -> I) -> ExitCode
where
    T: FnOnce() + Send + 'static,
    I: IntoIterator<Item = (&'static str, T)>,
{
    let arguments = Arguments::from_args();
    run(|| {
        let trials = tests().into_iter().map(|(name, test)| {
            Trial::test(name, move || {
                test();
                Ok(())
            })
        });
        u8::from(libtest_mimic::run(&arguments, trials.collect()).has_failed())
    })
}

/// Names and tests as a table, because the harness has to be told of them: `tests![one, another]`, or for tests that are
/// given something `tests![&Lab; one, another]`.
#[macro_export]
macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        pub(crate) const TESTS: &[(&str, fn())] =
            &[$((concat!(module_path!(), "::", stringify!($name)), $name)),+];
    };
    ($given:ty; $($name:ident),+ $(,)?) => {
        pub(crate) const TESTS: &[(&str, fn($given))] =
            &[$((concat!(module_path!(), "::", stringify!($name)), $name)),+];
    };
}
