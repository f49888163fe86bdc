//! Connections to the ports of a pod, as `kubectl port-forward` makes them.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use podlab_api::steps::NamespacedName;
use podlab_kernel::netns::Netns;
use tokio::net::{TcpSocket, TcpStream};

use super::Kubelet;

impl Kubelet {
    /// Connects to a port of a pod from inside of the pod: at 127.0.0.1, or else at ::1.
    ///
    /// # Errors
    /// `NotFound` when the pod has no network here; otherwise the kind with which IPv4 failed, and the text that a
    /// container runtime gives.
    pub async fn dial(&self, pod: &NamespacedName, port: u16) -> io::Result<TcpStream> {
        let network = self.pod_network(pod);
        let (_, netns) =
            network.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "pod does not exist"))?;
        let first = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let second = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        let error = match connect_from(&netns, first).await {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        connect_from(&netns, second).await.map_err(|other| {
            let text = format!(
                "failed to connect to localhost:{port} inside namespace \"{pod}\", IPv4: {} IPv6 {}",
                refusal("tcp4", first, &error),
                refusal("tcp6", second, &other)
            );
            io::Error::new(error.kind(), text)
        })
    }
}

/// Connects to an address with a socket made in a network namespace.
pub(super) async fn connect_from(netns: &Netns, address: SocketAddr) -> io::Result<TcpStream> {
    let runtime = tokio::runtime::Handle::current();
    let socket = netns.visit(|| {
        let _runtime = runtime.enter();
        if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }
    })?;
    socket.connect(address).await
}

/// In the words of Go's `net`.
pub(super) fn refusal(network: &str, address: SocketAddr, error: &io::Error) -> String {
    let errno = error.raw_os_error().map(nix::errno::Errno::from_raw);
    let why = match errno {
        Some(errno) => format!("connect: {}", errno.desc().to_lowercase()),
        None => error.to_string(),
    };
    format!("dial {network} {address}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_as_go_tells_it() {
        let error = io::Error::from_raw_os_error(libc::ECONNREFUSED);
        let address = SocketAddr::from((Ipv6Addr::LOCALHOST, 80));
        let text = "dial tcp6 [::1]:80: connect: connection refused";
        assert_eq!(refusal("tcp6", address, &error), text);
    }
}
