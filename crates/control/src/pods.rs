//! What a pod's status says of it.

mod summary;

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use k8s_openapi::jiff::Timestamp;
use podlab_api::object::Resource;

use crate::store::{Shared, Store, StoreError, name_of};

pub use summary::{Summary, summary};

/// Whether the pod's condition `Ready` is true.
pub fn is_ready(pod: &Pod) -> bool {
    has_condition(pod, "Ready")
}

/// When the pod became ready; none for one that isn't.
pub fn ready_since(pod: &Pod) -> Option<Timestamp> {
    let since = true_condition(pod, "Ready")?.last_transition_time.as_ref()?;
    Some(since.0)
}

fn has_condition(pod: &Pod, type_: &str) -> bool {
    true_condition(pod, type_).is_some()
}

fn true_condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    let status = pod.status.as_ref()?;
    let mut conditions = status.conditions.iter().flatten();
    conditions.find(|condition| condition.type_ == type_ && condition.status == "True")
}

/// Whether the pod has ended for good.
pub fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Whether the pod is being deleted.
pub fn is_terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// Takes a pod that has stopped out of the store, or, while it has finalizers, marks that nothing of it runs.
pub fn finish(store: &Store, pod: &Shared<Pod>) {
    let name = name_of(&pod.metadata);
    loop {
        let Some(stored) = store.get::<Pod>(&name) else {
            return;
        };
        // Another of the same name may have its place.
        if stored.metadata.uid != pod.metadata.uid {
            return;
        }
        let waits = stored.metadata.finalizers.iter().flatten().next().is_some();
        let mut stopped = Pod::clone(&stored);
        stopped.metadata.deletion_grace_period_seconds = Some(0);
        let new = waits.then(|| stopped.into_object());
        match store.replace(stored.object(), new) {
            // Somebody has changed it in between.
            Err(StoreError::Conflict { .. }) => {}
            _ => return,
        }
    }
}
