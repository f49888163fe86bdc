//! The name server: changes come in by standard input, questions by UDP and TCP.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hickory_proto::rr::Name;
use ipnet::IpNet;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe::Receiver;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::feed::{self, Taken};
use crate::responder::{Response, Transport, failure, respond};
use crate::zone::Zone;

/// How long a TCP client has for a whole question, and for taking its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many TCP clients are served at once, while others wait; and how many questions are another server's.
const CONNECTIONS: usize = 256;
/// How long somebody else has for an answer.
const UPSTREAM: Duration = Duration::from_secs(2);

/// What the name server has to know of its cluster.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The domain of the cluster's names.
    #[arg(long, default_value = "cluster.local")]
    domain: Name,
    /// Whom to answer: others get nothing, so that nobody is made to send answers to strangers.
    #[arg(long = "client", value_name = "CIDR")]
    clients: Vec<IpNet>,
    /// A server that is asked for names of other domains; without one they are refused.
    #[arg(long, value_name = "ADDRESS")]
    upstream: Option<Ipv4Addr>,
    /// The port to listen on.
    #[arg(long, default_value_t = 53)]
    port: u16,
}

/// The server can't serve.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// A socket can't be had.
    #[error("cannot listen on port {port}: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The changes of the cluster can't be followed.
    #[error("cannot follow the cluster: {0}")]
    Feed(#[from] io::Error),
}

struct Server {
    zone: RwLock<Zone>,
    clients: Vec<IpNet>,
    upstream: Option<SocketAddr>,
    /// For how many questions at once the upstream server is asked.
    asking: Semaphore,
}

/// Serves until standard input, which must be a pipe, ends.
///
/// Listens as soon as all that was there in the beginning is known.
///
/// # Errors
/// [`DnsError`].
pub async fn serve(options: Options) -> Result<(), DnsError> {
    let mut domain = options.domain;
    domain.set_fqdn(true);
    let server = Arc::new(Server {
        zone: RwLock::new(Zone::new(domain)),
        clients: options.clients,
        upstream: options.upstream.map(|address| SocketAddr::from((address, 53))),
        asking: Semaphore::new(CONNECTIONS),
    });
    let (synced, ready) = oneshot::channel();
    let mut tasks = JoinSet::new();
    tasks.spawn(follow(server.clone(), synced));
    if ready.await.is_ok() {
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, options.port));
        let failed = |source| DnsError::Listen {
            port: options.port,
            source,
        };
        let socket = Arc::new(UdpSocket::bind(any).await.map_err(failed)?);
        let listener = TcpListener::bind(any).await.map_err(failed)?;
        tasks.spawn(datagrams(server.clone(), socket));
        tasks.spawn(streams(server, listener));
    }
    match tasks.join_next().await {
        Some(Ok(result)) => Ok(result?),
        _ => Ok(()),
    }
}

/// Takes in changes; a line that can't be understood is told, and passed over.
async fn follow(server: Arc<Server>, synced: oneshot::Sender<()>) -> io::Result<()> {
    let mut synced = Some(synced);
    // Not tokio's stdin: that has a thread which nothing but more input ends.
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let mut lines = BufReader::new(Receiver::from_owned_fd(input)?).lines();
    while let Some(line) = lines.next_line().await? {
        let taken = feed::take(
            &line,
            &mut server.zone.write().unwrap_or_else(PoisonError::into_inner),
        );
        match taken {
            Ok(Taken::Synced) => drop(synced.take().map(|synced| synced.send(()))),
            Ok(Taken::Change) => {}
            Err(error) => eprintln!("passed over: {error}: {line}"),
        }
    }
    Ok(())
}

async fn datagrams(server: Arc<Server>, socket: Arc<UdpSocket>) -> io::Result<()> {
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        // An error is of a client that has gone.
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let response = server.respond(&buffer[..length], client, Transport::Udp);
        if server.knows_no_better(&response) {
            if let Some(answer) = response.alone() {
                let _ = socket.send_to(&answer, client).await;
            }
            continue;
        }
        let (server, socket) = (server.clone(), socket.clone());
        let question = buffer[..length].to_vec();
        tokio::spawn(async move {
            if let Some(answer) = server.finish(response, &question, Transport::Udp).await {
                let _ = socket.send_to(&answer, client).await;
            }
        });
    }
}

async fn streams(server: Arc<Server>, listener: TcpListener) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let permit = room.clone().acquire_owned().await.map_err(io::Error::other)?;
        // An error is of a client that has gone, or of too many open files, which others close.
        let Ok((stream, client)) = listener.accept().await else {
            continue;
        };
        let server = server.clone();
        tokio::spawn(async move {
            // A client that is slow or gone is not worth a word.
            let _ = converse(&server, stream, client).await;
            drop(permit);
        });
    }
}

/// Question by question, each whole within its time.
async fn converse(server: &Server, mut stream: TcpStream, client: SocketAddr) -> io::Result<()> {
    loop {
        let question = timeout(PATIENCE, read_framed(&mut stream)).await??;
        let response = server.respond(&question, client, Transport::Tcp);
        let Some(answer) = server.finish(response, &question, Transport::Tcp).await else {
            return Ok(());
        };
        timeout(PATIENCE, write_framed(&mut stream, &answer)).await??;
    }
}

impl Server {
    fn respond(&self, message: &[u8], client: SocketAddr, transport: Transport) -> Response {
        let is_known = self.clients.is_empty() || self.clients.iter().any(|net| net.contains(&client.ip()));
        if !is_known || client.port() == 0 {
            return Response::None;
        }
        let zone = self.zone.read().unwrap_or_else(PoisonError::into_inner);
        respond(&zone, message, transport)
    }

    /// Whether nobody else is to be asked.
    fn knows_no_better(&self, response: &Response) -> bool {
        self.upstream.is_none() || matches!(response, Response::None | Response::Ready(_))
    }

    /// The answer, with what the upstream server says, if it is asked and says anything.
    async fn finish(&self, response: Response, question: &[u8], transport: Transport) -> Option<Vec<u8>> {
        let (Some(upstream), Ok(_permit)) = (self.upstream, self.asking.try_acquire()) else {
            return response.alone();
        };
        match response {
            Response::Foreign(refusal) => {
                let said = ask(upstream, question, transport).await;
                Some(said.unwrap_or_else(|| failure(refusal)))
            }
            Response::Alias(unfinished) => {
                let said = ask(upstream, &unfinished.question(), transport).await;
                Some(unfinished.finish(said.as_deref()))
            }
            Response::None | Response::Ready(_) => response.alone(),
        }
    }
}

/// What another server says in time.
async fn ask(server: SocketAddr, question: &[u8], transport: Transport) -> Option<Vec<u8>> {
    let answer = async {
        match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
                socket.connect(server).await?;
                socket.send(question).await?;
                let mut answer = vec![0; usize::from(u16::MAX)];
                let length = socket.recv(&mut answer).await?;
                answer.truncate(length);
                Ok(answer)
            }
            Transport::Tcp => {
                let mut stream = TcpStream::connect(server).await?;
                write_framed(&mut stream, question).await?;
                read_framed(&mut stream).await
            }
        }
    };
    let answer: io::Result<Vec<u8>> = timeout(UPSTREAM, answer).await.ok()?;
    answer.ok().filter(|answer| answer.get(..2) == question.get(..2))
}

async fn read_framed(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut message = vec![0; length.into()];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

async fn write_framed(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream
        .write_all(&[&length.to_be_bytes()[..], message].concat())
        .await
}
