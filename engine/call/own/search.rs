//! Looks for some bytes in a body that comes in pieces.

use memchr::memmem;

/// What is looked for, and what has come.
#[derive(Debug, Clone)]
pub struct Search {
    wanted: Box<[u8]>,
    /// The end of what has come, shorter than what is wanted.
    tail: Vec<u8>,
    found: bool,
}

impl Search {
    /// Looks for `wanted`.
    pub fn new(wanted: &[u8]) -> Self {
        Search { wanted: wanted.into(), tail: Vec::with_capacity(2 * wanted.len()), found: wanted.is_empty() }
    }

    /// Begins again.
    pub fn restart(&mut self) {
        self.tail.clear();
        self.found = self.wanted.is_empty();
    }

    /// Whether it has been found.
    pub fn found(&self) -> bool {
        self.found
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.found {
            return;
        }
        let io_model = self.wanted.len() - 1;
        // What begins in the tail ends within so many bytes.
        let before = self.tail.len();
        self.tail.extend_from_slice(&bytes[..bytes.len().min(io_model)]);
        self.found = memmem::find(&self.tail, &self.wanted).is_some() || memmem::find(bytes, &self.wanted).is_some();
        if bytes.len() >= io_model {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() - io_model..]);
        } else {
            self.tail.drain(..(before + bytes.len()).saturating_sub(io_model));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Search;

    #[test]
    fn it_is_found_however_it_is_cut() {
        let text = b"abcabcabd and more";
        for (wanted, there) in [("abcabd", true), ("abd", true), ("e", true), ("abe", false), ("", true), ("x", false)]
        {
            for step in 1..=text.len() {
                let mut search = Search::new(wanted.as_bytes());
                for _ in 0..2 {
                    search.restart();
                    text.chunks(step).for_each(|piece| search.feed(piece));
                    assert_eq!(search.found(), there, "{wanted} in steps of {step}");
                }
            }
        }
    }
}
