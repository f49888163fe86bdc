//! Who controls which pods and sets.

use super::*;
use crate::store::Shared;

impl Lab {
    fn set(&mut self, name: &str, replicas: i32, labels: serde_json::Value) {
        let set: ReplicaSet = serde_json::from_value(json!({
            "metadata": { "name": name },
            "spec": {
                "replicas": replicas,
                "selector": { "matchLabels": labels },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": { "containers": [{ "name": "web", "image": "web" }] },
                },
            },
        }))
        .unwrap();
        self.registry.apply(Object::ReplicaSet(set)).unwrap();
        self.controllers.run();
    }

    fn pod(&mut self, name: &str, labels: serde_json::Value) {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": name, "labels": labels },
            "spec": { "containers": [{ "name": "web", "image": "web" }] },
        }))
        .unwrap();
        self.registry.apply(Object::Pod(pod)).unwrap();
        self.controllers.run();
    }

    fn label(&mut self, pod: &str, labels: serde_json::Value) {
        let labels = serde_json::from_value(labels).unwrap();
        let change = |pod: &mut Pod| pod.metadata.labels = labels;
        self.registry.store().modify(&in_default(pod), change).unwrap();
        self.controllers.run();
    }

    fn controller(&self, pod: &str) -> Option<String> {
        let pod: Shared<Pod> = self.registry.store().get(&in_default(pod))?;
        Some(controller_of(&pod.metadata)?.name.clone())
    }

    fn replicas(&self, set: &str) -> i32 {
        let set: Shared<ReplicaSet> = self.registry.store().get(&in_default(set)).unwrap();
        set.status.as_ref().unwrap().replicas
    }
}

#[test]
fn a_set_takes_pods_that_nobody_controls_whenever_they_come() {
    let mut lab = Lab::new();
    lab.pod("early", json!({ "app": "web", "tier": "front" }));
    lab.pod("other", json!({ "app": "api" }));
    lab.set("web", 3, json!({ "app": "web" }));
    assert_eq!(lab.controller("early").as_deref(), Some("web"));
    assert_eq!(lab.controller("other"), None);
    assert_eq!(lab.pods().len(), 4);
    lab.pod("late", json!({ "app": "web" }));
    assert_eq!(lab.replicas("web"), 3, "there was one too many");
    lab.kubelet();
    assert_eq!(lab.pods().len(), 4);
}

#[test]
fn a_pod_whose_labels_change_is_let_go_replaced_and_taken_by_another() {
    let mut lab = Lab::new();
    lab.set("web", 1, json!({ "app": "web" }));
    lab.set("debug", 1, json!({ "app": "debug" }));
    let first = name_of(&lab.pods()[0].metadata).name;
    let owner = lab.controller(&first).unwrap();
    let (own, other) = if owner == "web" {
        ("web", "debug")
    } else {
        ("debug", "web")
    };
    lab.label(&first, json!({ "app": "nothing" }));
    assert_eq!(lab.controller(&first), None);
    assert_eq!((lab.pods().len(), lab.replicas(own)), (3, 1));
    lab.registry
        .store()
        .modify(&in_default(other), |set: &mut ReplicaSet| {
            set.spec.as_mut().unwrap().replicas = Some(2)
        })
        .unwrap();
    lab.controllers.run();
    lab.label(&first, json!({ "app": other }));
    assert!(lab.pods().len() < 5);
    assert_eq!(lab.replicas(other), 2);
}

