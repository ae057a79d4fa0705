//! The list of what can be read of the processes of an end.

pub mod contract;
pub mod cpu;
pub mod memory;
pub mod switches;
pub mod syscalls;
pub mod threads;
pub mod watched;

use crate::place::observer::contract::Observer;

/// Every observer; a new one is its file and its line here.
pub static OBSERVERS: &[&dyn Observer] =
    &[&syscalls::SystemCalls, &cpu::Cpu, &memory::Memory, &switches::Switches, &threads::Threads];

/// Those that are attached in every run, and with `asked` also those that slow what they observe.
pub fn names(asked: bool) -> Vec<String> {
    let all = OBSERVERS.iter().filter(|observer| asked || !observer.slows());
    all.map(|observer| observer.name().to_owned()).collect()
}
