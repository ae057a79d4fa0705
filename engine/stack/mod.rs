//! The list of stacks: whose server a target is; and of drivers: whose client calls it.

pub mod contract;
pub mod driver;
pub mod environment;
mod installer;
pub mod native;
pub mod own;
pub mod pairing;
pub mod python;
pub mod python_systems;

use crate::stack::contract::Stack;

/// Every stack, the default first; a new one is its file and its line here.
pub static STACKS: &[&dyn Stack] = &[&native::Native, &python::Python];
