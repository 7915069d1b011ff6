//! Which addresses requests may be sent to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use syncline_core::{Error, ErrorKind, Result};

/// How far requests of one use may reach. Link-local addresses and those of cloud metadata services
/// are refused in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Addresses of the internet only.
    #[default]
    Public,
    /// Private networks too.
    Private,
    /// This machine too.
    Loopback,
}

/// What kind of address it is, as far as it matters for sending requests to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressClass {
    Public,
    /// RFC 1918, unique local, shared (CGNAT) and benchmarking networks.
    Private,
    Loopback,
    /// Never: the reason, for people.
    Never(&'static str),
}

const METADATA: &str = "an address of a cloud metadata service";
const LINK_LOCAL: &str = "a link-local address, where cloud metadata services answer";
const UNSPECIFIED: &str = "an unspecified address, which stands for this machine";
const MULTICAST: &str = "a multicast address";
const BROADCAST: &str = "a broadcast address";
const RESERVED: &str = "a reserved address, which no host on the internet has";

/// Metadata services that have an address outside the link-local ranges.
const METADATA_V4: [Ipv4Addr; 3] = [
    // Alibaba Cloud, inside the shared address space.
    Ipv4Addr::new(100, 100, 100, 200),
    // Azure's host, on a public address.
    Ipv4Addr::new(168, 63, 129, 16),
    // Oracle Cloud, inside the protocol assignments.
    Ipv4Addr::new(192, 0, 0, 192),
];
const METADATA_V6: [Ipv6Addr; 3] = [
    // AWS.
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    // Google Cloud.
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    // Scaleway.
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
];

impl AddressClass {
    /// Judges an address by the special-purpose registries of IANA. An IPv6 address that leads to an
    /// IPv4 one (mapped, compatible, translated, NAT64, 6to4) is judged as that one.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

impl Reach {
    /// `address_refused` unless requests may be sent to this address.
    pub fn check(self, address: IpAddr) -> Result<()> {
        let (reason, help) = match AddressClass::of(address) {
            AddressClass::Never(reason) => (reason, "requests are never sent there"),
            AddressClass::Loopback if self < Reach::Loopback => {
                ("an address of this machine", "requests to this machine are not allowed here")
            }
            AddressClass::Private if self < Reach::Private => {
                ("an address of a private network", "allow private networks for this use, if it is meant")
            }
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::AddressRefused, format!("{address} is {reason}")).help(help))
    }
}

fn of_v4(address: Ipv4Addr) -> AddressClass {
    use AddressClass::*;
    if METADATA_V4.contains(&address) {
        return Never(METADATA);
    }
    match address.octets() {
        [0, ..] => Never(UNSPECIFIED),
        [127, ..] => Loopback,
        [169, 254, ..] => Never(LINK_LOCAL),
        [255, 255, 255, 255] => Never(BROADCAST),
        [224..=239, ..] => Never(MULTICAST),
        // Protocol assignments, documentation, the former 6to4 relays.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 51, 100, _] | [203, 0, 113, _] => Never(RESERVED),
        [240..=255, ..] => Never(RESERVED),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [198, 18..=19, ..] => Private,
        _ => Public,
    }
}

fn of_v6(address: Ipv6Addr) -> AddressClass {
    use AddressClass::*;
    if METADATA_V6.contains(&address) {
        return Never(METADATA);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Never(UNSPECIFIED),
        [0, 0, 0, 0, 0, 0, 0, 1] => Loopback,
        // Compatible (deprecated), mapped, translated (SIIT), NAT64.
        [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => of_v4(embedded(high, low)),
        // 6to4 wraps the address of a router.
        [0x2002, high, low, ..] => of_v4(embedded(high, low)),
        [0xff00..=0xffff, ..] => Never(MULTICAST),
        [0xfe80..=0xfebf, ..] => Never(LINK_LOCAL),
        // Unique local, and the deprecated site local.
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Private,
        // Protocol assignments with Teredo, documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Never(RESERVED),
        [0x2000..=0x3fff, ..] => Public,
        _ => Never(RESERVED),
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> AddressClass {
        AddressClass::of(text.parse().unwrap_or_else(|e| panic!("{text}: {e}")))
    }

    #[test]
    fn addresses_that_no_use_may_reach() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::ffff:169.254.169.254",
            "::ffff:0.0.0.0",
            "::169.254.169.254",
            "::ffff:0:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b::255.255.255.255",
            "64:ff9b:1::1",
            "2002:a9fe:a9fe::1",
            "2002:e000:1::",
            "2001:0:1:2:3:4:5:6",
            "2001:db8::1",
            "3fff::1",
            "100::1",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fd00:42::42",
            "ff02::1",
            "5f00::1",
            "4000::1",
        ] {
            assert!(matches!(class(text), AddressClass::Never(_)), "{text}");
            for reach in [Reach::Public, Reach::Private, Reach::Loopback] {
                let error = reach.check(text.parse().unwrap()).unwrap_err();
                assert_eq!(error.kind, ErrorKind::AddressRefused, "{text}");
            }
        }
    }

    #[test]
    fn private_and_loopback_addresses_need_their_reach() {
        let private = [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "198.18.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.1.2.3",
            "2002:c0a8:101::1",
            "fc00::1",
            "fdff::1",
            "fec0::1",
        ];
        for text in private {
            assert_eq!(class(text), AddressClass::Private, "{text}");
        }
        for text in
            ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "2002:7f00:1::"]
        {
            assert_eq!(class(text), AddressClass::Loopback, "{text}");
        }
        let allowed = |reach: Reach, text: &str| reach.check(text.parse().unwrap()).is_ok();
        assert!(!allowed(Reach::Public, "10.0.0.1"));
        assert!(allowed(Reach::Private, "10.0.0.1"));
        assert!(!allowed(Reach::Private, "127.0.0.1"));
        assert!(allowed(Reach::Loopback, "127.0.0.1"));
        assert!(allowed(Reach::Loopback, "10.0.0.1"));
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::",
        ] {
            assert_eq!(class(text), AddressClass::Public, "{text}");
            assert!(Reach::Public.check(text.parse().unwrap()).is_ok());
        }
    }
}
