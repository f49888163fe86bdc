//! The probes of a running container.

use k8s_openapi::api::core::v1 as core;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::News;
use crate::kubelet::events::Events;
use crate::kubelet::probe::{self, Pace, Subject};

/// The probes of a running container; they end when this is dropped.
pub(super) struct Probes<'a> {
    tasks: JoinSet<()>,
    spec: &'a core::Container,
    subject: &'a Subject,
    events: &'a Events,
    news: UnboundedSender<News>,
}

impl<'a> Probes<'a> {
    pub(super) fn start(
        spec: &'a core::Container,
        subject: &'a Subject,
        events: &'a Events,
        news: UnboundedSender<News>,
    ) -> Self {
        let mut probes = Self {
            tasks: JoinSet::new(),
            spec,
            subject,
            events,
            news,
        };
        let Some(probe) = &spec.startup_probe else {
            probes.start_others();
            return probes;
        };
        probes.add("Startup", probe, Pace::Eager, News::Started);
        let (limit, late) = (probe::startup_limit(probe), probes.news.clone());
        probes.tasks.spawn(async move {
            sleep(limit).await;
            let _ = late.send(News::Started(false));
        });
        probes
    }

    /// Those that wait for the startup probe.
    pub(super) fn start_others(&mut self) {
        self.stop();
        if let Some(probe) = &self.spec.readiness_probe {
            self.add("Readiness", probe, Pace::Eager, News::Ready);
        }
        if let Some(probe) = &self.spec.liveness_probe {
            self.add("Liveness", probe, Pace::Steady, News::Alive);
        }
    }

    pub(super) fn stop(&mut self) {
        self.tasks.abort_all();
    }

    fn add(&mut self, name: &'static str, probe: &core::Probe, pace: Pace, news: fn(bool) -> News) {
        let (events, send) = (self.events.clone(), self.news.clone());
        let failed = move |why: String| events.warning("Unhealthy", format!("{name} probe failed: {why}"));
        let tell = move |success| drop(send.send(news(success)));
        self.tasks.spawn(probe::watch(
            self.subject.clone(),
            probe.clone(),
            pace,
            failed,
            tell,
        ));
    }
}
