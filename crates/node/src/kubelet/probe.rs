//! Asks a container how it is: `httpGet`, `tcpSocket`, `exec`. Hooks do the same for other reasons.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::{Container, HTTPGetAction, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use podlab_kernel::netns::Netns;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::exec::{self, Streams};
use super::forward::{connect_from, refusal};
use crate::process::{Pipes, Program};

/// How much of what a command wrote is told.
const LONGEST_OUTPUT: usize = 10 * 1024;

/// While a container has never succeeded, it is asked again this soon, and then twice as long later each time, up
/// to its `periodSeconds`: a container that is up in 20 ms shall not be waited for for 10 s.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// Whom a probe asks, and from where.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    /// The kubelet asks from its node.
    pub(super) from: Netns,
    /// The pod's address.
    pub(super) address: IpAddr,
    /// Process 1 of the container.
    pub(super) pid: u32,
    /// The container's program: commands run with its environment and privileges.
    pub(super) program: Program,
    /// Its named ports.
    pub(super) ports: Vec<(String, u16)>,
}

impl Subject {
    fn port(&self, port: &IntOrString) -> io::Result<u16> {
        let number = match port {
            IntOrString::Int(number) => u16::try_from(*number).ok(),
            IntOrString::String(name) => self
                .ports
                .iter()
                .find(|(port, _)| port == name)
                .map(|(_, number)| *number)
                .or_else(|| name.parse().ok()),
        };
        number.ok_or_else(|| io::Error::other(format!("couldn't find port: {port:?}")))
    }

    fn address(&self, host: Option<&str>, port: &IntOrString) -> io::Result<SocketAddr> {
        let address = match host {
            None | Some("") => self.address,
            Some(host) => host.parse().map_err(io::Error::other)?,
        };
        Ok(SocketAddr::new(address, self.port(port)?))
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let connected = connect_from(&self.from, address).await;
        connected.map_err(|error| io::Error::other(refusal("tcp", address, &error)))
    }
}

/// The numbers of the ports that a container names.
pub(super) fn named_ports(container: &Container) -> Vec<(String, u16)> {
    let ports = container.ports.iter().flatten();
    ports
        .filter_map(|port| Some((port.name.clone()?, u16::try_from(port.container_port).ok()?)))
        .collect()
}

/// How a probe is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Every `periodSeconds`, as the manifest has it.
    Steady,
    /// Sooner until the first success, and silent about failures before it.
    Eager,
}

/// Asks again and again; calls `tell` with every change of the answer: true after `successThreshold` successes in
/// a row, false after `failureThreshold` failures. Calls `failed` with what is wrong at each failure, but for those of
/// questions that Kubernetes would not have asked yet.
pub(super) async fn watch(
    subject: Subject,
    probe: Probe,
    pace: Pace,
    failed: impl Fn(String),
    mut tell: impl FnMut(bool),
) {
    let limit = seconds(probe.timeout_seconds, 1);
    let period = period(&probe);
    sleep(seconds(probe.initial_delay_seconds, 0)).await;

    let mut eager = pace == Pace::Eager;
    let mut pause = if eager { FIRST_PAUSE } else { period };
    let (mut told, mut last, mut in_a_row) = (None, None, 0);
    loop {
        let asked = Instant::now();
        let answer = timeout(limit, ask(&subject, &probe)).await;
        let problem = match answer {
            Ok(answer) => answer.err().map(|error| error.to_string()),
            Err(_) => Some(out_of_time(&subject, &probe, limit)),
        };
        let success = problem.is_none();
        if let Some(problem) = problem
            && pause == period
        {
            failed(problem);
        }
        in_a_row = if last == Some(success) { in_a_row + 1 } else { 1 };
        last = Some(success);
        let threshold = if success {
            probe.success_threshold
        } else {
            probe.failure_threshold
        };
        let enough = in_a_row >= threshold.unwrap_or(if success { 1 } else { 3 });
        if enough && told != Some(success) && (success || !eager) {
            told = Some(success);
            tell(success);
        }
        eager &= told.is_none();
        pause = if eager { (pause * 2).min(period) } else { period };
        sleep_until(asked + pause).await;
    }
}

