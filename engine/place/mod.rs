//! All that touches a process: it is started, pinned, observed and ended by an agent, and the list of places that have one.

pub mod agent;
pub mod child;
pub mod contract;
pub mod disturbance;
pub mod ends;
pub mod here;
pub mod interference;
pub mod keep;
pub mod kept;
pub mod link;
pub mod listener;
pub mod manifest;
pub mod messages;
pub mod neighbours;
pub mod observer;
pub mod output;
pub mod pinning;
pub mod piped;
pub mod processes;
pub mod serve;
pub mod site;
pub mod steal;
pub mod yardstick;

use crate::place::contract::Place;

/// Every place; a new one is its file and its line here.
pub static PLACES: &[&dyn Place] = &[&here::Here];
