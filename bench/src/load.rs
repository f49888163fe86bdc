//! Traffic between two pods, as much of it as one thread can make.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use podlab_kernel::netns::Netns;
use socket2::{Domain, SockRef, Socket, Type};

/// As many connections as may wait for a server.
const BACKLOG: i32 = 4096;
/// A datagram that is no longer than its headers.
const DATAGRAM: usize = 64;
/// What is written to a stream at once.
const CHUNK: usize = 128 * 1024;
/// For a packet that was lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// New connections, one after the other.
pub(crate) struct Connections {
    pub(crate) per_second: f64,
    /// How long each took until it was there, in seconds, the quickest first.
    pub(crate) latencies: Vec<f64>,
}

/// Connects to these addresses in turn for some time. Each connection ends with a reset, so that none is left.
///
/// # Errors
/// A connection isn't taken.
pub(crate) fn connect(from: &Netns, to: &[SocketAddrV4], time: Duration) -> io::Result<Connections> {
    from.visit(|| {
        let began = Instant::now();
        let mut latencies = Vec::new();
        for address in to.iter().cycle() {
            let before = Instant::now();
            let stream = TcpStream::connect(address)?;
            latencies.push(before.elapsed().as_secs_f64());
            SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
            drop(stream);
            if began.elapsed() >= time {
                break;
            }
        }
        let per_second = latencies.len() as f64 / began.elapsed().as_secs_f64();
        latencies.sort_by(f64::total_cmp);
        Ok(Connections {
            per_second,
            latencies,
        })
    })
}

/// Takes every connection, and ends it.
///
/// # Errors
/// The port is taken.
pub(crate) fn accept(at: &Netns, port: u16) -> io::Result<()> {
    let listener = listen(at, port)?;
    thread::spawn(move || listener.incoming().for_each(drop));
    Ok(())
}

/// What has come to a server, in pieces or bytes.
pub(crate) type Received = Arc<AtomicU64>;

/// Reads whatever comes over TCP, and counts the bytes.
///
/// # Errors
/// The port is taken.
pub(crate) fn read_stream(at: &Netns, port: u16) -> io::Result<Received> {
    let listener = listen(at, port)?;
    let received = Received::default();
    let counter = received.clone();
    thread::spawn(move || {
        let mut buffer = vec![0; CHUNK];
        for mut stream in listener.incoming().flatten() {
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                counter.fetch_add(length as u64, Ordering::Relaxed);
            }
        }
    });
    Ok(received)
}

/// Bytes a second that arrive, of as many as can be written.
///
/// # Errors
/// The connection isn't taken, or ends.
pub(crate) fn write_stream(
    from: &Netns,
    to: SocketAddrV4,
    received: &Received,
    time: Duration,
) -> io::Result<f64> {
    from.visit(|| {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::V4(to), PATIENCE)?;
        let chunk = vec![0; CHUNK];
        rate(received, time, || stream.write(&chunk).map(drop))
    })
}

/// Counts datagrams.
///
/// # Errors
/// The port is taken.
pub(crate) fn read_datagrams(at: &Netns, port: u16) -> io::Result<Received> {
    let socket = at.visit(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)))?;
    let received = Received::default();
    let counter = received.clone();
    thread::spawn(move || {
        while socket.recv(&mut [0; DATAGRAM]).is_ok() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    Ok(received)
}

/// Datagrams a second that arrive, of as many as can be sent.
///
/// # Errors
/// Nobody is there.
pub(crate) fn send_datagrams(
    from: &Netns,
    to: SocketAddrV4,
    received: &Received,
    time: Duration,
) -> io::Result<f64> {
    from.visit(|| {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect(to)?;
        rate(received, time, || socket.send(&[0; DATAGRAM]).map(drop))
    })
}

fn rate(received: &Received, time: Duration, mut send: impl FnMut() -> io::Result<()>) -> io::Result<f64> {
    let (began, before) = (Instant::now(), received.load(Ordering::Relaxed));
    while began.elapsed() < time {
        send()?;
    }
    let arrived = received.load(Ordering::Relaxed) - before;
    Ok(arrived as f64 / began.elapsed().as_secs_f64())
}

fn listen(at: &Netns, port: u16) -> io::Result<TcpListener> {
    at.visit(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    })
}
