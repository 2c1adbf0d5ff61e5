//! `allow_nets`: from where a user may log in.

use std::net::IpAddr;

/// A list of networks as the field has it: IP, CIDR, `local`, between commas or blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nets {
    nets: Vec<(IpAddr, u8)>,
    local: bool,
}

impl Nets {
    /// Reads the field. Entries that can't be read are skipped, so they allow nobody.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let words = text.split([',', ' ']).filter(|word| !word.is_empty());
        let mut nets = Self { nets: Vec::new(), local: false };
        for word in words {
            match word {
                "local" => nets.local = true,
                net => nets.nets.extend(network(net)),
            }
        }
        nets
    }

    /// Whether a login from this address is allowed. `local` stands for none being known.
    #[must_use]
    pub fn allow(&self, remote: Option<IpAddr>) -> bool {
        let Some(remote) = remote else { return self.local };
        let remote = remote.to_canonical();
        self.nets.iter().any(|&(net, bits)| contains(net, bits, remote))
    }
}

fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => most,
        Some(bits) => bits.parse().ok().filter(|&bits| bits <= most)?,
    };
    Some((address, bits))
}

fn contains(net: IpAddr, bits: u8, address: IpAddr) -> bool {
    let differ = match (net, address) {
        (IpAddr::V4(net), IpAddr::V4(address)) => {
            u128::from(net.to_bits() ^ address.to_bits()) << 96
        }
        (IpAddr::V6(net), IpAddr::V6(address)) => net.to_bits() ^ address.to_bits(),
        _ => return false,
    };
    differ.leading_zeros() >= u32::from(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn allows(nets: &str, remote: &str) -> bool {
        Nets::parse(nets).allow(remote.parse().ok())
    }

    #[test]
    fn networks() {
        assert!(allows("127.0.0.1", "127.0.0.1"));
        assert!(allows("10.0.0.0/8,192.0.2.0/24", "192.0.2.77"));
        assert!(!allows("10.0.0.0/8 192.0.2.0/24", "192.0.3.1"));
        assert!(allows("2001:db8::/32", "2001:db8:1::5"));
        assert!(!allows("::/0", "127.0.0.1"));
        assert!(allows("0.0.0.0/0", "::ffff:198.51.100.1"));
        assert!(!allows("garbage/8,300.0.0.1,10.0.0.0/33", "10.0.0.1"));
    }

    #[test]
    fn local_means_no_address() {
        assert!(Nets::parse("local,10.0.0.1").allow(None));
        assert!(!Nets::parse("127.0.0.1").allow(None));
        assert!(!Nets::parse("local").allow("127.0.0.1".parse().ok()));
    }

    proptest! {
        #[test]
        fn never_panics(text: String, remote: std::net::IpAddr) {
            let _ = Nets::parse(&text).allow(Some(remote));
        }
    }
}
