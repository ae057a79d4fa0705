//! Text of a request in which some words stand for what differs from call to call.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

use crate::call::ask::Own;
use crate::call::own::form::Form;
use crate::call::own::rendered::Rendered;
use crate::call::own::session::Sessions;
use crate::call::own::table::{Pick, Table};
use crate::template::{Piece, Template, Unclosed};

/// Text with words in `${…}`, compiled: to write it copies its parts, which allocates nothing where there is room.
///
/// Words of a call are known at once. Columns and values that are taken are known once it is [bound](Text::bind).
#[derive(Clone)]
pub struct Text {
    parts: Vec<Part>,
    /// As it was written.
    written: String,
}

#[derive(Debug, Clone)]
enum Part {
    Fixed(Box<str>),
    Word(Varying),
    /// A word of which it is not known yet what it stands for.
    Named(Box<str>),
    /// What varies by row alone.
    Rows(Arc<Rendered>),
    /// A value that the client was given.
    Taken(Arc<Sessions>, usize, Form),
}

/// Two are the same that are written alike.
impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Text").field(&self.written).finish()
    }
}

/// What a word of a request stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Varying {
    /// The number of the client, from 0.
    Client,
    /// How many calls the client has made before, in warm-up too; of steps, those that it has skipped among them.
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

/// What words stand for beside those of a call itself.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Tables with their rows in the order in which they are had, and which of them a call has.
    pub tables: &'a [(Table, Pick)],
    /// What clients are given.
    pub sessions: &'a Arc<Sessions>,
}

impl Scope<'_> {
    /// The table and the column of that name.
    fn column(&self, name: &str) -> Option<(usize, usize)> {
        let column = |table: &Table| table.columns.iter().position(|column| column.name == name);
        self.tables.iter().enumerate().find_map(|(at, (table, _))| Some((at, column(table)?)))
    }
}

