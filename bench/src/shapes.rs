//! The rule sets of others, as text: laid out as theirs are, closely enough to compare what they cost.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::services::{POD_CIDR, PORT, Service};

/// kube-proxy's nftables mode, for `nft -f`: a chain for each service, and one for each endpoint.
pub(crate) fn kube_proxy_nft(services: &[Service]) -> String {
    let mut text = String::from(KUBE_PROXY_NFT);
    for (number, service) in services.iter().enumerate() {
        let slots = 0..service.endpoints.len();
        for slot in slots.clone() {
            endpoint_chain(&mut text, service, slot, &format!("endpoint-{number}-{slot}"));
        }
        let names: Vec<String> = slots.map(|slot| format!("endpoint-{number}-{slot}")).collect();
        service_chain(&mut text, service, number, &names);
    }
    let elements = services.iter().enumerate().map(|(number, service)| {
        let address = service.cluster_ip;
        format!("{address} . tcp . {PORT} : goto service-{number}")
    });
    let elements: Vec<String> = elements.collect();
    text.push_str("add element ip kube-proxy service-ips {\n");
    text.push_str(&elements.join(",\n"));
    text.push_str("\n}\n");
    text
}

/// What kube-proxy does when the first endpoint of a service is replaced by another.
pub(crate) fn kube_proxy_nft_change(number: usize, service: &Service, newcomer: Ipv4Addr) -> String {
    let mut changed = service.clone();
    changed.endpoints[0].set_ip(newcomer);
    let mut names: Vec<String> = (0..service.endpoints.len())
        .map(|slot| format!("endpoint-{number}-{slot}"))
        .collect();
    let old = std::mem::replace(&mut names[0], format!("endpoint-{number}-new"));
    let mut text = String::new();
    endpoint_chain(&mut text, &changed, 0, &names[0]);
    let _ = writeln!(text, "flush chain ip kube-proxy service-{number}");
    service_chain(&mut text, &changed, number, &names);
    let _ = writeln!(
        text,
        "flush chain ip kube-proxy {old}\ndelete chain ip kube-proxy {old}"
    );
    text
}

fn endpoint_chain(text: &mut String, service: &Service, slot: usize, name: &str) {
    let endpoint = service.endpoints[slot];
    let address = endpoint.ip();
    let _ = writeln!(
        text,
        "add chain ip kube-proxy {name}\n\
         add rule ip kube-proxy {name} ip saddr {address} jump mark-for-masquerade\n\
         add rule ip kube-proxy {name} meta l4proto tcp dnat to {endpoint}"
    );
}

fn service_chain(text: &mut String, service: &Service, number: usize, names: &[String]) {
    let picks = names
        .iter()
        .enumerate()
        .map(|(slot, name)| format!("{slot} : goto {name}"));
    let picks: Vec<String> = picks.collect();
    let (name, address) = (format!("service-{number}"), service.cluster_ip);
    let (modulus, picks) = (names.len(), picks.join(", "));
    let _ = writeln!(
        text,
        "add chain ip kube-proxy {name}\n\
         add rule ip kube-proxy {name} ip daddr {address} tcp dport {PORT} ip saddr != {POD_CIDR} \
         jump mark-for-masquerade\n\
         add rule ip kube-proxy {name} numgen random mod {modulus} vmap {{ {picks} }}"
    );
}

const KUBE_PROXY_NFT: &str = "\
table ip kube-proxy {
    map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict; }
    map service-nodeports { type inet_proto . inet_service : verdict; }
    map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
    chain mark-for-masquerade { meta mark set meta mark or 0x4000; }
    chain services {
        ip daddr . meta l4proto . th dport vmap @service-ips
        ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @service-nodeports
    }
    chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }
    chain nat-output { type nat hook output priority -100; jump services; }
    chain nat-postrouting {
        type nat hook postrouting priority srcnat;
        meta mark & 0x4000 == 0 return
        meta mark set meta mark xor 0x4000
        masquerade fully-random
    }
    chain service-endpoints-check { ip daddr . meta l4proto . th dport vmap @no-endpoint-services; }
    chain filter-forward { type filter hook forward priority -110; ct state new jump service-endpoints-check; }
}
";

