//! Where requests may go. A definition, a redirect or a provider's DNS must not make Vigie knock at the doors of the network that
//! it stands in.

use std::{
    collections::HashSet,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use ipnet::IpNet;
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

use crate::config::AllowPrivate;

/// The variables that name the system's proxies. Who sets them wants them to be used, wherever they are.
const PROXY_VARIABLES: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// An address to which nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is not a public address{}; if it is right, put it into http.allow_private", at.map(|at| format!(" ({at})")).unwrap_or_default())]
pub(crate) struct PrivateAddress {
    host: String,
    at: Option<IpAddr>,
}

/// The addresses that requests may go to: public ones, and what the user allows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reach {
    all: bool,
    hosts: HashSet<String>,
    networks: Vec<IpNet>,
    /// Hosts of the system's proxies.
    proxies: HashSet<String>,
}

/// How the name of a host becomes an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// Any address will do: the user named this host, or it is an address that was looked at already.
    Free,
    /// The addresses are looked at when the name is resolved.
    Guarded,
}

impl Reach {
    /// What the settings allow; the error is the entry that is none.
    pub(crate) fn new(allow: &AllowPrivate) -> Result<Self, String> {
        let mut reach = Self::default();
        let entries = match allow {
            AllowPrivate::All(all) => {
                reach.all = *all;
                return Ok(reach);
            }
            AllowPrivate::Listed(entries) => entries,
        };
        for entry in entries {
            if let Ok(network) = entry.parse::<IpNet>() {
                reach.networks.push(network);
            } else if let Ok(address) = entry.parse::<IpAddr>() {
                reach.networks.push(address.into());
            } else if !entry.is_empty() && !entry.contains(['/', ':', ' ']) {
                reach.hosts.insert(plain(entry));
            } else {
                return Err(entry.clone());
            }
        }
        Ok(reach)
    }

    /// The same, with the hosts of the proxies that these addresses name.
    #[must_use]
    pub(crate) fn with_proxies(mut self, proxies: impl IntoIterator<Item = String>) -> Self {
        for proxy in proxies {
            let proxy = if proxy.contains("://") {
                proxy
            } else {
                format!("http://{proxy}")
            };
            let host = Url::parse(&proxy).ok();
            self.proxies
                .extend(host.as_ref().and_then(Url::host_str).map(plain));
        }
        self
    }

    /// Whether a request may go to this address, and how its host is to be resolved. `own` is the address that the user gave the
    /// source: that host and port are the user's own word, and no others.
    pub(crate) fn look_up(&self, url: &Url, own: Option<&Url>) -> Result<Lookup, PrivateAddress> {
        let host = url.host_str().unwrap_or_default();
        let is_own = own.is_some_and(|own| {
            plain(own.host_str().unwrap_or_default()) == plain(host)
                && own.port_or_known_default() == url.port_or_known_default()
        });
        if self.all || is_own || self.hosts.contains(&plain(host)) {
            return Ok(Lookup::Free);
        }
        // Whatever way an address is written, `Url` has made it the usual one.
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) if self.allows(address) => Ok(Lookup::Free),
            Ok(_) => Err(PrivateAddress {
                host: host.to_owned(),
                at: None,
            }),
            Err(_) => Ok(Lookup::Guarded),
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        is_public(address)
            || self.networks.iter().any(|network| {
                network.contains(&address) || network.contains(&address.to_canonical())
            })
    }
}

/// The variables' values in this process.
pub(crate) fn proxies_of_environment() -> Vec<String> {
    PROXY_VARIABLES
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .collect()
}

/// Resolves names by the system, and leaves out the addresses that are not allowed. Looking here and not before the request leaves
/// no moment in which the answer of the DNS could change.
#[derive(Clone)]
pub(crate) struct Guard(pub(crate) Arc<Reach>);

impl fmt::Debug for Guard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Guard")
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found = tokio::net::lookup_host((host, 0)).await?;
            let allowed = allowed(&reach, host, found.collect())?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// The addresses of a host that are allowed; an error if there were others only.
