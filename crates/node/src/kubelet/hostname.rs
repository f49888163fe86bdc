//! What a pod is called: its host name, and the domain that its subdomain puts it in.

use k8s_openapi::api::core::v1::Pod;

use super::resolv_conf::ClusterDns;

/// The longest label of a domain name.
const LABEL: usize = 63;
/// The longest host name that Linux keeps.
const KERNEL: usize = 64;

/// The host name of a pod.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hostname {
    pub(super) name: String,
    pub(super) domain: Option<String>,
}

/// A pod wants to know itself by a name that Linux doesn't keep.
#[derive(Debug, thiserror::Error)]
#[error(
    "failed to construct FQDN from pod hostname and cluster domain, FQDN {fqdn} is too long ({KERNEL} characters is \
     the max, {} characters requested)",
    .fqdn.len()
)]
pub(super) struct TooLong {
    fqdn: String,
}

impl Hostname {
    /// A pod on its node's network has the node's name, whatever its own would be.
    pub(super) fn new(pod: &Pod, node: &str, dns: Option<&ClusterDns>) -> Self {
        let spec = pod.spec.clone().unwrap_or_default();
        if spec.host_network == Some(true) {
            return Self {
                name: node.to_owned(),
                domain: None,
            };
        }
        let given = spec.hostname.filter(|name| !name.is_empty());
        let name = given.or_else(|| pod.metadata.name.clone()).unwrap_or_default();
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        let subdomain = spec.subdomain.filter(|name| !name.is_empty());
        Self {
            name: shortened(&name).to_owned(),
            domain: subdomain
                .zip(dns)
                .map(|(subdomain, dns)| format!("{subdomain}.{namespace}.svc.{}", dns.domain)),
        }
    }

    /// What the pod's programs are told: the name alone, or with its domain if it is to be `fqdn`.
    ///
    /// # Errors
    /// [`TooLong`].
    pub(super) fn for_kernel(&self, fqdn: bool) -> Result<String, TooLong> {
        match &self.domain {
            Some(domain) if fqdn => {
                let fqdn = format!("{}.{domain}", self.name);
                if fqdn.len() > KERNEL {
                    return Err(TooLong { fqdn });
                }
                Ok(fqdn)
            }
            _ => Ok(self.name.clone()),
        }
    }
}

/// Names of pods are longer than a label may be; where one is cut, it still ends as a label does.
fn shortened(name: &str) -> &str {
    match name.get(..LABEL) {
        Some(start) => start.trim_end_matches(['-', '.']),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn hostname(name: &str, mut spec: Value) -> Hostname {
        spec["containers"] = json!([]);
        let pod = json!({"metadata": {"name": name, "namespace": "shop"}, "spec": spec});
        let dns = ClusterDns {
            address: [10, 96, 0, 10].into(),
            domain: "cluster.local".to_owned(),
        };
        Hostname::new(&serde_json::from_value(pod).unwrap(), "node-1", Some(&dns))
    }

    #[test]
    fn a_pod_is_called_by_its_spec_or_by_its_name() {
        let cases = [
            (json!({}), "web-0", None),
            (json!({"hostname": ""}), "web-0", None),
            (json!({"hostname": "first"}), "first", None),
            (
                json!({"subdomain": "peers"}),
                "web-0",
                Some("peers.shop.svc.cluster.local"),
            ),
            (
                json!({"hostname": "first", "subdomain": "peers"}),
                "first",
                Some("peers.shop.svc.cluster.local"),
            ),
            (json!({"subdomain": ""}), "web-0", None),
            (
                json!({"hostname": "first", "subdomain": "peers", "hostNetwork": true}),
                "node-1",
                None,
            ),
        ];
        for (spec, name, domain) in cases {
            let expected = Hostname {
                name: name.to_owned(),
                domain: domain.map(str::to_owned),
            };
            assert_eq!(hostname("web-0", spec.clone()), expected, "{spec}");
        }
    }

    #[test]
    fn a_cluster_without_dns_has_no_domain() {
        let pod = json!({"metadata": {"name": "web-0"}, "spec": {"containers": [], "subdomain": "peers"}});
        let hostname = Hostname::new(&serde_json::from_value(pod).unwrap(), "node-1", None);
        assert_eq!(hostname.domain, None);
    }

    #[test]
    fn long_names_are_cut_to_a_label() {
        let cases = [
            ("a".repeat(63), "a".repeat(63)),
            ("a".repeat(64), "a".repeat(63)),
            ("a".repeat(61) + "-.b", "a".repeat(61)),
        ];
        for (name, expected) in cases {
            assert_eq!(hostname(&name, json!({})).name, expected);
        }
    }

    #[test]
    fn programs_are_told_the_domain_if_it_fits() {
        let named = |name: &str| hostname(name, json!({"subdomain": "peers"}));
        assert_eq!(named("web-0").for_kernel(false).unwrap(), "web-0");
        assert_eq!(
            named("web-0").for_kernel(true).unwrap(),
            "web-0.peers.shop.svc.cluster.local"
        );
        assert_eq!(hostname("web-0", json!({})).for_kernel(true).unwrap(), "web-0");
        assert_eq!(named(&"a".repeat(35)).for_kernel(true).unwrap().len(), 64);
        assert_eq!(
            named("a-name-of-thirty-six-characters-long")
                .for_kernel(true)
                .unwrap_err()
                .to_string(),
            "failed to construct FQDN from pod hostname and cluster domain, FQDN \
             a-name-of-thirty-six-characters-long.peers.shop.svc.cluster.local is too long (64 characters is the max, \
             65 characters requested)"
        );
    }
}
