//! Every key of a target or a workload: one file is one key, and one list feeds all that deals with keys.
//!
//! The reader, the schema, the plan, the client's assignment and the report take them from there.

pub mod arrivals;
pub mod axes;
pub mod before;
pub mod call;
pub mod chunk;
pub mod clients;
pub mod contract;
pub mod drain;
pub mod driver;
pub mod duration;
pub mod fill;
pub mod from;
pub mod hold;
pub mod iterations;
pub mod link;
pub mod load;
pub mod mix;
#[cfg(test)]
#[path = "../../tests/examples/new_key.rs"]
mod new_key;
pub mod part;
pub mod payload;
pub mod place;
pub mod processes;
pub mod ramp;
pub mod rate;
pub mod server;
pub mod setting;
pub mod settings;
pub mod split;
pub mod stack;
pub mod steps;
pub mod think;
pub mod timeout;
pub mod transport;
pub mod trials;
pub mod verify;
pub mod wait;
pub mod warmup;
pub mod word;
pub mod work;

use crate::key::contract::Key;

/// Every key, in the order in which they are set, multiply, and stand in ids, tables and the schema.
pub static KEYS: &[&dyn Key] = &[
    &transport::Transports,
    &server::Servers,
    &stack::Stacks,
    &driver::Drivers,
    &place::Place,
    &call::Calls,
    &mix::Mix,
    &steps::Steps,
    &before::Before,
    &payload::Payload,
    &fill::Fill,
    &chunk::Chunk,
    &split::Splits,
    &clients::Clients,
    &processes::Processes,
    &from::Origin,
    &work::Work,
    &hold::Hold,
    &rate::Rates,
    &ramp::Ramp,
    &arrivals::ArrivalsKey,
    &think::Thinks,
    &wait::Waits,
    &link::Links,
    &link::delay::Delay,
    &link::jitter::Jitter,
    &link::loss::Loss,
    &link::rate::Rate,
    &link::queue::Queue,
    &warmup::Warmup,
    &iterations::Iterations,
    &duration::Lasting,
    &timeout::Timeout,
    &drain::Drain,
    &verify::VerifyKey,
    &trials::Trials,
    #[cfg(test)]
    &new_key::WarmCalls,
];
