//! An EndpointSlice that somebody edits by hand, so that its endpoints come and go.

use std::net::IpAddr;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::lab::Lab;

/// The endpoints of a Service without a selector.
pub struct Flips {
    service: &'static str,
    endpoints: Vec<(IpAddr, bool)>,
}

impl Flips {
    /// These pods are the service's endpoints, on port 8080, all of them ready.
    pub fn new(lab: &Lab, service: &'static str, pods: impl IntoIterator<Item = IpAddr>) -> Self {
        let flips = Self {
            service,
            endpoints: pods.into_iter().map(|pod| (pod, true)).collect(),
        };
        let slice = json!({
            "metadata": {"name": service, "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4",
            "ports": [{"port": 8080}],
            "endpoints": flips.endpoints(),
        });
        let slice: EndpointSlice = serde_json::from_value(slice).expect("a slice");
        lab.wait(lab.api().create(&PostParams::default(), &slice));
        flips
    }

    /// One endpoint becomes ready or unready; at least one is ready.
    pub fn flip(&mut self, lab: &Lab) {
        let index = rand::random_range(0..self.endpoints.len());
        self.endpoints[index].1 ^= true;
        if self.endpoints.iter().all(|(_, ready)| !ready) {
            // Another one in its place, with nobody in between.
            let other = (index + 1) % self.endpoints.len();
            self.endpoints[other].1 = true;
        }
        self.write(lab);
    }

    /// All are ready again.
    pub fn all_ready(&mut self, lab: &Lab) {
        self.endpoints.iter_mut().for_each(|(_, ready)| *ready = true);
        self.write(lab);
    }

    fn write(&self, lab: &Lab) {
        lab.patch::<EndpointSlice>(self.service, &json!({"endpoints": self.endpoints()}));
    }

    fn endpoints(&self) -> Value {
        let endpoints = self.endpoints.iter();
        endpoints
            .map(|(pod, ready)| json!({"addresses": [pod], "conditions": {"ready": ready}}))
            .collect()
    }
}
