//! All that touches a process: it is started, pinned, counted and ended here, and the machine that it runs on is described.

pub mod child;
pub mod cost;
pub mod disturbance;
pub mod interference;
pub mod manifest;
pub mod neighbours;
pub mod pinning;
pub mod processes;
pub mod steal;
pub mod syscalls;
pub mod yardstick;
