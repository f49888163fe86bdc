//! `/etc/hosts` of a pod, as the kubelet writes it.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::PodSpec;

use super::hostname::Hostname;

const POD: &str = "# Kubernetes-managed hosts file.\n\
                   127.0.0.1\tlocalhost\n\
                   ::1\tlocalhost ip6-localhost ip6-loopback\n\
                   fe00::0\tip6-localnet\n\
                   fe00::0\tip6-mcastprefix\n\
                   fe00::1\tip6-allnodes\n\
                   fe00::2\tip6-allrouters\n";

/// What a node's own file begins with, below the kubelet's line.
const NODE: &str = "# Kubernetes-managed hosts file (host network).\n\
                    127.0.0.1\tlocalhost\n\
                    ::1\tlocalhost ip6-localhost ip6-loopback\n";

/// `/etc/hosts` of a pod: its node's if it is on the node's network.
pub(super) fn hosts(spec: &PodSpec, hostname: &Hostname, address: IpAddr) -> String {
    let start = match spec.host_network {
        Some(true) => NODE,
        _ => POD,
    };
    let name = &hostname.name;
    let itself = match &hostname.domain {
        Some(domain) => format!("{address}\t{name}.{domain}\t{name}\n"),
        None => format!("{address}\t{name}\n"),
    };
    start.to_owned() + &itself + &aliases(spec)
}

fn aliases(spec: &PodSpec) -> String {
    let lines: String = spec
        .host_aliases
        .iter()
        .flatten()
        .map(|alias| {
            let names = alias.hostnames.as_deref().unwrap_or_default();
            format!("{}\t{}\n", alias.ip, names.join("\t"))
        })
        .collect();
    match lines.as_str() {
        "" => lines,
        _ => format!("\n# Entries added by HostAliases.\n{lines}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(mut spec: Value, address: &str, domain: Option<&str>) -> String {
        spec["containers"] = json!([]);
        let hostname = Hostname {
            name: "web-0".to_owned(),
            domain: domain.map(str::to_owned),
        };
        hosts(
            &serde_json::from_value(spec).unwrap(),
            &hostname,
            address.parse().unwrap(),
        )
    }

    #[test]
    fn a_pod_finds_itself_and_its_aliases() {
        let spec = json!({"hostAliases": [
            {"ip": "10.1.2.3", "hostnames": ["foo.remote", "bar.remote"]},
            {"ip": "10.1.2.4", "hostnames": ["baz.remote"]},
        ]});
        assert_eq!(
            written(spec, "10.244.0.2", None),
            "# Kubernetes-managed hosts file.\n\
             127.0.0.1\tlocalhost\n\
             ::1\tlocalhost ip6-localhost ip6-loopback\n\
             fe00::0\tip6-localnet\n\
             fe00::0\tip6-mcastprefix\n\
             fe00::1\tip6-allnodes\n\
             fe00::2\tip6-allrouters\n\
             10.244.0.2\tweb-0\n\
             \n\
             # Entries added by HostAliases.\n\
             10.1.2.3\tfoo.remote\tbar.remote\n\
             10.1.2.4\tbaz.remote\n"
        );
    }

    #[test]
    fn a_pod_in_a_subdomain_has_its_whole_name_first() {
        let text = written(json!({}), "fd00::2", Some("peers.shop.svc.cluster.local"));
        assert!(
            text.ends_with("\nfd00::2\tweb-0.peers.shop.svc.cluster.local\tweb-0\n"),
            "{text}"
        );
    }

    #[test]
    fn a_pod_on_its_nodes_network_has_the_nodes_file_and_its_aliases() {
        let spec =
            json!({"hostNetwork": true, "hostAliases": [{"ip": "10.1.2.3", "hostnames": ["foo.remote"]}]});
        assert_eq!(
            written(spec, "172.18.0.2", None),
            "# Kubernetes-managed hosts file (host network).\n\
             127.0.0.1\tlocalhost\n\
             ::1\tlocalhost ip6-localhost ip6-loopback\n\
             172.18.0.2\tweb-0\n\
             \n\
             # Entries added by HostAliases.\n\
             10.1.2.3\tfoo.remote\n"
        );
    }
}
