//! What Kubernetes has and podlab hasn't: said before anything is built.

mod confinement;
mod resources;

use k8s_openapi::api::core::v1::{
    Container, DownwardAPIVolumeFile, LifecycleHandler, PodSpec, Service, Volume,
};
use k8s_openapi::api::networking::v1::ServiceCIDR;

use crate::containers::{init_containers, main_containers};
use crate::diagnostic::Severity;
use crate::object::{Object, pod_spec};

pub use resources::{ENFORCED, Unenforced};

/// Something in a valid object that podlab can't do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Error: the object can't run. Warning: it runs without it.
    pub severity: Severity,
    /// The field's path: `spec.ports[0].protocol`.
    pub path: String,
    /// What podlab can't do.
    pub message: String,
}

/// Everything in an object that podlab can't do.
pub fn limits(object: &Object) -> Vec<Limit> {
    let mut limits = Limits(Vec::new());
    match object {
        Object::Service(service) => limits.service(service),
        Object::Pod(_) | Object::Deployment(_) | Object::ReplicaSet(_) => {
            if let Some((path, spec)) = pod_spec(object) {
                limits.pod(path, spec);
            }
        }
        Object::ServiceCIDR(range) => limits.service_cidr(range),
        Object::NetworkPolicy(_) => {
            let message = "podlab stores network policies, but nothing enforces them yet";
            limits.warning("spec".into(), message);
        }
        Object::Endpoints(_)
        | Object::EndpointSlice(_)
        | Object::Namespace(_)
        | Object::Node(_)
        | Object::ConfigMap(_)
        | Object::Secret(_)
        | Object::ServiceAccount(_)
        | Object::Event(_)
        | Object::Lease(_) => {}
    }
    limits.0
}

struct Limits(Vec<Limit>);

impl Limits {
    fn error(&mut self, path: String, message: impl Into<String>) {
        self.0.push(Limit {
            severity: Severity::Error,
            path,
            message: message.into(),
        });
    }

    fn warning(&mut self, path: String, message: impl Into<String>) {
        self.0.push(Limit {
            severity: Severity::Warning,
            path,
            message: message.into(),
        });
    }

    fn protocol(&mut self, path: String, protocol: Option<&str>) {
        if protocol == Some("SCTP") {
            self.error(path, "podlab has no SCTP, only TCP and UDP");
        }
    }

    fn service(&mut self, service: &Service) {
        let Some(spec) = &service.spec else { return };
        if let Some(kind @ ("NodePort" | "LoadBalancer")) = spec.type_.as_deref() {
            let message = format!("podlab runs the ClusterIP part of a {kind} service only");
            self.warning("spec.type".into(), message);
        }
        if spec
            .external_ips
            .as_ref()
            .is_some_and(|addresses| !addresses.is_empty())
        {
            let message = "podlab's clusters take nothing at external addresses, only at the ClusterIP";
            self.warning("spec.externalIPs".into(), message);
        }
        for (index, port) in spec.ports.iter().flatten().enumerate() {
            self.protocol(format!("spec.ports[{index}].protocol"), port.protocol.as_deref());
        }
    }

    fn service_cidr(&mut self, range: &ServiceCIDR) {
        let cidrs = range.spec.iter().flat_map(|spec| spec.cidrs.iter().flatten());
        for (index, _) in cidrs.enumerate().filter(|(_, cidr)| cidr.contains(':')) {
            let message = "podlab's clusters have IPv4 only";
            self.error(format!("spec.cidrs[{index}]"), message);
        }
    }

    fn pod(&mut self, path: &str, spec: &PodSpec) {
        self.confinement(path, spec);
        for (index, volume) in spec.volumes.iter().flatten().enumerate() {
            self.volume(format!("{path}.volumes[{index}]"), volume);
        }
        for (path, container) in init_containers(path, spec) {
            if container.restart_policy.is_some() {
                let message =
                    "podlab has no sidecar containers: an init container runs to its end before the next";
                self.error(format!("{path}.restartPolicy"), message);
            }
            self.container(&path, container);
        }
        for (path, container) in main_containers(path, spec) {
            if spec.host_network != Some(true) {
                self.host_ports(&path, container);
            }
            self.container(&path, container);
        }
    }

    fn host_ports(&mut self, path: &str, container: &Container) {
        for (index, port) in container.ports.iter().flatten().enumerate() {
            if port.host_port.is_some_and(|number| number != 0) {
                let message =
                    "podlab opens no port of the node for a pod, unless that is on the node's own network";
                self.warning(format!("{path}.ports[{index}].hostPort"), message);
            }
        }
    }

