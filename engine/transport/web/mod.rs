//! What all versions of HTTP share: the endpoints of the reference suite, and what their bodies say.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod calls;
pub(crate) mod date;
pub(crate) mod endpoint;
pub(crate) mod exchange;
pub(crate) mod hex;
pub(crate) mod kept;
pub(crate) mod own;
pub(crate) mod received;
pub(crate) mod request;
pub(crate) mod service;
