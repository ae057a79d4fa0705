//! The calls of the reference service, one file each.

mod compute;
mod connect;
pub mod contract;
mod download;
mod echo;
#[cfg(test)]
#[path = "../../../tests/examples/new_call.rs"]
mod example;
mod own;
mod ping;
mod sleep;
mod upload;

use crate::call::computation::Computation;
use crate::registry::Entry;
use crate::words::{Word, words};
pub use compute::SQUARES;
use contract::ServiceCall;
#[cfg(test)]
pub(crate) use example::CUBES;

/// Lists the calls once: as words of scenarios, and as what everyone asks about them.
macro_rules! calls {
    ($($(#[doc = $about:literal])+ $call:ident = $name:literal in $file:ident),+ $(,)?) => {
        words! {
            /// What is asked of a server.
            Call { $($(#[doc = $about])+ $call = $name),+ }
        }

        $(impl Entry for $file::$call {
            fn name(&self) -> &'static str {
                $name
            }
            fn about(&self) -> &'static str {
                Word::about(Call::$call)
            }
        })+

        /// Every call of the reference service, in the order of help and schema; in unit tests also the example of
        /// `tests/examples/`.
        pub static CALLS: &[&dyn ServiceCall] = &[$(&$file::$call,)+ #[cfg(test)] &example::Cubes];
    };
}

calls! {
    /// Dial, one answered ping, untimed close; its parts are reported separately.
    Connect = "connect" in connect,
    /// The smallest call that has an answer.
    Ping = "ping" in ping,
    /// The payload comes back unchanged.
    Echo = "echo" in echo,
    /// The payload goes to the server, its length comes back.
    Upload = "upload" in upload,
    /// A length goes to the server, that many bytes come back.
    Download = "download" in download,
    /// The server sums i*i for i in 0..work.
    Compute = "compute" in compute,
    /// The server waits for `hold` and then answers.
    Sleep = "sleep" in sleep,
}

/// What all calls of the user's own have in common.
pub(crate) static OWN: &dyn ServiceCall = &own::AnyOwn;

/// Everything that a server works out, in the order of the list.
pub fn computations() -> impl Iterator<Item = &'static Computation> {
    CALLS.iter().filter_map(|call| call.computes())
}

/// The call of that name.
pub fn named(name: &str) -> Option<&'static dyn ServiceCall> {
    CALLS.iter().copied().find(|call| call.name() == name)
}

impl Call {
    /// The call of the list that this word stands for.
    pub fn service(self) -> &'static dyn ServiceCall {
        CALLS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::{CALLS, Call, named};
    use crate::call::ask::CallSpec;
    use crate::call::service::contract::Settings;
    use crate::words::Word;

    #[test]
    fn the_words_of_scenarios_are_the_calls_of_the_list() {
        assert!(Call::ALL.iter().all(|call| call.service().name() == call.word()));
        assert_eq!(CALLS.len(), Call::ALL.len() + 1, "the example is listed too");
        assert!(named("pong").is_none());
    }

    #[test]
    fn a_call_needs_what_it_requires_and_carries_what_it_says() {
        let all = Settings { payload: Some(10), chunk: Some(4), work: Some(7), hold_ns: Some(9) };
        for call in CALLS {
            let lacks = call.ask(&Settings::default()).err();
            assert_eq!(lacks.is_some(), call.keys().iter().any(|used| call.requires(used.key)), "{call:?}");
            if let Some(lacks) = lacks {
                assert!(call.keys().iter().any(|used| lacks.setting.starts_with(used.key)), "{call:?}: {lacks}");
            }
            let ask = call.ask(&all).expect("all is given");
            assert_eq!(ask.payload_up(), if call.payload_goes_up() { 10 } else { 0 }, "{call:?}");
            assert_eq!(ask.payload_down(), if call.payload_comes_down() { 10 } else { 0 }, "{call:?}");
            assert_eq!(call.has_body(), call.uses("payload"), "{call:?}");
            if let Some(what) = call.computes() {
                assert_eq!((what.name, ask), (call.name(), CallSpec::Compute { what, n: 7 }));
                assert_eq!((what.work)(1000), (what.result)(1000), "{call:?}");
            }
        }
    }
}
