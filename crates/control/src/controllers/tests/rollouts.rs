//! Rollouts as `kubectl rollout` sees them.

use k8s_openapi::api::apps::v1::DeploymentSpec;
use k8s_openapi::api::core::v1::Event;

use super::*;
use crate::store::Shared;

const REVISION: &str = "deployment.kubernetes.io/revision";

impl Lab {
    fn current(&self) -> Shared<Deployment> {
        self.registry.store().get(&in_default("web")).unwrap()
    }

    fn edit(&mut self, change: impl FnOnce(&mut DeploymentSpec)) {
        let mut deployment = Deployment::clone(&self.current());
        change(deployment.spec.as_mut().unwrap());
        self.registry.apply(Object::Deployment(deployment)).unwrap();
        self.controllers.run();
    }

    fn roll_out(&mut self, image: &str) {
        self.edit(|spec| set_image(spec, image));
        self.finish();
    }

    fn finish(&mut self) {
        (0..10).for_each(|_| self.kubelet());
    }

    /// Image and replicas of each set.
    fn sets(&self) -> Vec<(String, i32)> {
        let sets = self.registry.store().list::<ReplicaSet>();
        let of = |set: &Shared<ReplicaSet>| (image(set), set.spec.as_ref().unwrap().replicas.unwrap());
        let mut sets: Vec<_> = sets.iter().map(of).collect();
        sets.sort();
        sets
    }

    fn annotation(&self, of_image: &str, name: &str) -> Option<String> {
        let sets = self.registry.store().list::<ReplicaSet>();
        let set = sets.iter().find(|set| image(set) == of_image)?;
        set.metadata.annotations.as_ref()?.get(name).cloned()
    }

    /// The conditions with their messages, names of sets left out.
    fn conditions(&self) -> Vec<String> {
        let status = self.current().status.clone().unwrap();
        let conditions = status.conditions.into_iter().flatten().map(|condition| {
            let message = condition.message.unwrap();
            let words = message
                .split(' ')
                .map(|word| if word.starts_with("\"web-") { "…" } else { word });
            let since = condition.last_transition_time.unwrap().0.as_second();
            let updated = condition.last_update_time.unwrap().0.as_second();
            format!(
                "{}={} {} ({since}, {updated}): {}",
                condition.type_,
                condition.status,
                condition.reason.unwrap(),
                words.collect::<Vec<_>>().join(" ")
            )
        });
        conditions.collect()
    }

    fn progressing(&self) -> String {
        let conditions = self.conditions();
        let mut progressing = conditions
            .into_iter()
            .filter(|text| text.starts_with("Progressing"));
        progressing.next().unwrap_or_default()
    }

    /// What `kubectl rollout status` waits for.
    fn is_rolled_out(&self) -> bool {
        let deployment = self.current();
        let status = deployment.status.clone().unwrap();
        let wanted = deployment.spec.as_ref().unwrap().replicas;
        status.observed_generation == deployment.metadata.generation
            && status.updated_replicas.unwrap_or_default() >= wanted.unwrap()
            && status.replicas <= status.updated_replicas
            && status.available_replicas >= status.updated_replicas
    }

    fn events(&self, component: &str) -> Vec<String> {
        let events = self.registry.store().list::<Event>();
        let of = events
            .iter()
            .filter(|event| event.reporting_component.as_deref() == Some(component));
        of.map(|event| {
            let about = event.involved_object.clone();
            format!(
                "{} {}: {}",
                about.kind.unwrap(),
                event.reason.clone().unwrap(),
                event.message.clone().unwrap()
            )
        })
        .collect()
    }
}

fn set_image(spec: &mut DeploymentSpec, image: &str) {
    spec.template.spec.as_mut().unwrap().containers[0].image = Some(image.to_owned());
}

fn image(set: &ReplicaSet) -> String {
    let template = set.spec.as_ref().unwrap().template.as_ref().unwrap();
    template.spec.as_ref().unwrap().containers[0]
        .image
        .clone()
        .unwrap()
}

