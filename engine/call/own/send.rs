//! A call of the user's own as bytes on a stream, and how its reply ends.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::call::ask::Own;
use crate::call::own::encoded;
use crate::call::own::form::Form;
use crate::call::own::text::Text;
use crate::words::words;

/// Bytes that are sent, and where the reply to them ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendCall {
    /// What is sent.
    pub message: Message,
    /// Where a reply ends.
    pub reply: ReplyEnd,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Message {
    /// This text.
    Text(Text),
    /// These bytes, in base64.
    Bytes(#[serde(with = "encoded")] Bytes),
}

/// Where a reply ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplyEnd {
    /// With these bytes, in base64, of which there is at least one.
    Until(#[serde(with = "encoded")] Bytes),
    /// After so many bytes, at least one.
    Bytes(u64),
    /// After as many bytes as stand before it; what is sent is framed likewise.
    Length(Length),
}

words! {
    /// How a length stands before the bytes that it counts.
    Length {
        /// One byte.
        U8 = "u8",
        /// Two bytes, the highest first.
        U16be = "u16be",
        /// Two bytes, the lowest first.
        U16le = "u16le",
        /// Four bytes, the highest first.
        U32be = "u32be",
        /// Four bytes, the lowest first.
        U32le = "u32le",
        /// Eight bytes, the highest first.
        U64be = "u64be",
        /// Eight bytes, the lowest first.
        U64le = "u64le",
    }
}

impl Length {
    /// How many bytes it takes itself.
    pub fn width(self) -> usize {
        match self {
            Length::U8 => 1,
            Length::U16be | Length::U16le => 2,
            Length::U32be | Length::U32le => 4,
            Length::U64be | Length::U64le => 8,
        }
    }

    fn lowest_first(self) -> bool {
        matches!(self, Length::U16le | Length::U32le | Length::U64le)
    }

    /// The largest length that it can say.
    pub fn most(self) -> u64 {
        u64::MAX >> (64 - 8 * self.width())
    }

    /// Appends a length, which is at most [`Length::most`].
    pub fn put(self, len: u64, out: &mut Vec<u8>) {
        match self.lowest_first() {
            true => out.extend_from_slice(&len.to_le_bytes()[..self.width()]),
            false => out.extend_from_slice(&len.to_be_bytes()[8 - self.width()..]),
        }
    }

    /// The length that these bytes say, of which there are [`Length::width`].
    pub fn said(self, bytes: &[u8]) -> u64 {
        let join = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        match self.lowest_first() {
            true => bytes.iter().rev().fold(0, join),
            false => bytes.iter().fold(0, join),
        }
    }
}

impl SendCall {
    /// Shows its text, with how a value is written there.
    pub(super) fn texts(&mut self, see: &mut dyn FnMut(&mut Text, Form)) {
        if let Message::Text(text) = &mut self.message {
            see(text, Form::Plain);
        }
    }

    /// How many bytes are sent in that call, without a length before them.
    pub fn len(&self, own: Own) -> u64 {
        match &self.message {
            Message::Text(text) => text.len(own) as u64,
            Message::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// Appends all that is sent in that call.
    pub fn put(&self, own: Own, out: &mut Vec<u8>) {
        if let ReplyEnd::Length(length) = self.reply {
            length.put(self.len(own), out);
        }
        match &self.message {
            Message::Text(text) => text.put(own, out),
            Message::Bytes(bytes) => out.extend_from_slice(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Length, SendCall};
    use crate::call::Word;
    use crate::call::ask::Own;

    #[test]
    fn a_length_is_read_as_it_was_written() {
        for length in Length::ALL {
            for len in [0, 1, 200, 0x1234, 0x1234_5678, u64::MAX].map(|len| len & length.most()) {
                let mut bytes = Vec::new();
                length.put(len, &mut bytes);
                assert_eq!((bytes.len(), length.said(&bytes)), (length.width(), len), "{length}");
            }
        }
        let mut bytes = Vec::new();
        Length::U32be.put(258, &mut bytes);
        Length::U16le.put(258, &mut bytes);
        assert_eq!(bytes, [0, 0, 1, 2, 2, 1]);
    }

    #[test]
    fn a_message_is_framed_as_its_reply() {
        let told = serde_json::json!({"message": {"text": "k${number}"}, "reply": {"length": "u16be"}});
        let call: SendCall = serde_json::from_value(told.clone()).expect("a message");
        assert_eq!(serde_json::json!(call), told);
        let mut out = Vec::new();
        call.put(Own { call: 0, client: 0, number: 42 }, &mut out);
        assert_eq!(out, b"\0\x03k42");
    }
}
