use k8s_openapi::api::core::v1::{Pod, Service};

use super::*;

fn store() -> Store {
    Store::new(Arc::new(|| Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH)))
}

fn pod(namespace: &str, name: &str) -> Pod {
    let metadata = ObjectMeta {
        namespace: Some(namespace.into()),
        name: Some(name.into()),
        ..ObjectMeta::default()
    };
    Pod {
        metadata,
        ..Pod::default()
    }
}

fn named(namespace: &str, name: &str) -> NamespacedName {
    NamespacedName {
        namespace: namespace.into(),
        name: name.into(),
    }
}

#[test]
fn a_list_has_one_kind_and_one_namespace_in_order() {
    let store = store();
    for (namespace, name) in [("b", "1"), ("a", "2"), ("a", "1"), ("ab", "1")] {
        store.create(pod(namespace, name)).unwrap();
    }
    store
        .create(Service {
            metadata: pod("a", "s").metadata,
            ..Service::default()
        })
        .unwrap();
    let names = |pods: Vec<Shared<Pod>>| {
        pods.iter()
            .map(|pod| name_of(&pod.metadata).to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(store.list()), ["a/1", "a/2", "ab/1", "b/1"]);
    assert_eq!(names(store.list_in("a")), ["a/1", "a/2"]);
}

#[test]
fn a_stale_update_is_a_conflict_and_changes_nothing() {
    let store = store();
    let first = store.create(pod("a", "p")).unwrap();
    let second = store
        .modify(&named("a", "p"), |pod: &mut Pod| {
            pod.metadata.labels = Some([("x".into(), "1".into())].into())
        })
        .unwrap();
    let error = store.update(Pod::clone(&first)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Operation cannot be fulfilled on pods \"p\": the object has been modified; \
         please apply your changes to the latest version and try again"
    );
    assert_eq!(
        store.get::<Pod>(&named("a", "p")).unwrap().object(),
        second.object()
    );
}

#[test]
fn a_watch_sees_what_is_there_and_then_each_change_once() {
    let store = store();
    store.create(pod("a", "p")).unwrap();
    let mut watch = store.watch();
    store.modify(&named("a", "p"), |_: &mut Pod| {}).unwrap();
    store
        .modify(&named("a", "p"), |pod: &mut Pod| {
            pod.metadata.generation = Some(2)
        })
        .unwrap();
    store.remove::<Pod>(&named("a", "p")).unwrap();
    let seen: Vec<_> = std::iter::from_fn(|| watch.try_next())
        .map(|event| event.change)
        .collect();
    assert_eq!(seen, [Change::Added, Change::Modified, Change::Deleted]);
}

#[test]
fn what_was_long_ago_is_remembered_as_it_was() {
    let store = store();
    let mut told = store.watch();
    for name in ["p", "q"] {
        store.create(pod("a", name)).unwrap();
    }
    for generation in 0..500 {
        store
            .modify(&named("a", "p"), |pod: &mut Pod| {
                pod.metadata.generation = Some(generation)
            })
            .unwrap();
    }
    store.remove::<Pod>(&named("a", "p")).unwrap();
    let changes = store.changes_after(0, usize::MAX).unwrap();
    assert_eq!(changes.len(), 503);
    for past in changes {
        let event = told.try_next().unwrap();
        assert_eq!((past.revision, past.change), (event.revision, event.change));
        assert_eq!(
            (past.object(), past.old()),
            (event.object.clone(), event.old.clone())
        );
        assert_eq!(past.object_json(), event.object_json());
    }
    let (_, then) = store.list_at(Kind::Pod, None, Some(5)).unwrap();
    let then: Vec<_> = then
        .iter()
        .map(|pod| (pod.metadata().name.clone().unwrap(), pod.metadata().generation))
        .collect();
    assert_eq!(then, [("p".to_owned(), Some(2)), ("q".to_owned(), None)]);
}

#[test]
fn errors_are_kubernetes_own() {
    let store = store();
    store.create(pod("a", "p")).unwrap();
    let cases = [
        (
            store.create(pod("a", "p")).unwrap_err(),
            "pods \"p\" already exists",
        ),
        (store.update(pod("a", "q")).unwrap_err(), "pods \"q\" not found"),
        (
            store.remove::<Service>(&named("a", "p")).unwrap_err(),
            "services \"p\" not found",
        ),
    ];
    for (error, expected) in cases {
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_uid_is_a_version_4_uuid() {
    let uid = new_uid();
    assert_eq!(uid.len(), 36);
    assert_eq!(&uid[14..15], "4");
    assert!("89ab".contains(&uid[19..20]), "{uid}");
}
