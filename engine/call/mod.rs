//! Calls, the bytes of their bodies, and what can be wrong with a reply.

mod ask;
mod check;
mod chunks;
mod fault;
mod fill;
mod load;
mod random;
pub mod service;
mod squares;
pub(crate) mod words;

pub use ask::{Answer, Ask, Asked, Call};
pub use check::{Check, Verify};
pub use chunks::{Chunks, Split};
pub use fault::{Cause, Fault, FaultClass};
pub use fill::{Fill, FillKind};
pub use load::{Arrivals, Wait};
pub use random::SplitMix;
pub use service::CALLS;
pub use service::contract::{KeyUse, Missing, ServiceCall, Settings};
pub use squares::sum_of_squares;
pub use words::Word;
pub(crate) use words::words;
