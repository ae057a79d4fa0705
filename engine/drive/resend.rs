//! What the server never took is asked again: one rule for every load model.

use crate::call::{CallError, Cause};
use crate::drive::recorder::Recorder;

/// How often one call is asked again at most.
pub const MOST: u32 = 3;

/// What one call has been through before it is settled.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempts {
    /// How often it was asked again, since the server had not taken it.
    again: u32,
    /// Where its bytes begin among all that were written to its connection.
    from: u64,
}

impl Attempts {
    /// It is asked on a connection to which its first byte is written as byte number `from`.
    pub fn at(&mut self, from: u64) {
        self.from = from;
    }

    /// True where it is asked for the first time.
    pub fn is_first(&self) -> bool {
        self.again == 0
    }

    /// Whether the server never took it, when its connection ended after taking in so many bytes.
    pub fn was_untaken(&self, taken: u64) -> bool {
        self.from >= taken
    }

    /// Whether it is asked again after `fault`, on another connection unless that one takes more calls; counted where it
    /// is.
    ///
    /// Its time-out goes on from when it was first sent or dialled for.
    pub fn again(&mut self, fault: &CallError, recorder: &mut Recorder) -> bool {
        let again = fault.cause == Cause::Untaken && self.again < MOST;
        if again {
            self.again += 1;
            recorder.resent += 1;
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempts, MOST};
    use crate::call::CallError;
    use crate::drive::recorder::Recorder;

    #[test]
    fn only_what_was_never_taken_is_asked_again_and_not_for_ever() {
        let (mut asked, mut recorder) = (Attempts::default(), Recorder::new(1, 0));
        assert!(!asked.again(&CallError::connect("a reset"), &mut recorder) && asked.is_first());
        let untaken = CallError::connect("it goes away").untaken();
        for _ in 0..MOST {
            assert!(asked.again(&untaken, &mut recorder));
        }
        assert!(!asked.again(&untaken, &mut recorder) && !asked.is_first());
        assert_eq!(recorder.resent, u64::from(MOST));
    }

    #[test]
    fn a_call_of_which_the_server_has_one_byte_counts_as_taken() {
        let mut asked = Attempts::default();
        asked.at(100);
        assert!(asked.was_untaken(99) && asked.was_untaken(100) && !asked.was_untaken(101));
    }
}
