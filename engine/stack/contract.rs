//! What a system that is not ours is, and what it is launched with.

use std::process::Command;
use std::time::Duration;

use crate::call::FillKind;
use crate::registry::Entry;
use crate::stack::environment::Environment;
use crate::transport::contract::{Facts, Options};

/// A real server of somebody else's for one transport and server model.
///
/// Its command speaks as `engine serve` does: the ready line of [`crate::server::ready::ReadyLine`] once it
/// listens on a port of its own, service until stdin closes, no process left behind.
pub trait System: Entry + Sync {
    /// The transport that it speaks, by its word.
    fn transport(&self) -> &'static str;

    /// The server model that it is, by its word.
    fn server(&self) -> &'static str;

    /// What a reader has to know to compare it fairly; the ready line adds the versions.
    fn facts(&self, options: &Options) -> Facts;

    /// The process to wanted.
    fn command(&self, environment: &Environment, wanted: &Wanted<'_>) -> Command;
}

/// What a system is told at its wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The token that it answers to [`crate::call::Ask::Nonce`].
    pub nonce: &'a str,
    /// The bytes of downloads and their seed, or none for the reference suite's.
    pub fill: Option<(FillKind, u64)>,
    /// How long the server itself lets a request take, where it has such a limit.
    pub timeout: Duration,
    /// The options of the target.
    pub options: &'a Options,
    /// How many cores it may run on: so many workers it has where the options do not say.
    pub cores: usize,
}
