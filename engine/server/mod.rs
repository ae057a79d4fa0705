//! The list of server models.

pub mod acceptor;
pub mod r#async;
pub mod ballast;
pub mod call_job;
pub mod connection;
pub mod contract;
mod fork;
pub mod forking;
pub mod idle_set;
pub mod injected_fault;
pub mod per_request;
pub mod pooled;
pub mod preforked;
pub mod ready;
pub mod runtime;
pub mod service;
pub mod threaded;
pub mod workers;

use crate::server::contract::Model;

/// Every server model; a new one is its file and its line here.
pub static MODELS: &[&dyn Model] = &[
    &threaded::Threaded,
    &forking::Forking,
    &pooled::Pooled,
    &preforked::Preforked,
    &per_request::PerRequest,
    &r#async::Async,
];
