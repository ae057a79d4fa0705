//! The emulated network between two ends: two networks of their own, and a relay of ours that moves packets between them.
//!
//! The same packets go through it whatever the ends speak, and whosever they are: what is sent into the device of one
//! network comes out of the other's when it is due, or not at all.

pub mod judgement;
pub mod laid;
pub mod lines;
pub mod namespaces;
pub mod obstacle;
pub mod probe;
pub mod probing;
pub mod queue;
pub mod relay;
pub mod serve;
pub mod tun;
pub mod waited;
pub mod wire;

use std::net::Ipv4Addr;

/// The address of the client's network.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The address of the server's network.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
