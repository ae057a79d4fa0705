//! What a plan is made of: cells ready to run, and the turns in which their trials are taken.

use crate::call::own::{OwnCall, Table};
use crate::key::link::properties::Link;
use crate::key::load::Load;
use crate::plan::search::Search;
use crate::results::cell::Planned;
use crate::stack::pairing::Pairing;
use crate::transport::option::Options;

/// One trial of one cell, at its place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The index of its cell.
    pub cell: usize,
    /// Which repetition, from 1.
    pub trial: u32,
    /// Which random block, from 1.
    pub block: u32,
}

/// One point of the comparison, ready to run.
#[derive(Debug, Clone)]
pub struct Cell {
    /// What it is: its id, its settings, what it is ranked by and what is expected of it.
    pub planned: Planned,
    /// What is compared.
    pub target: Target,
    /// What is asked of it.
    pub load: Load,
    /// The calls of the user's own that it asks.
    pub calls: Vec<OwnCall>,
    /// The rows of files that those calls name columns of.
    pub data: Vec<Table>,
    /// The place where its clients run; none where that is here.
    pub from: Option<String>,
    /// The network between both ends; none where they meet on this machine's loopback.
    pub link: Option<Link>,
    /// In place of a rate, how the highest one is searched at which everything holds; none where it is not.
    pub search: Option<Search>,
    /// How often it is repeated, each time with a fresh server.
    pub trials: u32,
}

/// What is compared: a pairing with its options, under its name.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name in reports.
    pub name: String,
    /// Transport, model, stack and driver.
    pub pairing: Pairing,
    /// The place where its server runs; none where that is here.
    pub place: Option<String>,
    /// One value for each option that is set.
    pub options: Options,
}
