//! What a user writes: the scenario as types, in the words of its file.
//!
//! [`read`] makes it from YAML with every mistake at its place, [`schema`] tells editors about it. A key that is absent
//! here was not written; what it is then stands in the file of that key.

mod applicable;
mod arguments;
mod asked;
pub mod calls;
mod compared;
pub mod data;
mod described;
pub mod expect;
mod fields;
pub mod files;
mod grpc;
mod line;
mod links;
mod message;
mod narrow;
pub mod options;
mod own;
mod own_schema;
mod pin;
mod places;
mod proto;
mod read;
mod request;
pub mod schema;
pub mod set;
mod status;
mod taken;
mod target;
mod targets;
mod words;
mod written;

pub use crate::scenario::asked::TARGETS;
pub use crate::scenario::calls::OwnCalls;
pub use crate::scenario::line::line_of_workload;
pub use crate::scenario::pin::Pin;
pub use crate::scenario::places::{By, WrittenPlace};
pub use crate::scenario::read::{LARGEST, read};
pub use crate::scenario::target::Candidate;
pub use crate::scenario::written::{Order, Scenario, Target, Workload};