#[test]
fn a_set_leaves_alone_what_others_control_and_what_has_ended_or_goes() {
    let mut lab = Lab::new();
    let change = |lab: &mut Lab, pod: &str, change: fn(&mut Pod)| {
        lab.pod(pod, json!({ "app": "web" }));
        lab.registry.store().modify(&in_default(pod), change).unwrap();
    };
    change(&mut lab, "over", |pod| {
        pod.status.as_mut().unwrap().phase = Some("Succeeded".into())
    });
    change(&mut lab, "going", |pod| {
        pod.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH))
    });
    change(&mut lab, "owned", |pod| {
        let owner = json!([{ "apiVersion": "batch/v1", "kind": "Job", "name": "job", "uid": "1", "controller": true }]);
        pod.metadata.owner_references = serde_json::from_value(owner).unwrap();
    });
    lab.set("web", 1, json!({ "app": "web" }));
    assert_eq!(lab.pods().len(), 4);
    for (pod, controller) in [("over", None), ("going", None), ("owned", Some("job"))] {
        assert_eq!(lab.controller(pod).as_deref(), controller);
    }
}

#[test]
fn who_goes_takes_nothing_and_is_not_taken() {
    let mut lab = Lab::new();
    lab.set("web", 0, json!({ "app": "web" }));
    let goes = |set: &mut ReplicaSet| {
        set.metadata.finalizers = Some(vec!["example.com/keep".to_owned()]);
        set.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    };
    lab.registry.store().modify(&in_default("web"), goes).unwrap();
    lab.pod("late", json!({ "app": "web" }));
    assert_eq!(lab.controller("late"), None);
    lab.deployment(1, "web:1");
    let set = lab
        .registry
        .store()
        .get::<ReplicaSet>(&in_default("web"))
        .unwrap();
    assert_eq!(controller_of(&set.metadata), None);
}

#[test]
fn a_selector_without_a_certain_label_takes_pods_as_well() {
    let mut lab = Lab::new();
    lab.pod("early", json!({ "app": "web" }));
    let set: ReplicaSet = serde_json::from_value(json!({
        "metadata": { "name": "web" },
        "spec": {
            "replicas": 2,
            "selector": { "matchExpressions": [{ "key": "app", "operator": "In", "values": ["web", "api"] }] },
            "template": {
                "metadata": { "labels": { "app": "api" } },
                "spec": { "containers": [{ "name": "web", "image": "web" }] },
            },
        },
    }))
    .unwrap();
    lab.registry.apply(Object::ReplicaSet(set)).unwrap();
    lab.controllers.run();
    assert_eq!(
        (lab.pods().len(), lab.controller("early").as_deref()),
        (2, Some("web"))
    );
    lab.registry.store().remove::<Pod>(&in_default("early")).unwrap();
    lab.pod("late", json!({ "app": "web" }));
    assert_eq!(lab.pods().len(), 2);
}

/// As after `kubectl delete deployment web --cascade=orphan` and the same manifest again.
#[test]
fn a_deployment_takes_a_set_of_its_template_that_nobody_controls() {
    let mut lab = Lab::new();
    lab.deployment(2, "web:1");
    lab.kubelet();
    let before: Vec<_> = lab.pods().iter().map(|pod| name_of(&pod.metadata)).collect();
    let sets = || lab.registry.store().list::<ReplicaSet>();
    let set = name_of(&sets()[0].metadata);
    let free = |set: &mut ReplicaSet| set.metadata.owner_references = None;
    lab.registry.store().modify(&set, free).unwrap();
    lab.registry
        .store()
        .remove::<Deployment>(&in_default("web"))
        .unwrap();
    lab.deployment(2, "web:1");
    let after: Vec<_> = lab.pods().iter().map(|pod| name_of(&pod.metadata)).collect();
    assert_eq!(before, after);
    let sets = lab.registry.store().list::<ReplicaSet>();
    assert_eq!(sets.len(), 1);
    assert_eq!(controller_of(&sets[0].metadata).unwrap().name, "web");
    let deployment: Shared<Deployment> = lab.registry.store().get(&in_default("web")).unwrap();
    let progress = deployment.status.as_ref().unwrap().conditions.clone().unwrap();
    assert_eq!(
        progress.last().unwrap().reason.as_deref(),
        Some("NewReplicaSetAvailable")
    );
}

