//! The facts: the `x-kubernetes-…` extensions and the defaults of Kubernetes 1.34's OpenAPI documents.

use super::extensions::{Extensions, ListType, PatchStrategy};

/// Every field of which more is said than that its list is atomic.
pub(super) static FIELDS: &[(&str, &[(&str, Extensions)])] = &[
    ("apps.v1.DeploymentSpec", &[("strategy", RETAIN_KEYS)]),
    ("apps.v1.DeploymentStatus", &[("conditions", merged(&["type"]))]),
    ("apps.v1.ReplicaSetStatus", &[("conditions", merged(&["type"]))]),
    (
        "core.v1.Container",
        &[
            ("env", merged(&["name"])),
            ("ports", merged(&["containerPort", "protocol"])),
            ("volumeDevices", merged(&["devicePath"])),
            ("volumeMounts", merged(&["mountPath"])),
        ],
    ),
    ("core.v1.ContainerRestartRuleOnExitCodes", &[("values", SET)]),
    (
        "core.v1.ContainerStatus",
        &[
            ("allocatedResourcesStatus", merged(&["name"])),
            ("volumeMounts", merged(&["mountPath"])),
        ],
    ),
    (
        "core.v1.EphemeralContainer",
        &[
            ("env", merged(&["name"])),
            ("ports", merged(&["containerPort", "protocol"])),
            ("volumeDevices", merged(&["devicePath"])),
            ("volumeMounts", merged(&["mountPath"])),
        ],
    ),
    ("core.v1.NamespaceStatus", &[("conditions", merged(&["type"]))]),
    ("core.v1.NodeSpec", &[("podCIDRs", MERGED_SET)]),
    (
        "core.v1.NodeStatus",
        &[
            ("addresses", merged(&["type"])),
            ("conditions", merged(&["type"])),
        ],
    ),
    (
        "core.v1.PodSpec",
        &[
            ("containers", merged(&["name"])),
            ("ephemeralContainers", merged(&["name"])),
            ("hostAliases", merged(&["ip"])),
            ("imagePullSecrets", merged(&["name"])),
            ("initContainers", merged(&["name"])),
            ("nodeSelector", ATOMIC_MAP),
            ("resourceClaims", merged_retaining_keys(&["name"])),
            ("schedulingGates", merged(&["name"])),
            (
                "topologySpreadConstraints",
                merged(&["topologyKey", "whenUnsatisfiable"]),
            ),
            ("volumes", merged_retaining_keys(&["name"])),
        ],
    ),
    (
        "core.v1.PodStatus",
        &[
            ("conditions", merged(&["type"])),
            ("hostIPs", merged_atomic(&["ip"])),
            ("podIPs", merged(&["ip"])),
            ("resourceClaimStatuses", merged_retaining_keys(&["name"])),
        ],
    ),
    ("core.v1.ResourceRequirements", &[("claims", keyed(&["name"]))]),
    ("core.v1.ResourceStatus", &[("resources", keyed(&["resourceID"]))]),
    ("core.v1.ServiceAccount", &[("secrets", merged(&["name"]))]),
    (
        "core.v1.ServiceSpec",
        &[("ports", merged(&["port", "protocol"])), ("selector", ATOMIC_MAP)],
    ),
    ("core.v1.ServiceStatus", &[("conditions", merged(&["type"]))]),
    ("discovery.v1.Endpoint", &[("addresses", SET)]),
    (
        "meta.v1.ObjectMeta",
        &[("finalizers", MERGED_SET), ("ownerReferences", merged(&["uid"]))],
    ),
    (
        "networking.v1.ServiceCIDRStatus",
        &[("conditions", merged(&["type"]))],
    ),
];

/// The types whose objects are one value, replaced as a whole when applied (`x-kubernetes-map-type: atomic`).
pub(super) static ATOMIC_TYPES: &[&str] = &[
    "core.v1.ConfigMapKeySelector",
    "core.v1.EndpointAddress",
    "core.v1.EndpointPort",
    "core.v1.FileKeySelector",
    "core.v1.LocalObjectReference",
    "core.v1.NodeSelector",
    "core.v1.NodeSelectorTerm",
    "core.v1.ObjectFieldSelector",
    "core.v1.ObjectReference",
    "core.v1.ResourceFieldSelector",
    "core.v1.SecretKeySelector",
    "core.v1.TypedLocalObjectReference",
    "discovery.v1.EndpointPort",
    "meta.v1.LabelSelector",
    "meta.v1.OwnerReference",
];

