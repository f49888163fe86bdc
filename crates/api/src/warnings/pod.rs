//! Pods and templates of pods.

mod containers;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Warnings;

const ANNOTATIONS: &[(&str, &str)] = &[
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/unsafe-sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
];

const NODE_LABELS: &[(&str, &str)] = &[
    (
        "beta.kubernetes.io/arch",
        "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
    ),
    (
        "beta.kubernetes.io/os",
        "deprecated since v1.14; use \"kubernetes.io/os\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ),
    ("app.kubernetes.io/created-by", "deprecated since v1.9"),
    (
        "scheduler.alpha.kubernetes.io/preferAvoidPods",
        "deprecated since v1.22; use Taints and Tolerations instead",
    ),
    (
        "node-role.kubernetes.io/master",
        "use \"node-role.kubernetes.io/control-plane\" instead",
    ),
];

/// The template of a Deployment or a ReplicaSet.
pub(super) fn warn_of_template(template: Option<&PodTemplateSpec>, warnings: &mut Warnings) {
    if let Some(template) = template {
        let (metadata, spec) = (template.metadata.as_ref(), template.spec.as_ref());
        warn("spec.template.", metadata, spec, warnings);
    }
}

/// `prefix` is what the paths begin with.
pub(super) fn warn(
    prefix: &str,
    metadata: Option<&ObjectMeta>,
    spec: Option<&PodSpec>,
    warnings: &mut Warnings,
) {
    let annotations = metadata.and_then(|metadata| metadata.annotations.as_ref());
    for (key, message) in ANNOTATIONS {
        if annotations.is_some_and(|annotations| annotations.contains_key(*key)) {
            warnings.add(&format!("{prefix}metadata.annotations[{key}]"), message);
        }
    }
    let Some(spec) = spec else { return };
    let path = format!("{prefix}spec");
    for (key, message) in NODE_LABELS {
        let labels = spec.node_selector.as_ref();
        if labels.is_some_and(|labels| labels.contains_key(*key)) {
            warnings.add(&format!("{path}.nodeSelector[{key}]"), message);
        }
    }
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        warn_of_volume(&format!("{path}.volumes[{index}]"), volume, warnings);
    }
    warn_of_duplicates(&path, spec, warnings);
    containers::warn(&path, spec, warnings);
    if spec
        .termination_grace_period_seconds
        .is_some_and(|seconds| seconds < 0)
    {
        warnings.add(
            &format!("{path}.terminationGracePeriodSeconds"),
            "must be >= 0; negative values are invalid and will be treated as 1",
        );
    }
}

fn warn_of_volume(path: &str, volume: &Volume, warnings: &mut Warnings) {
    for (field, told, is_given, message) in [
        (
            "gitRepo",
            "gitRepo",
            volume.git_repo.is_some(),
            "deprecated in v1.11",
        ),
        (
            "storageos",
            "storageOS",
            volume.storageos.is_some(),
            "deprecated in v1.22, non-functional in v1.25+",
        ),
        (
            "glusterfs",
            "glusterfs",
            volume.glusterfs.is_some(),
            "deprecated in v1.25, non-functional in v1.26+",
        ),
        (
            "cephfs",
            "cephfs",
            volume.cephfs.is_some(),
            "deprecated in v1.28, non-functional in v1.31+",
        ),
        (
            "rbd",
            "rbd",
            volume.rbd.is_some(),
            "deprecated in v1.28, non-functional in v1.31+",
        ),
    ] {
        if is_given {
            warnings.say(&format!("{path}.{field}"), format!("{path}.{told}: {message}"));
        }
    }
}

fn warn_of_duplicates(path: &str, spec: &PodSpec, warnings: &mut Warnings) {
    let mut seen = BTreeSet::new();
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        if !seen.insert(&alias.ip) {
            let path = format!("{path}.hostAliases[{index}].ip");
            warnings.add(&path, format!("duplicate ip {:?}", alias.ip));
        }
    }
    let mut seen = BTreeSet::new();
    for (index, secret) in spec.image_pull_secrets.iter().flatten().enumerate() {
        let path = format!("{path}.imagePullSecrets[{index}].name");
        if !seen.insert(&secret.name) {
            warnings.add(&path, format!("duplicate name {:?}", secret.name));
        }
        if secret.name.is_empty() {
            warnings.add(&path, "invalid empty name \"\"");
        }
    }
}
