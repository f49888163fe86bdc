//! What of a pod's confinement podlab can't loosen, or can't make tighter: `securityContext`, the host's namespaces and
//! files, resources.

use k8s_openapi::api::core::v1::{
    AppArmorProfile, Container, HostPathVolumeSource, PodSecurityContext, PodSpec, SELinuxOptions,
    SeccompProfile, SecurityContext, Volume,
};

use super::{ENFORCED, Limits, resources};
use crate::capabilities::Capability;
use crate::containers::containers;
use crate::host_path::{NO_FILES, is_hidden};

/// The kernel settings that kubelets let every pod have.
const SAFE_SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

const PRIVILEGED: &str = "podlab gives a container the capabilities that end at its own pod, such as NET_ADMIN, and \
                          nothing of this machine: not SYS_ADMIN, and no devices";

impl Limits {
    pub(super) fn confinement(&mut self, path: &str, spec: &PodSpec) {
        if let Some(context) = &spec.security_context {
            self.pod_context(
                &format!("{path}.securityContext"),
                context,
                spec.host_network == Some(true),
            );
        }
        for (field, value, message) in [
            (
                "hostPID",
                spec.host_pid,
                "podlab's containers see their own processes only",
            ),
            (
                "hostIPC",
                spec.host_ipc,
                "podlab's pods share memory with no other, and not with the node",
            ),
            (
                "shareProcessNamespace",
                spec.share_process_namespace,
                "podlab's containers see their own processes only, not those of the pod's others",
            ),
        ] {
            if value == Some(true) {
                self.warning(format!("{path}.{field}"), message);
            }
        }
        if spec.host_users == Some(false) {
            let message = "podlab's pods share the users of their cluster";
            self.warning(format!("{path}.hostUsers"), message);
        }
        self.resources(path, spec);
        for (path, container) in containers(path, spec) {
            if let Some(context) = &container.security_context {
                self.context(&format!("{path}.securityContext"), context);
            }
            self.writable_host_paths(&path, container, spec.volumes.as_deref().unwrap_or_default());
        }
    }

    /// Those that no node enforces.
    fn resources(&mut self, path: &str, spec: &PodSpec) {
        if spec
            .resources
            .as_ref()
            .is_some_and(|resources| resources.limits.is_some())
        {
            let message = "podlab limits what each container takes, not what a pod takes";
            self.warning(format!("{path}.resources.limits"), message);
        }
        for (path, container) in containers(path, spec) {
            let mut limits = resources::limits(container).into_iter();
            if let Some(other) = limits.find(|resource| !ENFORCED.contains(resource)) {
                let message = format!("podlab enforces limits of cpu and memory only, not of {other}");
                return self.warning(format!("{path}.resources.limits[{other}]"), message);
            }
        }
    }

    fn pod_context(&mut self, path: &str, context: &PodSecurityContext, host_network: bool) {
        for (index, sysctl) in context.sysctls.iter().flatten().enumerate() {
            let name = sysctl.name.replace('/', ".");
            let path = format!("{path}.sysctls[{index}].name");
            if !SAFE_SYSCTLS.contains(&&*name) {
                self.error(path, format!("forbidden sysctl: {name:?} not allowlisted"));
            } else if host_network && name.starts_with("net.") {
                self.error(
                    path,
                    format!("forbidden sysctl: {name:?} not allowed with host net enabled"),
                );
            }
        }
        if context
            .supplemental_groups
            .as_ref()
            .is_some_and(|groups| !groups.is_empty())
        {
            let message =
                "only root's podlab has groups to give: run by an ordinary user, it leaves these out";
            self.warning(format!("{path}.supplementalGroups"), message);
        }
        self.modules(
            path,
            context.seccomp_profile.as_ref(),
            context.app_armor_profile.as_ref(),
            context.se_linux_options.as_ref(),
        );
    }

