//! Numbers of replicas that nobody has room for.

use super::*;
use crate::registry::MOST_PODS;

/// A lab whose clock never shows the same time twice: thousands of events at one time would look for names for long.
fn lab() -> Lab {
    let ticks = AtomicI64::new(0);
    Lab::with_clock("10.96.0.0/12", move |seconds| {
        let ticks = ticks.fetch_add(1, Ordering::Relaxed);
        Timestamp::from_nanosecond(i128::from(seconds) * 1_000_000_000 + i128::from(ticks)).unwrap()
    })
}

fn set(lab: &Lab) -> ReplicaSet {
    let sets = lab.registry.store().list::<ReplicaSet>();
    ReplicaSet::clone(&sets[0])
}

#[test]
fn a_billion_replicas_become_as_many_pods_as_there_can_be_and_the_set_says_why_not_more() {
    let mut lab = lab();
    let pod = json!({"metadata": {"name": "other"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let pod = || Object::from_json(Kind::Pod, pod.clone()).unwrap();
    lab.registry.apply(pod()).unwrap();
    lab.deployment(1_000_000_000, "web:1");
    assert_eq!(lab.pods().len(), MOST_PODS);
    let status = set(&lab).status.unwrap();
    assert_eq!(status.replicas, MOST_PODS as i32 - 1);
    let why = status.conditions.unwrap().remove(0);
    assert_eq!(
        (&*why.type_, why.reason.as_deref()),
        ("ReplicaFailure", Some("FailedCreate"))
    );
    let message = why.message.unwrap();
    let quota =
        "is forbidden: exceeded quota: podlab, requested: pods=1, used: pods=5000, limited: pods=5000";
    assert!(message.ends_with(quota), "{message}");

    // A place that becomes free is taken.
    lab.registry.store().remove::<Pod>(&in_default("other")).unwrap();
    lab.controllers.run();
    assert_eq!(set(&lab).status.unwrap().replicas, MOST_PODS as i32);
    assert!(matches!(
        lab.registry.apply(pod()),
        Err(crate::registry::ApiError::Exceeded { .. })
    ));

    lab.deployment(3, "web:1");
    lab.kubelet();
    assert_eq!(lab.pods().len(), 3);
    assert_eq!(set(&lab).status.unwrap().conditions, None);
    assert_eq!(lab.registry.apply(pod()), Ok(Applied::Created));
}
