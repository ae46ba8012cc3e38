//! The sockets that the relay opens, and the addresses that it has.
//!
//! A client takes a reply only from where it asked, and a peer knows a relayed address by the candidate that carries it. From a
//! socket of all addresses the kernel sends by the one that it prefers, so there is a socket for each.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;

use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::{Addresses, Config, StartError};
use crate::core::Family;
use crate::limits::{BACKLOG, DOOR_BUFFER, OWN_DOORS, RELAYED_BUFFER};

/// How often a free port is looked for, before there is none.
const TRIES: usize = 64;

/// Everything that is listened on.
pub(super) struct Doors {
    pub(super) udp: Vec<UdpSocket>,
    /// Where all addresses are listened on over UDP, the host's own once more, by a socket each.
    pub(super) own_udp: Vec<UdpSocket>,
    pub(super) tcp: Vec<TcpListener>,
    pub(super) tls: Vec<TcpListener>,
    /// What relayed candidates carry, and where their sockets are bound.
    pub(super) relayed: Vec<(IpAddr, IpAddr)>,
}

impl Doors {
    pub(super) fn open(config: &Config) -> Result<Self, StartError> {
        if config.listen.is_empty() && config.tls_listen.is_empty() {
            return Err(StartError::NoAddress);
        }
        if config.ports.is_empty() || *config.ports.start() == 0 {
            return Err(StartError::NoPorts);
        }
        if !config.tls_listen.is_empty() && config.certificates.is_none() {
            return Err(StartError::NoCertificate);
        }
        if let Some((one, other)) = two_of_a_family(&config.public_ips) {
            return Err(StartError::TwoRelayedAddresses(one, other));
        }
        let (mut udp, mut tcp, mut tls) = (Vec::new(), Vec::new(), Vec::new());
        for address in &config.listen {
            let (sockets, listeners) = both(*address).map_err(|error| StartError::Listen(*address, error))?;
            udp.extend(sockets);
            tcp.extend(listeners);
        }
        for address in &config.tls_listen {
            tls.extend(several(*address, listener).map_err(|error| StartError::Listen(*address, error))?);
        }
        let own_udp = udp.iter().flat_map(own_doors).collect();
        let relayed = relayed(config);
        if relayed.is_empty() {
            return Err(StartError::NoRelayedAddress);
        }
        Ok(Self { udp, own_udp, tcp, tls, relayed })
    }

    pub(super) fn addresses(&self) -> Addresses {
        let of = |listeners: &[TcpListener]| listeners.iter().filter_map(|l| l.local_addr().ok()).collect();
        Addresses {
            udp: self.udp.iter().filter_map(|socket| socket.local_addr().ok()).collect(),
            tcp: of(&self.tcp),
            tls: of(&self.tls),
            relayed: self.relayed.iter().map(|(public, _)| *public).collect(),
        }
    }
}

