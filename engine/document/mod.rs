//! A YAML file as a tree that knows the place of each key and value, and everything that is wrong with it.

pub mod mistake;
pub mod tree;
pub(crate) mod walk;

pub use crate::document::mistake::Mistakes;
