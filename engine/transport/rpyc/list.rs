//! Lists of chunks, which are made from a fill only when somebody looks at them.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use crate::call::Fill;
use crate::transport::rpyc::frame::Body;

/// A list of bytes: the chunks of a payload, or every so-manieth of them.
#[derive(Debug, Clone)]
pub(crate) struct List {
    fill: Arc<Fill>,
    /// Bytes of the payload.
    len: u64,
    /// Bytes of a chunk; the last one may be short.
    chunk: u64,
    first: i64,
    step: i64,
    count: i64,
}

impl List {
    /// The chunks of `len` bytes of `fill`; none where `len` is 0.
    pub(crate) fn new(fill: Arc<Fill>, len: u64, chunk: u64) -> Self {
        let chunk = chunk.max(1);
        List { fill, len, chunk, first: 0, step: 1, count: len.div_ceil(chunk) as i64 }
    }

    /// How many chunks.
    pub(crate) fn count(&self) -> i64 {
        self.count
    }

    /// Where the chunk at `index` lies in the payload, and how long it is.
    fn place(&self, index: i64) -> (u64, u64) {
        let offset = (self.first + index * self.step) as u64 * self.chunk;
        (offset, self.chunk.min(self.len - offset))
    }

    /// The chunk at `index`, which has to be there, and how long it is.
    pub(crate) fn get(&self, index: i64) -> (u32, Body) {
        let (offset, len) = self.place(index);
        (len as u32, Body::Fill { fill: self.fill.clone(), offset, len })
    }

    /// The position that `index`, negative from the end, stands for.
    pub(crate) fn position(&self, index: i64) -> Option<i64> {
        let position = if index < 0 { index.checked_add(self.count)? } else { index };
        (0..self.count).contains(&position).then_some(position)
    }

    /// The positions from `start` up to `stop`, as `list.index` takes them.
    pub(crate) fn span(&self, start: i64, stop: i64) -> Range<i64> {
        let place = |bound: i64| if bound < 0 { bound.saturating_add(self.count).max(0) } else { bound };
        place(start)..place(stop).min(self.count)
    }

    /// What `list[start:stop:step]` is in Python; none where the step is 0.
    pub(crate) fn slice(&self, start: Option<i64>, stop: Option<i64>, step: Option<i64>) -> Option<List> {
        let step = step.unwrap_or(1).clamp(-i64::MAX, i64::MAX);
        let (least, most) = if step < 0 { (-1, self.count - 1) } else { (0, self.count) };
        let bound = |index: Option<i64>, default: i64| match index {
            None => default,
            Some(index) if index < 0 => index.saturating_add(self.count).max(least),
            Some(index) => index.min(most),
        };
        let (start, stop) =
            if step < 0 { (bound(start, most), bound(stop, least)) } else { (bound(start, least), bound(stop, most)) };
        let span = if step < 0 { start - stop } else { stop - start };
        let count = span.max(0).checked_div(step.abs())? + i64::from(span > 0 && span % step != 0);
        let first = self.first + start.max(0) * self.step;
        Some(List { first, step: self.step.saturating_mul(step), count, ..self.clone() })
    }

    /// Appends the bytes of the chunk at `index`.
    pub(crate) fn copy(&self, index: i64, out: &mut Vec<u8>) {
        let (offset, len) = self.place(index);
        self.fill.copy(offset, len, out);
    }

    /// How many bytes the chunks have together.
    pub(crate) fn bytes(&self) -> u64 {
        // Only the last chunk of the payload may be short, and a list holds it at an end or not at all.
        let ends = [0, self.count - 1];
        let missing = ends.iter().take(self.count.clamp(0, 2) as usize).map(|end| self.chunk - self.place(*end).1);
        (self.count.max(0) as u64).saturating_mul(self.chunk) - missing.sum::<u64>()
    }

    /// True where the chunk at `index` is `bytes`.
    pub(crate) fn holds(&self, index: i64, bytes: &[u8]) -> bool {
        let (offset, len) = self.place(index);
        len == bytes.len() as u64 && self.fill.matches(offset, bytes)
    }

    /// How it compares with another list, as Python compares lists of bytes.
    pub(crate) fn compare(&self, other: &List) -> Ordering {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for index in 0..self.count.min(other.count) {
            left.clear();
            right.clear();
            self.copy(index, &mut left);
            other.copy(index, &mut right);
            let order = left.cmp(&right);
            if order.is_ne() {
                return order;
            }
        }
        self.count.cmp(&other.count)
    }

