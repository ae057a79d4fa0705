//! Whom a server takes connections of.

use std::net::IpAddr;
use std::sync::Arc;

/// The addresses of the clients of a server: everybody's, as long as none is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peers(Arc<[IpAddr]>);

impl Peers {
    /// Only these; everybody where there are none.
    pub fn only(addresses: &[IpAddr]) -> Self {
        Peers(addresses.iter().map(IpAddr::to_canonical).collect())
    }

    /// Whether a connection from there is taken.
    pub fn takes(&self, address: IpAddr) -> bool {
        self.0.is_empty() || self.0.contains(&address.to_canonical())
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::Peers;

    #[test]
    fn only_those_who_are_named_are_taken() {
        let of = |text: &str| text.parse::<IpAddr>().expect("an address");
        let some = Peers::only(&[of("10.0.0.7"), of("::ffff:10.0.0.8"), of("fe80::1")]);
        let taken = ["10.0.0.7", "::ffff:10.0.0.7", "10.0.0.8", "fe80::1"].map(|text| some.takes(of(text)));
        assert_eq!(taken, [true; 4]);
        assert_eq!(["10.0.0.9", "::1", "127.0.0.1"].map(|text| some.takes(of(text))), [false; 3]);
        assert!(Peers::default().takes(of("10.0.0.9")), "where nobody is named it is everybody");
    }
}
