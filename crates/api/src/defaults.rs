//! What Kubernetes fills in where a manifest says nothing.

use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStrategy, ReplicaSet, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    Container, EmptyDirVolumeSource, Node, ObjectReference, PodSpec, PodTemplateSpec, Probe, Secret, Service,
    ServiceSpec, Volume,
};
use k8s_openapi::api::networking::v1::NetworkPolicySpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::containers::containers_mut;
use crate::object::Object;

/// Fills in the defaults of an object, as the API server does before validation. Doing it twice changes nothing.
///
/// What depends on other objects, such as a ClusterIP, is left to the registry.
pub fn default_object(object: &mut Object) {
    let namespaced = object.kind().namespaced();
    let metadata = object.metadata_mut();
    if namespaced && metadata.namespace.as_deref().is_none_or(str::is_empty) {
        metadata.namespace = Some("default".to_owned());
    }
    match object {
        Object::Pod(pod) => pod.spec.iter_mut().for_each(default_pod),
        Object::Service(service) => default_service(service),
        Object::Deployment(deployment) => default_deployment(deployment),
        Object::ReplicaSet(replica_set) => default_replica_set(replica_set),
        Object::EndpointSlice(slice) => {
            for port in slice.ports.iter_mut().flatten() {
                fill(&mut port.name, "");
                fill(&mut port.protocol, "TCP");
            }
        }
        Object::Namespace(namespace) => {
            // What selectors of namespaces can rely on.
            if let Some(name) = namespace.metadata.name.clone() {
                let labels = namespace.metadata.labels.get_or_insert_default();
                labels.insert("kubernetes.io/metadata.name".to_owned(), name);
            }
        }
        Object::Endpoints(endpoints) => {
            let subsets = endpoints.subsets.iter_mut().flatten();
            for port in subsets.flat_map(|subset| subset.ports.iter_mut().flatten()) {
                fill(&mut port.protocol, "TCP");
            }
        }
        Object::Secret(secret) => default_secret(secret),
        Object::ServiceAccount(account) => {
            // Only their names count.
            for secret in account.secrets.iter_mut().flatten() {
                let name = secret.name.take();
                *secret = ObjectReference {
                    name,
                    ..ObjectReference::default()
                };
            }
        }
        Object::NetworkPolicy(policy) => policy.spec.iter_mut().for_each(default_network_policy),
        Object::Lease(lease) => {
            // Of a feature that isn't on by default.
            if let Some(spec) = &mut lease.spec {
                spec.strategy = None;
                spec.preferred_holder = None;
            }
        }
        Object::Node(node) => default_node(node),
        Object::ServiceCIDR(_) | Object::ConfigMap(_) | Object::Event(_) => {}
    }
}

/// Text becomes bytes: it is there only to be written.
fn default_secret(secret: &mut Secret) {
    fill(&mut secret.type_, "Opaque");
    let texts = secret.string_data.take().unwrap_or_default();
    if !texts.is_empty() {
        let bytes = texts
            .into_iter()
            .map(|(key, text)| (key, ByteString(text.into_bytes())));
        secret.data.get_or_insert_default().extend(bytes);
    }
}

fn default_network_policy(spec: &mut NetworkPolicySpec) {
    let ingress = spec.ingress.iter_mut().flatten().map(|rule| &mut rule.ports);
    let egress = spec.egress.iter_mut().flatten().map(|rule| &mut rule.ports);
    for port in ingress.chain(egress).flatten().flatten() {
        fill(&mut port.protocol, "TCP");
    }
    if spec.policy_types.as_ref().is_none_or(Vec::is_empty) {
        let is_of_egress = spec.egress.as_ref().is_some_and(|rules| !rules.is_empty());
        let types = ["Ingress", "Egress"]
            .into_iter()
            .take(if is_of_egress { 2 } else { 1 });
        spec.policy_types = Some(types.map(str::to_owned).collect());
    }
}

