//! Where the program may connect to: a pure decision about one host's name and one address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::disk::{Error, Result};
use crate::worker::EgressArgs;

/// Private networks, where clouds of one's own keep their stores: dialled when the policy names them.
const PRIVATE: &[IpNet] = &[
    v4([10, 0, 0, 0], 8),     // RFC 1918
    v4([172, 16, 0, 0], 12),  // RFC 1918
    v4([192, 168, 0, 0], 16), // RFC 1918
    v4([100, 64, 0, 0], 10),  // RFC 6598, shared address space
    v6([0xfc00, 0, 0, 0], 7), // RFC 4193, unique local
    v4([192, 0, 0, 0], 24),   // RFC 6890, protocol assignments
    v4([198, 18, 0, 0], 15),  // RFC 2544, benchmarks; some networks use it inside
];
/// How many of [`PRIVATE`] are allowed where the policy names none.
const ALLOWED_BY_DEFAULT: usize = 5;

/// Answers of clouds about the machine that asks, credentials among them. Never dialled.
const METADATA: &[IpAddr] = &[
    ip4([169, 254, 169, 254]), // AWS, Azure, Google, OpenStack, DigitalOcean, Oracle
    ip4([169, 254, 169, 253]), // AWS DNS
    ip4([169, 254, 169, 123]), // AWS time
    ip4([169, 254, 170, 2]),   // AWS ECS credentials
    ip4([169, 254, 170, 23]),  // AWS EKS Pod Identity
    ip4([169, 254, 0, 23]),    // Tencent Cloud
    ip4([100, 100, 100, 200]), // Alibaba Cloud
    ip4([192, 0, 0, 192]),     // Oracle Cloud
    ip4([168, 63, 129, 16]),   // Azure wire server
    ip6([0xfd00, 0xec2, 0, 0x254]),
    ip6([0xfd00, 0xec2, 0, 0x23]),
    ip6([0xfd20, 0xce, 0, 0x254]),
];

const LOOPBACK: &[IpNet] = &[v4([127, 0, 0, 0], 8), IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128))];
const LINK_LOCAL: &[IpNet] = &[v4([169, 254, 0, 0], 16), v6([0xfe80, 0, 0, 0], 10)];

/// Never a store: why, and the networks.
const NEVER: &[(&str, &[IpNet])] = &[
    ("an unspecified address", &[v4([0, 0, 0, 0], 8), IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128))]),
    ("a multicast address", &[v4([224, 0, 0, 0], 4), v6([0xff00, 0, 0, 0], 8)]),
    ("a broadcast or reserved address", &[v4([240, 0, 0, 0], 4), v6([0xfec0, 0, 0, 0], 10)]),
    // Teredo (RFC 4380) and local-use NAT64 (RFC 8215) hide an IPv4 address where it is not plain to see.
    ("a tunnel's address", &[v6([0x2001, 0, 0, 0], 32), v6([0x64, 0xff9b, 1, 0], 48)]),
];

const fn v4(octets: [u8; 4], bits: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]), bits))
}
const fn v6(head: [u16; 4], bits: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(head[0], head[1], head[2], head[3], 0, 0, 0, 0), bits))
}
const fn ip4(o: [u8; 4]) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(o[0], o[1], o[2], o[3]))
}
const fn ip6(p: [u16; 4]) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(p[0], p[1], p[2], 0, 0, 0, 0, p[3]))
}

/// Where the program may connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Egress {
    allow: Vec<IpNet>,
    deny: Vec<IpNet>,
    insecure: bool,
    own_machine: bool,
}

/// An address that is not dialled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is {ip}, {why}, which is not dialled")]
pub struct Denied {
    host: String,
    ip: IpAddr,
    why: &'static str,
}

impl Egress {
    /// A worker's policy. Without `--egress-allow` the private networks of RFC 1918, 6598 and 4193 are allowed.
    ///
    /// # Errors
    /// `Unsupported`, naming the text that is no network.
    pub fn new(args: &EgressArgs) -> Result<Self> {
        let allow = parse_all(&args.allow, "--egress-allow")?;
        let allow = if allow.is_empty() { PRIVATE.iter().take(ALLOWED_BY_DEFAULT).copied().collect() } else { allow };
        let deny = parse_all(&args.deny, "--egress-deny")?;
        Ok(Self { allow, deny, insecure: args.allow_insecure_endpoints, own_machine: false })
    }

    /// The policy of a user's own machine: also loopback, private networks and plain http. Metadata addresses never.
    pub fn own_machine() -> Self {
        let allow = PRIVATE.iter().chain(LOOPBACK).copied().collect();
        Self { allow, deny: Vec::new(), insecure: true, own_machine: true }
    }

    /// True for the policy of a user's own machine, where addresses come from the user at the terminal.
    pub fn is_own_machine(&self) -> bool {
        self.own_machine
    }

    /// True when plain http is accepted.
    pub fn allows_insecure(&self) -> bool {
        self.insecure
    }

    /// Whether `host`, which is or resolves to `ip`, may be dialled.
    ///
    /// # Errors
    /// [`Denied`], with why.
    pub fn check(&self, host: &str, ip: IpAddr) -> std::result::Result<(), Denied> {
        let forms = std::iter::once(ip).chain(embedded(ip).map(IpAddr::V4));
        for form in forms {
            if let Some(why) = self.refuses(host, form) {
                return Err(Denied { host: host.to_owned(), ip, why });
            }
        }
        Ok(())
    }

    fn refuses(&self, host: &str, ip: IpAddr) -> Option<&'static str> {
        let within = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&ip));
        if METADATA.contains(&ip) {
            return Some("a metadata address");
        }
        if within(&self.deny) {
            return Some("in a denied network");
        }
        if let Some((why, _)) = NEVER.iter().find(|(_, nets)| within(nets)) {
            return Some(why);
        }
        if within(LOOPBACK) {
            // A wide allowed network does not open loopback by the way: only one that lies within it does.
            let opened = self.allow.iter().any(|net| LOOPBACK.iter().any(|l| l.contains(net)) && net.contains(&ip));
            return (!opened).then_some("a loopback address");
        }
        if within(LINK_LOCAL) {
            // Inside Tencent Cloud the names of its object store resolve to link-local addresses.
            return (!is_tencent_store(host)).then_some("a link-local address");
        }
        (within(PRIVATE) && !within(&self.allow)).then_some("in a private network that is not allowed")
    }
}

fn is_tencent_store(host: &str) -> bool {
    host.trim_end_matches('.').to_ascii_lowercase().ends_with(".myqcloud.com")
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64 (RFC 6052) and 6to4 (RFC 3056).
fn embedded(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(ip) = ip else { return None };
    let parts = ip.segments();
    let pair = |[high, low]: [u16; 2]| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match parts {
        [0, 0, 0, 0, 0, 0xffff, tail @ ..] | [0x64, 0xff9b, 0, 0, 0, 0, tail @ ..] => Some(pair(tail)),
        [0, 0, 0, 0, 0, 0, tail @ ..] if tail[0] != 0 => Some(pair(tail)),
        [0x2002, high, low, ..] => Some(pair([high, low])),
        _ => None,
    }
}

fn parse_all(texts: &[String], flag: &str) -> Result<Vec<IpNet>> {
    let parse = |text: &String| {
        let bad = |_| Error::unsupported("egress", format!("{flag}: {text} is no network; write 10.0.0.0/8"));
        text.parse::<IpNet>().or_else(|e| text.parse::<IpAddr>().map(IpNet::from).map_err(|_| e)).map_err(bad)
    };
    texts.iter().map(parse).collect()
}

#[cfg(test)]
mod tests;
