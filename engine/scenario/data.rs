//! Files with rows of values, whose columns calls name: `data`.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::call::own::{Column, Each, RowOrder, Table};
use crate::document::mistake::{Mistake, Span};
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, empty_list};
use crate::scenario::taken::no_word;

/// The largest file of rows, in bytes.
pub const LARGEST: u64 = 64 << 20;

/// The files with rows that a scenario names, in its order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Data(Vec<Rows>);

/// A file with rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Its path, as it is written.
    pub file: String,
    /// What it holds.
    pub table: Table,
    /// Where the scenario names it.
    pub(crate) span: Span,
    /// What is written of `each` and `rows`.
    written: (Option<Each>, Option<RowOrder>),
}

impl Data {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Rows> {
        self.0.iter()
    }

    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of all columns, each with the file that it is of and its place there, from 1.
    pub(crate) fn columns(&self) -> Vec<(&str, &str, usize)> {
        self.0
            .iter()
            .flat_map(|rows| {
                rows.table
                    .columns
                    .iter()
                    .zip(1..)
                    .map(move |(column, at)| (column.name.as_str(), rows.file.as_str(), at))
            })
            .collect()
    }

    /// The tables with those columns alone that `words` name, and only tables that have one.
    pub fn named(&self, words: &[String]) -> Vec<Table> {
        let narrow = |rows: &Rows| {
            let columns = rows.table.columns.iter().filter(|column| words.contains(&column.name));
            Table { columns: columns.cloned().collect(), ..rows.table.clone() }
        };
        self.0.iter().map(narrow).filter(|table| !table.columns.is_empty()).collect()
    }
}

/// As a scenario has it: no row of it is shown.
impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &self.file)?;
        if let Some(each) = self.written.0 {
            map.serialize_entry("each", &each)?;
        }
        if let Some(rows) = self.written.1 {
            map.serialize_entry("rows", &rows)?;
        }
        map.end()
    }
}

/// The files that stand behind `data`, looked for in `folder`.
pub(crate) fn read(fields: &mut Fields<'_>, folder: &Path, mistakes: &mut Vec<Mistake>) -> Option<Data> {
    if !fields.has("data") {
        return Some(Data::default());
    }
    let (_, node) = fields.entry("data", mistakes)?;
    let Value::List(items) = &node.value else {
        let mistake = Mistake::new(format!("`data` takes a list, not {}", node.kind()), node.span);
        mistakes.push(mistake.help("begin each file with a dash, such as `- {file: users.csv, each: client}`"));
        return None;
    };
    if items.is_empty() {
        mistakes.push(empty_list("data", node));
        return None;
    }
    let files: Vec<Option<Rows>> = items.iter().map(|item| rows(item, folder, mistakes)).collect();
    let files: Vec<Rows> = files.into_iter().collect::<Option<_>>()?;
    for (at, rows) in files.iter().enumerate() {
        for column in &rows.table.columns {
            let has = |other: &&Rows| other.table.columns.iter().any(|known| known.name == column.name);
            if let Some(first) = files[..at].iter().find(has) {
                let what = format!("`{}` is a column of {} and of {}", column.name, first.file, rows.file);
                let mistake = Mistake::new(what, rows.span).elsewhere(first.span, "the first one");
                mistakes.push(mistake.help("nobody knows which `${…}` means; rename one of them in its header"));
            }
        }
    }
    Some(Data(files))
}

fn rows(node: &Node, folder: &Path, mistakes: &mut Vec<Mistake>) -> Option<Rows> {
    let mut fields = Fields::of("a file of `data`", node, mistakes)?;
    let file: Option<String> = fields.required("file", "file: users.csv", mistakes);
    let each = fields.optional("each", mistakes);
    let order = fields.optional("rows", mistakes);
    let span = fields.node_of("file").map_or(fields.span(), |node| node.span);
    fields.finish(mistakes);
    let file = file?;
    let wrong = |what: String| Mistake::new(format!("the file `{file}` {what}"), span);
    let bytes = match bytes(&folder.join(&file)) {
        Ok(bytes) => bytes,
        Err(why) => {
            let mistake = wrong(format!("cannot be read: {why}"));
            mistakes.push(mistake.help("a path is read from the folder of the scenario"));
            return None;
        }
    };
    match table(&bytes) {
        Ok(columns) => {
            let table = Table { each: each.unwrap_or(Each::Call), rows: order.unwrap_or(RowOrder::File), columns };
            Some(Rows { file, table, span, written: (each, order) })
        }
        Err(Unread { what, help }) => {
            mistakes.push(wrong(what).help(help));
            None
        }
    }
}