/// The older of two fields, and what Kubernetes takes for granted.
fn default_node(node: &mut Node) {
    if let Some(spec) = &mut node.spec {
        match (&spec.pod_cidr, spec.pod_cidrs.as_deref().unwrap_or_default()) {
            (Some(range), []) => spec.pod_cidrs = Some(vec![range.clone()]),
            (None, [range, ..]) => spec.pod_cidr = Some(range.clone()),
            _ => {}
        }
    }
    if let Some(status) = &mut node.status
        && status.allocatable.is_none()
    {
        status.allocatable.clone_from(&status.capacity);
    }
}

/// The image's tag decides: `latest` and none at all are pulled always.
fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or(image);
    let tagged = name.contains('@') || name.split_once(':').is_some_and(|(_, tag)| tag != "latest");
    if tagged { "IfNotPresent" } else { "Always" }
}

fn fill(field: &mut Option<String>, default: &str) {
    if field.as_deref().is_none_or(str::is_empty) {
        *field = Some(default.to_owned());
    }
}

fn default_service(service: &mut Service) {
    let spec = service.spec.get_or_insert_default();
    fill(&mut spec.type_, "ClusterIP");
    fill(&mut spec.session_affinity, "None");
    let kind = spec.type_.as_deref();
    if kind != Some("ExternalName") {
        fill(&mut spec.internal_traffic_policy, "Cluster");
    }
    let external_ips = spec.external_ips.iter().flatten().count();
    if matches!(kind, Some("NodePort" | "LoadBalancer")) || (kind == Some("ClusterIP") && external_ips > 0) {
        fill(&mut spec.external_traffic_policy, "Cluster");
    }
    if kind == Some("LoadBalancer") {
        spec.allocate_load_balancer_node_ports.get_or_insert(true);
    }
    match spec.session_affinity.as_deref() {
        Some("None") => spec.session_affinity_config = None,
        Some("ClientIP") => {
            let config = spec.session_affinity_config.get_or_insert_default();
            let client_ip = config.client_ip.get_or_insert_default();
            client_ip.timeout_seconds.get_or_insert(10_800);
        }
        _ => {}
    }
    // The older of two fields, of which Kubernetes keeps both.
    if let Some(address) = spec.cluster_ip.clone().filter(|address| !address.is_empty())
        && spec.cluster_ips.as_ref().is_none_or(Vec::is_empty)
    {
        spec.cluster_ips = Some(vec![address]);
    }
    default_service_ports(spec);
}

fn default_service_ports(spec: &mut ServiceSpec) {
    for port in spec.ports.iter_mut().flatten() {
        fill(&mut port.protocol, "TCP");
        let missing = match &port.target_port {
            None | Some(IntOrString::Int(0)) => true,
            Some(IntOrString::String(name)) => name.is_empty(),
            Some(IntOrString::Int(_)) => false,
        };
        if missing {
            port.target_port = Some(IntOrString::Int(port.port));
        }
    }
}

fn default_deployment(deployment: &mut Deployment) {
    let Some(spec) = &mut deployment.spec else { return };
    spec.replicas.get_or_insert(1);
    spec.revision_history_limit.get_or_insert(10);
    spec.progress_deadline_seconds.get_or_insert(600);
    let strategy: &mut DeploymentStrategy = spec.strategy.get_or_insert_default();
    fill(&mut strategy.type_, "RollingUpdate");
    if strategy.type_.as_deref() == Some("RollingUpdate") {
        let rolling: &mut RollingUpdateDeployment = strategy.rolling_update.get_or_insert_default();
        rolling
            .max_surge
            .get_or_insert_with(|| IntOrString::String("25%".to_owned()));
        rolling
            .max_unavailable
            .get_or_insert_with(|| IntOrString::String("25%".to_owned()));
    }
    template(&mut spec.template);
}

fn default_replica_set(replica_set: &mut ReplicaSet) {
    let Some(spec) = &mut replica_set.spec else { return };
    spec.replicas.get_or_insert(1);
    spec.template.iter_mut().for_each(template);
}

fn template(template: &mut PodTemplateSpec) {
    template.spec.iter_mut().for_each(pod_spec);
}