#[test]
fn a_set_that_becomes_the_newest_again_gets_a_new_revision() {
    let mut lab = Lab::new();
    lab.deployment(2, "web:1");
    lab.finish();
    lab.roll_out("web:2");
    lab.roll_out("web:1");
    assert_eq!(lab.sets(), [("web:1".to_owned(), 2), ("web:2".to_owned(), 0)]);
    assert_eq!(lab.annotation("web:1", REVISION).as_deref(), Some("3"));
    assert_eq!(lab.annotation("web:2", REVISION).as_deref(), Some("2"));
    let history = "deployment.kubernetes.io/revision-history";
    assert_eq!(lab.annotation("web:1", history).as_deref(), Some("1"));
    assert_eq!(
        lab.current().metadata.annotations.as_ref().unwrap()[REVISION],
        "3"
    );
    let size = |name| lab.annotation("web:1", name);
    assert_eq!(
        size("deployment.kubernetes.io/desired-replicas").as_deref(),
        Some("2")
    );
    assert_eq!(
        size("deployment.kubernetes.io/max-replicas").as_deref(),
        Some("3")
    );
}

#[test]
fn a_set_says_the_cause_of_its_change() {
    let mut lab = Lab::new();
    lab.deployment(1, "web:1");
    let mut deployment = Deployment::clone(&lab.current());
    set_image(deployment.spec.as_mut().unwrap(), "web:2");
    let cause = ("kubernetes.io/change-cause".to_owned(), "a new image".to_owned());
    deployment
        .metadata
        .annotations
        .get_or_insert_default()
        .extend([cause]);
    lab.registry.apply(Object::Deployment(deployment)).unwrap();
    lab.controllers.run();
    let cause = |image| lab.annotation(image, "kubernetes.io/change-cause");
    assert_eq!(cause("web:2").as_deref(), Some("a new image"));
    assert_eq!(cause("web:1"), None);
}

#[test]
fn as_many_old_sets_are_kept_as_the_deployment_says() {
    let mut lab = Lab::new();
    lab.deployment(1, "web:1");
    lab.edit(|spec| spec.revision_history_limit = Some(2));
    for image in ["web:2", "web:3", "web:4", "web:5"] {
        lab.roll_out(image);
    }
    let images = || lab.sets().into_iter().map(|(image, _)| image).collect::<Vec<_>>();
    assert_eq!(images(), ["web:3", "web:4", "web:5"]);
    assert_eq!(lab.annotation("web:5", REVISION).as_deref(), Some("5"));
    lab.edit(|spec| spec.revision_history_limit = Some(0));
    assert_eq!(lab.sets(), [("web:5".to_owned(), 1)]);
}

#[test]
fn a_paused_deployment_is_scaled_but_not_rolled_out() {
    let mut lab = Lab::new();
    lab.deployment(2, "web:1");
    lab.finish();
    lab.edit(|spec| spec.paused = Some(true));
    lab.edit(|spec| {
        set_image(spec, "web:2");
        spec.replicas = Some(3);
    });
    lab.finish();
    assert_eq!(lab.sets(), [("web:1".to_owned(), 3)]);
    assert_eq!(
        lab.progressing(),
        "Progressing=Unknown DeploymentPaused (0, 0): Deployment is paused"
    );
    assert!(!lab.is_rolled_out());
    lab.edit(|spec| spec.paused = Some(false));
    lab.finish();
    assert_eq!(lab.sets(), [("web:1".to_owned(), 0), ("web:2".to_owned(), 3)]);
    assert!(lab.is_rolled_out());
}

#[test]
fn conditions_tell_how_far_a_rollout_is() {
    let mut lab = Lab::new();
    lab.deployment(2, "web:1");
    let below =
        "Available=False MinimumReplicasUnavailable (0, 0): Deployment does not have minimum availability.";
    assert_eq!(
        lab.conditions(),
        [
            below,
            "Progressing=True ReplicaSetUpdated (0, 0): ReplicaSet … is progressing."
        ]
    );
    assert!(!lab.is_rolled_out());
    lab.wait(5);
    lab.kubelet();
    let enough = "Available=True MinimumReplicasAvailable (5, 5): Deployment has minimum availability.";
    let done = "Progressing=True NewReplicaSetAvailable (0, 5): ReplicaSet … has successfully progressed.";
    assert_eq!(lab.conditions(), [enough, done]);
    assert!(lab.is_rolled_out());
    lab.wait(5);
    lab.edit(|spec| set_image(spec, "web:2"));
    assert!(!lab.is_rolled_out());
    let goes_on = "Progressing=True ReplicaSetUpdated (0, 10): ReplicaSet … is progressing.";
    assert_eq!(lab.conditions(), [enough, goes_on]);
    lab.wait(5);
    lab.finish();
    let done = "Progressing=True NewReplicaSetAvailable (0, 15): ReplicaSet … has successfully progressed.";
    assert_eq!(lab.conditions(), [enough, done]);
    assert!(lab.is_rolled_out());
    lab.edit(|spec| spec.replicas = Some(9));
    assert_eq!(lab.progressing(), done, "scaling is no rollout");
}

