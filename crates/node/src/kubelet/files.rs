//! `/etc/hosts` and `/etc/resolv.conf` of a pod, as the kubelet writes them.

use std::fmt::Write;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::PodSpec;

/// `/etc/hosts` of a pod.
pub(super) fn hosts(spec: &PodSpec, hostname: &str, address: IpAddr) -> String {
    let network = match spec.host_network {
        Some(true) => " (host network)",
        _ => "",
    };
    let mut text = format!("# Kubernetes-managed hosts file{network}.\n");
    text.push_str("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    let _ = writeln!(text, "{address}\t{hostname}");
    for alias in spec.host_aliases.iter().flatten() {
        let names = alias.hostnames.as_deref().unwrap_or_default().join("\t");
        let _ = writeln!(text, "{}\t{names}", alias.ip);
    }
    text
}

/// `/etc/resolv.conf` of a pod: what its `dnsConfig` says. A cluster without a DNS service has no other.
pub(super) fn resolv_conf(spec: &PodSpec) -> String {
    let config = spec.dns_config.clone().unwrap_or_default();
    let mut text = String::new();
    if let Some(searches) = config.searches.filter(|searches| !searches.is_empty()) {
        let _ = writeln!(text, "search {}", searches.join(" "));
    }
    for nameserver in config.nameservers.iter().flatten() {
        let _ = writeln!(text, "nameserver {nameserver}");
    }
    let options: Vec<String> = config
        .options
        .iter()
        .flatten()
        .filter_map(|option| {
            let name = option.name.as_deref()?;
            Some(
                option
                    .value
                    .as_deref()
                    .map_or_else(|| name.to_owned(), |value| format!("{name}:{value}")),
            )
        })
        .collect();
    if !options.is_empty() {
        let _ = writeln!(text, "options {}", options.join(" "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(spec: serde_json::Value) -> PodSpec {
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn hosts_names_the_pod_and_its_aliases() {
        let spec = spec(serde_json::json!({
            "containers": [], "hostAliases": [{"ip": "10.1.2.3", "hostnames": ["foo.remote", "bar.remote"]}],
        }));
        assert_eq!(
            hosts(&spec, "web-0", [10, 244, 0, 2].into()),
            "# Kubernetes-managed hosts file.\n\
             127.0.0.1\tlocalhost\n\
             ::1\tlocalhost ip6-localhost ip6-loopback\n\
             10.244.0.2\tweb-0\n\
             10.1.2.3\tfoo.remote\tbar.remote\n"
        );
    }

    #[test]
    fn hosts_says_whose_network_it_is() {
        let spec = spec(serde_json::json!({"containers": [], "hostNetwork": true}));
        let text = hosts(&spec, "node-1", [172, 18, 0, 2].into());
        assert!(text.starts_with("# Kubernetes-managed hosts file (host network).\n"));
        assert!(text.contains("172.18.0.2\tnode-1\n"));
    }

    #[test]
    fn resolv_conf_is_what_dns_config_says() {
        let spec = spec(serde_json::json!({
            "containers": [],
            "dnsConfig": {
                "nameservers": ["192.0.2.1"], "searches": ["a.local", "b.local"],
                "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
            },
        }));
        assert_eq!(
            resolv_conf(&spec),
            "search a.local b.local\nnameserver 192.0.2.1\noptions ndots:2 edns0\n"
        );
    }
}
