//! What is checked of the bytes of a reply while they come.

use std::sync::Arc;

use crate::call::error::CallError;
use crate::call::fill::Fill;
use crate::words::words;

words! {
    /// What is checked of each reply; the content of each client's first reply always is.
    Verify {
        /// The length of every reply.
        Length = "length",
        /// The length and every byte of every reply.
        Content = "content",
    }
}

/// Checks a body against what was promised while it streams through.
#[derive(Debug, Clone)]
pub struct Check {
    fill: Arc<Fill>,
    expected: u64,
    seen: u64,
    content: bool,
    wrong_at: Option<u64>,
}

impl Check {
    /// Expects `expected` bytes of `fill`; compares their content only when asked to.
    pub fn new(fill: Arc<Fill>, expected: u64, content: bool) -> Self {
        Check { fill, expected, seen: 0, content, wrong_at: None }
    }

    /// Begins again with another expectation, without a new allocation.
    pub fn restart(&mut self, expected: u64, content: bool) {
        (self.expected, self.content, self.seen, self.wrong_at) = (expected, content, 0, None);
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.content && self.wrong_at.is_none() && !self.fill.matches(self.seen, bytes) {
            self.wrong_at = Some(self.seen);
        }
        self.seen += bytes.len() as u64;
    }

    /// How many bytes have come.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The verdict once the body has ended.
    pub fn finish(&self) -> Result<(), CallError> {
        if self.seen != self.expected {
            return Err(CallError::short(format!("{} bytes came where {} were expected", self.seen, self.expected)));
        }
        match self.wrong_at {
            Some(offset) => Err(CallError::corrupt(format!("the content differs in the piece at offset {offset}"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::check::Check;
    use crate::call::error::ErrorClass;
    use crate::call::fill::{Fill, FillKind};

    #[test]
    fn a_check_tells_short_from_corrupt() {
        let fill = Fill::new(FillKind::Random, 1);
        let mut check = Check::new(fill.clone(), 100, true);
        check.feed(&fill.at(0)[..60]);
        assert_eq!(check.finish().expect_err("short").class, ErrorClass::Short);
        check.feed(&fill.at(0)[..40]);
        assert_eq!(check.finish().expect_err("corrupt").class, ErrorClass::Corrupt);
        check.restart(100, true);
        check.feed(&fill.at(0)[..100]);
        assert_eq!(check.finish(), Ok(()));
    }
}
