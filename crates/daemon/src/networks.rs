//! Networks, asked for by a client's address: `mynetworks`, `unlimited_networks`.
//!
//! Written as Postfix has them: `127.0.0.0/8`, `[::1]/128`, `[::ffff:127.0.0.0]/104`, or a plain
//! address. A client that comes in as an IPv4-mapped IPv6 address counts as the IPv4 one.

use std::net::IpAddr;
use std::str::FromStr;

/// Networks, asked for by address.
#[derive(Debug, Clone, Default)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Whether one of them holds this address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (bits, width) = bits(address.to_canonical());
        self.0.iter().any(|network| network.width == width && network.matches(bits))
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

/// One network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    bits: u128,
    prefix: u32,
    width: u32,
}

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Not `address` or `address/length`.
    #[error("`{0}` is no network: write 192.0.2.0/24 or [2001:db8::]/32")]
    Syntax(String),
    /// Bits are set behind the prefix, so it is unclear what was meant.
    #[error("`{0}` has bits set behind its prefix")]
    HostBits(String),
}

impl Network {
    fn matches(&self, bits: u128) -> bool {
        (bits ^ self.bits) & mask(self.prefix, self.width) == 0
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let syntax = || NetworkError::Syntax(text.to_owned());
        let (host, prefix) = match text.split_once('/') {
            Some((host, prefix)) => (host, Some(prefix)),
            None => (text, None),
        };
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let written: IpAddr = bare.parse().map_err(|_| syntax())?;
        let (_, written_width) = bits(written);
        let length = prefix.map(str::parse).transpose().map_err(|_| syntax())?;
        let length: u32 = length.unwrap_or(written_width);
        if length > written_width {
            return Err(syntax());
        }
        // A mapped network is the IPv4 one that it stands for.
        let canonical = if length + 32 >= written_width { written.to_canonical() } else { written };
        let (bits, width) = bits(canonical);
        let prefix = length - (written_width - width);
        if bits & !mask(prefix, width) & mask(width, width) != 0 {
            return Err(NetworkError::HostBits(text.to_owned()));
        }
        Ok(Self { bits, prefix, width })
    }
}

fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

/// `prefix` ones at the top of a number `width` bits wide.
fn mask(prefix: u32, width: u32) -> u128 {
    let host = width.saturating_sub(prefix);
    let all = u128::MAX.checked_shr(128 - width).unwrap_or(0);
    all & u128::MAX.checked_shl(host).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(networks: &[&str], address: &str) -> bool {
        let networks: Networks = networks.iter().map(|n| n.parse().expect("a network")).collect();
        networks.contains(address.parse().expect("an address"))
    }

    #[test]
    fn as_postfix_writes_them() {
        let usual = ["127.0.0.0/8", "[::ffff:127.0.0.0]/104", "[::1]/128", "192.0.2.7"];
        for (address, expected) in [
            ("127.3.2.1", true),
            ("::ffff:127.0.0.1", true),
            ("::1", true),
            ("::2", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("128.0.0.1", false),
        ] {
            assert_eq!(inside(&usual, address), expected, "{address}");
        }
        assert!(inside(&["0.0.0.0/0"], "9.9.9.9"));
        assert!(!inside(&["0.0.0.0/0"], "::9"));
        assert!(inside(&["::/0"], "2001:db8::1"));
        assert!(inside(&["2001:db8::/32"], "2001:db8:1::"));
        assert!(inside(&["[::ffff:127.0.0.0]/104"], "127.9.9.9"));
        assert!(!inside(&[], "127.0.0.1"));
    }

    #[test]
    fn what_is_no_network() {
        for bad in ["", "localhost", "127.0.0.0/33", "[::1]/129", "127.0.0.0/x", "1.2.3", "/8"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        let host_bits = "127.0.0.1/8".parse::<Network>();
        assert_eq!(host_bits, Err(NetworkError::HostBits("127.0.0.1/8".into())));
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_holds_itself(text in "\\PC{0,20}", ip: std::net::IpAddr, cut in 0u32..=128) {
            let _ = text.parse::<Network>();
            let (bits, width) = bits(ip);
            let (prefix, bits) = (cut.min(width), bits & mask(cut.min(width), width));
            let network = if width == 32 {
                let written = std::net::Ipv4Addr::from_bits(u32::try_from(bits).expect("32 bits"));
                format!("{written}/{prefix}")
            } else {
                format!("[{}]/{prefix}", std::net::Ipv6Addr::from_bits(bits))
            };
            let network: Network = network.parse().expect("a network");
            let inside = Networks::from_iter([network]).contains(ip);
            proptest::prop_assert!(inside || ip.to_canonical() != ip);
        }
    }
}
