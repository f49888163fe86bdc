//! The rule set as the kernel has it: as documentation, and mended when somebody else changed it.

use std::net::SocketAddr;

use podlab_kernel::conntrack::{Conntrack, Protocol};
use podlab_kernel::maps::Maps;
use podlab_kernel::nft::Nft;
use podlab_proxy::elements::{Element, Frontend, TABLE, Verdict};
use podlab_proxy::pick::{Chain, Pick};
use podlab_proxy::transaction::Transaction;

use crate::lab::{Lab, ask_once, ask_udp, udp_client};

crate::tests![
    the_rule_set_explains_itself,
    a_change_by_somebody_else_is_mended_with_the_next,
    what_goes_while_rules_are_mended_is_forgotten,
    what_was_in_the_store_before_is_served,
    a_new_proxy_replaces_the_rules_of_the_old_one,
    an_emptied_store_is_dealt_with,
    text_and_netlink_are_the_same_transaction,
    what_is_refused_changes_nothing,
];

fn the_rule_set_explains_itself() {
    let lab = Lab::new();
    let pods = [lab.client(), lab.client(), lab.client()];
    let [a, b, c] = pods.each_ref();
    lab.serve("frontend", "10.96.0.10", "TCP", &[a]);
    lab.serve("backend", "10.96.0.11", "TCP", &[b, c]);
    lab.serve("database", "10.96.0.12", "TCP", &[]);
    insta::assert_snapshot!("ruleset", rule_set(&lab.nft()));
}

fn rule_set(nft: &Nft) -> String {
    nft.list(&["list", "table", "ip", "podlab-proxy"]).unwrap()
}

fn a_change_by_somebody_else_is_mended_with_the_next() {
    let lab = Lab::new();
    let (client, old, new) = (lab.client(), lab.server(), lab.server());
    lab.serve("web", "10.96.0.10", "TCP", &[&old]);
    lab.nft().load("flush map ip podlab-proxy endpoints").unwrap();
    lab.set_endpoints("web", "TCP", &[&new]);
    lab.settle();
    ask_once(&client.netns, "10.96.0.10:80").unwrap();
    lab.nft().load("delete table ip podlab-proxy").unwrap();
    lab.set_endpoints("web", "TCP", &[&old, &new]);
    lab.settle();
    ask_once(&client.netns, "10.96.0.10:80").unwrap();
}

fn what_goes_while_rules_are_mended_is_forgotten() {
    let lab = Lab::new();
    let (client, pod) = (lab.client(), lab.server());
    lab.serve("gone", "10.96.0.10", "UDP", &[&pod]);
    lab.serve("still", "10.96.0.11", "UDP", &[&pod]);
    let [gone, still] = ["10.96.0.10:80", "10.96.0.11:80"].map(|to| udp_client(&client.netns, to));
    ask_udp(&gone).unwrap();
    ask_udp(&still).unwrap();
    lab.nft().load("flush map ip podlab-proxy endpoints").unwrap();
    lab.remove_service("gone");
    lab.settle();
    let flows = Conntrack::open(&lab.node).unwrap().flows().unwrap();
    let to: Vec<_> = flows
        .iter()
        .map(|flow| flow.original.destination.to_string())
        .collect();
    assert_eq!(to, ["10.96.0.11:80"]);
    ask_udp(&still).unwrap();
}

fn what_was_in_the_store_before_is_served() {
    let first = Lab::new();
    let pod = first.client();
    first.serve("web", "10.96.0.10", "TCP", &[&pod]);
    let second = Lab::with_store(first.store.clone());
    second.settle();
    let elements = |lab: &Lab| {
        lab.nft()
            .list(&["list", "map", "ip", "podlab-proxy", "endpoints"])
            .unwrap()
    };
    assert_eq!(elements(&second), elements(&first));
}

fn a_new_proxy_replaces_the_rules_of_the_old_one() {
    let mut lab = Lab::new();
    let (client, pod) = (lab.client(), lab.server());
    lab.serve("web", "10.96.0.10", "TCP", &[&pod]);
    let before = rule_set(&lab.nft());
    lab.restart_proxy();
    lab.settle();
    assert_eq!(rule_set(&lab.nft()), before);
    ask_once(&client.netns, "10.96.0.10:80").unwrap();
}

