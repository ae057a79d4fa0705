//! A call of the user's own as a call of gRPC: what is asked, by what descriptors, and the message compiled by them.

mod call;
mod code;
mod compiled;
mod descriptors;
mod fault;
mod judge;
mod parts;

pub use crate::call::own::grpc::call::GrpcCall;
pub use crate::call::own::grpc::code::Code;
pub use crate::call::own::grpc::compiled::Compiled;
pub use crate::call::own::grpc::descriptors::{Descriptors, DescriptorsError, Proto};
pub use crate::call::own::grpc::fault::{Fault, Place, Step};
