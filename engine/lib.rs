//! A declarative scenario engine that compares RPC protocols and server models.
//!
//! ```text
//! scenario.yaml ─read─▶ Scenario ─plan─▶ Plan{cells, refusals} ─run─▶ Results{cells, records} ─view─▶ View ─minijinja─▶ report
//! ```
//!
//! The house, from the roof down; imports point down only:
//!
//! | room | what it is |
//! |---|---|
//! | `cli` | the commands |
//! | [`run`] | runs a plan: each cell from launch to teardown, and what each end cost |
//! | [`report`] | all arithmetic in a view, then templates that only lay out |
//! | [`place`] | the agent: all that touches a process is started, pinned, observed and ended there; the lists of places and observers; `link` is the emulated network between two ends |
//! | [`drive`] | the client process: one file or folder for each load model, what calls it makes (`sequence`), when those of an open loop are due (`schedule`), and the recorder |
//! | [`plan`], [`results`] | what will run and what was refused, what was measured |
//! | [`scenario`] | what a user writes, as types, read with spans |
//! | [`key`] | every key of a target or a workload: one file is one key, and one list feeds all that deals with keys |
//! | [`document`] | a YAML file as a tree that knows the place of each value, and what is wrong with it |
//! | [`stack`] | whose server a target is and whose client calls it: a real server that is not ours is a stack, one file; the lists of stacks and of drivers, and who fits whom |
//! | [`server`] | the list of models, one file each |
//! | [`transport`] | the list of transports, one file or folder each |
//! | [`statistics`] | what may be concluded from trials |
//! | [`call`] | calls, those of the reference service and (`own`) the user's own, what comes back, and the classes of calls that fail |
//! | [`units`], [`figures`] | quantities as a scenario writes them (`5ms`), and as a report prints them (`141 µs`) |
//! | [`registry`], [`error`] | lists of named things, and errors |
//! | [`secret`], [`template`] | values that are used and never shown, and texts with words in `${…}` |
//! | [`page_offset`] | memory that the kernel copies from and to at full speed |
//! | [`lack`] | what a machine can run out of |
//! | [`words`] | closed sets of words, declared once |
//! | [`mutant`] | deliberate faults, in no build that is used |
//!
//! Both ends of a measurement are processes of their own: `engine serve` and `engine drive`, re-executions of
//! the same binary, so that a forked server never meets a runtime and each end's cost is exact.

pub mod call;
pub mod cli;
pub mod document;
pub mod drive;
pub mod error;
pub mod figures;
pub mod key;
pub mod lack;
pub mod mutant;
pub mod page_offset;
pub mod place;
pub mod plan;
pub mod registry;
pub mod report;
pub mod results;
pub mod run;
pub mod scenario;
pub mod secret;
pub mod server;
pub mod stack;
pub mod statistics;
pub mod template;
pub mod transport;
pub mod units;
pub mod words;
