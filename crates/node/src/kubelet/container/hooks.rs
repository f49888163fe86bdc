//! What is to be done in a container after its start, and before its end; and the end itself.

use std::io;
use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use nix::sys::signal::Signal;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Stop, signal, stop_ordered};
use crate::kubelet::events::Events;
use crate::kubelet::logs::Writer;
use crate::kubelet::probe::{self, Subject};

/// What a container has at least to end by itself after its hook, however long that took; as Kubernetes has it.
const AFTER_HOOK: Duration = Duration::from_secs(2);

/// Why a container is ended though its pod goes on.
pub(super) struct Unwell {
    /// What Kubernetes says of it.
    pub(super) message: String,
    /// How long it has to end by itself.
    pub(super) grace: Duration,
}

/// The container that hooks are run in, and who is told of it.
pub(super) struct Hooks<'a> {
    pub(super) spec: &'a core::Container,
    pub(super) subject: &'a Subject,
    pub(super) events: &'a Events,
    pub(super) log: &'a Writer,
}

impl Hooks<'_> {
    /// Does what is to be done after the start; whether it was done.
    pub(super) async fn post_start(&self) -> bool {
        let lifecycle = self.spec.lifecycle.as_ref();
        let Some(hook) = lifecycle.and_then(|lifecycle| lifecycle.post_start.as_ref()) else {
            return true;
        };
        // Most containers have no hooks, and shall not bear the memory of one.
        let done = Box::pin(run(self.subject, hook)).await;
        if let Err(error) = &done {
            self.log.note(&format!("podlab: postStart failed: {error}"));
            self.events
                .warning("FailedPostStartHook", "PostStartHook failed".to_owned());
        }
        done.is_ok()
    }

    /// Waits until the container shall end, and ends it: by its hook, SIGTERM, and SIGKILL when its time is over.
    pub(super) async fn end(&self, mut stop: Stop, unwell: oneshot::Receiver<Unwell>) {
        let (grace, message) = tokio::select! {
            grace = stop_ordered(&mut stop) => (grace, format!("Stopping container {}", self.spec.name)),
            Ok(Unwell { grace, message }) = unwell => (grace, message),
        };
        let deadline = Instant::now() + grace;
        self.events.normal("Killing", message);
        let mut last = deadline;
        let lifecycle = self.spec.lifecycle.as_ref();
        if let Some(hook) = lifecycle.and_then(|lifecycle| lifecycle.pre_stop.as_ref())
            && !grace.is_zero()
        {
            Box::pin(self.pre_stop(hook, is_over(stop.clone(), deadline))).await;
            last = last.max(Instant::now() + AFTER_HOOK);
        }
        signal(self.subject.pid, Signal::SIGTERM);
        is_over(stop, last).await;
        signal(self.subject.pid, Signal::SIGKILL);
    }

    async fn pre_stop(&self, hook: &core::LifecycleHandler, over: impl Future<Output = ()>) {
        let done = tokio::select! {
            done = run(self.subject, hook) => done,
            () = over => Err(io::ErrorKind::TimedOut.into()),
        };
        if let Err(error) = done {
            self.log.note(&format!("podlab: preStop failed: {error}"));
            self.events
                .warning("FailedPreStopHook", "PreStopHook failed".to_owned());
        }
    }
}

/// Waits until a time that a container has, which becomes shorter when its pod is given less.
async fn is_over(mut stop: Stop, mut last: Instant) {
    loop {
        tokio::select! {
            () = sleep_until(last) => return,
            Ok(()) = stop.changed() => {
                let grace = stop.borrow().unwrap_or_default();
                last = last.min(Instant::now() + grace);
            }
        }
    }
}

async fn run(subject: &Subject, hook: &core::LifecycleHandler) -> io::Result<()> {
    if let Some(action) = &hook.exec {
        probe::run(subject, action.command.as_deref().unwrap_or_default()).await
    } else if let Some(action) = &hook.http_get {
        // Any answer will do.
        probe::http_get(subject, action).await.map(drop)
    } else if let Some(action) = &hook.sleep {
        sleep(Duration::from_secs(
            u64::try_from(action.seconds).unwrap_or_default(),
        ))
        .await;
        Ok(())
    } else {
        Err(io::Error::other("invalid handler"))
    }
}
