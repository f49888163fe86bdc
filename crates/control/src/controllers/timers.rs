//! Which objects are to be looked at again when time has passed, though nothing has changed.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;

use super::Key;

/// One time at most for each object.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BTreeSet<(Timestamp, Key)>,
    times: BTreeMap<Key, Timestamp>,
}

impl Timers {
    /// Sets an object's time in the place of the one it had.
    pub(super) fn set(&mut self, key: Key, time: Option<Timestamp>) {
        let old = match time {
            Some(time) => self.times.insert(key.clone(), time),
            None => self.times.remove(&key),
        };
        if let Some(old) = old {
            self.queue.remove(&(old, key.clone()));
        }
        if let Some(time) = time {
            self.queue.insert((time, key));
        }
    }

    /// The earliest time.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.queue.first().map(|(time, _)| *time)
    }

    /// Takes out an object whose time has come.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<Key> {
        self.next().filter(|time| *time <= now)?;
        let (_, key) = self.queue.pop_first()?;
        self.times.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use podlab_api::object::Kind;
    use podlab_api::steps::NamespacedName;

    use super::*;

    #[test]
    fn an_object_has_one_time_and_is_told_once() {
        let key = |name: &str| {
            let name = NamespacedName {
                namespace: "default".to_owned(),
                name: name.to_owned(),
            };
            (Kind::Deployment, name)
        };
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut timers = Timers::default();
        timers.set(key("web"), Some(at(5)));
        timers.set(key("web"), Some(at(9)));
        timers.set(key("api"), Some(at(7)));
        timers.set(key("db"), Some(at(1)));
        timers.set(key("db"), None);
        assert_eq!(timers.next(), Some(at(7)));
        assert_eq!(timers.pop_due(at(6)), None);
        assert_eq!(timers.pop_due(at(9)), Some(key("api")));
        assert_eq!(timers.pop_due(at(9)), Some(key("web")));
        assert_eq!(timers.pop_due(at(9)), None);
        assert_eq!(timers.next(), None);
    }
}
