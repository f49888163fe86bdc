//! The name server as a process: what it does with clients that mean no good, and with those that aren't the cluster's.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use podlab_tests::processes::number_in_status;
use podlab_tests::{Running, User, podlab};
use rand::RngExt;
use serde_json::json;

/// How many packets of nonsense it gets by UDP, and how many by TCP.
const NONSENSE: (usize, usize) = (900_000, 100_000);
/// How much memory it may ever use, in KiB.
const MEMORY: u64 = 64 * 1024;
/// How long a client has for a question, and a little more.
const PATIENCE: Duration = Duration::from_secs(7);

/// A question for the address of `web.default.svc.cluster.local`.
const QUESTION: &[u8] =
    b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03web\x07default\x03svc\x07cluster\x05local\0\0\x01\0\x01";
/// One for that of `example.com`.
const FOREIGN: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01";

struct NameServer {
    process: Running,
    address: SocketAddr,
}

impl NameServer {
    /// It knows one Service, `web`, at 10.96.0.20.
    fn start(arguments: &[&str]) -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(20_053);
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut command = podlab(User::all()[0]);
        command
            .args(["workload", "dns", "--port", &port.to_string()])
            .args(arguments)
            .stdin(Stdio::piped());
        let mut process = Running(command.spawn().expect("podlab runs"));
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}});
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "default", "name": "web"},
            "spec": {"clusterIP": "10.96.0.20", "ports": [{"port": 80}]},
        });
        let input = process.0.stdin.as_mut().expect("a pipe");
        for event in [
            json!({"type": "ADDED", "object": namespace}),
            json!({"type": "ADDED", "object": service}),
            json!({"type": "BOOKMARK", "object": {}}),
        ] {
            writeln!(input, "{event}").expect("it reads");
        }
        let server = Self {
            process,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        };
        let start = Instant::now();
        while TcpStream::connect(server.address).is_err() {
            assert!(start.elapsed() < PATIENCE, "it doesn't listen");
            thread::sleep(Duration::from_millis(5));
        }
        server
    }

    fn client(&self, from: &str) -> UdpSocket {
        let socket = UdpSocket::bind(from).expect("a socket");
        socket.connect(self.address).expect("loopback");
        socket
            .set_read_timeout(Some(Duration::from_secs(1)))
            .expect("a time-out");
        socket
    }

    fn ask(&self, question: &[u8]) -> Option<Vec<u8>> {
        let socket = self.client("127.0.0.1:0");
        socket.send(question).expect("it is sent");
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer).ok()?;
        Some(answer[..length].to_vec())
    }

    fn assert_answers(&self) {
        let answer = (0..5).find_map(|_| self.ask(QUESTION)).expect("an answer");
        assert_eq!(answer[..2], QUESTION[..2]);
        assert_eq!(answer[answer.len() - 4..], [10, 96, 0, 20]);
    }

    /// The most memory that it has used so far, in KiB.
    fn memory(&self) -> u64 {
        number_in_status(self.process.0.id() as i32, "VmHWM")
    }
}

/// Bytes without sense, or a question with some bytes changed, cut or doubled.
fn nonsense(random: &mut impl RngExt) -> Vec<u8> {
    if random.random_bool(0.3) {
        let mut bytes = vec![0; random.random_range(0..300)];
        random.fill(&mut bytes[..]);
        return bytes;
    }
    let mut bytes = QUESTION.to_vec();
    for _ in 0..random.random_range(1..4) {
        let index = random.random_range(0..bytes.len());
        bytes[index] = random.random();
    }
    if random.random_bool(0.3) {
        bytes.truncate(random.random_range(0..bytes.len()));
    } else if random.random_bool(0.2) {
        bytes.extend_from_within(12..);
    }
    bytes
}

#[test]
fn a_million_packets_of_nonsense_do_no_harm() {
    let server = NameServer::start(&[]);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut random = rand::rng();
                let socket = server.client("127.0.0.1:0");
                for number in 1..=NONSENSE.0 / 2 {
                    let _ = socket.send(&nonsense(&mut random));
                    // So that what is sent is also taken, and not lost in front of a full queue.
                    if number % 64 == 0 {
                        server.assert_answers();
                    }
                }
            });
        }
        scope.spawn(|| {
            let mut random = rand::rng();
            let mut stream = TcpStream::connect(server.address).expect("it listens");
            for _ in 0..NONSENSE.1 {
                let mut bytes = nonsense(&mut random);
                if random.random_bool(0.9) {
                    let length = u16::try_from(bytes.len()).expect("it is short");
                    bytes.splice(0..0, length.to_be_bytes());
                }
                // What is no question at all ends the connection.
                if stream.write_all(&bytes).is_err() {
                    stream = TcpStream::connect(server.address).expect("it listens");
                }
                drain(&mut stream);
            }
        });
    });
    server.assert_answers();
    assert!(server.memory() < MEMORY, "{} KiB", server.memory());
}

/// Takes what has come, so that neither side waits for the other.
fn drain(stream: &mut TcpStream) {
    stream.set_nonblocking(true).expect("it can be");
    let mut buffer = [0; 4096];
    while matches!(stream.read(&mut buffer), Ok(1..)) {}
    stream.set_nonblocking(false).expect("it can be");
    stream
        .set_write_timeout(Some(Duration::from_millis(50)))
        .expect("a time-out");
}

#[test]
fn clients_that_say_nothing_are_dropped() {
    let server = NameServer::start(&[]);
    let start = Instant::now();
    let mut slow: Vec<TcpStream> = (0..400)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).expect("it listens");
            stream.write_all(&[0]).expect("half a length");
            stream
        })
        .collect();
    server.assert_answers();
    let mut last = [0];
    for stream in &mut slow[..200] {
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let ended = stream.read(&mut last);
        assert!(
            matches!(&ended, Ok(0)) || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
        );
    }
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    drop(slow);
    let mut stream = TcpStream::connect(server.address).expect("it listens");
    let length = u16::try_from(QUESTION.len()).expect("it is short");
    stream.write_all(&length.to_be_bytes()).expect("it listens");
    stream.write_all(QUESTION).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).expect("an answer");
}

#[test]
fn strangers_get_no_answer() {
    let server = NameServer::start(&["--client", "127.1.0.0/16"]);
    assert_eq!(server.ask(QUESTION), None);
    let known = server.client("127.1.2.3:0");
    known.send(QUESTION).expect("it is sent");
    assert!(known.recv(&mut [0; 512]).is_ok());
    let mut stranger = TcpStream::connect(server.address).expect("it listens");
    stranger
        .write_all(&[&[0, 47], QUESTION].concat())
        .expect("it is sent");
    stranger.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    assert!(matches!(stranger.read(&mut [0; 512]), Ok(0) | Err(_)));
}

/// Code 5 is that the server refuses.
#[test]
fn names_of_others_are_refused_without_a_server_that_knows_them() {
    let refusal = NameServer::start(&[]).ask(FOREIGN).expect("an answer");
    assert_eq!(refusal[3] & 0xf, 5);
}
