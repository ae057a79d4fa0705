//! Text with words in `${…}` that stand for something else.

use std::fmt;
use std::ops::Range;

/// A text, cut where its words are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    /// Its pieces, in order; two texts never follow each other.
    pub pieces: Vec<Piece>,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text that stands for itself.
    Text(String),
    /// A word that stands for something else.
    Word {
        /// The word.
        name: String,
        /// Where it stands with its braces, in bytes of the text.
        span: Range<usize>,
    },
}

/// A word is begun by `${` and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclosed {
    /// From where it begins to the end of the text, in bytes.
    pub span: Range<usize>,
}

impl fmt::Display for Unclosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`${` is not closed by `}`")
    }
}

impl std::error::Error for Unclosed {}

impl Template {
    /// Cuts a text: `${word}` is a word, `$${` stands for `${`, and any other `$` for itself.
    pub fn parse(text: &str) -> Result<Self, Unclosed> {
        let (mut pieces, mut fixed, mut at) = (Vec::new(), String::new(), 0);
        while let Some(found) = text[at..].find("${") {
            let begin = at + found;
            if text[at..begin].ends_with('$') {
                fixed.push_str(&text[at..begin]);
                fixed.push('{');
                at = begin + 2;
                continue;
            }
            fixed.push_str(&text[at..begin]);
            let Some(length) = text[begin..].find('}') else { return Err(Unclosed { span: begin..text.len() }) };
            if !fixed.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut fixed)));
            }
            at = begin + length + 1;
            pieces.push(Piece::Word { name: text[begin + 2..at - 1].to_owned(), span: begin..at });
        }
        fixed.push_str(&text[at..]);
        if !fixed.is_empty() {
            pieces.push(Piece::Text(fixed));
        }
        Ok(Template { pieces })
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, Template, Unclosed};

    #[test]
    fn a_text_is_cut_where_its_words_are() {
        let text = |text: &str| Piece::Text(text.to_owned());
        let word =
            |name: &str, begin: usize| Piece::Word { name: name.to_owned(), span: begin..begin + name.len() + 3 };
        for (written, pieces) in [
            ("", vec![]),
            ("plain $5 {x}", vec![text("plain $5 {x}")]),
            ("--port ${port}", vec![text("--port "), word("port", 7)]),
            ("${a}${b}c", vec![word("a", 0), word("b", 4), text("c")]),
            ("$${a} is ${a}", vec![text("${a} is "), word("a", 9)]),
            ("$$${a}", vec![text("$${a}")]),
        ] {
            assert_eq!(Template::parse(written).map(|template| template.pieces), Ok(pieces), "{written}");
        }
        assert_eq!(Template::parse("é${a"), Err(Unclosed { span: 2..5 }));
    }
}
