//! What becomes of objects whose owners go, and of what is in a namespace.

use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::*;
use crate::registry::{Deletion, FOREGROUND, Mode, Part, Propagation};

impl Lab {
    /// A ConfigMap that others own.
    fn owned_map(&mut self, name: &str, owners: Vec<OwnerReference>) {
        let map = json!({ "metadata": { "name": name, "ownerReferences": owners } });
        let map = Object::ConfigMap(serde_json::from_value(map).unwrap());
        self.registry.create(map, Mode::Commit).unwrap();
        self.controllers.run();
    }

    fn reference(&self, name: &str) -> OwnerReference {
        let map = self.registry.store().get::<ConfigMap>(&in_default(name)).unwrap();
        let uid = map.metadata.uid.clone().unwrap();
        OwnerReference {
            controller: None,
            block_owner_deletion: None,
            ..serde_json::from_value(owner("v1", "ConfigMap", name, &uid)).unwrap()
        }
    }

    fn delete(&mut self, kind: Kind, name: &str, propagation: Option<Propagation>) {
        let options = Deletion {
            propagation,
            ..Deletion::default()
        };
        self.registry
            .delete_with(kind, &in_default(name), &options)
            .unwrap();
        self.controllers.run();
    }

    /// Removes all finalizers of an object.
    fn finalize(&mut self, kind: Kind, name: &NamespacedName) {
        let stored = self.registry.store().get_object(kind, name).unwrap();
        let mut object = Object::clone(&stored);
        object.metadata_mut().finalizers = None;
        self.registry.update(object, Part::Object, Mode::Commit).unwrap();
        self.controllers.run();
    }

    fn maps(&self) -> Vec<String> {
        let maps = self.registry.store().list_in::<ConfigMap>("default");
        maps.iter().map(|map| name_of(&map.metadata).name).collect()
    }
}

fn owner(api_version: &str, kind: &str, name: &str, uid: &str) -> serde_json::Value {
    json!({ "apiVersion": api_version, "kind": kind, "name": name, "uid": uid })
}

#[test]
fn an_object_lives_as_long_as_one_of_its_owners() {
    let mut lab = Lab::new();
    lab.owned_map("first", vec![]);
    lab.owned_map("second", vec![]);
    let owners = vec![lab.reference("first"), lab.reference("second")];
    lab.owned_map("map", owners.clone());
    lab.delete(Kind::ConfigMap, "first", None);
    let map = lab.registry.store().get::<ConfigMap>(&in_default("map")).unwrap();
    assert_eq!(map.metadata.owner_references, Some(vec![owners[1].clone()]));
    lab.delete(Kind::ConfigMap, "second", None);
    assert!(lab.maps().is_empty());
}

#[test]
fn an_object_whose_owner_is_not_there_is_deleted_unless_it_cannot_be_known() {
    let mut lab = Lab::new();
    lab.owned_map("owner", vec![]);
    let uid = lab.reference("owner").uid;
    for (name, owner, stays) in [
        ("its-owner", owner("v1", "ConfigMap", "owner", &uid), true),
        (
            "another-of-the-name",
            owner("v1", "ConfigMap", "owner", "1"),
            false,
        ),
        ("another-kind", owner("v1", "Secret", "owner", &uid), false),
        ("unknown-kind", owner("batch/v1", "Job", "owner", "1"), true),
        ("unknown-version", owner("v2", "ConfigMap", "owner", "1"), true),
        ("no-node", owner("v1", "Node", "node-2", "1"), false),
    ] {
        lab.owned_map(name, vec![serde_json::from_value(owner).unwrap()]);
        assert_eq!(lab.maps().contains(&name.to_owned()), stays, "{name}");
    }
    let mut node: Node = serde_json::from_value(json!({ "metadata": { "name": "node-3" } })).unwrap();
    node.metadata.owner_references = Some(vec![lab.reference("owner")]);
    lab.registry.apply(Object::Node(node)).unwrap();
    lab.delete(Kind::ConfigMap, "owner", None);
    assert_eq!(
        lab.registry.store().list::<Node>().len(),
        2,
        "a namespace would have to be guessed"
    );
}

