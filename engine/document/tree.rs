//! The YAML of a scenario as a tree in which every key and every value knows its place.
//!
//! This is the only file that names the YAML library, which also writes a scenario again.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_yaml::options::DuplicateKeyPolicy;
use serde_yaml::{Error, FlowSeq, Location, MessageFormatter, Spanned, UserMessageFormatter};

use crate::document::mistake::{Mistake, Span};

/// One value of the file.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a value is, before anyone asks what it should be.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A key without a value.
    Nothing,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number that is not negative.
    Count(u64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key of a map. A file may hold it twice; whoever walks the tree says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Where it stands.
    pub span: Span,
    /// The key.
    pub name: String,
}

/// A scenario as YAML again: in block style but for lists of single values; keys that are null are left out.
pub fn written(scenario: &serde_json::Value) -> String {
    let options = serde_yaml::ser_options! { compact_list_indent: false, prefer_block_scalars: false };
    // What is JSON can be written as YAML; and if not, JSON is YAML.
    let text = serde_yaml::to_string_with_options(&Written(scenario), options);
    text.map_or_else(|_| scenario.to_string(), |text| text.trim_end().to_owned())
}

/// A value on its way into YAML.
struct Written<'a>(&'a serde_json::Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde_json::Value as Json;
        match self.0 {
            Json::Object(map) => {
                let there = map.iter().filter(|(_, value)| !value.is_null());
                serializer.collect_map(there.map(|(key, value)| (key, Written(value))))
            }
            Json::Array(list) if list.iter().any(Json::is_object) => serializer.collect_seq(list.iter().map(Written)),
            Json::Array(list) => FlowSeq(list.iter().map(Written).collect::<Vec<_>>()).serialize(serializer),
            single => single.serialize(serializer),
        }
    }
}

/// Reads `text`, which begins at byte `offset` of the source of that number, or says what is wrong with its YAML.
pub(crate) fn read(text: &str, source: usize, offset: usize) -> Result<Node, Mistake> {
    // The limits stop a small file that grows without bound when its aliases are followed.
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_events: 200_000,
            max_nodes: 100_000,
            max_aliases: 500,
            max_anchors: 200,
            max_depth: 64,
            max_documents: 1,
        },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: 100_000 },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    match serde_yaml::from_str_with_options::<Node>(text, options) {
        Ok(mut node) => {
            node.settle(source, offset);
            Ok(node)
        }
        Err(error) => {
            let mut span = error.location().map_or_else(Span::default, |location| span_of_error(&location, text));
            let (what, help) = explained(&error, &mut span, text);
            span.settle(source, offset);
            let mistake = Mistake::new(what, span);
            Err(help.into_iter().fold(mistake, Mistake::help))
        }
    }
}

/// What is wrong, in plain words where they are known, and what would be right; `span` is moved to where it is.
fn explained(error: &Error, span: &mut Span, text: &str) -> (String, Option<&'static str>) {
    // The reader's own words, on one line.
    let said = UserMessageFormatter.format_message(error.without_snippet());
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = |what: &str, help| (what.to_owned(), Some(help));
    let cannot = format!("this YAML cannot be read: {said}");
    if said.contains("Documents {") {
        told(
            "a second YAML document begins here",
            "a scenario is one document: remove this line, or give what follows it a file of its own",
        )
    } else if said.contains("too large or too complex") {
        told(&cannot, "a scenario nests a few levels deep, and its aliases repeat little")
    } else if let Some(tab) = tab(span.start, text).filter(|_| said.contains("tab")) {
        *span = tab;
        told("a tab indents this line, and YAML takes spaces only", "indent with spaces, two for each level")
    } else if said.contains("mapping values are not allowed") {
        told(&cannot, "a text with `: ` in it needs quotes; the keys of one map begin in the same column")
    } else if said.contains("block collection") || said.contains("block mapping") {
        told(&cannot, "the dashes of one list stand in the same column, and so do the keys of one map")
    } else {
        (cannot, None)
    }
}

/// The first tab that indents a line, from the line on in which byte `from` stands.
fn tab(from: usize, text: &str) -> Option<Span> {
    let mut begin = text[..text.floor_char_boundary(from.min(text.len()))].rfind('\n').map_or(0, |end| end + 1);
    for line in text[begin..].split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(at) = line[..indent].find('\t') {
            return Some(Span { source: 0, start: begin + at, end: begin + at + 1 });
        }
        begin += line.len();
    }
    None
}

fn span(location: &Location) -> Span {
    let span = location.span();
    let start = span.byte_offset().unwrap_or(0) as usize;
    Span { source: 0, start, end: start + span.byte_len().unwrap_or(0) as usize }
}

/// Errors of syntax know their line and column only, counted in characters from 1.
fn span_of_error(location: &Location, text: &str) -> Span {
    if location.span().byte_offset().is_some() {
        return span(location);
    }
    let (line, column) = (location.line().max(1) as usize, location.column().max(1) as usize);
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let start = before + text[before..].chars().take(column - 1).map(char::len_utf8).sum::<usize>();
    Span { source: 0, start, end: start + 1 }
}

impl Node {
    /// Gives every place its source and its distance from the beginning of it.
    fn settle(&mut self, source: usize, offset: usize) {
        self.span.settle(source, offset);
        match &mut self.value {
            Value::List(items) => {
                items.iter_mut().for_each(|item| item.settle(source, offset));
                self.span.end = self.span.start + 1;
            }
            Value::Map(entries) => {
                for (key, node) in &mut *entries {
                    key.span.settle(source, offset);
                    node.settle(source, offset);
                }
                // A caret under the first key says more than one under the whole map.
                self.span = entries.first().map_or(self.span, |(key, _)| key.span);
            }
            _ => {}
        }
    }

    /// A value of JSON as a node, which stands nowhere.
    pub(crate) fn of_json(json: &serde_json::Value) -> Node {
        let value = match json {
            serde_json::Value::Null => Value::Nothing,
            serde_json::Value::Bool(flag) => Value::Flag(*flag),
            serde_json::Value::Number(number) => match number.as_u64() {
                Some(count) => Value::Count(count),
                None => Value::Number(number.as_f64().unwrap_or_default()),
            },
            serde_json::Value::String(text) => Value::Text(text.clone()),
            serde_json::Value::Array(items) => Value::List(items.iter().map(Node::of_json).collect()),
            serde_json::Value::Object(entries) => {
                let entry = |(name, value): (&String, &serde_json::Value)| {
                    (Key { span: Span::default(), name: name.clone() }, Node::of_json(value))
                };
                Value::Map(entries.iter().map(entry).collect())
            }
        };
        Node { span: Span::default(), value }
    }

    /// What it is, for an error that wanted something else.
    pub(crate) fn kind(&self) -> String {
        match &self.value {
            Value::Nothing => "nothing".to_owned(),
            Value::Flag(flag) => format!("the flag `{flag}`"),
            Value::Count(count) => format!("the number `{count}`"),
            Value::Number(number) => format!("the number `{number}`"),
            Value::Text(text) => format!("the text `{text}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map of keys".to_owned(),
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, defined, .. } = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Node { span: span(&defined), value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }
    fn visit_u64<E>(self, count: u64) -> Result<Value, E> {
        Ok(Value::Count(count))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(u64::try_from(number).map_or(Value::Number(number as f64), Value::Count))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some((key, node)) = entries.next_entry::<Spanned<String>, Node>()? {
            map.push((Key { span: span(&key.defined), name: key.value }, node));
        }
        Ok(Value::Map(map))
    }
}