fn allowed(
    reach: &Reach,
    host: &str,
    found: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, PrivateAddress> {
    if reach.proxies.contains(&plain(host)) {
        return Ok(found);
    }
    let refused = found.first().map(SocketAddr::ip);
    let allowed: Vec<SocketAddr> = found
        .into_iter()
        .filter(|address| reach.allows(address.ip()))
        .collect();
    if allowed.is_empty() && refused.is_some() {
        return Err(PrivateAddress {
            host: host.to_owned(),
            at: refused,
        });
    }
    Ok(allowed)
}

/// A host as it is compared.
fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether an address is one of the public Internet: neither of this machine, nor of a private or link-local network, nor for many or
/// for nobody (the IANA special-purpose registries; the standard library's own test is not stable).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (b & 0xc0) == 64;
    let protocol_or_relay = a == 192 && b == 0 && c == 0 || (a, b, c) == (192, 88, 99);
    let benchmark = a == 198 && (b & 0xfe) == 18;
    !(a == 0
        || a >= 240
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || shared
        || protocol_or_relay
        || benchmark)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // IPv4 in the clothes of IPv6: mapped, translated (NAT64), 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo and other protocols, documentation.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        // Only this part of the space is given out; private, link-local, multicast and all others lie outside.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "193.168.0.1",
            "198.17.255.255",
            "198.20.0.1",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450:4007::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    fn look_up(allow: &AllowPrivate, url: &str, own: Option<&str>) -> Result<Lookup, String> {
        let own = own.map(|own| Url::parse(own).unwrap());
        let reach = Reach::new(allow).unwrap();
        reach
            .look_up(&Url::parse(url).unwrap(), own.as_ref())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_are_refused_however_they_are_written() {
        let none = AllowPrivate::All(false);
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://①②⑦.0.0.1/",
            "http://[::1]:8080/",
            "http://[::ffff:7f00:1]/",
            "http://169.254.169.254/latest/meta-data/",
        ] {
            let error = look_up(&none, url, None).unwrap_err();
            assert!(error.contains("http.allow_private"), "{url}: {error}");
        }
        assert_eq!(look_up(&none, "http://1.1.1.1/", None), Ok(Lookup::Free));
        assert_eq!(
            look_up(&none, "http://localhost/", None),
            Ok(Lookup::Guarded)
        );
        assert_eq!(
            look_up(&none, "http://example.org/", None),
            Ok(Lookup::Guarded)
        );
    }

    #[test]
    fn the_users_own_address_is_that_host_and_port_only() {
        let none = AllowPrivate::All(false);
        let own = Some("http://127.0.0.1:8471");
        assert_eq!(
            look_up(&none, "http://127.0.0.1:8471/x", own),
            Ok(Lookup::Free)
        );
        assert!(look_up(&none, "http://127.0.0.1:8472/x", own).is_err());
        assert!(look_up(&none, "http://127.0.0.2:8471/x", own).is_err());
        let own = Some("https://Mirror.example.org.");
        let url = "https://mirror.example.org:443/x";
        assert_eq!(look_up(&none, url, own), Ok(Lookup::Free));
        let url = "http://mirror.example.org/x";
        assert_eq!(look_up(&none, url, own), Ok(Lookup::Guarded));
    }

    #[test]
    fn what_the_user_allows_is_allowed() {
        let listed = |entries: &[&str]| {
            AllowPrivate::Listed(entries.iter().map(ToString::to_string).collect())
        };
        let allow = listed(&["10.1.0.0/16", "192.168.7.7", "fd00::/8", "Nas.local"]);
        for url in [
            "http://10.1.200.3/",
            "http://192.168.7.7/",
            "http://[fd12::1]/",
            "http://[::ffff:10.1.0.1]/",
            "http://nas.local/",
        ] {
            assert_eq!(look_up(&allow, url, None), Ok(Lookup::Free), "{url}");
        }
        for url in [
            "http://10.2.0.1/",
            "http://192.168.7.8/",
            "http://[fe80::1]/",
        ] {
            assert!(look_up(&allow, url, None).is_err(), "{url}");
        }
        let all = AllowPrivate::All(true);
        assert_eq!(look_up(&all, "http://10.2.0.1/", None), Ok(Lookup::Free));
        for wrong in ["", "10.0.0.0/99", "http://nas.local"] {
            assert_eq!(Reach::new(&listed(&[wrong])).unwrap_err(), wrong);
        }
    }

    #[test]
    fn what_a_name_leads_to_is_looked_at() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts
                .iter()
                .map(|text| (text.parse::<IpAddr>().unwrap(), 0).into())
                .collect()
        };
        let none = Reach::default();
        let mixed = addresses(&["10.0.0.1", "1.1.1.1", "::1"]);
        assert_eq!(
            allowed(&none, "mixed.example.org", mixed),
            Ok(addresses(&["1.1.1.1"]))
        );
        let error = allowed(&none, "inside.example.org", addresses(&["10.0.0.1", "::1"]));
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with("inside.example.org is not a public address (10.0.0.1)"),
            "{error}"
        );
        assert_eq!(
            allowed(&none, "nobody.example.org", Vec::new()),
            Ok(Vec::new())
        );
        let proxied = none.with_proxies(["proxy.local:3128".to_owned()]);
        let inside = addresses(&["10.0.0.1"]);
        assert_eq!(allowed(&proxied, "proxy.local", inside.clone()), Ok(inside));
    }
}
