//! `/etc/resolv.conf` of a pod, by its `dnsPolicy` and `dnsConfig`, as the kubelet writes it.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{PodDNSConfig, PodDNSConfigOption, PodSpec};

// What the resolver of the C library takes.
const NAMESERVERS: usize = 3;
const SEARCHES: usize = 32;
const SEARCH_LINE: usize = 2048;
/// A longer domain makes some resolvers end the program.
const SEARCH: usize = 253;

/// The cluster's DNS service, as pods are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterDns {
    /// The address that pods ask.
    pub address: IpAddr,
    /// The domain that all names of the cluster are in: `cluster.local`.
    pub domain: String,
}

#[derive(Default)]
struct Resolver {
    nameservers: Vec<String>,
    searches: Vec<String>,
    options: Vec<(String, String)>,
}

/// `/etc/resolv.conf` of a pod. Policy `Default` is the node's file, and a node has none here.
pub(super) fn resolv_conf(spec: &PodSpec, namespace: &str, dns: Option<&ClusterDns>) -> String {
    let mut resolver = match dns {
        Some(dns) if asks_cluster(spec) => Resolver::of_cluster(dns, namespace),
        _ => Resolver::default(),
    };
    if let Some(config) = &spec.dns_config {
        resolver.add(config);
    }
    resolver.limit();
    resolver.text()
}

fn asks_cluster(spec: &PodSpec) -> bool {
    match spec.dns_policy.as_deref() {
        Some("None" | "Default") => false,
        Some("ClusterFirstWithHostNet") => true,
        _ => spec.host_network != Some(true),
    }
}

impl Resolver {
    fn of_cluster(ClusterDns { address, domain }: &ClusterDns, namespace: &str) -> Self {
        Self {
            nameservers: vec![address.to_string()],
            searches: vec![
                format!("{namespace}.svc.{domain}"),
                format!("svc.{domain}"),
                domain.clone(),
            ],
            options: vec![("ndots".to_owned(), "5".to_owned())],
        }
    }

    fn add(&mut self, config: &PodDNSConfig) {
        add_new(&mut self.nameservers, config.nameservers.iter().flatten());
        add_new(&mut self.searches, config.searches.iter().flatten());
        for option in config.options.iter().flatten() {
            self.set(option);
        }
    }

    /// The kubelet gives options in no order of their own; here they stay where they were first.
    fn set(&mut self, option: &PodDNSConfigOption) {
        let Some(name) = option.name.clone() else { return };
        let value = option.value.clone().unwrap_or_default();
        match self.options.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => self.options.push((name, value)),
        }
    }

    /// Leaves out what is too much, from the end.
    fn limit(&mut self) {
        self.nameservers.truncate(NAMESERVERS);
        self.searches.truncate(SEARCHES);
        self.searches.retain(|domain| domain.len() <= SEARCH);
        while self.searches.join(" ").len() > SEARCH_LINE {
            self.searches.pop();
        }
    }

    fn text(&self) -> String {
        let option = |(name, value): &(String, String)| match value.as_str() {
            "" => name.clone(),
            value => format!("{name}:{value}"),
        };
        let options: Vec<_> = self.options.iter().map(option).collect();
        let nameservers = self
            .nameservers
            .iter()
            .map(|address| format!("nameserver {address}\n"));
        line("search", &self.searches) + &nameservers.collect::<String>() + &line("options", &options)
    }
}

fn add_new<'a>(list: &mut Vec<String>, added: impl Iterator<Item = &'a String>) {
    for entry in added {
        if !list.contains(entry) {
            list.push(entry.clone());
        }
    }
}