/// What a pod has and a template of pods has not: it comes with the pod.
fn default_pod(spec: &mut PodSpec) {
    pod_spec(spec);
    spec.enable_service_links.get_or_insert(true);
    if spec.host_network != Some(true) {
        return;
    }
    for container in containers_mut(spec) {
        for port in container.ports.iter_mut().flatten() {
            if matches!(port.host_port, None | Some(0)) {
                port.host_port = Some(port.container_port);
            }
        }
    }
}

fn pod_spec(spec: &mut PodSpec) {
    fill(&mut spec.restart_policy, "Always");
    fill(&mut spec.dns_policy, "ClusterFirst");
    fill(&mut spec.scheduler_name, "default-scheduler");
    spec.termination_grace_period_seconds.get_or_insert(30);
    spec.security_context.get_or_insert_default();
    for volume in spec.volumes.iter_mut().flatten() {
        let named = Volume {
            name: volume.name.clone(),
            ..Volume::default()
        };
        if *volume == named {
            volume.empty_dir = Some(EmptyDirVolumeSource::default());
        }
        if let Some(path) = &mut volume.host_path {
            path.type_.get_or_insert_default();
        }
        default_files(volume);
    }
    containers_mut(spec).for_each(default_container);
}

/// The files of a volume that has some.
fn default_files(volume: &mut Volume) {
    let modes = [
        volume.config_map.as_mut().map(|map| &mut map.default_mode),
        volume.secret.as_mut().map(|secret| &mut secret.default_mode),
        volume
            .downward_api
            .as_mut()
            .map(|fields| &mut fields.default_mode),
        volume
            .projected
            .as_mut()
            .map(|projected| &mut projected.default_mode),
    ];
    for mode in modes.into_iter().flatten() {
        mode.get_or_insert(0o644);
    }
    let sources = volume
        .projected
        .iter_mut()
        .flat_map(|projected| projected.sources.iter_mut());
    let projected = sources
        .flatten()
        .filter_map(|source| source.downward_api.as_mut());
    let items = projected.filter_map(|fields| fields.items.as_mut());
    let own = volume
        .downward_api
        .as_mut()
        .and_then(|fields| fields.items.as_mut());
    for item in items.chain(own).flatten() {
        if let Some(field) = &mut item.field_ref {
            fill(&mut field.api_version, "v1");
        }
    }
}

fn default_container(container: &mut Container) {
    fill(&mut container.termination_message_path, "/dev/termination-log");
    fill(&mut container.termination_message_policy, "File");
    let policy = pull_policy(container.image.as_deref().unwrap_or_default());
    fill(&mut container.image_pull_policy, policy);
    container.resources.get_or_insert_default();
    for port in container.ports.iter_mut().flatten() {
        fill(&mut port.protocol, "TCP");
    }
    for variable in container.env.iter_mut().flatten() {
        if let Some(field) = variable
            .value_from
            .as_mut()
            .and_then(|source| source.field_ref.as_mut())
        {
            fill(&mut field.api_version, "v1");
        }
    }
    let probes = [
        &mut container.liveness_probe,
        &mut container.readiness_probe,
        &mut container.startup_probe,
    ];
    probes.into_iter().flatten().for_each(default_probe);
    let hooks = container
        .lifecycle
        .iter_mut()
        .flat_map(|hooks| [&mut hooks.post_start, &mut hooks.pre_stop])
        .flatten();
    for get in hooks.filter_map(|hook| hook.http_get.as_mut()) {
        fill(&mut get.path, "/");
        fill(&mut get.scheme, "HTTP");
    }
}

fn default_probe(probe: &mut Probe) {
    let zero_is_missing = |field: &mut Option<i32>, default: i32| {
        if matches!(field, None | Some(0)) {
            *field = Some(default);
        }
    };
    zero_is_missing(&mut probe.timeout_seconds, 1);
    zero_is_missing(&mut probe.period_seconds, 10);
    zero_is_missing(&mut probe.success_threshold, 1);
    zero_is_missing(&mut probe.failure_threshold, 3);
    if let Some(get) = &mut probe.http_get {
        fill(&mut get.path, "/");
        fill(&mut get.scheme, "HTTP");
    }
    if let Some(grpc) = &mut probe.grpc {
        grpc.service.get_or_insert_default();
    }
}
