//! What a change costs doesn't grow with the cluster.

use std::time::{Duration, Instant};

use super::*;

/// How long the controllers take for a pod that is ready no more, or again, among so many deployments of five pods, each
/// behind a service of its own: the shortest of many times.
fn flip(deployments: usize) -> Duration {
    let mut lab = Lab::new();
    for number in 0..deployments {
        let labels = json!({"app": format!("web-{number}")});
        let deployment = json!({
            "metadata": {"name": format!("web-{number}")},
            "spec": {
                "replicas": 5,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "web", "image": "web"}]},
                },
            },
        });
        let service = json!({
            "metadata": {"name": format!("web-{number}")},
            "spec": {"selector": labels, "ports": [{"port": 80}]},
        });
        for (kind, object) in [(Kind::Service, service), (Kind::Deployment, deployment)] {
            let object = Object::from_json(kind, object).unwrap();
            lab.registry.apply(object).unwrap();
        }
    }
    lab.controllers.run();
    lab.kubelet();
    lab.controllers.run();
    let pods = lab.pods();
    assert_eq!(pods.len(), 5 * deployments);
    let times = pods.iter().cycle().step_by(7).take(40).map(|pod| {
        let flip = |pod: &mut Pod| {
            let status = pod.status.get_or_insert_default();
            let ready = &mut status.conditions.get_or_insert_default()[0];
            let flipped = if ready.status == "True" { "False" } else { "True" };
            ready.status = flipped.to_owned();
        };
        let revision = lab.registry.store().revision();
        let start = Instant::now();
        lab.registry
            .store()
            .modify(&name_of(&pod.metadata), flip)
            .unwrap();
        let dealt_with = lab.controllers.run();
        let took = start.elapsed();
        // The pod, its set, its deployment, and both forms of its service's endpoints.
        assert!(dealt_with >= revision + 5, "{dealt_with} {revision}");
        took
    });
    times.min().unwrap()
}

#[test]
fn a_pods_readiness_costs_the_same_among_ten_times_as_many() {
    let (few, many) = (flip(20), flip(200));
    assert!(many < few * 3, "{few:?} among 100 pods, {many:?} among 1,000");
}
