//! `--keep`: how to look into a cluster that stays up.

use std::fs;
use std::os::fd::{AsFd, AsRawFd};

use podlab_cluster::Cluster;
use podlab_kernel::netns::Netns;
use podlab_scenario::report::Report;

/// The host's own view of processes, which the sandbox keeps among the host's files.
const SELF_SEEN_FROM_OUTSIDE: &str = "/run/host/proc/self";

/// How to enter the namespaces of the node and of each pod, from another terminal.
pub(crate) fn directions(cluster: &Cluster, report: &Report) -> String {
    let Ok(pid) = fs::read_link(SELF_SEEN_FROM_OUTSIDE) else {
        return "The cluster is up until Ctrl-C.".to_owned();
    };
    let pid = pid.display();
    let enter = |netns: &Netns| {
        let descriptor = netns.as_fd().as_raw_fd();
        if in_user_namespace() {
            format!("nsenter -t {pid} -U --preserve-credentials --net=/proc/{pid}/fd/{descriptor}")
        } else {
            format!("sudo nsenter --net=/proc/{pid}/fd/{descriptor}")
        }
    };
    let mut text = "The cluster is up until Ctrl-C. From another terminal:\n".to_owned();
    for node in cluster.nodes() {
        let (name, enter) = (&node.name, enter(&node.netns));
        text += &format!("\n# {name}: its rules, and its links\n{enter} nft list ruleset\n{enter} ip addr\n");
    }
    if let Some(service) = report
        .services
        .iter()
        .find(|service| service.cluster_ip != "None")
    {
        text += &format!(
            "\n# a pod: whatever it can reach, such as {}\n",
            service.cluster_ip
        );
    }
    for row in &report.pods {
        let name = podlab_api::steps::NamespacedName {
            namespace: row.namespace.clone(),
            name: row.name.clone(),
        };
        if let Some(pod) = cluster.pod(&name) {
            // The handle lives on in the kubelet; its number stays the same.
            text += &format!("{}   # {name}\n", enter(&pod.netns));
        }
    }
    text
}

fn in_user_namespace() -> bool {
    // The initial user namespace maps all users to themselves.
    fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| {
        let numbers: Vec<&str> = map.split_whitespace().collect();
        numbers != ["0", "0", "4294967295"]
    })
}