    fn context(&mut self, path: &str, context: &SecurityContext) {
        if context.privileged == Some(true) {
            self.warning(format!("{path}.privileged"), PRIVILEGED);
        }
        if context.allow_privilege_escalation == Some(true) {
            let message = "in podlab's containers no program gains privileges by being set-user-ID";
            self.warning(format!("{path}.allowPrivilegeEscalation"), message);
        }
        if context.proc_mount.as_deref() == Some("Unmasked") {
            let message = "in podlab's containers /proc is always masked, as Default has it";
            self.warning(format!("{path}.procMount"), message);
        }
        let added = context
            .capabilities
            .iter()
            .flat_map(|capabilities| capabilities.add.iter().flatten());
        for (index, name) in added.enumerate() {
            let path = format!("{path}.capabilities.add[{index}]");
            match Capability::named(name) {
                _ if name == "ALL" => self.warning(path, PRIVILEGED),
                None => self.error(path, format!("unknown capability {name:?}")),
                Some(capability) if !capability.is_given() => {
                    let message =
                        format!("podlab gives no container {name}: with it, it could leave its pod");
                    self.error(path, message);
                }
                Some(_) => {}
            }
        }
        self.modules(
            path,
            context.seccomp_profile.as_ref(),
            context.app_armor_profile.as_ref(),
            context.se_linux_options.as_ref(),
        );
    }

    /// What a pod's or a container's context wants of the kernel's security modules.
    fn modules(
        &mut self,
        path: &str,
        seccomp: Option<&SeccompProfile>,
        app_armor: Option<&AppArmorProfile>,
        se_linux: Option<&SELinuxOptions>,
    ) {
        for (field, kind) in [
            ("seccompProfile", seccomp.map(|profile| &*profile.type_)),
            ("appArmorProfile", app_armor.map(|profile| &*profile.type_)),
        ] {
            if kind == Some("Localhost") {
                let message = "podlab's nodes have no profiles of their own, only RuntimeDefault";
                self.error(format!("{path}.{field}.type"), message);
            }
        }
        if se_linux.is_some() {
            let message = "podlab gives its processes no SELinux labels";
            self.warning(format!("{path}.seLinuxOptions"), message);
        }
    }

    pub(super) fn host_path(&mut self, path: &str, volume: &HostPathVolumeSource) {
        if matches!(
            volume.type_.as_deref(),
            Some("Socket" | "CharDevice" | "BlockDevice")
        ) {
            self.error(format!("{path}.hostPath.type"), NO_FILES);
        }
        if is_hidden(volume.path.as_ref()) {
            self.error(format!("{path}.hostPath.path"), NO_FILES);
        }
    }