fn line(keyword: &str, entries: &[String]) -> String {
    match entries {
        [] => String::new(),
        _ => format!("{keyword} {}\n", entries.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const OF_CLUSTER: &str = "search shop.svc.cluster.local svc.cluster.local cluster.local\n\
                              nameserver 10.96.0.10\n\
                              options ndots:5\n";

    fn written(spec: Value) -> String {
        let dns = ClusterDns {
            address: [10, 96, 0, 10].into(),
            domain: "cluster.local".to_owned(),
        };
        resolv_conf(&pod(spec), "shop", Some(&dns))
    }

    fn pod(mut spec: Value) -> PodSpec {
        spec["containers"] = json!([]);
        serde_json::from_value(spec).unwrap()
    }

    fn searches(text: &str) -> Vec<&str> {
        text.lines().next().unwrap().split(' ').skip(1).collect()
    }

    #[test]
    fn the_policy_says_who_is_asked() {
        let config = json!({"nameservers": ["192.0.2.1"]});
        let cases = [
            (json!({}), OF_CLUSTER),
            (json!({"dnsPolicy": "ClusterFirst"}), OF_CLUSTER),
            (json!({"dnsPolicy": "ClusterFirst", "hostNetwork": true}), ""),
            (
                json!({"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": true}),
                OF_CLUSTER,
            ),
            (json!({"dnsPolicy": "ClusterFirstWithHostNet"}), OF_CLUSTER),
            (json!({"dnsPolicy": "Default"}), ""),
            (
                json!({"dnsPolicy": "Default", "dnsConfig": config}),
                "nameserver 192.0.2.1\n",
            ),
            (
                json!({"dnsPolicy": "None", "dnsConfig": config}),
                "nameserver 192.0.2.1\n",
            ),
        ];
        for (spec, expected) in cases {
            assert_eq!(written(spec.clone()), expected, "{spec}");
        }
    }

    #[test]
    fn dns_config_comes_after_and_its_options_win() {
        let spec = json!({"dnsConfig": {
            "nameservers": ["192.0.2.1", "10.96.0.10"],
            "searches": ["svc.cluster.local", "example.com", "example.com"],
            "options": [{"name": "edns0"}, {"name": "ndots", "value": "2"}, {"name": "timeout", "value": "1"}],
        }});
        assert_eq!(
            written(spec),
            "search shop.svc.cluster.local svc.cluster.local cluster.local example.com\n\
             nameserver 10.96.0.10\n\
             nameserver 192.0.2.1\n\
             options ndots:2 edns0 timeout:1\n"
        );
    }

    #[test]
    fn a_cluster_without_dns_leaves_dns_config() {
        let spec =
            pod(json!({"dnsConfig": {"searches": ["a.local", "b.local"], "options": [{"name": "edns0"}]}}));
        assert_eq!(
            resolv_conf(&spec, "shop", None),
            "search a.local b.local\noptions edns0\n"
        );
    }

    #[test]
    fn a_fourth_nameserver_is_left_out() {
        let text = written(json!({"dnsConfig": {"nameservers": ["192.0.2.1", "192.0.2.2", "192.0.2.3"]}}));
        assert!(
            text.contains("\nnameserver 10.96.0.10\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions")
        );
    }

    #[test]
    fn a_thirty_third_domain_is_left_out() {
        let domains: Vec<_> = (1..=30).map(|number| format!("d{number}")).collect();
        let text = written(json!({"dnsConfig": {"searches": domains}}));
        assert_eq!((searches(&text).len(), searches(&text)[31]), (32, "d29"));
    }

    #[test]
    fn too_long_domains_and_those_past_the_end_of_the_line_are_left_out() {
        let long = |letter: &str| letter.repeat(253);
        let mut domains: Vec<_> = ["b", "c", "d", "e", "f", "g", "h", "i"].map(long).into();
        domains.insert(0, "a".repeat(254));
        let text = written(json!({"dnsPolicy": "None", "dnsConfig": {"searches": domains}}));
        // Eight of 253 and seven spaces are 2031 characters.
        assert_eq!(searches(&text), domains[1..]);
        domains.push("j".repeat(16));
        let text = written(json!({"dnsPolicy": "None", "dnsConfig": {"searches": domains}}));
        assert_eq!(searches(&text), domains[1..], "16 and a space are 2048");
        domains[9].push('j');
        let text = written(json!({"dnsPolicy": "None", "dnsConfig": {"searches": domains}}));
        assert_eq!(searches(&text), domains[1..9], "17 and a space are 2049");
    }
}