/// A relayed socket at a random port, an even one if need be. Where the host has lost the address meanwhile, it is of all
/// addresses.
pub(super) fn relayed_socket(mut ip: IpAddr, ports: &RangeInclusive<u16>, even: bool) -> io::Result<(UdpSocket, u16)> {
    let span = u32::from(ports.end() - ports.start()) + 1;
    for _ in 0..TRIES {
        let random = getrandom::u32().map_err(io::Error::other)?;
        let port = ports.start() + (random % span) as u16;
        let port = if even { port & !1 } else { port };
        if !ports.contains(&port) {
            continue;
        }
        match udp(SocketAddr::new(ip, port), RELAYED_BUFFER) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) if is_without(&error) && !ip.is_unspecified() => ip = any(Family::of(ip)),
            other => return other.map(|socket| (socket, port)),
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// Every address of this host's interfaces.
pub fn own_addresses() -> Vec<IpAddr> {
    own_interfaces().into_iter().map(|(_, ip)| ip).collect()
}

/// The same, each with the name of its interface.
pub fn own_interfaces() -> Vec<(String, IpAddr)> {
    let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let ip = |address: nix::sys::socket::SockaddrStorage| {
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    };
    interfaces.filter_map(|interface| Some((interface.interface_name, interface.address.and_then(ip)?))).collect()
}

/// Sockets of the host's own addresses, if `door` is of all. Those for which there is none are still reached by `door`.
fn own_doors(door: &UdpSocket) -> Vec<UdpSocket> {
    let Some(all) = door.local_addr().ok().filter(|all| all.ip().is_unspecified()) else { return Vec::new() };
    let fits = |ip: &IpAddr| Family::of(*ip) == Family::of(all.ip()) && !is_link_local(*ip);
    let mut own: Vec<IpAddr> = own_addresses().into_iter().filter(fits).collect();
    own.sort_unstable();
    own.dedup();
    own.truncate(OWN_DOORS);
    let _ = sockopt::set_socket_reuseport(door, true);
    let opened = own.into_iter().filter_map(|ip| udp_at(SocketAddr::new(ip, all.port()), DOOR_BUFFER, true).ok());
    let opened: Vec<UdpSocket> = opened.collect();
    // From now on the port is as taken as any.
    for socket in opened.iter().chain([door]) {
        let _ = sockopt::set_socket_reuseport(socket, false);
    }
    opened
}

/// Whether an address is only good together with an interface.
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// UDP and TCP on the same port.
fn both(address: SocketAddr) -> io::Result<(Vec<UdpSocket>, Vec<TcpListener>)> {
    let mut tries = 0;
    loop {
        let sockets = several(address, |address| udp(address, DOOR_BUFFER))?;
        let port = sockets.first().map_or(Ok(address.port()), |socket| Ok(socket.local_addr()?.port()));
        match several(SocketAddr::new(address.ip(), port.map_err(|error: io::Error| error)?), listener) {
            Ok(listeners) => return Ok((sockets, listeners)),
            // The port that was free for UDP is not for TCP.
            Err(_) if address.port() == 0 && tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// On one address; on all of both families, each by a socket of its own, if it is the unspecified IPv6 address. A host
/// without IPv6 has those of the other.
fn several<T: Bound>(address: SocketAddr, open: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<Vec<T>> {
    if address.ip() != Ipv6Addr::UNSPECIFIED {
        return Ok(vec![open(address)?]);
    }
    let mut tries = 0;
    loop {
        let v6 = match open(address) {
            Err(error) if is_without(&error) => None,
            other => Some(other?),
        };
        let port = v6.as_ref().map_or(Ok(address.port()), T::port)?;
        match open(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port)) {
            Ok(v4) => return Ok(v6.into_iter().chain([v4]).collect()),
            Err(_) if address.port() == 0 && tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

trait Bound {
    fn port(&self) -> io::Result<u16>;
}

impl Bound for UdpSocket {
    fn port(&self) -> io::Result<u16> {
        Ok(self.local_addr()?.port())
    }
}

impl Bound for TcpListener {
    fn port(&self) -> io::Result<u16> {
        Ok(self.local_addr()?.port())
    }
}

/// Whether what was said of an address is that this host has none of its family.
pub fn is_without(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let is = |errno: Errno| error.raw_os_error() == Some(errno.raw_os_error());
    is(Errno::AFNOSUPPORT) || is(Errno::ADDRNOTAVAIL)
}

fn socket(address: SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, kind, flags, None)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    Ok(socket)
}

fn udp(address: SocketAddr, buffer: usize) -> io::Result<UdpSocket> {
    udp_at(address, buffer, false)
}

/// Where it `shares`, other sockets that do may have the same port.
fn udp_at(address: SocketAddr, buffer: usize, shares: bool) -> io::Result<UdpSocket> {
    let socket = socket(address, SocketType::DGRAM)?;
    if shares {
        sockopt::set_socket_reuseport(&socket, true)?;
    }
    let _ = sockopt::set_socket_recv_buffer_size(&socket, buffer);
    let _ = sockopt::set_socket_send_buffer_size(&socket, buffer);
    // What is relayed may be fragmented on its way (RFC 8656 §15), as DONT-FRAGMENT is not offered.
    let _ = match address {
        SocketAddr::V4(_) => sockopt::set_ip_mtu_discover(&socket, sockopt::Ipv4PathMtuDiscovery::DONT),
        SocketAddr::V6(_) => sockopt::set_ipv6_mtu_discover(&socket, sockopt::Ipv6PathMtuDiscovery::DONT),
    };
    rustix::net::bind(&socket, &address)?;
    Ok(socket.into())
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, SocketType::STREAM)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    // Accepted sockets inherit it.
    sockopt::set_tcp_nodelay(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

fn two_of_a_family(ips: &[IpAddr]) -> Option<(IpAddr, IpAddr)> {
    [Family::V4, Family::V6].into_iter().find_map(|family| {
        let mut of_family = ips.iter().copied().filter(|ip| Family::of(*ip) == family);
        of_family.next().zip(of_family.next())
    })
}

/// For each family that is listened on: what relayed candidates carry, and where their sockets are bound.
fn relayed(config: &Config) -> Vec<(IpAddr, IpAddr)> {
    let own = own_addresses();
    let listened = || config.listen.iter().chain(&config.tls_listen).map(SocketAddr::ip);
    [Family::V4, Family::V6]
        .into_iter()
        .filter_map(|family| {
            let fits = |ip: &IpAddr| Family::of(*ip) == family;
            let named = listened().find(|ip| fits(ip) && !ip.is_unspecified());
            let is_any = listened().any(|ip| ip.is_unspecified() && (fits(&ip) || ip.is_ipv6()));
            if named.is_none() && !is_any {
                return None;
            }
            let here = named.or_else(|| outward(any(family)));
            let public = config.public_ips.iter().copied().find(fits).or(here)?;
            let local = if own.contains(&public) { public } else { here.unwrap_or(any(family)) };
            Some((public, local))
        })
        .collect()
}

fn any(family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// The address from which the host reaches others, of the family of the unspecified one. Nothing is sent; the kernel only looks up the way.
pub fn outward(any: IpAddr) -> Option<IpAddr> {
    let somebody: IpAddr = match any {
        IpAddr::V4(_) => Ipv4Addr::new(1, 1, 1, 1).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2606, 0x4700, 0, 0, 0, 0, 0, 0x1111).into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    let found = socket.connect(SocketAddr::new(somebody, 9)).and_then(|()| socket.local_addr()).ok();
    found.map(|address| address.ip()).or_else(|| own_addresses().into_iter().find(|ip| ip.is_ipv4() && any.is_ipv4()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_has_lost_its_address_relays_from_the_others() {
        let (socket, port) = relayed_socket("203.0.113.77".parse().unwrap(), &(40_000..=40_999), false).unwrap();
        assert_eq!(socket.local_addr().unwrap(), SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port));
    }
}