/// All bytes of a file of rows.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("it has more than {} MiB, which is the most", LARGEST >> 20)));
    }
    Ok(bytes)
}

/// Why rows cannot be read, and what would be right. No value of theirs stands in it: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What is wrong, and in which line.
    pub what: String,
    /// What would be right.
    pub help: String,
}

/// The columns of a CSV with a header (RFC 4180).
pub fn table(bytes: &[u8]) -> Result<Vec<Column>, Unread> {
    let unread = |what: String, help: &str| Err(Unread { what, help: help.to_owned() });
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(_) => {
            return unread(
                "is no text in UTF-8".to_owned(),
                "save it as CSV in UTF-8, its columns named in the first line",
            );
        }
    };
    let mut columns: Vec<(String, Vec<String>)> = Vec::new();
    for name in header.iter().map(str::trim) {
        if let Some(why) = no_word(name) {
            let help = format!("{why}; the first line names the columns, such as `user,password`");
            return unread(format!("has a column that is called `{name}`"), &help);
        }
        if columns.iter().any(|(known, _)| known == name) {
            return unread(format!("has two columns that are called `{name}`"), "rename one of them in its first line");
        }
        columns.push((name.to_owned(), Vec::new()));
    }
    for row in reader.records() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let line = error.position().map_or(0, |position| position.line());
                return match error.kind() {
                    csv::ErrorKind::UnequalLengths { expected_len, len, .. } => unread(
                        format!("has {len} values in line {line}, and {expected_len} columns"),
                        "give each row a value for each column, in quotes where it has a comma",
                    ),
                    csv::ErrorKind::Utf8 { .. } => {
                        unread(format!("is no text in UTF-8 in line {line}"), "save it as CSV in UTF-8")
                    }
                    _ => unread(format!("cannot be read in line {line}"), "save it as CSV in UTF-8"),
                };
            }
        };
        columns.iter_mut().zip(&row).for_each(|((_, values), value)| values.push(value.to_owned()));
    }
    if columns.first().is_none_or(|(_, values)| values.is_empty()) {
        return unread("has no rows".to_owned(), "its first line names the columns, and each line below it is a row");
    }
    Ok(columns.into_iter().map(|(name, values)| Column { name, values: values.into() }).collect())
}

/// The schema of `data`.
pub(crate) fn schema(generator: &mut SchemaGenerator) -> Schema {
    let (mut each, mut rows) = (generator.subschema_for::<Each>(), generator.subschema_for::<RowOrder>());
    each.insert(
        "description".to_owned(),
        "Who has a row of its own: each client, each call, or each pass. Default: call.".into(),
    );
    each.insert("examples".to_owned(), serde_json::json!(["client"]));
    rows.insert("description".to_owned(), "In which order rows are had; they go round. Default: file.".into());
    rows.insert("examples".to_owned(), serde_json::json!(["random"]));
    json_schema!({
        "type": "array",
        "minItems": 1,
        "items": {"type": "object", "additionalProperties": false, "required": ["file"], "properties": {
            "file": {"type": "string", "pattern": "[^ \t\r\n]", "default": "users.csv",
                "description": "A CSV in UTF-8 whose first line names its columns, from the scenario's folder. Results show none of its rows."},
            "each": each,
            "rows": rows,
        }},
    })
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn a_file_is_read_by_columns() {
        let text = "\u{feff}user, word\r\nann,\"a, \"\"b\"\"\nc\"\r\nbob,\n";
        let columns = table(text.as_bytes()).expect("it can be read");
        let read: Vec<(&str, Vec<&str>)> = columns
            .iter()
            .map(|column| (column.name.as_str(), column.values.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(read, [("user", vec!["ann", "bob"]), ("word", vec!["a, \"b\"\nc", ""])]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_its_values() {
        for (text, what) in [
            (&b""[..], "has no rows"),
            (b"user\n", "has no rows"),
            (b"user,\nann,x\n", "has a column that is called ``"),
            (b"user,user\na,b\n", "has two columns that are called `user`"),
            (b"client\na\n", "has a column that is called `client`"),
            (b"a b\na\n", "has a column that is called `a b`"),
            (b"user,word\nann,x\ns3cret\n", "has 1 values in line 3, and 2 columns"),
            (b"user\nann\n\xff\n", "is no text in UTF-8 in line 3"),
            (b"\xff\nann\n", "is no text in UTF-8"),
        ] {
            let unread = table(text).expect_err("it is wrong");
            assert_eq!(unread.what, what);
            assert!(!unread.help.contains("s3cret") && !unread.help.is_empty());
        }
    }
}
