//! Every question of the name server's tables, to the running server, through the ClusterIP that a proxy serves: asked
//! once by a DNS library, and once by `dig`, if this machine has it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::{Command, ExitCode, Stdio};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use podlab_control::store::Store;
use podlab_kernel::netns::Netns;
use podlab_kernel::nft::find_program;
use podlab_node::cni::{NodeNetwork, PodLink};
use podlab_proxy::agent::{self, Config};
use podlab_proxy::plan::PodRanges;
use podlab_tests::{Running, User, binary, podlab, sandboxed};
use serde::Serialize;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::timeout;

use tables::{Objects, Row};

#[path = "../../crates/dns/tests/tables/mod.rs"]
mod tables;

/// Where clients ask.
const SERVER: &str = "10.96.0.10";
const SOON: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    // Built outside, with all that building needs.
    binary();
    sandboxed::run(|| {
        let lab = Lab::new();
        let by_dig = find_program("dig").is_some();
        let (mut by_library, mut by_program, mut wrong) = (0, 0, Vec::new());
        for (objects, rows) in tables::all() {
            let _server = lab.serve(&objects);
            for row in &rows {
                by_library += 1;
                wrong.extend(compare(row, &lab.ask(row.0)));
                if by_dig {
                    by_program += 1;
                    wrong.extend(compare(row, &lab.dig(row.0)));
                }
            }
        }
        println!(
            "{by_library} questions by a library, {by_program} by dig: {} wrong",
            wrong.len()
        );
        println!("{}", wrong.join("\n"));
        println!(
            "{} passed, {} failed",
            by_library + by_program - wrong.len(),
            wrong.len()
        );
        u8::from(!wrong.is_empty())
    })
}

/// In any order: a server may give records as it likes.
fn compare((question, expected): &Row, seen: &[String]) -> Option<String> {
    let set = |rows: &mut dyn Iterator<Item = String>| rows.collect::<BTreeSet<String>>();
    let expected = set(&mut expected.iter().map(|row| (*row).to_owned()));
    let seen = set(&mut seen.iter().cloned());
    (expected != seen).then(|| format!("{question}\n  expected {expected:#?}\n  answered {seen:#?}"))
}

/// A node with two pods, one of them for the name server.
struct Lab {
    client: PodLink,
    server: PodLink,
    runtime: Runtime,
    _network: NodeNetwork,
}