/// kube-proxy's iptables mode, for `iptables-restore`: all services in one list of rules, and the same chains.
pub(crate) fn kube_proxy_iptables(services: &[Service]) -> String {
    let (mut chains, mut list, mut rules) = (String::new(), String::new(), String::new());
    for (number, service) in services.iter().enumerate() {
        let address = service.cluster_ip;
        let _ = writeln!(chains, ":KUBE-SVC-{number} - [0:0]");
        let _ = writeln!(
            list,
            "-A KUBE-SERVICES -d {address}/32 -p tcp -m comment --comment \"default/web-{number}\" \
             -m tcp --dport {PORT} -j KUBE-SVC-{number}"
        );
        let _ = writeln!(
            rules,
            "-A KUBE-SVC-{number} ! -s {POD_CIDR} -d {address}/32 -p tcp -m tcp --dport {PORT} -j KUBE-MARK-MASQ"
        );
        let all = service.endpoints.len();
        for (slot, endpoint) in service.endpoints.iter().enumerate() {
            let pick = match all - slot {
                1 => String::new(),
                left => format!(
                    " -m statistic --mode random --probability {:.10}",
                    1.0 / left as f64
                ),
            };
            let pod = endpoint.ip();
            let chain = format!("KUBE-SEP-{number}-{slot}");
            let _ = writeln!(chains, ":{chain} - [0:0]");
            let _ = writeln!(
                rules,
                "-A KUBE-SVC-{number}{pick} -j {chain}\n\
                 -A {chain} -s {pod}/32 -j KUBE-MARK-MASQ\n\
                 -A {chain} -p tcp -m tcp -j DNAT --to-destination {endpoint}"
            );
        }
    }
    format!(
        "*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-POSTROUTING - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n{chains}\
         -A PREROUTING -j KUBE-SERVICES\n-A OUTPUT -j KUBE-SERVICES\n-A POSTROUTING -j KUBE-POSTROUTING\n\
         -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n\
         -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n\
         -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0\n\
         -A KUBE-POSTROUTING -j MASQUERADE --random-fully\n{list}{rules}COMMIT\n"
    )
}

/// Maps and nothing else, for `nft -f`: the least that a load of these services as text can cost.
pub(crate) fn maps(services: &[Service]) -> String {
    let mut text = String::from("table ip maps {\n");
    let sizes: BTreeSet<usize> = services.iter().map(|service| service.endpoints.len()).collect();
    text.push_str(
        "map endpoints { type ipv4_addr . inet_proto . inet_service . mark : ipv4_addr . inet_service\n",
    );
    text.push_str("elements = {\n");
    for service in services {
        for (slot, endpoint) in service.endpoints.iter().enumerate() {
            let (address, pod, port) = (service.cluster_ip, endpoint.ip(), endpoint.port());
            let _ = writeln!(text, "{address} . tcp . {PORT} . {slot} : {pod} . {port},");
        }
    }
    text.push_str("} }\n");
    for size in sizes {
        let _ = writeln!(
            text,
            "chain pick-{size} {{\nmeta mark set numgen random mod {size}\n\
             dnat ip to ip daddr . meta l4proto . th dport . meta mark map @endpoints\n}}"
        );
    }
    text.push_str("map services { type ipv4_addr . inet_proto . inet_service : verdict\nelements = {\n");
    for service in services {
        let (address, size) = (service.cluster_ip, service.endpoints.len());
        let _ = writeln!(text, "{address} . tcp . {PORT} : goto pick-{size},");
    }
    text.push_str("} }\n");
    for (hook, priority) in [("prerouting", "dstnat"), ("output", "-100")] {
        let _ = writeln!(
            text,
            "chain {hook} {{\ntype nat hook {hook} priority {priority};\n\
             ip daddr . meta l4proto . th dport vmap @services\n}}"
        );
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{newcomer, services};

    #[test]
    fn kube_proxy_nft_has_a_chain_for_each_service_and_endpoint_and_an_element_for_each_service() {
        let text = kube_proxy_nft(&services(5, None));
        assert_eq!(text.matches("add chain ip kube-proxy service-").count(), 5);
        assert_eq!(text.matches("add chain ip kube-proxy endpoint-").count(), 15);
        assert!(text.contains("10.97.0.4 . tcp . 80 : goto service-4\n"));
        assert!(text.contains("dnat to 10.128.0.14:8080"));
    }

    #[test]
    fn a_changed_service_of_kube_proxy_nft_has_the_newcomer_and_not_the_old_endpoint() {
        let all = services(5, None);
        let text = kube_proxy_nft_change(2, &all[2], newcomer(0));
        assert!(text.contains("dnat to 10.192.0.0:8080"));
        assert!(text.contains("0 : goto endpoint-2-new, 1 : goto endpoint-2-1, 2 : goto endpoint-2-2"));
        assert!(text.ends_with("delete chain ip kube-proxy endpoint-2-0\n"));
    }

    #[test]
    fn kube_proxy_iptables_picks_evenly() {
        let text = kube_proxy_iptables(&services(1, None));
        let probabilities: Vec<&str> = text
            .split("--probability ")
            .skip(1)
            .map(|rest| &rest[..12])
            .collect();
        assert_eq!(probabilities, ["0.3333333333", "0.5000000000"]);
        assert_eq!(text.matches("-j DNAT").count(), 3);
        assert!(text.starts_with("*nat\n") && text.ends_with("COMMIT\n"));
    }

    #[test]
    fn maps_have_elements_only() {
        let text = maps(&services(5, None));
        assert_eq!(text.matches(": goto pick-3").count(), 5);
        assert_eq!(text.matches(" . tcp . 80 . ").count(), 15);
        assert_eq!(text.matches("chain ").count(), 3);
    }
}
