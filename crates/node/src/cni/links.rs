//! A network namespace seen through rtnetlink: its links, addresses and routes.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use futures::TryFutureExt;
use netlink_packet_route::link::{InfoBridgePort, InfoData, InfoVeth, LinkMessage};
use netlink_packet_route::route::RouteScope;
use podlab_kernel::netns::Netns;
use rtnetlink::{
    Handle, LinkBridge, LinkBridgePort, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder,
};
use std::os::fd::{AsFd, AsRawFd};
use tokio::task::AbortHandle;

use super::CniError;

/// Index of the loopback device in every namespace.
pub(super) const LOOPBACK: u32 = 1;
/// Index that the first further device of a namespace is given.
pub(super) const ETH0: u32 = 2;

/// A namespace and an rtnetlink socket that was opened in it.
pub(super) struct Links {
    netns: Netns,
    handle: Handle,
    connection: AbortHandle,
}

impl Links {
    /// Opens the socket, after writing `sysctls`: names below `/proc/sys`, and values. Settings that this kernel
    /// doesn't have are passed over.
    pub(super) fn open(netns: Netns, sysctls: &[(&str, &str)]) -> Result<Self, CniError> {
        let runtime = tokio::runtime::Handle::current();
        let (connection, handle) = netns
            .visit(|| {
                let _runtime = runtime.enter();
                for (name, value) in sysctls {
                    write_sysctl(name, value)?;
                }
                let (connection, handle, _) = rtnetlink::new_connection()?;
                Ok((runtime.spawn(connection).abort_handle(), handle))
            })
            .map_err(CniError::because("set up a network namespace"))?;
        Ok(Self {
            netns,
            handle,
            connection,
        })
    }

    pub(super) fn netns(&self) -> &Netns {
        &self.netns
    }

    pub(super) async fn set_up(&self, link: u32) -> Result<(), CniError> {
        let message = LinkMessageBuilder::<LinkUnspec>::new().index(link).up().build();
        self.handle
            .link()
            .set(message)
            .execute()
            .await
            .map_err(CniError::because("bring up a link"))
    }

    /// Adds a bridge that is up. Its hardware address is given, because otherwise it would change with its ports.
    pub(super) async fn add_bridge(&self, name: &str, index: u32, mac: [u8; 6]) -> Result<(), CniError> {
        let message = LinkBridge::new(name)
            .index(index)
            .address(mac.to_vec())
            .up()
            .build();
        self.handle
            .link()
            .add(message)
            .execute()
            .await
            .map_err(CniError::because(format!("add bridge {name}")))
    }

    /// Adds a veth pair: `name` here, up and a port of `bridge`; `eth0` with this hardware address in `peer`, down
    /// still, because the kernel takes no other for a new pair.
    pub(super) async fn add_veth(
        &self,
        name: &str,
        index: u32,
        bridge: u32,
        peer: &Netns,
        mac: [u8; 6],
    ) -> Result<(), CniError> {
        let far = LinkMessageBuilder::<LinkUnspec>::new()
            .name("eth0")
            .index(ETH0)
            .setns_by_fd(peer.as_fd().as_raw_fd())
            .address(mac.to_vec());
        let near: LinkMessage =
            LinkMessageBuilder::<LinkVeth>::new_with_info_kind(netlink_packet_route::link::InfoKind::Veth)
                .name(name)
                .index(index)
                .controller(bridge)
                .up()
                .set_info_data(InfoData::Veth(InfoVeth::Peer(far.build())))
                .build();
        self.handle
            .link()
            .add(near)
            .execute()
            .await
            .map_err(CniError::because(format!("add veth {name}")))
    }

    /// Lets a port of a bridge talk to the bridge itself only, not to other isolated ports.
    pub(super) async fn isolate(&self, port: u32) -> Result<(), CniError> {
        let message = LinkBridgePort::new(port)
            .append_info_data(InfoBridgePort::Isolated(true))
            .build();
        self.handle
            .link()
            .set_port(message)
            .execute()
            .await
            .map_err(CniError::because("isolate a bridge port"))
    }

    pub(super) async fn add_address(&self, link: u32, address: IpAddr, prefix: u8) -> Result<(), CniError> {
        let what = format!("add address {address}/{prefix}");
        self.handle
            .address()
            .add(link, address, prefix)
            .execute()
            .await
            .map_err(CniError::because(what))
    }

    /// A route to one neighbour that no prefix of the link covers.
    pub(super) async fn add_link_route(&self, link: u32, to: IpAddr) -> Result<(), CniError> {
        let what = format!("add route to {to}");
        let route = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(to, if to.is_ipv4() { 32 } else { 128 })
            .map_err(CniError::because(what.clone()))?
            .output_interface(link)
            .scope(RouteScope::Link);
        self.handle
            .route()
            .add(route.build())
            .execute()
            .map_err(CniError::because(what))
            .await
    }

    pub(super) async fn add_default_route(&self, link: u32, gateway: IpAddr) -> Result<(), CniError> {
        let what = format!("add default route via {gateway}");
        let any: IpAddr = if gateway.is_ipv4() {
            [0; 4].into()
        } else {
            [0; 16].into()
        };
        let route = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(any, 0)
            .and_then(|route| route.gateway(gateway))
            .map_err(CniError::because(what.clone()))?
            .output_interface(link);
        self.handle
            .route()
            .add(route.build())
            .execute()
            .map_err(CniError::because(what))
            .await
    }

    /// Says which hardware address an address has, so that nobody has to ask.
    pub(super) async fn add_neighbour(
        &self,
        link: u32,
        address: IpAddr,
        mac: [u8; 6],
    ) -> Result<(), CniError> {
        let what = format!("add neighbour {address}");
        let request = self
            .handle
            .neighbours()
            .add(link, address)
            .link_layer_address(&mac)
            .replace();
        request.execute().await.map_err(CniError::because(what))
    }

    pub(super) async fn remove_link(&self, link: u32) -> Result<(), CniError> {
        self.handle
            .link()
            .del(link)
            .execute()
            .await
            .map_err(CniError::because("remove a link"))
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// A locally administered hardware address that holds the last four bytes of the IP address.
pub(super) fn mac_of(address: IpAddr) -> [u8; 6] {
    let bytes: Vec<u8> = match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    };
    let mut mac = [0x0a, 0x58, 0, 0, 0, 0];
    mac[2..].copy_from_slice(&bytes[bytes.len() - 4..]);
    mac
}

fn write_sysctl(name: &str, value: &str) -> io::Result<()> {
    match fs::write(Path::new("/proc/sys").join(name), value) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
