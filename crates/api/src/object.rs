//! The kinds of Kubernetes objects that podlab runs.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Endpoints, Namespace, Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// A kind that podlab runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    Namespace,
    Node,
    Pod,
    Service,
    Endpoints,
    EndpointSlice,
    ServiceCIDR,
    Deployment,
    ReplicaSet,
}

/// An object of a kind that podlab runs.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Object {
    Namespace(Namespace),
    Node(Node),
    Pod(Pod),
    Service(Service),
    Endpoints(Endpoints),
    EndpointSlice(EndpointSlice),
    ServiceCIDR(ServiceCIDR),
    Deployment(Deployment),
    ReplicaSet(ReplicaSet),
}

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

macro_rules! kinds {
    ($($kind:ident $plural:literal $namespaced:literal),+ $(,)?) => {
        impl Kind {
            /// Every kind that podlab runs.
            pub const ALL: &[Kind] = &[$(Kind::$kind),+];

            /// The kind as Kubernetes writes it: `Service`.
            pub fn as_str(self) -> &'static str {
                match self { $(Kind::$kind => stringify!($kind)),+ }
            }

            /// The resource name, in lower case and plural: `services`.
            pub fn plural(self) -> &'static str {
                match self { $(Kind::$kind => $plural),+ }
            }

            /// Whether its objects live in a namespace.
            pub fn namespaced(self) -> bool {
                match self { $(Kind::$kind => $namespaced),+ }
            }
        }

        impl Object {
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
            pub fn to_json(&self) -> Result<serde_json::Value, serde_json::Error> {
                match self { $(Object::$kind(object) => serde_json::to_value(object)),+ }
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
    Namespace "namespaces" false,
    Node "nodes" false,
    Pod "pods" true,
    Service "services" true,
    Endpoints "endpoints" true,
    EndpointSlice "endpointslices" true,
    ServiceCIDR "servicecidrs" false,
    Deployment "deployments" true,
    ReplicaSet "replicasets" true,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
