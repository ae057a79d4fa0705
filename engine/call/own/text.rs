//! Text of a request in which some words stand for what differs from call to call.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

use crate::call::ask::Own;
use crate::template::{Piece, Template};

/// Text with words in `${…}`, compiled: to write it copies its parts, which allocates nothing where there is room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    parts: Vec<Part>,
    /// As it was written.
    written: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Fixed(Box<str>),
    Word(Varying),
}

/// What a word of a request stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Varying {
    /// The number of the client, from 0.
    Client,
    /// How many calls the client has made before, in warm-up too.
    Number,
    /// Client and number: no two calls of a trial have the same.
    Unique,
}

impl Varying {
    /// Every word with what it stands for.
    pub const ALL: [(&'static str, Varying); 3] =
        [("client", Varying::Client), ("number", Varying::Number), ("unique", Varying::Unique)];
}

/// Why a text cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextError {
    /// Nobody gives this word a value; where it stands in the text.
    Unknown(String, Range<usize>),
    /// What is opened there by `${` is not closed.
    Open(Range<usize>),
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextError::Unknown(word, _) => write!(f, "nobody gives `${{{word}}}` a value"),
            TextError::Open(_) => f.write_str("`${` is not closed"),
        }
    }
}

impl std::error::Error for TextError {}

impl Text {
    /// The text, or which of its words nobody knows.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let template = Template::parse(text).map_err(|open| TextError::Open(open.span))?;
        let part = |piece: Piece| match piece {
            Piece::Text(text) => Ok(Part::Fixed(text.into())),
            Piece::Word { name, span } => match Varying::ALL.iter().find(|(known, _)| *known == name) {
                Some((_, word)) => Ok(Part::Word(*word)),
                None => Err(TextError::Unknown(name, span)),
            },
        };
        let parts = template.pieces.into_iter().map(part).collect::<Result<_, _>>()?;
        Ok(Text { parts, written: text.to_owned() })
    }

    /// As it was written.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// True where it differs from call to call.
    pub fn varies(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Word(_)))
    }

    /// How many bytes it has in that call.
    pub fn len(&self, own: Own) -> usize {
        let part = |part: &Part| match part {
            Part::Fixed(text) => text.len(),
            Part::Word(Varying::Client) => digits(own.client.into()),
            Part::Word(Varying::Number) => digits(own.number),
            Part::Word(Varying::Unique) => digits(own.client.into()) + 1 + digits(own.number),
        };
        self.parts.iter().map(part).sum()
    }

    /// Appends what it is in that call.
    pub fn put(&self, own: Own, out: &mut Vec<u8>) {
        let number = |number: u64, out: &mut Vec<u8>| {
            out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        };
        for part in &self.parts {
            match part {
                Part::Fixed(text) => out.extend_from_slice(text.as_bytes()),
                Part::Word(Varying::Client) => number(own.client.into(), out),
                Part::Word(Varying::Number) => number(own.number, out),
                Part::Word(Varying::Unique) => {
                    number(own.client.into(), out);
                    out.push(b'-');
                    number(own.number, out);
                }
            }
        }
    }

    /// What it is in that call.
    pub fn of(&self, own: Own) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len(own));
        self.put(own, &mut out);
        out
    }
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |power| power as usize + 1)
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Text, TextError};
    use crate::call::ask::Own;

    #[test]
    fn words_become_what_they_stand_for_and_the_length_is_told_ahead() {
        let own = Own { call: 0, client: 12, number: 1_000 };
        for (text, written) in [
            ("/items", "/items"),
            ("/items/${number}?by=${client}", "/items/1000?by=12"),
            ("k${unique}", "k12-1000"),
            ("{\"a\": \"$${client}\"}", "{\"a\": \"${client}\"}"),
            ("", ""),
        ] {
            let read = Text::parse(text).expect(text);
            assert_eq!(String::from_utf8(read.of(own)).expect("text"), written);
            assert_eq!(read.len(own), written.len(), "{text}");
            assert_eq!(read.varies(), text != written && !text.contains("$${"), "{text}");
        }
        for number in [0, 9, 10, 99, 100, u64::MAX] {
            let own = Own { number, ..own };
            assert_eq!(Text::parse("${number}").expect("text").len(own), number.to_string().len());
        }
    }

    #[test]
    fn a_word_that_nobody_knows_is_told_with_its_place() {
        assert_eq!(Text::parse("a${tennant}"), Err(TextError::Unknown("tennant".into(), 1..11)));
        assert!(matches!(Text::parse("a${client"), Err(TextError::Open(_))));
    }
}
