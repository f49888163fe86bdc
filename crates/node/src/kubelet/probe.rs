//! Asks a container how it is: `httpGet`, `tcpSocket`, `exec`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::{Container, HTTPGetAction, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use podlab_kernel::netns::Netns;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::process::{Input, Program, start_beside};

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

    async fn connect(&self, host: Option<&str>, port: u16) -> io::Result<TcpStream> {
        let address = match host {
            None | Some("") => self.address,
            Some(host) => host.parse().map_err(io::Error::other)?,
        };
        let runtime = tokio::runtime::Handle::current();
        let socket = self.from.visit(|| {
            let _runtime = runtime.enter();
            if address.is_ipv4() {
                TcpSocket::new_v4()
            } else {
                TcpSocket::new_v6()
            }
        })?;
        socket.connect(SocketAddr::new(address, port)).await
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
/// a row, false after `failureThreshold` failures.
pub(super) async fn watch(subject: Subject, probe: Probe, pace: Pace, mut tell: impl FnMut(bool)) {
    let limit = seconds(probe.timeout_seconds, 1);
    let period = period(&probe);
    sleep(seconds(probe.initial_delay_seconds, 0)).await;

    let mut eager = pace == Pace::Eager;
    let mut pause = if eager { FIRST_PAUSE } else { period };
    let (mut told, mut last, mut in_a_row) = (None, None, 0);
    loop {
        let asked = Instant::now();
        let success = matches!(timeout(limit, ask(&subject, &probe)).await, Ok(Ok(())));
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
        http_get(subject, action).await
    } else if let Some(action) = &probe.tcp_socket {
        subject
            .connect(action.host.as_deref(), subject.port(&action.port)?)
            .await
            .map(drop)
    } else if let Some(action) = &probe.exec {
        let argv = action.command.clone().unwrap_or_default();
        let program = Program {
            input: Input::Nothing,
            argv,
            ..subject.program.clone()
        };
        let mut child = start_beside(subject.pid, &program).map_err(io::Error::other)?;
        let status = child.wait().await?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(status.to_string()))
        }
    } else {
        Ok(())
    }
}

/// Any status from 200 to 399 is a success.
async fn http_get(subject: &Subject, action: &HTTPGetAction) -> io::Result<()> {
    let port = subject.port(&action.port)?;
    let stream = subject.connect(action.host.as_deref(), port).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let path = action.path.as_deref().unwrap_or("/");
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    let host = action
        .host
        .clone()
        .unwrap_or_else(|| SocketAddr::new(subject.address, port).to_string());
    let mut request = hyper::Request::get(path)
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
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    let status = response.status().as_u16();
    if (200..400).contains(&status) {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "HTTP probe failed with statuscode: {status}"
        )))
    }
}
