//! `podlab port-forward`: ports of this machine that lead to those of a pod.

mod ports;

use std::io::{Write, stdout};
use std::net::Ipv4Addr;
use std::pin::pin;
use std::time::Duration;

use futures::future::select_all;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use nix::sys::signal::Signal;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::api::ask;
use crate::args::Which;
use crate::failure::Failure;
use crate::naming::Within;
use crate::{exit, signals, target};

use ports::{Forwarded, forwarded};

/// How long a client that has said all waits for the rest of the answer, after each part of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Forward ports of 127.0.0.1 to a pod of a live cluster, until Ctrl-C.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A pod, or `KIND/NAME` for one of its pods.
    #[arg(value_name = "POD|KIND/NAME")]
    target: String,
    /// Ports: `LOCAL:REMOTE`, `PORT` for both, `:REMOTE` for any local one.
    #[arg(required = true, value_name = "LOCAL:REMOTE")]
    ports: Vec<String>,
    #[command(flatten)]
    within: Within,
    #[command(flatten)]
    which: Which,
}

pub(crate) fn port_forward(options: &Options) -> u8 {
    ask(&options.which, async |client| {
        let namespace = &options.within.namespace;
        let target = target::find(&client, namespace, &options.target).await?;
        let ports = forwarded(&options.ports, &target).map_err(Failure::Other)?;
        let status = target.pod.status.as_ref();
        let phase = status
            .and_then(|status| status.phase.as_deref())
            .unwrap_or_default();
        if phase != "Running" {
            let why = format!("unable to forward port because pod is not running. Current status={phase}");
            return Err(Failure::Other(why));
        }
        let pods: Api<Pod> = Api::namespaced(client, namespace);
        let name = target.pod.metadata.name.unwrap_or_default();
        let told = signals::told_to_end()?;
        let mut serving = Vec::new();
        for port in ports {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.local)).await;
            let listener = listener.map_err(|error| {
                Failure::Other(format!("unable to listen on port {}: {error}", port.local))
            })?;
            let local = listener.local_addr()?.port();
            writeln!(stdout(), "Forwarding from 127.0.0.1:{local} -> {}", port.remote)?;
            serving.push(Box::pin(serve(
                listener,
                &pods,
                &name,
                Forwarded { local, ..port },
            )));
        }
        tokio::select! {
            (failed, ..) = select_all(serving) => failed,
            signal = told => Ok(match signal {
                // Its intended end, as kubectl has it.
                Signal::SIGINT => exit::PASSED,
                signal => signals::interrupted(signal, "nothing is forwarded any more"),
            }),
        }
    })
}

/// Takes connections until the pod is gone.
async fn serve(listener: TcpListener, pods: &Api<Pod>, pod: &str, port: Forwarded) -> Result<u8, Failure> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                writeln!(stdout(), "Handling connection for {}", port.local)?;
                connections.spawn(forward(stream, pods.clone(), pod.to_owned(), port.remote));
            }
            Some(ended) = connections.join_next() => match ended {
                Ok(Err(failure)) if failure.is_not_found() => {
                    return Err(Failure::Other("lost connection to pod".to_owned()));
                }
                Ok(Err(failure)) => {
                    let Forwarded { local, remote } = port;
                    say!("an error occurred forwarding {local} -> {remote}: {failure}");
                }
                Ok(Ok(())) | Err(_) => {}
            },
        }
    }
}

/// Carries what a connection says, and the answer.
async fn forward(mut stream: TcpStream, pods: Api<Pod>, pod: String, port: u16) -> Result<(), Failure> {
    let mut forwarder = pods.portforward(&pod, &[port]).await?;
    let why = forwarder.take_error(port);
    if let Some(remote) = forwarder.take_stream(port) {
        carry(&mut stream, remote).await?;
    }
    // The other side has said why before it closed.
    let _ = forwarder.join().await;
    let why = match why {
        Some(why) => why.await,
        None => None,
    };
    why.map_or(Ok(()), |why| Err(Failure::Other(why)))
}

/// Ends when the pod has said all. The protocol has no word for a client that has said all and still listens.
async fn carry(stream: &mut TcpStream, pod: impl AsyncRead + AsyncWrite) -> std::io::Result<()> {
    let (mut heard, mut said) = stream.split();
    let (mut from_pod, mut to_pod) = split(pod);
    let mut asking = pin!(copy(&mut heard, &mut to_pod));
    let mut asked = false;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        tokio::select! {
            all = &mut asking, if !asked => {
                all?;
                asked = true;
            }
            length = from_pod.read(&mut buffer) => match length? {
                0 => break,
                length => said.write_all(&buffer[..length]).await?,
            },
            () = sleep(PATIENCE), if asked => break,
        }
    }
    said.shutdown().await
}
