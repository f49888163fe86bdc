//! The kinds of Kubernetes objects that podlab runs.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, Endpoints, Event, Namespace, Node, Pod, PodSpec, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{NetworkPolicy, ServiceCIDR};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::SchemaGenerator;
use serde::de::Error as _;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_path_to_error::Track;

/// What all kinds have in common: the type that stands for a kind, and its place in [`Object`].
pub trait Resource: Clone + Send + Sync + PartialEq + std::fmt::Debug + 'static {
    /// Which kind it is.
    const KIND: Kind;
    /// The object's metadata.
    fn metadata(&self) -> &ObjectMeta;
    /// The object's metadata, to change.
    fn metadata_mut(&mut self) -> &mut ObjectMeta;
    /// The object as one of any kind.
    fn into_object(self) -> Object;
    /// This kind's form of an object, if it is of this kind.
    fn from_object(object: &Object) -> Option<&Self>;
}

/// How many items the lists of an object may have, all together: an empty container is two bytes of JSON, and two thousand
/// in memory.
const MOST_ITEMS: usize = 120_000;

macro_rules! kinds {
    ($($kind:ident $group:literal $plural:literal $namespaced:literal [$($short:literal),*]),+ $(,)?) => {
        /// A kind that podlab runs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)]
        pub enum Kind { $($kind),+ }

        /// An object of a kind that podlab runs.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs)]
        pub enum Object { $($kind($kind)),+ }

        impl Kind {
            /// Every kind that podlab runs.
            pub const ALL: &[Kind] = &[$(Kind::$kind),+];

            /// The kind as Kubernetes writes it: `Service`.
            pub fn as_str(self) -> &'static str {
                match self { $(Kind::$kind => stringify!($kind)),+ }
            }

            /// The API group, empty for Kubernetes' first one: `apps`.
            pub fn group(self) -> &'static str {
                match self { $(Kind::$kind => $group),+ }
            }

            /// The resource name, in lower case and plural: `services`.
            pub fn plural(self) -> &'static str {
                match self { $(Kind::$kind => $plural),+ }
            }

            /// Whether its objects live in a namespace.
            pub fn namespaced(self) -> bool {
                match self { $(Kind::$kind => $namespaced),+ }
            }

            /// The abbreviations that kubectl knows it by: `svc`.
            pub fn short_names(self) -> &'static [&'static str] {
                match self { $(Kind::$kind => &[$($short),*]),+ }
            }

            /// The JSON Schema of its objects, as a part of what `generator` makes.
            pub fn schema(self, generator: &mut SchemaGenerator) -> schemars::Schema {
                match self { $(Kind::$kind => generator.subschema_for::<$kind>()),+ }
            }
        }

        impl Object {
            /// Reads an object of this kind from its JSON form; fields that the kind doesn't have are passed over.
            ///
            /// # Errors
            /// A field is missing or of another type, with its path; or the object's lists have more than 120,000 items.
            pub fn from_json(
                kind: Kind,
                value: Value,
            ) -> Result<Self, serde_path_to_error::Error<serde_json::Error>> {
                if items(&value) > MOST_ITEMS {
                    return Err(too_many_items());
                }
                match kind {
                    $(Kind::$kind => serde_path_to_error::deserialize(value).map(Object::$kind)),+
                }
            }

            /// An object of this kind of which nothing is known but its metadata, as in a watch's bookmarks.
            pub fn of_metadata(kind: Kind, metadata: ObjectMeta) -> Self {
                match kind {
                    $(Kind::$kind => Object::$kind($kind { metadata, ..$kind::default() })),+
                }
            }

            /// Which kind it is.
            pub fn kind(&self) -> Kind {
                match self { $(Object::$kind(_) => Kind::$kind),+ }
            }

            /// The object's metadata.
            pub fn metadata(&self) -> &ObjectMeta {
                match self { $(Object::$kind(object) => &object.metadata),+ }
            }

            /// The object's metadata, to change.
            pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
                match self { $(Object::$kind(object) => &mut object.metadata),+ }
            }

            /// The object as Kubernetes' API writes it, with `apiVersion` and `kind`.
            ///
            /// # Errors
            /// None for the objects that podlab makes and reads: all of them have a JSON form.
            pub fn to_json(&self) -> Result<Value, serde_json::Error> {
                serde_json::to_value(self)
            }
        }

        impl Serialize for Object {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Object::$kind(object) => object.serialize(serializer)),+ }
            }
        }

        $(impl Resource for $kind {
            const KIND: Kind = Kind::$kind;
            fn metadata(&self) -> &ObjectMeta { &self.metadata }
            fn metadata_mut(&mut self) -> &mut ObjectMeta { &mut self.metadata }
            fn into_object(self) -> Object { Object::$kind(self) }
            fn from_object(object: &Object) -> Option<&Self> {
                match object { Object::$kind(object) => Some(object), _ => None }
            }
        })+
    };
}

