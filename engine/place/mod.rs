//! All that touches a process: it is started, pinned, observed and ended by an agent, and the list of places that have one.

pub mod agent;
pub mod child;
pub mod clock;
pub mod command;
pub mod contract;
pub mod digest;
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
pub mod reached;
pub mod serve;
pub mod ship;
pub mod site;
pub mod srun;
pub mod ssh;
pub mod steal;
pub mod trip;
pub mod yardstick;

use crate::place::contract::Place;

/// Every place; a new one is its file and its line here.
pub static PLACES: &[&dyn Place] = &[&here::Here, &ssh::Ssh, &srun::Srun, &command::ByCommand];

#[cfg(test)]
mod tests {
    use super::PLACES;
    use crate::call::Word;
    use crate::scenario::By;

    #[test]
    fn what_a_scenario_can_say_behind_by_is_every_place_but_here() {
        let said: Vec<&str> = By::ALL.iter().map(|by| by.word()).collect();
        let there: Vec<&str> = PLACES.iter().map(|place| place.name()).collect();
        assert_eq!([["here"].as_slice(), &said].concat(), there);
    }
}
