//! The calls of the reference service, one file each.

mod compute;
mod connect;
pub mod contract;
mod download;
mod echo;
mod ping;
mod sleep;
mod upload;

use crate::call::ask::Call;
use contract::ServiceCall;

/// Every call of the reference service, in the order of help and schema.
pub static CALLS: &[&dyn ServiceCall] = &[
    &connect::Connect,
    &ping::Ping,
    &echo::Echo,
    &upload::Upload,
    &download::Download,
    &compute::Compute,
    &sleep::Sleep,
];

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
    use super::{CALLS, named};
    use crate::call::ask::Call;
    use crate::call::service::contract::Settings;
    use crate::call::words::Word;

    #[test]
    fn the_words_of_scenarios_are_the_calls_of_the_list() {
        let listed: Vec<_> = CALLS.iter().map(|call| (call.name(), call.about())).collect();
        let words: Vec<_> = Call::ALL.iter().map(|call| (call.word(), Word::about(*call))).collect();
        assert!(Call::ALL.iter().all(|call| call.service().name() == call.word()));
        assert_eq!(listed, words);
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
        }
    }
}
