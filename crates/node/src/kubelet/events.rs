//! What the kubelet tells of a container by events.

use k8s_openapi::api::core::v1::Pod;
use podlab_control::recorder::{EventType, Recorder};
use podlab_control::store::Shared;
use tokio::sync::watch;

/// Tells of one container; clones tell of the same one.
#[derive(Clone)]
pub(super) struct Events {
    pub(super) recorder: Recorder,
    /// The pod's newest version: an older one would be kept in memory by this alone.
    pub(super) pod: watch::Receiver<Shared<Pod>>,
    pub(super) container: String,
}

impl Events {
    pub(super) fn normal(&self, reason: &str, message: String) {
        self.event(EventType::Normal, reason, message);
    }

    pub(super) fn warning(&self, reason: &str, message: String) {
        self.event(EventType::Warning, reason, message);
    }

    fn event(&self, kind: EventType, reason: &str, message: String) {
        let pod = self.pod.borrow().clone();
        self.recorder
            .event_of_container(&pod, &self.container, kind, reason, message);
    }
}

/// A pod as the kubelet's messages name it.
pub(super) fn told(pod: &Pod) -> String {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    let metadata = &pod.metadata;
    format!(
        "{}_{}({})",
        part(&metadata.name),
        part(&metadata.namespace),
        part(&metadata.uid)
    )
}
