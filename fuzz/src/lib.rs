//! What the targets share: a control plane without nodes, and its controllers.

use std::sync::{Arc, LazyLock};

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use podlab_api::manifest::{SourceFile, read};
use podlab_api::object::{Kind, Object};
use podlab_control::controllers::Controllers;
use podlab_control::registry::{Registry, RegistryOptions};
use podlab_control::store::Store;

/// A Service, its Deployment, and a Pod that may use them.
pub static OBJECTS: LazyLock<Vec<Object>> = LazyLock::new(|| {
    let reading = read(&[SourceFile {
        name: "objects.yaml".to_owned(),
        text: include_str!("../objects.yaml").to_owned(),
    }]);
    assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
    reading.objects.into_iter().map(|object| object.value).collect()
});

/// More replicas than this say nothing new about the controllers.
const MOST_REPLICAS: i32 = 20;

/// A control plane whose clock stands still.
pub fn registry() -> Registry {
    let store = Store::new(Arc::new(|| Time(Timestamp::UNIX_EPOCH)));
    let service_cidr = "10.96.0.0/12".parse().expect("it is a range");
    Registry::new(store, RegistryOptions { service_cidr }).expect("the range has addresses")
}

/// Lets the controllers do what there is to do, unless that is to make a crowd of pods.
pub fn settle(registry: &Registry) {
    let store = registry.store();
    let deployments = store.list::<Deployment>();
    let deployments = deployments.iter().map(|it| it.spec.as_ref()?.replicas);
    let sets = store.list::<ReplicaSet>();
    let sets = sets.iter().map(|it| it.spec.as_ref()?.replicas);
    let replicas = deployments.chain(sets).flatten();
    if replicas.map(i64::from).sum::<i64>() <= i64::from(MOST_REPLICAS) {
        Controllers::new(registry.clone()).run();
    }
}

/// A kind, by any number.
pub fn kind(number: u8) -> Kind {
    Kind::ALL[usize::from(number) % Kind::ALL.len()]
}
