//! The list of transports.

pub mod address;
pub mod congestion;
pub mod contract;
pub mod descriptors;
pub mod grpc;
pub mod held;
pub mod http1;
pub mod http2;
pub mod http3;
pub mod option;
pub mod options;
pub mod outbox;
pub mod peers;
pub mod ports;
pub mod quic;
pub mod rpyc;
mod send;
pub mod socket;
pub mod tcp;
pub mod terms;
pub mod tls;
pub mod unix;
mod web;

use crate::transport::contract::Transport;

/// Every transport; a new one is its file and its line here.
pub static TRANSPORTS: &[&dyn Transport] =
    &[&tcp::Tcp, &unix::Unix, &rpyc::Rpyc, &http1::Http1, &http2::Http2, &grpc::Grpc, &quic::Quic, &http3::Http3];
