//! The list of drivers: whose client makes the calls.

pub mod native;
pub mod python;

use crate::stack::contract::Driver;

/// Every driver, the default first; a new one is its file and its line here.
pub static DRIVERS: &[&dyn Driver] = &[&native::Native, &python::Python];
