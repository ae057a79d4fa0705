//! A part of a text that varies by row alone, written for each row ahead of time.

use std::fmt;

use crate::call::ask::Own;
use crate::call::own::table::Pick;

/// What stands there in each row.
pub(super) struct Rendered {
    bytes: Vec<u8>,
    /// Where the text of each row ends in those bytes.
    ends: Vec<usize>,
    pick: Pick,
}

/// Without what it holds.
impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rendered in {} rows", self.ends.len())
    }
}

impl Rendered {
    /// Writes each of so many rows.
    pub(super) fn of(rows: usize, pick: Pick, write: impl Fn(usize, &mut Vec<u8>)) -> Self {
        let mut rendered = Rendered { bytes: Vec::new(), ends: Vec::with_capacity(rows), pick };
        for row in 0..rows {
            write(row, &mut rendered.bytes);
            rendered.ends.push(rendered.bytes.len());
        }
        rendered.bytes.shrink_to_fit();
        rendered
    }

    /// What stands there in that call.
    pub(super) fn of_call(&self, own: Own) -> &[u8] {
        let row = self.pick.row(own);
        let begin = row.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(row).and_then(|end| self.bytes.get(begin..*end)).unwrap_or_default()
    }
}