impl Text {
    /// The text, or which of its words is none of a call itself.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let open = |open: Unclosed| TextError::Open(open.span);
        let cut = Text::cut(text).map_err(open)?;
        match Template::parse(text).map_err(open)?.words().find(|(word, _)| named(word)) {
            Some((word, span)) => Err(TextError::Unknown(word.to_owned(), span)),
            None => Ok(cut),
        }
    }

    /// The text with whatever words it has, which somebody has to bind.
    pub fn cut(text: &str) -> Result<Self, Unclosed> {
        let template = Template::parse(text)?;
        let part = |piece: Piece| match piece {
            Piece::Text(text) => Part::Fixed(text.into()),
            Piece::Word { name, .. } => match Varying::ALL.iter().find(|(known, _)| *known == name) {
                Some((_, word)) => Part::Word(*word),
                None => Part::Named(name.into()),
            },
        };
        Ok(Text { parts: template.pieces.into_iter().map(part).collect(), written: text.to_owned() })
    }

    /// As it was written.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The words of which it is not known yet what they stand for.
    pub fn unbound(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| if let Part::Named(name) = part { Some(&**name) } else { None })
    }

    /// Gives each word what it stands for: what varies by row alone is written for all rows now, and a value that is taken is
    /// looked up when it is needed. An error names a word that nobody gives a value.
    pub fn bind(&mut self, form: Form, scope: &Scope<'_>) -> Result<(), TextError> {
        let (mut bound, mut run) = (Vec::new(), Run::default());
        for part in std::mem::take(&mut self.parts) {
            match part {
                Part::Fixed(text) => run.parts.push(RunPart::Fixed(text)),
                Part::Named(name) => match (scope.column(&name), scope.sessions.place(&name)) {
                    (Some((table, column)), _) => {
                        if run.table.is_some_and(|known| known != table) {
                            run.end(form, scope, &mut bound);
                        }
                        run.table = Some(table);
                        run.parts.push(RunPart::Column(column));
                    }
                    (None, Some(place)) => {
                        run.end(form, scope, &mut bound);
                        bound.push(Part::Taken(scope.sessions.clone(), place, form));
                    }
                    (None, None) => return Err(TextError::Unknown(name.into(), 0..self.written.len())),
                },
                other => {
                    run.end(form, scope, &mut bound);
                    bound.push(other);
                }
            }
        }
        run.end(form, scope, &mut bound);
        self.parts = bound;
        Ok(())
    }

    /// How many bytes are written ahead of time for each table, before it is bound: for all rows, what is fixed among them.
    pub fn weigh(&self, form: Form, tables: &[Table], weights: &mut [u64]) {
        let fixed: usize =
            self.parts.iter().map(|part| if let Part::Fixed(text) = part { text.len() } else { 0 }).sum();
        for (table, weight) in tables.iter().zip(weights) {
            let columns = || self.unbound().filter_map(|name| table.columns.iter().find(|column| column.name == name));
            if columns().next().is_some() {
                *weight += (fixed * table.len()) as u64;
            }
            for column in columns() {
                *weight += column.values.iter().map(|value| form.len(value.as_bytes()) as u64).sum::<u64>();
            }
        }
    }

    /// True where it differs from call to call.
    pub fn varies(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Fixed(_)))
    }

    /// How many bytes it has in that call.
    pub fn len(&self, own: Own) -> usize {
        let part = |part: &Part| match part {
            Part::Fixed(text) => text.len(),
            Part::Word(Varying::Client) => digits(own.client.into()),
            Part::Word(Varying::Number) => digits(own.number),
            Part::Word(Varying::Unique) => digits(own.client.into()) + 1 + digits(own.number),
            Part::Named(_) => 0,
            Part::Rows(rows) => rows.of_call(own).len(),
            Part::Taken(sessions, place, form) => sessions.len(own.client, *place, *form),
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
                // Nobody has bound it.
                Part::Named(_) => {}
                Part::Rows(rows) => out.extend_from_slice(rows.of_call(own)),
                Part::Taken(sessions, place, form) => sessions.put(own.client, *place, *form, out),
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

/// Parts that follow each other and vary by the rows of one table at most.
#[derive(Default)]
struct Run {
    table: Option<usize>,
    parts: Vec<RunPart>,
}

enum RunPart {
    Fixed(Box<str>),
    Column(usize),
}

impl Run {
    /// Writes it for all rows, if it varies at all, and begins another.
    fn end(&mut self, form: Form, scope: &Scope<'_>, bound: &mut Vec<Part>) {
        let Run { table, parts } = std::mem::take(self);
        let Some((table, pick)) = table.and_then(|table| scope.tables.get(table)) else {
            bound.extend(parts.into_iter().filter_map(|part| match part {
                RunPart::Fixed(text) => Some(Part::Fixed(text)),
                RunPart::Column(_) => None,
            }));
            return;
        };
        let write = |row: usize, out: &mut Vec<u8>| {
            for part in &parts {
                match part {
                    RunPart::Fixed(text) => out.extend_from_slice(text.as_bytes()),
                    RunPart::Column(column) => form.put(table.columns[*column].values[row].as_bytes(), out),
                }
            }
        };
        bound.push(Part::Rows(Arc::new(Rendered::of(table.len(), *pick, write))));
    }
}

/// Whether a word is none of a call itself.
fn named(word: &str) -> bool {
    !Varying::ALL.iter().any(|(known, _)| *known == word)
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
        Text::cut(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Scope, Text, TextError};
    use crate::call::ask::Own;
    use crate::call::own::form::Form;
    use crate::call::own::session::{Name, Sessions};
    use crate::call::own::table::{Column, Each, Pick, RowOrder, Table};
    use crate::call::own::take::{Material, Origin, Take};

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

    fn table(each: Each, columns: &[(&str, &[&str])]) -> Table {
        let column = |(name, values): &(&str, &[&str])| Column {
            name: (*name).to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        Table { each, rows: RowOrder::File, columns: columns.iter().map(column).collect() }
    }

    #[test]
    fn columns_and_taken_values_become_what_a_call_has_of_them() {
        let users = table(Each::Client, &[("user", &["ann", "b\"o"]), ("word", &["x", "long"])]);
        let items = table(Each::Call, &[("item", &["1", "2", "3"])]);
        let tables: Vec<(Table, Pick)> = [users, items].map(|table| (table.clone(), table.pick(2, 1))).into();
        let names = vec![Name { name: "token".to_owned(), in_field: false }];
        let sessions = Arc::new(Sessions::new(2, names, false));
        let take = [Take { name: "token".to_owned(), from: Origin::All }];
        sessions.keep(1, &take, &Material { body: b"a b".to_vec(), ..Material::default() }, true).expect("it is there");
        let scope = Scope { tables: &tables, sessions: &sessions };
        let own = Own { call: 0, client: 1, number: 1 };
        for (text, form, written) in [
            ("{\"u\": \"${user}\", \"w\": \"${word}\"}", Form::Json, "{\"u\": \"b\\\"o\", \"w\": \"long\"}"),
            ("/${item}/${user}?${word}", Form::Target, "/1/b%22o?long"),
            ("/${item}/${token}/${number}", Form::Target, "/1/a%20b/1"),
            ("<${token}${item}${user}>", Form::Plain, "<a b1b\"o>"),
            ("fixed", Form::Plain, "fixed"),
        ] {
            let mut bound = Text::cut(text).expect(text);
            assert_eq!(bound.unbound().count() > 0, text.contains("${"), "{text}");
            let mut weights = [0, 0];
            let plain: Vec<Table> = tables.iter().map(|(table, _)| table.clone()).collect();
            bound.weigh(form, &plain, &mut weights);
            assert_eq!(weights[0] > 0, text.contains("${user}"), "{text}");
            bound.bind(form, &scope).expect(text);
            assert_eq!(String::from_utf8(bound.of(own)).expect("text"), written);
            assert_eq!(bound.len(own), written.len(), "{text}");
            assert_eq!((bound.unbound().count(), bound.varies()), (0, text != "fixed"));
        }
        let mut unknown = Text::cut("a${tennant}").expect("it can be cut");
        assert!(matches!(unknown.bind(Form::Plain, &scope), Err(TextError::Unknown(word, _)) if word == "tennant"));
    }
}
