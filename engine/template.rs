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

    /// What is to be filled, in order, with where it stands.
    pub fn words(&self) -> impl Iterator<Item = (&str, Range<usize>)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Word { name, span } => Some((name.as_str(), span.clone())),
            Piece::Text(_) => None,
        })
    }

    /// The same with every word filled that `value` knows.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Self {
        let mut filled = Template::default();
        for piece in &self.pieces {
            let text = match piece {
                Piece::Text(text) => Some(text.clone()),
                Piece::Word { name, .. } => value(name),
            };
            match (filled.pieces.last_mut(), text) {
                (_, None) => filled.pieces.push(piece.clone()),
                (_, Some(text)) if text.is_empty() => {}
                (Some(Piece::Text(before)), Some(text)) => before.push_str(&text),
                (_, Some(text)) => filled.pieces.push(Piece::Text(text)),
            }
        }
        filled
    }

    /// The text, where nothing is left to be filled; else the first word that is.
    pub fn text(&self) -> Result<String, &str> {
        self.pieces.iter().try_fold(String::new(), |text, piece| match piece {
            Piece::Text(more) => Ok(text + more),
            Piece::Word { name, .. } => Err(name.as_str()),
        })
    }
}

/// As it would be cut again.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(&text.replace("${", "$${")),
            Piece::Word { name, .. } => write!(f, "${{{name}}}"),
        })
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

    #[test]
    fn words_are_filled_and_what_is_left_can_be_cut_again() {
        let template = Template::parse("--at ${host}:${port} $${port} $5").expect("it is one");
        let words: Vec<_> = template.words().collect();
        assert_eq!(words, [("host", 5..12), ("port", 13..20)]);
        let half = template.fill(|word| (word == "host").then(|| "${a}".to_owned()));
        assert_eq!(half.to_string(), "--at $${a}:${port} $${port} $5");
        assert_eq!(Template::parse(&half.to_string()).map(|again| again.to_string()), Ok(half.to_string()));
        assert_eq!(half.text(), Err("port"));
        let whole = half.fill(|_| Some("80".to_owned()));
        assert_eq!(whole.text().as_deref(), Ok("--at ${a}:80 ${port} $5"));
    }
}