impl Lab {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let (network, client, server) = runtime.block_on(async {
            let node = Netns::create().unwrap();
            let (pods, cluster) = ("10.244.0.0/24".parse().unwrap(), "10.244.0.0/16".parse().unwrap());
            let network = NodeNetwork::create(node.clone(), pods, cluster).await.unwrap();
            let (client, server) = (network.attach().await.unwrap(), network.attach().await.unwrap());
            serve_name_server(node, server.address).await;
            (network, client, server)
        });
        Self {
            client,
            server,
            runtime,
            _network: network,
        }
    }

    /// The name server of a cluster with these objects.
    fn serve(&self, objects: &Objects) -> Running {
        let _runtime = self.runtime.enter();
        let mut command = podlab(User::all()[0]);
        command
            .args(["workload", "dns", "--client", "10.244.0.0/16"])
            .stdin(Stdio::piped());
        let mut process = Running(self.server.netns.visit(|| command.spawn()).unwrap());
        let input = process.0.stdin.as_mut().unwrap();
        let mut tell = |kind: &str, object: serde_json::Value| {
            writeln!(input, "{}", json!({"type": kind, "object": object})).unwrap();
        };
        fn all<T: Serialize>(objects: &[T]) -> impl Iterator<Item = serde_json::Value> {
            objects.iter().map(|object| serde_json::to_value(object).unwrap())
        }
        let objects = all(&objects.namespaces)
            .chain(all(&objects.services))
            .chain(all(&objects.slices));
        objects.for_each(|object| tell("ADDED", object));
        tell("BOOKMARK", json!({}));
        let address = SocketAddr::new(self.server.address, 53);
        for _ in 0..500 {
            let connect = || std::net::TcpStream::connect(address);
            if self.client.netns.visit(connect).is_ok() {
                return process;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the name server doesn't listen");
    }

    fn ask(&self, question: &str) -> Vec<String> {
        let (name, kind) = question.split_once(' ').unwrap();
        let labels = name.trim_end_matches('.').split('.').map(str::as_bytes);
        let mut request = Message::query();
        request.add_query(Query::query(
            Name::from_labels(labels).unwrap(),
            RecordType::from_str(kind).unwrap(),
        ));
        let socket = self.client.netns.visit(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
        socket.connect((SERVER, 53)).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        socket.send(&request.to_vec().unwrap()).unwrap();
        let mut buffer = [0; 1500];
        let length = socket.recv(&mut buffer).unwrap();
        let answer = Message::from_vec(&buffer[..length]).unwrap();
        let code = match answer.metadata.response_code {
            ResponseCode::NXDomain => "NXDOMAIN",
            _ => "NOERROR",
        };
        let text = |records: &[Record]| records.iter().map(Record::to_string).collect::<Vec<_>>();
        rows(code, text(&answer.answers), text(&answer.additionals))
    }

    fn dig(&self, question: &str) -> Vec<String> {
        let (name, kind) = question.split_once(' ').unwrap();
        let server = format!("@{SERVER}");
        // Or it would be an option of dig's.
        let name = name.replace('+', r"\+");
        let mut command = Command::new("dig");
        command.args(["+noall", "+comments", "+answer", "+additional", "+noedns"]);
        command.args([&server, "-q", &name, "-t", kind]);
        let output = self.client.netns.visit(|| command.output()).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let code = text
            .split("status: ")
            .nth(1)
            .and_then(|rest| rest.split(',').next());
        let (answers, additionals) = text.split_once(";; ADDITIONAL SECTION:").unwrap_or((&text, ""));
        let records = |section: &str| {
            let lines = section
                .lines()
                .filter(|line| !line.is_empty() && !line.starts_with(';'));
            let words = |line: &str| {
                line.split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
                    .replace('"', "")
            };
            lines.map(words).collect::<Vec<String>>()
        };
        rows(
            code.unwrap_or("no answer"),
            records(answers),
            records(additionals),
        )
    }
}

fn rows(code: &str, answers: Vec<String>, additionals: Vec<String>) -> Vec<String> {
    let mut rows = answers;
    if rows.is_empty() {
        rows.push(if code == "NOERROR" { "NODATA" } else { code }.to_owned());
    }
    rows.extend(additionals.iter().map(|record| format!("+ {record}")));
    rows
}

/// The Service that leads to the name server's pod.
async fn serve_name_server(node: Netns, pod: IpAddr) {
    let store = Store::new(Arc::new(|| Time(Timestamp::UNIX_EPOCH)));
    let metadata = json!({
        "namespace": "kube-system", "name": "kube-dns",
        "labels": {"kubernetes.io/service-name": "kube-dns"},
    });
    let ports = json!([{"name": "dns", "protocol": "UDP", "port": 53}, {"name": "dns-tcp", "protocol": "TCP", "port": 53}]);
    let service: Service = serde_json::from_value(json!({
        "metadata": metadata, "spec": {"clusterIP": SERVER, "ports": ports},
    }))
    .unwrap();
    let slice: EndpointSlice = serde_json::from_value(json!({
        "metadata": metadata, "addressType": "IPv4", "ports": ports, "endpoints": [{"addresses": [pod]}],
    }))
    .unwrap();
    store.create(service).unwrap();
    store.create(slice).unwrap();
    let config = Config {
        node: "node".to_owned(),
        ranges: PodRanges {
            cluster: "10.244.0.0/16".parse().unwrap(),
            node: "10.244.0.0/24".parse().unwrap(),
        },
    };
    let (sender, mut progress) = watch::channel(0);
    let served = store.clone();
    tokio::spawn(async move { agent::serve(served, node, config, &sender).await });
    let revision = store.revision();
    let served = timeout(SOON, progress.wait_for(|done| *done >= revision)).await;
    served.unwrap().unwrap();
}
