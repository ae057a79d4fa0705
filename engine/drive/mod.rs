//! The client process: what it is told, what it does, what it says.

pub mod lines;