    fn writable_host_paths(&mut self, path: &str, container: &Container, volumes: &[Volume]) {
        for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
            let volume = volumes.iter().find(|volume| volume.name == mount.name);
            if volume.is_some_and(|volume| volume.host_path.is_some()) && mount.read_only != Some(true) {
                let message = "podlab shows files of this machine read-only: say `readOnly: true`";
                self.error(format!("{path}.volumeMounts[{index}]"), message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use crate::diagnostic::Severity;
    use crate::limits::limits;
    use crate::object::Resource;

    /// What is said of a pod with these fields: `error` or `warning`, and the field's path.
    fn said(spec: Value) -> Vec<String> {
        let pod: Pod = serde_json::from_value(json!({"spec": spec})).unwrap();
        let said = limits(&pod.into_object())
            .into_iter()
            .map(|limit| match limit.severity {
                Severity::Error => format!("error {}", limit.path),
                _ => format!("warning {}", limit.path),
            });
        said.collect()
    }

    fn of_context(context: Value) -> Vec<String> {
        said(json!({"containers": [{"name": "a", "securityContext": context}]}))
    }

    fn of_pod_context(context: Value) -> Vec<String> {
        said(json!({"containers": [{"name": "a"}], "securityContext": context}))
    }

    #[test]
    fn what_a_container_can_have_is_silent() {
        let context = json!({
            "allowPrivilegeEscalation": false, "appArmorProfile": {"type": "RuntimeDefault"},
            "capabilities": {"add": ["NET_ADMIN", "CAP_IPC_LOCK"], "drop": ["ALL"]}, "privileged": false,
            "procMount": "Default", "readOnlyRootFilesystem": true, "runAsGroup": 1, "runAsNonRoot": true,
            "runAsUser": 1, "seccompProfile": {"type": "RuntimeDefault"},
        });
        assert_eq!(of_context(context), [""; 0]);
        let context = json!({
            "appArmorProfile": {"type": "Unconfined"}, "fsGroup": 1, "fsGroupChangePolicy": "Always", "runAsGroup": 1,
            "runAsNonRoot": true, "runAsUser": 1, "seccompProfile": {"type": "Unconfined"},
            "sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "0"}],
        });
        assert_eq!(of_pod_context(context), [""; 0]);
    }

    #[test]
    fn what_it_cant_have_is_said() {
        let path = "spec.containers[0].securityContext";
        for (context, expected) in [
            (json!({"privileged": true}), "warning .privileged"),
            (
                json!({"allowPrivilegeEscalation": true}),
                "warning .allowPrivilegeEscalation",
            ),
            (json!({"procMount": "Unmasked"}), "warning .procMount"),
            (json!({"seLinuxOptions": {}}), "warning .seLinuxOptions"),
            (
                json!({"seccompProfile": {"type": "Localhost"}}),
                "error .seccompProfile.type",
            ),
            (
                json!({"appArmorProfile": {"type": "Localhost"}}),
                "error .appArmorProfile.type",
            ),
            (
                json!({"capabilities": {"add": ["ALL"]}}),
                "warning .capabilities.add[0]",
            ),
            (
                json!({"capabilities": {"add": ["NET_RAW", "SYS_ADMIN"]}}),
                "error .capabilities.add[1]",
            ),
            (
                json!({"capabilities": {"add": ["NET_ROOT"]}}),
                "error .capabilities.add[0]",
            ),
        ] {
            assert_eq!(
                of_context(context),
                [expected.replacen(' ', &format!(" {path}"), 1)]
            );
        }
        for (context, expected) in [
            (
                json!({"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
                "error .sysctls[0].name",
            ),
            (json!({"supplementalGroups": [1]}), "warning .supplementalGroups"),
            (
                json!({"seccompProfile": {"type": "Localhost"}}),
                "error .seccompProfile.type",
            ),
            (
                json!({"appArmorProfile": {"type": "Localhost"}}),
                "error .appArmorProfile.type",
            ),
            (json!({"seLinuxOptions": {}}), "warning .seLinuxOptions"),
        ] {
            assert_eq!(
                of_pod_context(context),
                [expected.replacen(' ', " spec.securityContext", 1)]
            );
        }
    }

    #[test]
    fn what_a_pod_cant_have_is_said() {
        let limited =
            json!({"name": "a", "resources": {"limits": {"ephemeral-storage": "1Gi", "memory": "1Gi"}}});
        for (field, value, expected) in [
            ("hostPID", json!(true), "warning spec.hostPID"),
            ("hostIPC", json!(true), "warning spec.hostIPC"),
            ("hostUsers", json!(false), "warning spec.hostUsers"),
            (
                "resources",
                json!({"limits": {"cpu": 1}}),
                "warning spec.resources.limits",
            ),
            (
                "shareProcessNamespace",
                json!(true),
                "warning spec.shareProcessNamespace",
            ),
            (
                "containers",
                json!([limited, limited]),
                "warning spec.containers[0].resources.limits[ephemeral-storage]",
            ),
        ] {
            let mut spec = json!({"containers": [{"name": "a"}]});
            spec[field] = value;
            assert_eq!(said(spec), [expected]);
        }
    }

    #[test]
    fn the_hosts_files_are_shown_read_only() {
        let mounted = |host_path: Value, read_only: bool| {
            said(json!({
                "containers": [{"name": "a", "volumeMounts": [
                    {"name": "v", "mountPath": "/v", "readOnly": read_only},
                ]}],
                "volumes": [{"name": "v", "hostPath": host_path}],
            }))
        };
        assert_eq!(mounted(json!({"path": "/home/me"}), true), [""; 0]);
        assert_eq!(
            mounted(json!({"path": "/home/me"}), false),
            ["error spec.containers[0].volumeMounts[0]"]
        );
        for path in [
            "/",
            "/run/docker.sock",
            "/var/run/docker.sock",
            "/dev",
            "/proc/1",
            "/sys",
        ] {
            let path = json!({"path": path});
            assert_eq!(mounted(path, true), ["error spec.volumes[0].hostPath.path"]);
        }
        let socket = json!({"path": "/srv/socket", "type": "Socket"});
        assert_eq!(mounted(socket, true), ["error spec.volumes[0].hostPath.type"]);
    }
}
