//! A YAML file as a tree that knows the place of each key and value, and everything that is wrong with it.

pub(crate) mod mistake;
pub(crate) mod tree;
pub(crate) mod walk;

pub use crate::document::mistake::Mistakes;
