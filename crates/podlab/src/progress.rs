//! What is going on, live, on a terminal.

use std::borrow::Cow;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use podlab_scenario::Progress;

use crate::runtime;

/// A line on standard error that says what is going on; nothing where that is no terminal.
pub(crate) struct Live(ProgressBar);

impl Live {
    pub(crate) fn start() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        // It takes a thread, also where nothing is seen.
        if !bar.is_hidden() {
            runtime::or_end(|| bar.enable_steady_tick(Duration::from_millis(80)));
        }
        Self(bar)
    }

    pub(crate) fn say(&self, what: impl Into<Cow<'static, str>>) {
        self.0.set_message(what);
    }

    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}

/// The line that says it.
pub(crate) fn line(progress: Progress<'_>) -> String {
    match progress {
        Progress::Network { connected, total } => {
            format!("network: {connected} of {total} pods are connected")
        }
        Progress::Pods { ready, total } => format!("pods: {ready} of {total} are ready"),
        Progress::Step { number, total, name } => format!("step {} of {total}: {name}", number + 1),
    }
}
