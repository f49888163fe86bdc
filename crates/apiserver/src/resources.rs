//! Which resources the API has, with which subresources and verbs: what discovery and OpenAPI tell of, and what
//! requests are taken for.

use podlab_api::object::Kind;

/// What can be done with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub(crate) enum Verb {
    Create,
    Delete,
    DeleteCollection,
    Get,
    List,
    Patch,
    Update,
    Watch,
}

/// A part of an object, or something that it does, with a path of its own below the object's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub(crate) enum Subresource {
    Exec,
    Finalize,
    Log,
    PortForward,
    Scale,
    Status,
}

/// The objects of a kind as the API has them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResourceInfo {
    /// Whose objects they are.
    pub(crate) kind: Kind,
    /// What can be done with them, in alphabetical order.
    pub(crate) verbs: &'static [Verb],
    /// The names that kubectl knows them by together with others.
    pub(crate) categories: &'static [&'static str],
    /// In alphabetical order.
    pub(crate) subresources: &'static [Subresource],
}

/// A kind that is read and written, which of a subresource isn't always its resource's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupKind {
    /// The API group, empty for Kubernetes' first one. All that are here are of the version `v1`.
    pub(crate) group: &'static str,
    /// The kind's name.
    pub(crate) kind: &'static str,
}

const EACH: &[Verb] = &[
    Verb::Create,
    Verb::Delete,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Update,
    Verb::Watch,
];
const ALL: &[Verb] = &[
    Verb::Create,
    Verb::Delete,
    Verb::DeleteCollection,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Update,
    Verb::Watch,
];

/// The resource of a kind.
pub(crate) fn of(kind: Kind) -> ResourceInfo {
    use Subresource::{Exec, Finalize, Log, PortForward, Scale, Status};
    let (verbs, categories, subresources): (_, &[_], &[_]) = match kind {
        Kind::Namespace => (EACH, &[], &[Finalize, Status]),
        Kind::Node | Kind::ServiceCIDR => (ALL, &[], &[Status]),
        Kind::Pod => (ALL, &["all"], &[Exec, Log, PortForward, Status]),
        Kind::Service => (ALL, &["all"], &[Status]),
        Kind::Deployment | Kind::ReplicaSet => (ALL, &["all"], &[Scale, Status]),
        Kind::ConfigMap
        | Kind::Endpoints
        | Kind::EndpointSlice
        | Kind::Event
        | Kind::Lease
        | Kind::NetworkPolicy
        | Kind::Secret
        | Kind::ServiceAccount => (ALL, &[], &[]),
    };
    ResourceInfo {
        kind,
        verbs,
        categories,
        subresources,
    }
}

/// The resources of an API version, `v1` or `apps/v1`, by their names; none if there is no such version.
pub(crate) fn of_version(api_version: &str) -> Vec<ResourceInfo> {
    let kinds = Kind::ALL.iter().filter(|kind| kind.api_version() == api_version);
    let mut resources: Vec<_> = kinds.map(|kind| of(*kind)).collect();
    resources.sort_by_key(|resource| resource.kind.plural());
    resources
}

/// The API groups that have a name.
pub(crate) fn groups() -> Vec<&'static str> {
    let mut groups: Vec<_> = Kind::ALL.iter().map(|kind| kind.group()).collect();
    groups.retain(|group| !group.is_empty());
    groups.sort_unstable();
    groups.dedup();
    groups
}

impl ResourceInfo {
    /// The subresource of a name, `status`, if there is one.
    pub(crate) fn subresource(&self, name: &str) -> Option<Subresource> {
        let mut subresources = self.subresources.iter().copied();
        subresources.find(|subresource| subresource.as_str() == name)
    }
}

impl GroupKind {
    /// A kind that podlab runs.
    pub(crate) fn of(kind: Kind) -> Self {
        Self {
            group: kind.group(),
            kind: kind.as_str(),
        }
    }
}

impl Subresource {
    /// The name, the last part of its path.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Finalize => "finalize",
            Self::Log => "log",
            Self::PortForward => "portforward",
            Self::Scale => "scale",
            Self::Status => "status",
        }
    }

    /// What can be done with it, in alphabetical order.
    pub(crate) fn verbs(self) -> &'static [Verb] {
        match self {
            Self::Exec | Self::PortForward => &[Verb::Create, Verb::Get],
            Self::Finalize => &[Verb::Update],
            Self::Log => &[Verb::Get],
            Self::Scale | Self::Status => &[Verb::Get, Verb::Patch, Verb::Update],
        }
    }

    /// What it reads and writes, as a part of objects of `kind`.
    pub(crate) fn group_kind(self, kind: Kind) -> GroupKind {
        let (group, kind) = match self {
            Self::Exec => ("", "PodExecOptions"),
            Self::PortForward => ("", "PodPortForwardOptions"),
            Self::Scale => ("autoscaling", "Scale"),
            Self::Finalize | Self::Log | Self::Status => return GroupKind::of(kind),
        };
        GroupKind { group, kind }
    }
}

impl Verb {
    /// The verb as Kubernetes writes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Get => "get",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Update => "update",
            Self::Watch => "watch",
        }
    }
}