#[test]
fn orphans_stay_and_lose_their_owner() {
    let mut lab = Lab::new();
    lab.deployment(2, "web:1");
    lab.kubelet();
    lab.delete(Kind::Deployment, "web", Some(Propagation::Orphan));
    let store = lab.registry.store();
    assert!(store.list::<Deployment>().is_empty());
    let sets = store.list::<ReplicaSet>();
    assert_eq!((sets.len(), lab.pods().len()), (1, 2));
    assert_eq!(sets[0].metadata.owner_references, None);
    assert!(
        lab.pods()
            .iter()
            .all(|pod| controller_of(&pod.metadata).is_some())
    );
}

#[test]
fn a_service_replaces_the_slices_that_one_of_its_name_has_left() {
    let mut lab = Lab::new();
    lab.service();
    let store = lab.registry.store().clone();
    let slice = || {
        let slices = store.list::<EndpointSlice>();
        assert_eq!(slices.len(), 1);
        slices[0].metadata.clone()
    };
    let first = slice();
    lab.delete(Kind::Service, "web", Some(Propagation::Orphan));
    assert_eq!(
        (slice().name, slice().owner_references),
        (first.name.clone(), None)
    );
    lab.service();
    assert_ne!(slice().name, first.name);
}

#[test]
fn in_the_foreground_an_owner_goes_after_what_it_owns() {
    let mut lab = Lab::new();
    lab.deployment(2, "web:1");
    lab.kubelet();
    lab.delete(Kind::Deployment, "web", Some(Propagation::Foreground));
    let store = lab.registry.store().clone();
    let waits = |finalizers: &Option<Vec<String>>| *finalizers == Some(vec![FOREGROUND.to_owned()]);
    assert!(waits(&store.list::<Deployment>()[0].metadata.finalizers));
    assert!(waits(&store.list::<ReplicaSet>()[0].metadata.finalizers));
    assert_eq!(lab.pods().len(), 2, "they are stopping, and no others come");
    assert!(lab.pods().iter().all(|pod| crate::pods::is_terminating(pod)));
    lab.kubelet();
    let left = [Kind::Deployment, Kind::ReplicaSet, Kind::Pod].map(|kind| store.list_objects(kind).len());
    assert_eq!(left, [0, 0, 0]);
}

#[test]
fn an_owner_waits_only_for_those_that_hold_it() {
    let mut lab = Lab::new();
    lab.owned_map("owner", vec![]);
    let owner = |blocks| OwnerReference {
        block_owner_deletion: blocks,
        ..lab.reference("owner")
    };
    let (free, holding) = (owner(None), owner(Some(true)));
    lab.owned_map("free", vec![free]);
    lab.owned_map("holding", vec![holding]);
    for name in ["free", "holding"] {
        let keep = |map: &mut ConfigMap| map.metadata.finalizers = Some(vec!["example.com/keep".to_owned()]);
        lab.registry.store().modify(&in_default(name), keep).unwrap();
    }
    lab.delete(Kind::ConfigMap, "owner", Some(Propagation::Foreground));
    assert_eq!(lab.maps(), ["free", "holding", "owner"]);
    let goes = |name| {
        let map = lab.registry.store().get::<ConfigMap>(&in_default(name)).unwrap();
        map.metadata.deletion_timestamp.is_some()
    };
    assert!(goes("free") && goes("holding"));
    lab.finalize(Kind::ConfigMap, &in_default("holding"));
    assert_eq!(lab.maps(), ["free"]);
}

#[test]
fn owners_of_each_other_do_not_wait_for_ever() {
    let mut lab = Lab::new();
    lab.owned_map("one", vec![]);
    let holding = |lab: &Lab, name| OwnerReference {
        block_owner_deletion: Some(true),
        ..lab.reference(name)
    };
    lab.owned_map("other", vec![holding(&lab, "one")]);
    let owners = Some(vec![holding(&lab, "other")]);
    let own = |map: &mut ConfigMap| map.metadata.owner_references = owners;
    lab.registry.store().modify(&in_default("one"), own).unwrap();
    lab.delete(Kind::ConfigMap, "one", Some(Propagation::Foreground));
    assert!(lab.maps().is_empty());
}

