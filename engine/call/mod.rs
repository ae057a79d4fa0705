//! Calls, the bytes of their bodies, and what can be wrong with a reply.

mod ask;
mod called;
mod check;
mod chunks;
mod computation;
mod error;
mod fill;
mod load;
pub mod own;
mod random;
pub mod service;

pub use ask::{CallRequest, CallResponse, CallSpec, Own};
pub use called::Called;
pub use check::{Check, Verify};
pub use chunks::{Chunks, Split};
pub use computation::Computation;
pub use error::{CallError, Cause, ErrorClass};
pub use fill::{Fill, FillKind};
pub use load::{Arrivals, Wait};
pub use random::SplitMix;
#[cfg(test)]
pub(crate) use service::CUBES;
pub use service::contract::{KeyUse, Missing, ServiceCall, Settings};
pub use service::{CALLS, Call, SQUARES, computations};

pub use crate::words::Word;