#[test]
fn a_rollout_that_makes_no_progress_is_given_up_and_may_still_succeed() {
    let mut lab = Lab::new();
    lab.deployment(2, "web:1");
    lab.finish();
    lab.wait(100);
    lab.edit(|spec| {
        set_image(spec, "broken");
        spec.progress_deadline_seconds = Some(60);
    });
    lab.wait(59);
    assert_eq!(
        lab.progressing(),
        "Progressing=True ReplicaSetUpdated (0, 100): ReplicaSet … is progressing."
    );
    lab.wait(1);
    assert_eq!(
        lab.progressing(),
        "Progressing=False ProgressDeadlineExceeded (160, 160): ReplicaSet … has timed out progressing."
    );
    lab.wait(1);
    lab.finish();
    assert_eq!(
        lab.progressing(),
        "Progressing=True NewReplicaSetAvailable (161, 161): ReplicaSet … has successfully progressed."
    );
    lab.wait(1_000);
    assert!(lab.progressing().contains("NewReplicaSetAvailable"));
    assert_eq!(lab.controllers.timers.next(), None);
}

#[test]
fn progress_gives_a_rollout_time() {
    let mut lab = Lab::new();
    lab.deployment(8, "web:1");
    lab.finish();
    lab.edit(|spec| {
        set_image(spec, "slow");
        let one_by_one = json!({ "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } });
        spec.strategy = serde_json::from_value(one_by_one).unwrap();
        spec.progress_deadline_seconds = Some(60);
    });
    for _ in 0..2 {
        lab.wait(50);
        lab.kubelet();
    }
    let goes_on = "Progressing=True ReplicaSetUpdated (0, 100): ReplicaSet … is progressing.";
    assert_eq!(lab.progressing(), goes_on);
    lab.wait(59);
    assert_eq!(lab.progressing(), goes_on);
}

#[test]
fn without_a_deadline_nothing_is_said_of_progress() {
    let mut lab = Lab::new();
    lab.deployment(1, "web:1");
    lab.edit(|spec| spec.progress_deadline_seconds = Some(i32::MAX));
    lab.finish();
    assert_eq!(lab.progressing(), "");
    assert!(lab.is_rolled_out());
}

#[test]
fn a_rollout_that_is_scaled_keeps_both_sets() {
    let mut lab = Lab::new();
    lab.deployment(8, "web:1");
    lab.finish();
    lab.edit(|spec| set_image(spec, "web:2"));
    assert_eq!(lab.sets(), [("web:1".to_owned(), 6), ("web:2".to_owned(), 4)]);
    lab.edit(|spec| spec.replicas = Some(16));
    assert_eq!(lab.sets(), [("web:1".to_owned(), 12), ("web:2".to_owned(), 8)]);
    lab.finish();
    assert_eq!(lab.sets(), [("web:1".to_owned(), 0), ("web:2".to_owned(), 16)]);
    assert!(lab.is_rolled_out());
}

/// The set has as many as the deployment wants, but from somebody else.
#[test]
fn a_set_that_somebody_has_scaled_does_not_hold_the_rollout_up() {
    let mut lab = Lab::new();
    lab.deployment(3, "web:1");
    lab.finish();
    let set = name_of(&lab.registry.store().list::<ReplicaSet>()[0].metadata);
    let five = |set: &mut ReplicaSet| set.spec.as_mut().unwrap().replicas = Some(5);
    lab.registry.store().modify(&set, five).unwrap();
    lab.edit(|spec| {
        spec.replicas = Some(5);
        set_image(spec, "web:2");
    });
    lab.finish();
    assert_eq!(lab.sets(), [("web:1".to_owned(), 0), ("web:2".to_owned(), 5)]);
}

#[test]
fn recreated_pods_come_when_the_old_ones_are_gone() {
    let mut lab = Lab::new();
    lab.deployment(2, "web:1");
    lab.edit(|spec| spec.strategy = serde_json::from_value(json!({ "type": "Recreate" })).unwrap());
    lab.finish();
    lab.edit(|spec| set_image(spec, "web:2"));
    assert_eq!(lab.sets(), [("web:1".to_owned(), 0)]);
    assert!(
        lab.pods()
            .iter()
            .all(|pod| pod.metadata.deletion_timestamp.is_some())
    );
    lab.kubelet();
    assert_eq!(lab.sets(), [("web:1".to_owned(), 0), ("web:2".to_owned(), 2)]);
    lab.finish();
    assert!(lab.is_rolled_out());
}

#[test]
fn a_name_that_another_set_has_is_given_up() {
    let mut lab = Lab::new();
    lab.deployment(1, "web:1");
    let first = ReplicaSet::clone(&lab.registry.store().list::<ReplicaSet>()[0]);
    let name = in_default("web");
    lab.registry.delete(Kind::Deployment, &name).unwrap();
    lab.controllers.run();
    lab.kubelet();
    let mut other = first.clone();
    other.metadata.owner_references = None;
    let labels = json!({ "matchLabels": { "app": "other" } });
    let spec = other.spec.as_mut().unwrap();
    spec.selector = serde_json::from_value(labels).unwrap();
    spec.template.as_mut().unwrap().metadata.as_mut().unwrap().labels = spec.selector.match_labels.clone();
    other.metadata.labels = None;
    lab.registry.apply(Object::ReplicaSet(other)).unwrap();
    lab.deployment(1, "web:1");
    lab.finish();
    assert!(lab.is_rolled_out());
    assert_eq!(lab.current().status.as_ref().unwrap().collision_count, Some(1));
    let names: Vec<_> = lab.registry.store().list::<ReplicaSet>();
    assert_eq!(names.len(), 2);
}

#[test]
fn what_controllers_do_is_told() {
    let mut lab = Lab::new();
    lab.deployment(1, "web:1");
    lab.kubelet();
    lab.roll_out("web:2");
    let sets = lab.registry.store().list::<ReplicaSet>();
    let set = |of: &str| {
        sets.iter()
            .find(|set| image(set) == of)
            .map(|set| name_of(&set.metadata).name)
    };
    let (old, new) = (set("web:1").unwrap(), set("web:2").unwrap());
    let mut scaled = lab.events("deployment-controller");
    scaled.sort();
    assert_eq!(
        scaled,
        [
            format!("Deployment ScalingReplicaSet: Scaled down replica set {old} from 1 to 0"),
            format!("Deployment ScalingReplicaSet: Scaled up replica set {new} from 0 to 1"),
            format!("Deployment ScalingReplicaSet: Scaled up replica set {old} from 0 to 1"),
        ]
    );
    let pod = name_of(&lab.pods()[0].metadata).name;
    let made = lab.events("replicaset-controller");
    assert_eq!(made.len(), 3);
    assert!(made.contains(&format!("ReplicaSet SuccessfulCreate: Created pod: {pod}")));
    let deleted = made
        .iter()
        .filter(|text| text.starts_with("ReplicaSet SuccessfulDelete: Deleted pod: web-"));
    assert_eq!(deleted.count(), 1);
    let scheduled = format!("Pod Scheduled: Successfully assigned default/{pod} to node-1");
    assert!(lab.events("default-scheduler").contains(&scheduled));
    assert_eq!(lab.events("default-scheduler").len(), 2);
}

#[test]
fn events_make_no_work() {
    let mut lab = Lab::new();
    lab.deployment(1, "web:1");
    let event = Object::Event(Event::clone(&lab.registry.store().list::<Event>()[0]));
    lab.registry
        .store()
        .remove_object(Kind::Event, &name_of(event.metadata()))
        .unwrap();
    lab.registry.store().create_object(event).unwrap();
    while let Some(event) = lab.controllers.watch.try_next() {
        lab.controllers.note(&event);
    }
    assert!(lab.controllers.dirty.is_empty());
    assert_eq!(lab.controllers.run(), lab.registry.store().revision());
}