/// The defaults of fields that may be missing.
pub(super) static DEFAULTS: &[(&str, &str, &str)] = &[
    ("core.v1.AzureDiskVolumeSource", "cachingMode", "ReadWrite"),
    ("core.v1.AzureDiskVolumeSource", "fsType", "ext4"),
    ("core.v1.AzureDiskVolumeSource", "kind", "Shared"),
    ("core.v1.ConfigMapEnvSource", "name", ""),
    ("core.v1.ConfigMapKeySelector", "name", ""),
    ("core.v1.ConfigMapProjection", "name", ""),
    ("core.v1.ConfigMapVolumeSource", "name", ""),
    ("core.v1.ContainerPort", "protocol", "TCP"),
    ("core.v1.Event", "reportingComponent", ""),
    ("core.v1.Event", "reportingInstance", ""),
    ("core.v1.GRPCAction", "service", ""),
    ("core.v1.ISCSIVolumeSource", "iscsiInterface", "default"),
    ("core.v1.LocalObjectReference", "name", ""),
    ("core.v1.NodeRuntimeHandler", "name", ""),
    ("core.v1.RBDVolumeSource", "keyring", "/etc/ceph/keyring"),
    ("core.v1.RBDVolumeSource", "pool", "rbd"),
    ("core.v1.RBDVolumeSource", "user", "admin"),
    ("core.v1.ScaleIOVolumeSource", "fsType", "xfs"),
    ("core.v1.ScaleIOVolumeSource", "storageMode", "ThinProvisioned"),
    ("core.v1.SecretEnvSource", "name", ""),
    ("core.v1.SecretKeySelector", "name", ""),
    ("core.v1.SecretProjection", "name", ""),
    ("core.v1.ServicePort", "protocol", "TCP"),
];

/// The plain fields that must be there and have no default; the default of all others is zero.
pub(super) static WITHOUT_DEFAULT: &[(&str, &str)] = &[
    ("core.v1.ContainerRestartRule", "action"),
    ("core.v1.ContainerRestartRuleOnExitCodes", "operator"),
    ("core.v1.PodCertificateProjection", "keyType"),
    ("core.v1.PodCertificateProjection", "signerName"),
];

/// Fields that Go's types always have: objects that are empty if nothing is said of them. So are all objects that are
/// called `metadata`, `spec` or `status`.
pub(super) static ALWAYS_THERE: &[(&str, &str)] = &[
    ("apps.v1.DeploymentSpec", "strategy"),
    ("apps.v1.DeploymentSpec", "template"),
    ("apps.v1.ReplicaSetSpec", "template"),
    ("core.v1.Container", "resources"),
    ("core.v1.ContainerStatus", "lastState"),
    ("core.v1.ContainerStatus", "state"),
    ("core.v1.EphemeralContainer", "resources"),
    ("core.v1.Event", "involvedObject"),
    ("core.v1.Event", "source"),
    ("core.v1.NodeDaemonEndpoints", "kubeletEndpoint"),
    ("core.v1.NodeStatus", "daemonEndpoints"),
    ("core.v1.NodeStatus", "nodeInfo"),
    ("core.v1.PersistentVolumeClaimSpec", "resources"),
    ("core.v1.PreferredSchedulingTerm", "preference"),
    ("core.v1.ServiceStatus", "loadBalancer"),
    ("core.v1.WeightedPodAffinityTerm", "podAffinityTerm"),
    ("discovery.v1.Endpoint", "conditions"),
    ("networking.v1.NetworkPolicySpec", "podSelector"),
];

pub(super) static NONE: Extensions = Extensions {
    list_type: ListType::Atomic,
    patch_merge_key: None,
    patch_strategy: PatchStrategy {
        merge: false,
        retain_keys: false,
    },
    atomic_map: false,
};
const MERGE: PatchStrategy = PatchStrategy {
    merge: true,
    retain_keys: false,
};
const MERGE_RETAIN_KEYS: PatchStrategy = PatchStrategy {
    merge: true,
    retain_keys: true,
};
const ATOMIC_MAP: Extensions = Extensions {
    atomic_map: true,
    ..NONE
};
const RETAIN_KEYS: Extensions = Extensions {
    patch_strategy: PatchStrategy {
        merge: false,
        retain_keys: true,
    },
    ..NONE
};
const SET: Extensions = Extensions {
    list_type: ListType::Set,
    ..NONE
};
const MERGED_SET: Extensions = Extensions {
    patch_strategy: MERGE,
    ..SET
};

/// A list whose elements have keys when it is applied; other patches replace it.
const fn keyed(keys: &'static [&'static str]) -> Extensions {
    Extensions {
        list_type: ListType::Map(keys),
        ..NONE
    }
}

/// A list whose elements have keys, of which strategic merge patches know the first.
const fn merged(keys: &'static [&'static str]) -> Extensions {
    Extensions {
        patch_merge_key: Some(keys[0]),
        patch_strategy: MERGE,
        ..keyed(keys)
    }
}

/// The same, and a patch names all that is left of an element.
const fn merged_retaining_keys(keys: &'static [&'static str]) -> Extensions {
    Extensions {
        patch_strategy: MERGE_RETAIN_KEYS,
        ..merged(keys)
    }
}

/// A list that is one value when it is applied, and merged by other patches.
const fn merged_atomic(keys: &'static [&'static str]) -> Extensions {
    Extensions {
        list_type: ListType::Atomic,
        ..merged(keys)
    }
}
