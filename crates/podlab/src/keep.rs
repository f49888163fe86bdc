//! `--keep`: how to look into a cluster that stays up.

use std::os::fd::{AsFd, AsRawFd};

use k8s_openapi::api::core::v1::Pod;
use podlab_cluster::Cluster;
use podlab_control::store::name_of;
use podlab_kernel::netns::Netns;
use podlab_kernel::nft::find_program;
use podlab_node::sandbox::Outside;

/// How to enter the network namespaces of the node and of each pod, from another terminal.
pub(crate) fn directions(cluster: &Cluster, outside: Outside) -> String {
    let pid = outside.pid;
    let enter = |netns: &Netns| {
        // Whoever holds the namespace holds it by the same descriptor as long as it is there.
        let descriptor = netns.as_fd().as_raw_fd();
        if outside.user_namespace {
            format!("nsenter -t {pid} -U --preserve-credentials --net=/proc/{pid}/fd/{descriptor}")
        } else {
            format!("sudo nsenter --net=/proc/{pid}/fd/{descriptor}")
        }
    };
    let mut text = "The cluster is up until Ctrl-C. From another terminal:\n".to_owned();
    let (nft, ip) = (program("nft"), program("ip"));
    for node in cluster.nodes() {
        let (name, enter) = (&node.name, enter(&node.netns));
        text +=
            &format!("\n# {name}: its rules, and its links\n{enter} {nft} list ruleset\n{enter} {ip} addr\n");
    }
    text += "\n# a shell in the network of a pod\n";
    for pod in cluster.store().list::<Pod>() {
        let name = name_of(&pod.metadata);
        if let Some(network) = cluster.pod(&name) {
            text += &format!("{}   # {name}\n", enter(&network.netns));
        }
    }
    text
}

/// The whole path, because an ordinary user's PATH often lacks `/usr/sbin`.
fn program(name: &str) -> String {
    find_program(name).map_or_else(|| name.to_owned(), |path| path.display().to_string())
}
