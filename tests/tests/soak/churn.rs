//! Changes of a cluster, of all sorts, one after another.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use kube::api::{DeleteParams, PostParams};
use podlab_tests::flips::Flips;
use podlab_tests::lab::Lab;
use rand::seq::IndexedRandom;
use serde_json::json;

/// How many pods the Deployment has that is scaled, at rest and at most.
const AT_REST: usize = 4;
const AT_MOST: usize = 12;
/// How many Services come and go.
const SERVICES: usize = 20;

/// What can be changed, and how often: of fifty changes, so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    Scale,
    DeletePod,
    Readiness,
    Endpoint,
    Service,
    Port,
    Label,
}

const SORTS: [(Sort, u32); 7] = [
    (Sort::Scale, 1),
    (Sort::DeletePod, 1),
    (Sort::Readiness, 1),
    (Sort::Endpoint, 17),
    (Sort::Service, 10),
    (Sort::Port, 10),
    (Sort::Label, 10),
];

impl Sort {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Scale => "a Deployment is scaled",
            Self::DeletePod => "a pod is deleted",
            Self::Readiness => "pods become ready or unready by their probes",
            Self::Endpoint => "an endpoint becomes ready or unready",
            Self::Service => "a Service is created or deleted",
            Self::Port => "a Service's port changes",
            Self::Label => "a pod's label changes",
        }
    }
}

pub(crate) struct Churn<'a> {
    lab: &'a Lab,
    flips: Flips,
    stay: Vec<String>,
    services: [bool; SERVICES],
    is_ready: bool,
    /// How many changes of each sort have been made.
    pub(crate) made: BTreeMap<Sort, u32>,
}

impl<'a> Churn<'a> {
    pub(crate) fn new(lab: &'a Lab) -> Self {
        let stay = lab.pods("app=stay");
        Self {
            lab,
            flips: Flips::new(lab, "flipped", stay.values().copied()),
            stay: stay.into_keys().collect(),
            services: [false; SERVICES],
            is_ready: true,
            made: BTreeMap::new(),
        }
    }

    /// Makes a change.
    pub(crate) fn change(&mut self) {
        let chosen = SORTS.choose_weighted(&mut rand::rng(), |(_, weight)| *weight);
        let (sort, _) = *chosen.expect("there are sorts");
        match sort {
            Sort::Scale => self.scale(rand::random_range(2..=AT_MOST)),
            Sort::DeletePod => self.delete_pod(),
            Sort::Readiness => self.set_ready(!self.is_ready),
            Sort::Endpoint => self.flips.flip(self.lab),
            Sort::Service => self.toggle_service(rand::random_range(0..SERVICES)),
            Sort::Port => self.change_port(),
            Sort::Label => {
                let turn = ["yes", "no"][rand::random_range(0..2)];
                let pod = &self.stay[rand::random_range(0..self.stay.len())];
                self.label(pod, turn);
            }
        }
        *self.made.entry(sort).or_default() += 1;
    }

    /// Brings all back to what it was in the beginning.
    pub(crate) fn calm(&mut self) {
        self.flips.all_ready(self.lab);
        self.set_ready(true);
        self.stay.iter().for_each(|pod| self.label(pod, "yes"));
        for number in 0..SERVICES {
            if self.services[number] {
                self.toggle_service(number);
            }
        }
        self.scale(AT_REST);
        self.lab.until("all is as it was", || {
            let web = self.lab.wait(self.lab.api::<Deployment>().get("web"));
            let available = web.status.and_then(|status| status.available_replicas);
            self.lab.pods("app=web").len() == AT_REST && available == Some(AT_REST as i32)
        });
    }

    fn scale(&self, replicas: usize) {
        self.lab
            .patch::<Deployment>("web", &json!({"spec": {"replicas": replicas}}));
    }

    fn delete_pod(&self) {
        let pods: Vec<String> = self.lab.pods("app=web").into_keys().collect();
        if let Some(pod) = pods.choose(&mut rand::rng()) {
            // It may have gone already.
            let _ = self
                .lab
                .ask(self.lab.api::<Pod>().delete(pod, &DeleteParams::default()));
        }
    }

    fn set_ready(&mut self, ready: bool) {
        self.is_ready = ready;
        let text = if ready { "yes" } else { "no" };
        self.lab
            .patch::<ConfigMap>("mood", &json!({"data": {"ready": text}}));
    }

    fn toggle_service(&mut self, number: usize) {
        let (api, name) = (self.lab.api::<Service>(), format!("service-{number}"));
        self.services[number] ^= true;
        if self.services[number] {
            let service = json!({
                "metadata": {"name": name},
                "spec": {"selector": {"app": "stay"}, "ports": [{"port": 80, "targetPort": 8080}]},
            });
            let service = serde_json::from_value(service).expect("a service");
            self.lab.wait(api.create(&PostParams::default(), &service));
        } else {
            self.lab.wait(api.delete(&name, &DeleteParams::default()));
        }
    }

    /// Of a service that is there; otherwise it comes.
    fn change_port(&mut self) {
        let number = rand::random_range(0..SERVICES);
        if !self.services[number] {
            return self.toggle_service(number);
        }
        let port = rand::random_range(1..1_000);
        let ports = json!({"spec": {"ports": [{"port": port, "targetPort": 8080}]}});
        self.lab.patch::<Service>(&format!("service-{number}"), &ports);
    }

    fn label(&self, pod: &str, turn: &str) {
        self.lab
            .patch::<Pod>(pod, &json!({"metadata": {"labels": {"turn": turn}}}));
    }
}
