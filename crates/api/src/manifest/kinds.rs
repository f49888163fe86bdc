//! Which kinds Kubernetes has, in which API versions, and which of them podlab runs.

use crate::object::Kind;
use crate::scenario;
use crate::suggest::suggest;

/// Kubernetes' own kinds that people write in manifests, by API group and version.
const BUILT_IN: &[(&str, &[&str])] = &[
    ("events.k8s.io/v1", &["Event"]),
    (
        "v1",
        &[
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "List",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    (
        "apps/v1",
        &[
            "ControllerRevision",
            "DaemonSet",
            "Deployment",
            "ReplicaSet",
            "StatefulSet",
        ],
    ),
    ("autoscaling/v1", &["HorizontalPodAutoscaler"]),
    ("autoscaling/v2", &["HorizontalPodAutoscaler"]),
    ("batch/v1", &["CronJob", "Job"]),
    ("coordination.k8s.io/v1", &["Lease"]),
    ("discovery.k8s.io/v1", &["EndpointSlice"]),
    (
        "networking.k8s.io/v1",
        &[
            "Ingress",
            "IngressClass",
            "IPAddress",
            "NetworkPolicy",
            "ServiceCIDR",
        ],
    ),
    ("policy/v1", &["PodDisruptionBudget"]),
    (
        "rbac.authorization.k8s.io/v1",
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
    ),
    ("scheduling.k8s.io/v1", &["PriorityClass"]),
    (
        "storage.k8s.io/v1",
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"],
    ),
];

/// What podlab does with a document of some kind.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// It runs it.
    Object(Kind),
    /// It is the scenario.
    Scenario,
    /// It holds other documents.
    List,
    /// It has nothing that runs this kind.
    PassedOver,
    /// There is no such kind: the message, and what may have been meant.
    Unknown {
        message: String,
        help: Option<String>,
        at_version: bool,
    },
}

/// What podlab does with a document of this `apiVersion` and `kind`.
pub(super) fn treatment(api_version: &str, kind: &str) -> Treatment {
    if (api_version, kind) == (scenario::API_VERSION, scenario::KIND) {
        return Treatment::Scenario;
    }
    if is_built_in(api_version, kind) {
        if kind == "List" {
            return Treatment::List;
        }
        let is_run =
            |run: &&Kind| run.as_str() == kind && run.api_version() == api_version && **run != Kind::Node;
        let run = Kind::ALL.iter().find(is_run);
        return run.map_or(Treatment::PassedOver, |kind| Treatment::Object(*kind));
    }
    unknown(api_version, kind)
}

/// Whether it is one of Kubernetes' own.
pub(crate) fn is_built_in(api_version: &str, kind: &str) -> bool {
    let known = |(version, kinds): &(&str, &[&str])| *version == api_version && kinds.contains(&kind);
    BUILT_IN.iter().any(known)
}

fn unknown(api_version: &str, kind: &str) -> Treatment {
    let message = format!("no matches for kind {kind:?} in version {api_version:?}");
    let mut versions: Vec<&str> = BUILT_IN
        .iter()
        .filter(|(_, kinds)| kinds.contains(&kind))
        .map(|(version, _)| *version)
        .collect();
    if kind == scenario::KIND {
        versions.push(scenario::API_VERSION);
    }
    let (group, _) = api_version.split_once('/').unwrap_or(("", api_version));
    let own = BUILT_IN
        .iter()
        .filter(|(version, _)| *version == api_version)
        .flat_map(|(_, kinds)| *kinds)
        .copied();
    let own = own.chain((api_version == scenario::API_VERSION).then_some(scenario::KIND));
    if let Some(meant) = suggest(kind, own) {
        let help = Some(format!("did you mean {meant:?}?"));
        return Treatment::Unknown {
            message,
            help,
            at_version: false,
        };
    }
    // Kinds of other people's groups may have names that Kubernetes uses too: Knative's Service is one.
    let others = group.contains('.') && !group.ends_with(".k8s.io") && group != "podlab.dev";
    if others {
        return Treatment::PassedOver;
    }
    if let Some(version) = versions.last() {
        let help = Some(format!("{kind} is of apiVersion {version}"));
        return Treatment::Unknown {
            message,
            help,
            at_version: true,
        };
    }
    let all = BUILT_IN.iter().flat_map(|(_, kinds)| *kinds).copied();
    match suggest(kind, all) {
        Some(meant) => {
            let version = BUILT_IN
                .iter()
                .rev()
                .find(|(_, kinds)| kinds.contains(&meant))
                .map_or("", |(version, _)| version);
            let help = Some(format!("did you mean {meant:?} in version {version:?}?"));
            Treatment::Unknown {
                message,
                help,
                at_version: false,
            }
        }
        // Groups such as gateway.networking.k8s.io hold custom resources, too.
        None if group.contains('.') && group != "podlab.dev" => Treatment::PassedOver,
        None => Treatment::Unknown {
            message,
            help: None,
            at_version: BUILT_IN.iter().all(|(v, _)| *v != api_version),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_run_or_passed_over_or_unknown() {
        for kind in Kind::ALL {
            let expected = match kind {
                Kind::Node => Treatment::PassedOver,
                kind => Treatment::Object(*kind),
            };
            assert_eq!(treatment(kind.api_version(), kind.as_str()), expected);
        }
        for (api_version, kind) in [
            ("networking.k8s.io/v1", "Ingress"),
            ("events.k8s.io/v1", "Event"),
            ("gateway.networking.k8s.io/v1", "HTTPRoute"),
            ("serving.knative.dev/v1", "Service"),
        ] {
            assert_eq!(treatment(api_version, kind), Treatment::PassedOver, "{kind}");
        }
        assert_eq!(treatment("podlab.dev/v1alpha1", "Scenario"), Treatment::Scenario);
    }

    #[test]
    fn the_right_version_or_kind_is_named() {
        let cases = [
            ("v1", "Deployment", "Deployment is of apiVersion apps/v1"),
            (
                "extensions/v1beta1",
                "Ingress",
                "Ingress is of apiVersion networking.k8s.io/v1",
            ),
            ("v2", "Event", "Event is of apiVersion v1"),
            ("v1", "Lease", "Lease is of apiVersion coordination.k8s.io/v1"),
            ("apps/v1", "Deploymnt", "did you mean \"Deployment\"?"),
            (
                "v1",
                "Deploymnt",
                "did you mean \"Deployment\" in version \"apps/v1\"?",
            ),
            (
                "podlab.dev/v1",
                "Scenario",
                "Scenario is of apiVersion podlab.dev/v1alpha1",
            ),
            ("podlab.dev/v1alpha1", "Scenari", "did you mean \"Scenario\"?"),
        ];
        for (version, kind, expected) in cases {
            let Treatment::Unknown { message, help, .. } = treatment(version, kind) else {
                panic!("{version} {kind}")
            };
            assert_eq!(
                message,
                format!("no matches for kind {kind:?} in version {version:?}")
            );
            assert_eq!(help.as_deref(), Some(expected));
        }
    }
}