kinds! {
    Namespace "" "namespaces" false ["ns"],
    Node "" "nodes" false ["no"],
    Pod "" "pods" true ["po"],
    Service "" "services" true ["svc"],
    Endpoints "" "endpoints" true ["ep"],
    ConfigMap "" "configmaps" true ["cm"],
    Secret "" "secrets" true [],
    ServiceAccount "" "serviceaccounts" true ["sa"],
    Event "" "events" true ["ev"],
    EndpointSlice "discovery.k8s.io" "endpointslices" true [],
    ServiceCIDR "networking.k8s.io" "servicecidrs" false [],
    NetworkPolicy "networking.k8s.io" "networkpolicies" true ["netpol"],
    Deployment "apps" "deployments" true ["deploy"],
    ReplicaSet "apps" "replicasets" true ["rs"],
    Lease "coordination.k8s.io" "leases" true [],
}

impl Kind {
    /// The API version of its objects: `apps/v1`.
    pub fn api_version(self) -> &'static str {
        match self.group() {
            "apps" => "apps/v1",
            "coordination.k8s.io" => "coordination.k8s.io/v1",
            "discovery.k8s.io" => "discovery.k8s.io/v1",
            "networking.k8s.io" => "networking.k8s.io/v1",
            _ => "v1",
        }
    }

    /// The kind that kubectl knows by this name: plural, singular or short, in any case, also with the group:
    /// `deployments.apps`.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let known = |kind: Kind| {
            let names = [kind.singular(), kind.plural().to_owned(), kind.qualified()];
            names.contains(&name) || kind.short_names().contains(&&*name)
        };
        Self::ALL.iter().copied().find(|kind| known(*kind))
    }

    /// The name in messages and in the API, in lower case: `service`.
    pub fn singular(self) -> String {
        self.as_str().to_lowercase()
    }

    /// The resource with its group, as Kubernetes' messages name it: `deployments.apps`, `pods`.
    pub fn qualified(self) -> String {
        match self.group() {
            "" => self.plural().to_owned(),
            group => format!("{}.{group}", self.plural()),
        }
    }

    /// The kind with its group, as Kubernetes' messages name it: `Deployment.apps`, `Pod`.
    pub fn qualified_kind(self) -> String {
        match self.group() {
            "" => self.as_str().to_owned(),
            group => format!("{self}.{group}"),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many items the lists in a value have, all together.
fn items(value: &Value) -> usize {
    match value {
        Value::Array(list) => list.len() + list.iter().map(items).sum::<usize>(),
        Value::Object(fields) => fields.values().map(items).sum(),
        _ => 0,
    }
}

fn too_many_items() -> serde_path_to_error::Error<serde_json::Error> {
    let why = format!("the lists of an object may have at most {MOST_ITEMS} items, all together");
    serde_path_to_error::Error::new(Track::new().path(), serde_json::Error::custom(why))
}

/// What the pods of an object are like, and its path: of a pod itself, or of one that makes pods.
pub fn pod_spec(object: &Object) -> Option<(&'static str, &PodSpec)> {
    let template = "spec.template.spec";
    match object {
        Object::Pod(pod) => Some(("spec", pod.spec.as_ref()?)),
        Object::Deployment(deployment) => Some((template, deployment.spec.as_ref()?.template.spec.as_ref()?)),
        Object::ReplicaSet(set) => Some((template, set.spec.as_ref()?.template.as_ref()?.spec.as_ref()?)),
        _ => None,
    }
}
