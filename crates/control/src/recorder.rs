//! Events: what happens to objects, told as objects that `kubectl describe` and `kubectl get events` show.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::core::v1::{Event, EventSource, Namespace, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use podlab_api::object::Resource;
use podlab_api::steps::NamespacedName;

use crate::store::{Store, StoreError, name_of};

/// How many events a recorder keeps in the store; the oldest go first. Kubernetes lets them go after an hour.
const KEPT: usize = 1_000;

/// Whether something is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum EventType {
    Normal,
    Warning,
}

/// Tells what a component does; clones share their memory.
#[derive(Clone)]
pub struct Recorder {
    store: Store,
    source: EventSource,
    told: Arc<Mutex<Memory>>,
}

/// The events that are kept.
#[derive(Default)]
struct Memory {
    names: HashMap<Told, NamespacedName>,
    /// The oldest first.
    order: VecDeque<Told>,
}

/// What makes two events one that happened twice.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Told {
    uid: Option<String>,
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    field_path: Option<String>,
    reason: String,
    message: String,
}

impl Recorder {
    /// A recorder for a component (`kubelet`) on a host, if it is one of a node.
    pub fn new(store: Store, component: &'static str, host: Option<String>) -> Self {
        let source = EventSource {
            component: Some(component.to_owned()),
            host,
        };
        Self {
            store,
            source,
            told: Arc::default(),
        }
    }

    /// Tells of something that happened to an object. The same told again is one event with a higher count.
    pub fn event<T: Resource>(&self, about: &T, kind: EventType, reason: &str, message: String) {
        self.tell(reference(about), kind, reason, message);
    }

    /// Tells of something that happened to a container of a pod.
    pub fn event_of_container(
        &self,
        pod: &Pod,
        container: &str,
        kind: EventType,
        reason: &str,
        message: String,
    ) {
        let about = ObjectReference {
            field_path: Some(format!("spec.containers{{{container}}}")),
            ..reference(pod)
        };
        self.tell(about, kind, reason, message);
    }

    fn tell(&self, about: ObjectReference, kind: EventType, reason: &str, message: String) {
        let now = self.store.now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let this = Told {
            uid: about.uid.clone(),
            kind: about.kind.clone(),
            namespace: about.namespace.clone(),
            name: about.name.clone(),
            field_path: about.field_path.clone(),
            reason: reason.to_owned(),
            message: message.clone(),
        };
        if let Some(same) = told.names.get(&this) {
            let again = self.store.modify(same, |event: &mut Event| {
                event.count = event.count.map(|count| count.saturating_add(1));
                event.last_timestamp = Some(now.clone());
            });
            if again.is_ok() {
                return;
            }
        }
        let namespace = about.namespace.clone().unwrap_or_else(|| "default".to_owned());
        if self.is_terminating(&namespace) {
            return;
        }
        let metadata = ObjectMeta {
            namespace: Some(namespace),
            ..ObjectMeta::default()
        };
        let event = Event {
            metadata,
            involved_object: about,
            type_: Some(format!("{kind:?}")),
            reason: Some(reason.to_owned()),
            message: Some(message),
            source: Some(self.source.clone()),
            reporting_component: self.source.component.clone(),
            reporting_instance: Some(self.source.host.clone().unwrap_or_default()),
            first_timestamp: Some(now.clone()),
            last_timestamp: Some(now.clone()),
            count: Some(1),
            ..Event::default()
        };
        let Some(name) = self.create(event, now.0.as_nanosecond()) else {
            return;
        };
        // One that somebody has deleted is told anew, and has its place in the order already.
        if told.names.insert(this.clone(), name).is_some() {
            return;
        }
        told.order.push_back(this);
        if told.order.len() > KEPT
            && let Some(oldest) = told.order.pop_front()
            && let Some(name) = told.names.remove(&oldest)
        {
            // Somebody may have deleted it.
            let _ = self.store.remove::<Event>(&name);
        }
    }

    /// Nothing new comes into a namespace that is being deleted, or it would never be empty.
    fn is_terminating(&self, namespace: &str) -> bool {
        let name = NamespacedName {
            namespace: String::new(),
            name: namespace.to_owned(),
        };
        let namespace = self.store.get::<Namespace>(&name);
        namespace.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_some())
    }
}

impl Recorder {
    /// Names an event by its object and its time, so that a list of them is in their order.
    fn create(&self, mut event: Event, mut time: i128) -> Option<NamespacedName> {
        let about = event.involved_object.name.clone().unwrap_or_default();
        loop {
            event.metadata.name = Some(format!("{about}.{time:x}"));
            match self.store.create(event.clone()) {
                Ok(created) => return Some(name_of(&created.metadata)),
                Err(StoreError::AlreadyExists { .. }) => time += 1,
                Err(_) => return None,
            }
        }
    }
}

fn reference<T: Resource>(object: &T) -> ObjectReference {
    let metadata = object.metadata().clone();
    ObjectReference {
        api_version: Some(T::KIND.api_version().to_owned()),
        kind: Some(T::KIND.as_str().to_owned()),
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn lab() -> (Recorder, Pod) {
        let store = Store::new(Arc::new(|| Time(Timestamp::UNIX_EPOCH)));
        let metadata = ObjectMeta {
            name: Some("web".to_owned()),
            namespace: Some("shop".to_owned()),
            ..ObjectMeta::default()
        };
        let pod = Pod {
            metadata,
            ..Pod::default()
        };
        (Recorder::new(store, "kubelet", Some("node-1".to_owned())), pod)
    }

    fn told(recorder: &Recorder) -> Vec<(Option<String>, Option<i32>)> {
        let events = recorder.store.list_in::<Event>("shop");
        let mut told: Vec<_> = events
            .iter()
            .map(|event| (event.reason.clone(), event.count))
            .collect();
        told.sort();
        told
    }

    #[test]
    fn the_same_again_is_counted() {
        let (recorder, pod) = lab();
        for reason in ["Started", "Killing", "Started"] {
            recorder.event_of_container(&pod, "main", EventType::Normal, reason, "main".to_owned());
        }
        let reason = |reason: &str| Some(reason.to_owned());
        assert_eq!(
            told(&recorder),
            [(reason("Killing"), Some(1)), (reason("Started"), Some(2))]
        );
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let (recorder, pod) = lab();
        for number in 0..KEPT + 5 {
            recorder.event(&pod, EventType::Warning, &number.to_string(), String::new());
        }
        assert_eq!(told(&recorder).len(), KEPT);
        assert!(!told(&recorder).contains(&(Some("4".to_owned()), Some(1))));
    }
}