#[test]
fn a_dependent_that_is_let_go_does_not_hold_its_owner() {
    let mut lab = Lab::new();
    lab.owned_map("owner", vec![]);
    let holding = OwnerReference {
        block_owner_deletion: Some(true),
        ..lab.reference("owner")
    };
    lab.owned_map("map", vec![holding]);
    let keep = |map: &mut ConfigMap| map.metadata.finalizers = Some(vec!["example.com/keep".to_owned()]);
    lab.registry.store().modify(&in_default("map"), keep).unwrap();
    lab.delete(Kind::ConfigMap, "owner", Some(Propagation::Foreground));
    let free = |map: &mut ConfigMap| map.metadata.owner_references = None;
    lab.registry.store().modify(&in_default("map"), free).unwrap();
    lab.controllers.run();
    assert_eq!(lab.maps(), ["map"]);
}

/// Another controller's finalizer holds what is in it, and then itself.
#[test]
fn a_namespace_waits_for_finalizers() {
    let mut lab = Lab::new();
    let namespace = |finalizers: &[&str]| {
        let metadata = json!({ "name": "shop", "finalizers": finalizers });
        Object::Namespace(serde_json::from_value(json!({ "metadata": metadata })).unwrap())
    };
    lab.registry.apply(namespace(&["example.com/keep"])).unwrap();
    let service = json!({
        "metadata": { "name": "web", "namespace": "shop", "finalizers": ["example.com/keep"] },
        "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80 }] },
    });
    lab.registry
        .apply(Object::Service(serde_json::from_value(service).unwrap()))
        .unwrap();
    lab.controllers.run();
    let store = lab.registry.store().clone();
    assert_eq!(store.list_in::<EndpointSlice>("shop").len(), 1);
    let shop = NamespacedName {
        namespace: String::new(),
        name: "shop".to_owned(),
    };
    lab.registry.delete(Kind::Namespace, &shop).unwrap();
    lab.controllers.run();
    assert_eq!(store.list_in::<EndpointSlice>("shop").len(), 0);
    assert_eq!(store.list_in::<Service>("shop").len(), 1);
    let web = NamespacedName {
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
    };
    lab.finalize(Kind::Service, &web);
    let left = store.get::<Namespace>(&shop).unwrap();
    assert_eq!(left.spec.as_ref().unwrap().finalizers, None);
    lab.finalize(Kind::Namespace, &shop);
    assert!(store.get::<Namespace>(&shop).is_none());
}

#[test]
fn nothing_is_told_in_a_namespace_that_goes() {
    let mut lab = Lab::new();
    let namespace = json!({ "metadata": { "name": "shop" } });
    lab.registry
        .apply(Object::Namespace(serde_json::from_value(namespace).unwrap()))
        .unwrap();
    let pod: Pod = serde_json::from_value(json!({
        "metadata": { "name": "p", "namespace": "shop" },
        "spec": { "containers": [{ "name": "c", "image": "i" }] },
    }))
    .unwrap();
    lab.registry.apply(Object::Pod(pod.clone())).unwrap();
    lab.controllers.run();
    let store = lab.registry.store().clone();
    assert_eq!(store.list_in::<Event>("shop").len(), 1, "the pod was scheduled");
    let shop = NamespacedName {
        namespace: String::new(),
        name: "shop".to_owned(),
    };
    lab.registry.delete(Kind::Namespace, &shop).unwrap();
    lab.controllers.run();
    let recorder = &lab.controllers.recorders.scheduler;
    recorder.event(&pod, crate::recorder::EventType::Normal, "Killing", String::new());
    assert!(store.list_in::<Event>("shop").is_empty());
    lab.kubelet();
    assert!(store.get::<Namespace>(&shop).is_none());
}

#[test]
fn every_namespace_has_an_account_for_its_pods() {
    let mut lab = Lab::new();
    lab.controllers.run();
    let store = lab.registry.store().clone();
    let accounts = || {
        store
            .list::<ServiceAccount>()
            .iter()
            .map(|account| name_of(&account.metadata))
            .collect::<Vec<_>>()
    };
    let namespaces = store.list::<Namespace>().len();
    assert_eq!(accounts().len(), namespaces);
    assert!(accounts().iter().all(|account| account.name == "default"));
    lab.delete(Kind::ServiceAccount, "default", None);
    assert_eq!(accounts().len(), namespaces);
}