/// Nothing is to be seen of what was deleted; the proxy is up to date all the same.
fn an_emptied_store_is_dealt_with() {
    let first = Lab::new();
    first.serve("web", "10.96.0.10", "TCP", &[]);
    first.remove_service("web");
    first.remove_endpoints("web");
    Lab::with_store(first.store.clone()).settle();
}

const ONE: Chain = Chain {
    number: 1 << 16,
    pick: Pick {
        endpoints: 1,
        turns: None,
        stay: Some(60),
    },
};

fn text_and_netlink_are_the_same_transaction() {
    let frontend = |port| Frontend {
        address: "10.96.0.10".parse().unwrap(),
        protocol: Protocol::Udp,
        port,
    };
    let elements = |port, pod: &str| {
        let pod: SocketAddr = pod.parse().unwrap();
        let service = "n".repeat(63) + "/" + &"s".repeat(63);
        let name = format!("{service}:{}", "p".repeat(15));
        [
            Element::ClusterIp {
                address: frontend(port).address,
                service,
            },
            Element::ServiceIp {
                frontend: frontend(port),
                verdict: Verdict::Pick(ONE),
                name: name.clone(),
            },
            Element::ServiceIp {
                frontend: frontend(1_000 + port),
                verdict: Verdict::Drop,
                name,
            },
            Element::Endpoint {
                frontend: frontend(port),
                number: 65_537,
                endpoint: pod,
            },
            Element::Identity {
                frontend: frontend(port),
                slot: 0,
                identity: 65_537,
            },
            Element::Hairpin { address: pod.ip() },
            Element::ServiceRange {
                range: format!("172.20.{port}.0/24").parse().unwrap(),
            },
        ]
    };
    let first = Transaction {
        add_chains: [ONE].into(),
        add: elements(53, "10.244.0.5:8053").to_vec(),
        ..Transaction::default()
    };
    let second = Transaction {
        delete: first.add.clone(),
        add: {
            let mut add = [elements(53, "10.244.0.6:8053"), elements(54, "10.244.0.6:8054")].concat();
            add.sort();
            add
        },
        ..Transaction::default()
    };
    let rule_sets = [true, false].map(|as_text| {
        let lab = Lab::new();
        lab.serve("any", "10.96.0.99", "TCP", &[]);
        let nft = lab.nft();
        nft.load(&first.to_string()).unwrap();
        if as_text {
            nft.load(&second.to_string()).unwrap();
        } else {
            nft.load(&second.rules_before()).unwrap();
            Maps::open(&lab.node, TABLE)
                .unwrap()
                .change(second.changes())
                .unwrap();
        }
        rule_set(&nft)
    });
    assert_eq!(rule_sets[0], rule_sets[1]);
    assert!(rule_sets[0].contains("10.244.0.6 . 8054") && !rule_sets[0].contains("10.244.0.5"));
}

fn what_is_refused_changes_nothing() {
    let lab = Lab::new();
    let pod = lab.client();
    lab.serve("web", "10.96.0.10", "TCP", &[&pod]);
    let before = rule_set(&lab.nft());
    let frontend = |port| Frontend {
        address: "10.96.0.10".parse().unwrap(),
        protocol: Protocol::Tcp,
        port,
    };
    let endpoint = |port| Element::Endpoint {
        frontend: frontend(port),
        number: 0,
        endpoint: SocketAddr::new(pod.address, 8080),
    };
    let maps = Maps::open(&lab.node, TABLE).unwrap();
    let elsewhere = Element::Endpoint {
        frontend: frontend(80),
        number: 0,
        endpoint: SocketAddr::new(pod.address, 9999),
    };
    for (delete, add, error) in [
        (
            vec![endpoint(81)],
            vec![endpoint(82)],
            "No such file or directory",
        ),
        (vec![], vec![elsewhere, endpoint(82)], "File exists"),
    ] {
        let transaction = Transaction {
            delete,
            add,
            ..Transaction::default()
        };
        let refusal = maps.change(transaction.changes()).unwrap_err().to_string();
        let expected = "the kernel refuses to change the elements of endpoints: ";
        assert!(refusal.starts_with(&format!("{expected}{error}")), "{refusal}");
        assert_eq!(rule_set(&lab.nft()), before);
    }
}