    /// What `repr` says of it.
    pub(crate) fn repr(&self) -> String {
        let (mut text, mut bytes) = (String::from("["), Vec::new());
        for index in 0..self.count {
            bytes.clear();
            self.copy(index, &mut bytes);
            text.push_str(if index > 0 { ", " } else { "" });
            put_repr(&bytes, &mut text);
        }
        text.push(']');
        text
    }
}

/// Appends what Python's `repr` says of bytes.
fn put_repr(bytes: &[u8], text: &mut String) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    text.push('b');
    text.push(quote);
    for byte in bytes {
        match char::from(*byte) {
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\\' => text.push_str("\\\\"),
            char if char == quote => text.extend(['\\', char]),
            char @ ' '..='~' => text.push(char),
            _ => {
                let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
                text.extend(['\\', 'x', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    text.push(quote);
}

#[cfg(test)]
mod tests {
    use super::{List, put_repr};
    use crate::call::{Fill, FillKind};

    fn lens(list: &List) -> Vec<u64> {
        (0..list.count()).map(|index| list.place(index).1).collect()
    }

    #[test]
    fn it_is_sliced_as_python_slices() {
        let list = List::new(Fill::new(FillKind::Random, 1), 95, 10);
        let offsets = |start, stop, step| {
            let list = list.slice(start, stop, step).expect("a step that is not 0");
            (0..list.count()).map(|index| list.place(index).0).collect::<Vec<_>>()
        };
        assert_eq!(lens(&list), [10, 10, 10, 10, 10, 10, 10, 10, 10, 5]);
        assert_eq!(offsets(Some(1), Some(3), None), [10, 20]);
        assert_eq!(offsets(None, None, Some(-4)), [90, 50, 10]);
        assert_eq!(offsets(Some(-2), None, None), [80, 90]);
        assert_eq!(offsets(Some(7), Some(-20), Some(-3)), [70, 40, 10]);
        assert!(offsets(Some(20), None, None).is_empty());
        assert!(offsets(Some(3), Some(1), None).is_empty());
        assert_eq!(offsets(Some(i64::MIN), Some(i64::MAX), Some(i64::MAX)), [0]);
        assert!(list.slice(None, None, Some(0)).is_none());
        let twice = list.slice(Some(1), None, Some(2)).and_then(|list| list.slice(None, None, Some(-2)));
        let twice = twice.expect("a slice of a slice");
        assert_eq!((0..twice.count()).map(|index| twice.place(index).0).collect::<Vec<_>>(), [90, 50, 10]);
    }

    #[test]
    fn its_bytes_are_those_of_its_chunks() {
        for (len, chunk) in [(95, 10), (90, 10), (5, 10), (0, 10), (1, 1), (10, 3)] {
            let list = List::new(Fill::new(FillKind::Random, 1), len, chunk);
            for (start, stop) in
                [(None, None), (Some(9), None), (None, Some(9)), (Some(1), Some(2)), (Some(4), Some(3))]
            {
                for step in [1, 2, 3, -1, -2, -3] {
                    let part = list.slice(start, stop, Some(step)).expect("a step that is not 0");
                    assert_eq!(
                        part.bytes(),
                        lens(&part).iter().sum::<u64>(),
                        "{len}/{chunk} {start:?} {stop:?} {step}"
                    );
                }
            }
        }
    }

    #[test]
    fn it_compares_and_holds_by_content() {
        let fill = Fill::new(FillKind::Random, 1);
        let list = List::new(fill.clone(), 95, 10);
        assert!(list.compare(&list.clone()).is_eq());
        assert!(list.slice(None, Some(5), None).is_some_and(|part| part.compare(&list).is_lt()));
        assert!(list.holds(9, &fill.at(90)[..5]) && !list.holds(8, &fill.at(90)[..5]));
        assert_eq!(list.position(-1), Some(9));
        assert_eq!([list.span(3, i64::MAX), list.span(-4, -1), list.span(-40, 40)], [3..10, 6..9, 0..10]);
        assert_eq!(list.position(10), None);
        assert_eq!(List::new(fill, 0, 10).count(), 0);
    }

    #[test]
    fn bytes_read_as_python_writes_them() {
        let repr = |bytes: &[u8]| {
            let mut text = String::new();
            put_repr(bytes, &mut text);
            text
        };
        assert_eq!(repr(b"a'b\x00\n\\"), r#"b"a'b\x00\n\\""#);
        assert_eq!(repr(b"'\""), r#"b'\'"'"#);
    }
}