    fn volume(&mut self, path: String, volume: &Volume) {
        let fields = volume.downward_api.iter().flat_map(|fields| fields.items.iter());
        self.fields(format!("{path}.downwardAPI"), fields.flatten());
        let sources = volume
            .projected
            .iter()
            .flat_map(|projected| projected.sources.iter());
        for (index, source) in sources.flatten().enumerate() {
            let path = format!("{path}.projected.sources[{index}]");
            let fields = source.downward_api.iter().flat_map(|fields| fields.items.iter());
            self.fields(format!("{path}.downwardAPI"), fields.flatten());
            if source.service_account_token.is_some() || source.cluster_trust_bundle.is_some() {
                let message = "podlab projects configMap, secret and downwardAPI only: a container that mounts this \
                               volume won't start";
                self.warning(path, message);
            }
        }
        if let Some(of_host) = &volume.host_path {
            self.host_path(&path, of_host);
        }
        let known = volume.empty_dir.is_some()
            || volume.host_path.is_some()
            || volume.config_map.is_some()
            || volume.secret.is_some()
            || volume.downward_api.is_some()
            || volume.projected.is_some();
        if !known {
            let message = "podlab has emptyDir, hostPath, configMap, secret, downwardAPI and projected volumes only: a \
                           container that mounts this one won't start";
            self.warning(path, message);
        }
    }

    fn fields<'a>(&mut self, path: String, items: impl Iterator<Item = &'a DownwardAPIVolumeFile>) {
        for (index, _) in items
            .enumerate()
            .filter(|(_, item)| item.resource_field_ref.is_some())
        {
            let path = format!("{path}.items[{index}].resourceFieldRef");
            self.warning(
                path,
                "podlab doesn't tell resources; this file is missing in the container",
            );
        }
    }

    fn container(&mut self, path: &str, container: &Container) {
        for (index, port) in container.ports.iter().flatten().enumerate() {
            self.protocol(
                format!("{path}.ports[{index}].protocol"),
                port.protocol.as_deref(),
            );
        }
        for (index, variable) in container.env.iter().flatten().enumerate() {
            let Some(source) = &variable.value_from else {
                continue;
            };
            let path = format!("{path}.env[{index}].valueFrom");
            if source.resource_field_ref.is_some() || source.file_key_ref.is_some() {
                self.warning(
                    path,
                    "podlab doesn't set variables from here; this one is missing in the container",
                );
            }
        }
        if let Some(lifecycle) = &container.lifecycle {
            let path = format!("{path}.lifecycle");
            self.hook(format!("{path}.postStart"), lifecycle.post_start.as_ref());
            self.hook(format!("{path}.preStop"), lifecycle.pre_stop.as_ref());
            if lifecycle.stop_signal.is_some() {
                let message = "podlab stops every container with SIGTERM";
                self.warning(format!("{path}.stopSignal"), message);
            }
        }
        let probes = [
            ("livenessProbe", &container.liveness_probe),
            ("readinessProbe", &container.readiness_probe),
            ("startupProbe", &container.startup_probe),
        ];
        for (field, probe) in probes {
            let Some(probe) = probe else { continue };
            if probe.grpc.is_some() {
                let message = "podlab has no grpc probes, only httpGet, tcpSocket and exec";
                self.error(format!("{path}.{field}.grpc"), message);
            }
            if probe
                .http_get
                .as_ref()
                .is_some_and(|get| get.scheme.as_deref() == Some("HTTPS"))
            {
                self.error(
                    format!("{path}.{field}.httpGet.scheme"),
                    "podlab's probes speak HTTP only, not HTTPS",
                );
            }
        }
    }

    fn hook(&mut self, path: String, hook: Option<&LifecycleHandler>) {
        let Some(hook) = hook else { return };
        let scheme = hook.http_get.as_ref().and_then(|get| get.scheme.as_deref());
        if scheme == Some("HTTPS") {
            let message = "podlab's hooks speak HTTP only, not HTTPS";
            self.error(format!("{path}.httpGet.scheme"), message);
        }
        if hook.tcp_socket.is_some() {
            let message = "a hook of this kind does nothing and fails, as in Kubernetes; there are exec, httpGet and sleep";
            self.warning(format!("{path}.tcpSocket"), message);
        }
    }
}
