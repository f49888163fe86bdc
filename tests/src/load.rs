//! Clients in pods that ask without a pause, and remember every request without its right answer.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use podlab_kernel::conntrack::{Conntrack, Protocol, Tuple};
use podlab_kernel::netns::Netns;

/// Longer than any answer takes on a busy machine: a packet that is lost is sent again after a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server has closed a connection without a byte of an answer.
const UNANSWERED: io::ErrorKind = io::ErrorKind::ConnectionAborted;

/// What a client does with its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// One for each request, and leaves when it has its answer.
    Leaves,
    /// One for each request, and lets the server close it.
    IsLeft,
    /// Keeps it for as long as the server does.
    Stays,
}

/// What came of requests.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// How many had their right answer.
    pub answered: u64,
    /// How many connections they took.
    pub connections: u64,
    /// How many were asked again, because their connection was closed while it was idle.
    pub again: u64,
    /// Those that had none.
    pub lost: Vec<String>,
    /// How many each pod answered.
    pub by_pod: BTreeMap<String, u64>,
    /// What the slowest one took.
    pub slowest: Duration,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.connections += other.connections;
        self.again += other.again;
        self.lost.extend(other.lost);
        for (pod, count) in other.by_pod {
            *self.by_pod.entry(pod).or_default() += count;
        }
        self.slowest = self.slowest.max(other.slowest);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests on {} connections, {} of them asked again, answered by {} pods, the slowest in {:.0?}; {} lost",
            self.answered,
            self.connections,
            self.again,
            self.by_pod.len(),
            self.slowest,
            self.lost.len()
        )?;
        self.lost
            .iter()
            .take(20)
            .try_for_each(|lost| write!(f, "\n    {lost}"))
    }
}

/// Clients at work.
pub struct Clients {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Tally>>,
}

impl Clients {
    /// One in each of these namespaces. Each asks these servers in turn, and pauses after each request.
    pub fn start(pods: Vec<(Netns, Habit)>, servers: &[SocketAddr], pause: Duration) -> Self {
        let (stop, asked) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let began = Instant::now();
        let client = |(number, (netns, habit)): (usize, (Netns, Habit))| {
            let (stop, asked, servers) = (stop.clone(), asked.clone(), servers.to_vec());
            let work = move || {
                let mut client = Client::new(number, habit);
                for server in servers.iter().cycle() {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    client.ask(*server, began);
                    asked.fetch_add(1, Ordering::Relaxed);
                    sleep(pause);
                }
                Ok(client.tally)
            };
            thread::spawn(move || netns.visit(work).expect("the pod's network"))
        };
        let threads = pods.into_iter().enumerate().map(client).collect();
        Self { stop, asked, threads }
    }

    /// How many requests have been sent.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Lets them finish their requests.
    pub fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Tally::default();
        for thread in self.threads {
            all.add(thread.join().expect("a client doesn't panic"));
        }
        all
    }
}

struct Client {
    number: usize,
    habit: Habit,
    kept: BTreeMap<SocketAddr, BufReader<TcpStream>>,
    buffer: Vec<u8>,
    tally: Tally,
}

impl Client {
    fn new(number: usize, habit: Habit) -> Self {
        Self {
            number,
            habit,
            kept: BTreeMap::new(),
            buffer: Vec::new(),
            tally: Tally::default(),
        }
    }

    fn ask(&mut self, server: SocketAddr, began: Instant) {
        let asked = Instant::now();
        let kept = self.kept.remove(&server);
        let how = if kept.is_some() { "kept" } else { "new" };
        let mut done = self.exchange(server, kept);
        if let Err(error) = &done
            && how == "kept"
            && error.kind() == UNANSWERED
        {
            // A server may close a connection that nobody uses while a request is on its way: all clients of HTTP know,
            // and ask again (RFC 9112, 9.3.1).
            self.tally.again += 1;
            done = self.exchange(server, None);
        }
        if let Err(error) = done {
            self.tally.lost.push(format!(
                "{:.3} s: client {} at {server}, on a {how} connection, after {:.0?}: {error}",
                asked.duration_since(began).as_secs_f64(),
                self.number,
                asked.elapsed(),
            ));
        }
        self.tally.slowest = self.tally.slowest.max(asked.elapsed());
    }

    fn exchange(&mut self, server: SocketAddr, kept: Option<BufReader<TcpStream>>) -> io::Result<()> {
        let mut stream = match kept {
            Some(stream) => stream,
            None => {
                let stream = connect(server)?;
                self.tally.connections += 1;
                BufReader::new(stream)
            }
        };
        let path = format!("/{}/{}", self.number, self.tally.answered);
        let close = if self.habit == Habit::IsLeft {
            "close"
        } else {
            "keep-alive"
        };
        let request = format!("GET {path} HTTP/1.1\r\nhost: web\r\nconnection: {close}\r\n\r\n");
        stream.get_mut().write_all(request.as_bytes())?;
        let head = Head::read(&mut stream)?;
        self.buffer.resize(head.length, 0);
        stream.read_exact(&mut self.buffer)?;
        let body = String::from_utf8_lossy(&self.buffer);
        if head.status != "200" || !body.contains(&format!("\"path\":\"{path}\"")) {
            return Err(io::Error::other(format!("status {}: {body}", head.status)));
        }
        self.tally.answered += 1;
        *self.tally.by_pod.entry(head.pod).or_default() += 1;
        match self.habit {
            Habit::Leaves => {}
            Habit::IsLeft => {
                let more = stream.read(&mut [0])?;
                if more > 0 {
                    return Err(io::Error::other("more than the answer"));
                }
            }
            Habit::Stays if head.close => {}
            Habit::Stays => drop(self.kept.insert(server, stream)),
        }
        Ok(())
    }
}

fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The head of an answer, as far as it matters.
#[derive(Debug, Default)]
struct Head {
    status: String,
    length: usize,
    pod: String,
    close: bool,
}

impl Head {
    fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let mut head = Self::default();
        let mut line = String::new();
        loop {
            line.clear();
            if from.read_line(&mut line)? == 0 {
                let kind = if head.status.is_empty() {
                    UNANSWERED
                } else {
                    io::ErrorKind::UnexpectedEof
                };
                return Err(io::Error::new(kind, "closed without an answer"));
            }
            let text = line.trim_end();
            if text.is_empty() {
                return Ok(head);
            }
            match text.split_once(": ") {
                Some(("content-length", length)) => head.length = length.parse().map_err(io::Error::other)?,
                Some(("connection", how)) => head.close = how == "close",
                Some(("x-podlab-pod", pod)) => pod.clone_into(&mut head.pod),
                Some(_) => {}
                None => head.status = text.split(' ').nth(1).unwrap_or_default().to_owned(),
            }
        }
    }
}

/// How a long-lived connection has ended.
#[derive(Debug, Clone)]
pub struct End {
    /// With whom it was; if it couldn't be opened at all, the service.
    pub pod: IpAddr,
    /// None: the server has closed it in order.
    pub broken: Option<String>,
}

/// What came of long-lived connections.
#[derive(Debug, Default)]
pub struct Talked {
    /// How many lines have come back.
    pub lines: u64,
    /// Those connections that have ended; another was opened in the place of each.
    pub ends: Vec<End>,
    /// With whom those are that have not.
    pub with: Vec<IpAddr>,
}

impl Talked {
    fn end(&mut self, pod: IpAddr, error: Option<io::Error>) {
        let broken = error.map(|error| error.to_string());
        self.ends.push(End { pod, broken });
    }
}

/// Connections that are kept: a line goes each way again and again, and must come back as it was.
pub struct Talks {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Talked>,
}

struct Talk {
    pod: IpAddr,
    stream: BufReader<TcpStream>,
}

impl Talks {
    /// `count` connections from a pod to a service on this node.
    pub fn start(from: Netns, node: &Netns, server: SocketAddr, count: usize, pause: Duration) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let conntrack = Conntrack::open(node).expect("connection tracking");
        let stopped = stop.clone();
        let work = move || {
            let open = || Talk::open(server, &conntrack);
            let mut talks = (0..count).map(|_| open()).collect::<io::Result<Vec<_>>>()?;
            let mut talked = Talked::default();
            while !stopped.load(Ordering::Relaxed) {
                let line = format!("line {}\n", talked.lines);
                let said: Vec<_> = talks
                    .iter_mut()
                    .map(|talk| talk.stream.get_mut().write_all(line.as_bytes()))
                    .collect();
                for (talk, said) in talks.iter_mut().zip(said) {
                    match said.and_then(|()| talk.hear(&line)) {
                        Ok(true) => talked.lines += 1,
                        end => {
                            talked.end(talk.pod, end.err());
                            match open() {
                                Ok(another) => *talk = another,
                                // Tried again in the next round.
                                Err(error) => talked.end(server.ip(), Some(error)),
                            }
                        }
                    }
                }
                sleep(pause);
            }
            talked.with = talks.iter().map(|talk| talk.pod).collect();
            Ok(talked)
        };
        let thread = thread::spawn(move || from.visit(work).expect("the pod's network"));
        Self { stop, thread }
    }

    /// Ends them.
    pub fn stop(self) -> Talked {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the connections don't panic")
    }
}

impl Talk {
    fn open(server: SocketAddr, conntrack: &Conntrack) -> io::Result<Self> {
        let stream = connect(server)?;
        let original = Tuple {
            source: stream.local_addr()?,
            destination: server,
        };
        let flow = conntrack.get(Protocol::Tcp, &original)?;
        let flow = flow.ok_or_else(|| io::Error::other("the connection isn't tracked"))?;
        Ok(Self {
            pod: flow.reply.source.ip(),
            stream: BufReader::new(stream),
        })
    }

    /// Whether the line came back; not, when the server has closed the connection in order.
    fn hear(&mut self, line: &str) -> io::Result<bool> {
        let mut heard = String::new();
        match self.stream.read_line(&mut heard)? {
            0 => Ok(false),
            _ if heard == line => Ok(true),
            _ => Err(io::Error::other(format!("{heard:?} instead of {line:?}"))),
        }
    }
}
