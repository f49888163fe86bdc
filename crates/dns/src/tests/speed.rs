//! How many questions are answered in a second.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::*;

#[test]
#[ignore = "it measures, and takes its time"]
fn questions_per_second() {
    let mut zone = zone(&cluster(&["default", "kube-system"], &[], &[]));
    for number in 0..10_000 {
        let address = format!(
            "10.{}.{}.{}",
            96 + number / 65_536,
            number / 256 % 256,
            number % 256
        );
        let name = format!("service-{number}.default");
        zone.set_service(&cluster_ip(&name, &[&address]), true);
        let endpoints = [&*format!("172.16.{}.{}", number / 256, number % 256)];
        zone.set_slice(&slice(&name, 1, &endpoints, http()), true);
    }
    let asked = [
        ("A", "service-7000.default.svc.cluster.local. A"),
        ("AAAA, none", "service-7000.default.svc.cluster.local. AAAA"),
        ("no such name", "example.com.default.svc.cluster.local. A"),
        ("SRV", "_http._tcp.service-7000.default.svc.cluster.local. SRV"),
        ("PTR", "88.27.96.10.in-addr.arpa. PTR"),
        ("foreign", "example.com. A"),
    ];
    for (what, question) in asked {
        let request = request(question).to_vec().unwrap();
        let (start, mut count) = (Instant::now(), 0_u32);
        while start.elapsed() < Duration::from_secs(1) {
            for _ in 0..1000 {
                black_box(respond(&zone, black_box(&request), Transport::Udp));
            }
            count += 1000;
        }
        println!(
            "{what:>14}: {:.0} per second",
            f64::from(count) / start.elapsed().as_secs_f64()
        );
    }
}