/// How long a container may take until its startup probe succeeds.
pub(super) fn startup_limit(probe: &Probe) -> Duration {
    let failures = probe
        .failure_threshold
        .and_then(|failures| u32::try_from(failures).ok())
        .unwrap_or(3);
    seconds(probe.initial_delay_seconds, 0) + period(probe) * failures
}

fn period(probe: &Probe) -> Duration {
    seconds(probe.period_seconds, 10)
}

/// Kubernetes' defaulting fills these in; a zero (no delay apart) is as good as nothing.
fn seconds(value: Option<i32>, default: u64) -> Duration {
    let value = value
        .filter(|value| *value > 0)
        .and_then(|value| u64::try_from(value).ok());
    Duration::from_secs(value.unwrap_or(default))
}

async fn ask(subject: &Subject, probe: &Probe) -> io::Result<()> {
    if let Some(action) = &probe.http_get {
        match http_get(subject, action).await? {
            200..400 => Ok(()),
            status => Err(io::Error::other(format!(
                "HTTP probe failed with statuscode: {status}"
            ))),
        }
    } else if let Some(action) = &probe.tcp_socket {
        let address = subject.address(action.host.as_deref(), &action.port)?;
        subject.connect(address).await.map(drop)
    } else if let Some(action) = &probe.exec {
        run(subject, action.command.as_deref().unwrap_or_default()).await
    } else {
        Ok(())
    }
}

/// What a probe says that has had no answer in time; the texts are those of Go's libraries.
fn out_of_time(subject: &Subject, probe: &Probe, limit: Duration) -> String {
    let address = |host: &Option<String>, port| {
        let address = subject.address(host.as_deref(), port);
        address.map_or_else(|error| error.to_string(), |address| address.to_string())
    };
    if let Some(action) = &probe.http_get {
        let address = address(&action.host, &action.port);
        let url = format!("http://{address}{}", path(action));
        return format!(
            "Get {url:?}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        );
    }
    if let Some(action) = &probe.tcp_socket {
        return format!("dial tcp {}: i/o timeout", address(&action.host, &action.port));
    }
    let command = probe.exec.as_ref().and_then(|action| action.command.as_ref());
    let command = command.map(|words| words.join(" ")).unwrap_or_default();
    format!(
        "command timed out: {command:?} timed out after {}s",
        limit.as_secs()
    )
}

/// Runs a command in the container: a failure says what it wrote.
pub(super) async fn run(subject: &Subject, command: &[String]) -> io::Result<()> {
    let program = Program {
        argv: command.to_vec(),
        ..subject.program.clone()
    };
    let session = exec::start(subject.pid, program, Streams::Pipes(Pipes::OUTPUT)).await;
    let output = session.map_err(io::Error::other)?.output().await?;
    if output.exit_code == 0 {
        return Ok(());
    }
    let mut said = [output.stdout, output.stderr].concat();
    said.truncate(LONGEST_OUTPUT);
    Err(io::Error::other(String::from_utf8_lossy(&said).into_owned()))
}

fn path(action: &HTTPGetAction) -> String {
    let path = action.path.as_deref().unwrap_or("/");
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

/// The status of the answer.
pub(super) async fn http_get(subject: &Subject, action: &HTTPGetAction) -> io::Result<u16> {
    let address = subject.address(action.host.as_deref(), &action.port)?;
    let path = path(action);
    let broken = |error: &dyn std::fmt::Display| {
        io::Error::other(format!("Get {:?}: {error}", format!("http://{address}{path}")))
    };
    let stream = subject.connect(address).await.map_err(|error| broken(&error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let host = action.host.clone().unwrap_or_else(|| address.to_string());
    let mut request = hyper::Request::get(&path)
        .header("user-agent", "kube-probe/podlab")
        .header("accept", "*/*");
    let headers = action.http_headers.as_deref().unwrap_or_default();
    if !headers
        .iter()
        .any(|header| header.name.eq_ignore_ascii_case("host"))
    {
        request = request.header("host", host);
    }
    for header in headers {
        request = request.header(&header.name, &header.value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
    tokio::spawn(connection);
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| broken(&error))?;
    Ok(response.status().as_u16())
}
