//! The list of server models.

pub mod r#async;
pub mod ballast;
pub mod contract;
pub mod conversation;
pub mod door;
pub mod errand;
mod fork;
pub mod forking;
pub mod impairment;
pub mod parking;
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
