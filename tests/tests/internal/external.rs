//! Services that claim addresses of others (CVE-2020-8554).

use std::net::{Ipv4Addr, SocketAddr};

use k8s_openapi::api::core::v1::{LoadBalancerIngress, Service, ServiceStatus};
use podlab_api::object::Kind;
use podlab_api::steps::NamespacedName;
use serde_json::json;

use crate::frames::{Mark, Wire};
use crate::lab::{
    DNS, HOST_PORT, Lab, POD_PORT, PORT, QUESTION, WEB, ask, echo, get, hear, is_seen, service, udp_socket,
};

podlab_tests::tests![
    an_external_ip_takes_nobodys_traffic,
    an_ingress_ip_takes_nobodys_traffic,
];

const THIEF: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 66);
const OUTSIDE_PORT: u16 = 9000;

/// A pod that would like to be asked in place of others, and all that it claims.
fn thief(lab: &Lab) -> Vec<String> {
    lab.apply(Kind::Pod, echo("thief", POD_PORT, POD_PORT));
    lab.until_ready("thief");
    let (web, node, outside) = (lab.pod("web").1, lab.node().1, lab.outside().1);
    [WEB, DNS, web, node, outside]
        .map(|address| address.to_string())
        .into()
}

/// All ports at which somebody may be asked by his own address.
fn claim(kind: &str) -> serde_json::Value {
    let mut thief = service("thief", THIEF);
    thief["spec"]["type"] = json!(kind);
    let ports = [PORT, 53, POD_PORT, HOST_PORT, OUTSIDE_PORT].map(|port| {
        ["TCP", "UDP"].map(|protocol| {
            let name = format!("{}-{port}", protocol.to_lowercase());
            json!({"name": name, "protocol": protocol, "port": port, "targetPort": POD_PORT})
        })
    });
    thief["spec"]["ports"] = ports.concat().into();
    thief
}

/// Everybody is asked by his own address, and the thief sees nothing of it.
fn assert_all_answer_for_themselves(lab: &Lab) {
    lab.settle();
    let (outside, address) = lab.outside();
    let listener = udp_socket(outside, (address, OUTSIDE_PORT).into());
    let tap = [Wire::tap(&lab.pod("thief").0)];
    let mark = Mark::new();
    let pod = |name| format!("\"pod\":\"{name}\"");
    for from in [&lab.pod("client").0, lab.node().0] {
        let answer = get(from, (THIEF, PORT).into()).unwrap();
        assert!(answer.contains(&pod("thief")), "{answer}");
        let web = lab.pod("web").1;
        let own: [(SocketAddr, &str); 3] = [
            ((WEB, PORT).into(), "web"),
            ((web, POD_PORT).into(), "web"),
            ((lab.node().1, HOST_PORT).into(), "node-1"),
        ];
        for (to, name) in own {
            let answer = get(from, to).unwrap();
            assert!(answer.contains(&pod(name)), "{to}: {answer}");
        }
        for to in [(WEB, PORT), (web, POD_PORT)] {
            assert_eq!(
                ask(from, to.into(), &mark.bytes()).unwrap(),
                mark.bytes(),
                "{to:?}"
            );
        }
        let answer = ask(from, (DNS, 53).into(), QUESTION).unwrap();
        assert!(answer.ends_with(&WEB.octets()), "{answer:?}");
        ask(from, (address, OUTSIDE_PORT).into(), &mark.bytes()).unwrap_err();
        assert_eq!(hear(&listener).unwrap(), mark.bytes());
    }
    assert!(!is_seen(&tap, mark));
}

fn an_external_ip_takes_nobodys_traffic() {
    let lab = Lab::new();
    let claimed = thief(&lab);
    let mut service = claim("ClusterIP");
    service["spec"]["externalIPs"] = json!(claimed);
    lab.apply(Kind::Service, service);
    assert_all_answer_for_themselves(&lab);
}

fn an_ingress_ip_takes_nobodys_traffic() {
    let lab = Lab::new();
    let claimed = thief(&lab);
    lab.apply(Kind::Service, claim("LoadBalancer"));
    let name = NamespacedName {
        namespace: "default".to_owned(),
        name: "thief".to_owned(),
    };
    let ingress = claimed.into_iter().map(|ip| LoadBalancerIngress {
        ip: Some(ip),
        ..LoadBalancerIngress::default()
    });
    let ingress: Vec<_> = ingress.collect();
    let patch = |service: &mut Service| {
        let status = service.status.get_or_insert_with(ServiceStatus::default);
        status.load_balancer.get_or_insert_default().ingress = Some(ingress.clone());
    };
    lab.cluster.store().modify(&name, patch).unwrap();
    assert_all_answer_for_themselves(&lab);
}
