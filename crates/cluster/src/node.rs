//! A node as an object: its addresses, and what machine it is.

use std::fs;
use std::time::Duration;

use ipnet::IpNet;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::{Node, NodeAddress, NodeCondition, NodeSpec, NodeStatus, NodeSystemInfo};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, Time};
use podlab_api::builtin::KUBERNETES_VERSION;
use podlab_api::limits::Unenforced;
use podlab_api::steps::NamespacedName;
use podlab_control::store::Store;
use tokio::time::sleep;

use crate::Host;

/// The node `host` with room for so many pods, which have addresses of `range`, on a machine that can't enforce these
/// limits.
pub(crate) fn object(host: &Host, range: IpNet, pods: u64, unenforced: &Unenforced, now: &Time) -> Node {
    let architecture = architecture();
    let labels = [
        ("kubernetes.io/arch", architecture),
        ("kubernetes.io/hostname", &*host.name),
        ("kubernetes.io/os", "linux"),
    ];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let address = |type_: &str, address: String| NodeAddress {
        type_: type_.to_owned(),
        address,
    };
    let addresses = vec![
        address("InternalIP", host.address.to_string()),
        address("Hostname", host.name.clone()),
    ];
    let condition = |(type_, status, reason, message): (&str, &str, &str, &str)| NodeCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: Some(now.clone()),
        last_heartbeat_time: Some(now.clone()),
    };
    let conditions = [
        (
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
        ),
        (
            "DiskPressure",
            "False",
            "KubeletHasNoDiskPressure",
            "kubelet has no disk pressure",
        ),
        (
            "PIDPressure",
            "False",
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available",
        ),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ];
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let capacity = [
        ("cpu", cores.to_string()),
        ("memory", memory()),
        ("pods", pods.to_string()),
    ];
    let capacity = capacity.map(|(name, amount)| (name.to_owned(), Quantity(amount)));
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default().trim().to_owned();
    Node {
        metadata: ObjectMeta {
            name: Some(host.name.clone()),
            labels: Some(labels.into()),
            annotations: Some(unenforced.annotations()).filter(|annotations| !annotations.is_empty()),
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec {
            pod_cidr: Some(range.to_string()),
            pod_cidrs: Some(vec![range.to_string()]),
            ..NodeSpec::default()
        }),
        status: Some(NodeStatus {
            addresses: Some(addresses),
            allocatable: Some(capacity.clone().into()),
            capacity: Some(capacity.into()),
            conditions: Some(conditions.map(condition).into()),
            node_info: Some(NodeSystemInfo {
                architecture: architecture.to_owned(),
                boot_id: read("/proc/sys/kernel/random/boot_id"),
                container_runtime_version: concat!("podlab://", env!("CARGO_PKG_VERSION")).to_owned(),
                kernel_version: read("/proc/sys/kernel/osrelease"),
                kubelet_version: KUBERNETES_VERSION.to_owned(),
                machine_id: read("/etc/machine-id"),
                operating_system: "linux".to_owned(),
                os_image: os_image(&read("/etc/os-release")),
                ..NodeSystemInfo::default()
            }),
            ..NodeStatus::default()
        }),
    }
}

/// How long a node counts as alive after it has renewed its lease, in seconds.
const LEASE: i32 = 40;
/// How often it does.
const RENEWAL: Duration = Duration::from_secs(10);

/// Renews the lease by which a node says that it is alive, as long as it is.
pub(crate) async fn stay_alive(node: String, store: Store) {
    let name = NamespacedName {
        namespace: "kube-node-lease".to_owned(),
        name: node.clone(),
    };
    let lease = Lease {
        metadata: ObjectMeta {
            namespace: Some(name.namespace.clone()),
            name: Some(node.clone()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(node),
            lease_duration_seconds: Some(LEASE),
            renew_time: Some(MicroTime(store.now().0)),
            ..LeaseSpec::default()
        }),
    };
    loop {
        let now = store.now().0;
        let renewed = store.modify(&name, |lease: &mut Lease| {
            lease.spec.get_or_insert_default().renew_time = Some(MicroTime(now));
        });
        // There is none yet, or somebody has deleted it.
        if renewed.is_err() {
            let _ = store.create(lease.clone());
        }
        sleep(RENEWAL).await;
    }
}

/// As Go names it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn memory() -> String {
    let lines = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = lines.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total
        .and_then(|total| total.split_whitespace().next())
        .unwrap_or("0");
    format!("{kib}Ki")
}

/// The distribution's name of itself.
fn os_image(release: &str) -> String {
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("Linux").trim_matches('"').to_owned()
}