#[test]
fn a_pod_is_available_when_it_has_been_ready_for_long_enough() {
    let mut lab = Lab::new();
    lab.deployment(2, "web:1");
    let name = in_default("web");
    let slow = |deployment: &mut Deployment| deployment.spec.as_mut().unwrap().min_ready_seconds = Some(10);
    lab.registry.store().modify(&name, slow).unwrap();
    lab.controllers.run();
    let counts = |lab: &Lab| {
        let deployment: Shared<Deployment> = lab.registry.store().get(&name).unwrap();
        let status = deployment.status.clone().unwrap();
        (status.ready_replicas, status.available_replicas)
    };
    lab.wait(100);
    lab.kubelet();
    assert_eq!(counts(&lab), (Some(2), None));
    lab.wait(9);
    assert_eq!(counts(&lab), (Some(2), None));
    lab.wait(1);
    assert_eq!(counts(&lab), (Some(2), Some(2)));
    assert_eq!(lab.controllers.timers.next(), None);
}

#[test]
fn a_set_says_why_it_has_no_pods() {
    let mut lab = Lab::new();
    lab.set("web", 0, json!({ "app": "web" }));
    let broken = |set: &mut ReplicaSet| {
        let spec = set.spec.as_mut().unwrap();
        spec.replicas = Some(3);
        spec.template
            .as_mut()
            .unwrap()
            .spec
            .as_mut()
            .unwrap()
            .containers
            .clear();
    };
    lab.registry.store().modify(&in_default("web"), broken).unwrap();
    lab.controllers.run();
    let set: Shared<ReplicaSet> = lab.registry.store().get(&in_default("web")).unwrap();
    let condition = set.status.as_ref().unwrap().conditions.as_ref().unwrap()[0].clone();
    assert_eq!(
        (&*condition.type_, condition.reason.as_deref()),
        ("ReplicaFailure", Some("FailedCreate"))
    );
    assert!(
        condition
            .message
            .unwrap()
            .ends_with("is invalid: spec.containers: Required value")
    );
    lab.registry.scale(&in_default("web"), 0).unwrap_err();
    let none = |set: &mut ReplicaSet| set.spec.as_mut().unwrap().replicas = Some(0);
    lab.registry.store().modify(&in_default("web"), none).unwrap();
    lab.controllers.run();
    let set: Shared<ReplicaSet> = lab.registry.store().get(&in_default("web")).unwrap();
    assert_eq!(set.status.as_ref().unwrap().conditions, None);
}

#[tokio::test]
async fn time_that_passes_wakes_the_controllers() {
    let store = Store::new(Arc::new(|| Time(Timestamp::now())));
    let service_cidr = "10.96.0.0/12".parse().unwrap();
    let registry = Registry::new(store.clone(), RegistryOptions { service_cidr }).unwrap();
    let (progress, _) = watch::channel(0);
    tokio::spawn(Controllers::new(registry.clone()).serve(progress));
    let labels = json!({ "app": "web" });
    let set = json!({
        "metadata": { "name": "web" },
        "spec": {
            "replicas": 1,
            "minReadySeconds": 1,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "web", "image": "web" }] },
            },
        },
    });
    let pod = json!({
        "metadata": { "name": "web", "namespace": "default", "labels": labels },
        "spec": { "containers": [{ "name": "web", "image": "web" }] },
        "status": {
            "phase": "Running",
            "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": Timestamp::now().to_string() }],
        },
    });
    store.create::<Pod>(serde_json::from_value(pod).unwrap()).unwrap();
    registry
        .apply(Object::ReplicaSet(serde_json::from_value(set).unwrap()))
        .unwrap();
    let is_available = || {
        let set: Option<Shared<ReplicaSet>> = store.get(&in_default("web"));
        set.is_some_and(|set| set.status.as_ref().unwrap().available_replicas == Some(1))
    };
    let mut revisions = store.revisions();
    let available = async {
        while !is_available() {
            revisions.changed().await.unwrap();
        }
    };
    let limit = std::time::Duration::from_secs(10);
    tokio::time::timeout(limit, available).await.unwrap();
}
