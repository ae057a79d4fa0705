//! A message whose bytes are known before the first call, but for texts that differ from call to call.
//!
//! What such a text changes in a message of Protocol Buffers is its own length and that of every message around it. So
//! words may stand in fields of text and of bytes, however deep, and nowhere else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};
use serde_json::{Map, Value as Json};

use crate::call::ask::Own;
use crate::call::own::grpc::fault::{Fault, Place, Step};
use crate::call::own::grpc::judge;
use crate::call::own::text::Text;

/// A message, compiled: to write it copies its parts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parts(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Fixed(Box<[u8]>),
    Text(Text),
    /// These, with how many bytes they have before them.
    Counted(Vec<Part>),
}

impl Part {
    fn texts(&mut self, see: &mut dyn FnMut(&mut Text)) {
        match self {
            Part::Fixed(_) => {}
            Part::Text(text) => see(text),
            Part::Counted(parts) => parts.iter_mut().for_each(|part| part.texts(see)),
        }
    }

    fn len(&self, own: Own) -> usize {
        match self {
            Part::Fixed(bytes) => bytes.len(),
            Part::Text(text) => text.len(own),
            Part::Counted(parts) => {
                let len = len(parts, own);
                encoded_len_varint(len as u64) + len
            }
        }
    }

    fn put(&self, own: Own, out: &mut Vec<u8>) {
        match self {
            Part::Fixed(bytes) => out.extend_from_slice(bytes),
            Part::Text(text) => text.put(own, out),
            Part::Counted(parts) => {
                encode_varint(len(parts, own) as u64, out);
                parts.iter().for_each(|part| part.put(own, out));
            }
        }
    }
}

fn len(parts: &[Part], own: Own) -> usize {
    parts.iter().map(|part| part.len(own)).sum()
}

impl Parts {
    /// The message of that type that JSON says, or what is wrong with it.
    pub(super) fn of(message: &MessageDescriptor, json: &Map<String, Json>) -> Result<Self, Fault> {
        let mut marks = Marks::none_of(json);
        let marked = marks.marked(json)?;
        let varies = |steps: &[Step]| {
            let what = "what differs from call to call may stand in a field of text or of bytes only";
            Fault::at(Place::Value(steps.to_vec()), what)
        };
        let dynamic = match DynamicMessage::deserialize(message.clone(), Json::Object(marked.clone())) {
            Ok(dynamic) => dynamic,
            Err(error) => {
                let fault = judge::fault(message, &marked, &error.to_string());
                let marked = marks.marks.iter().find(|mark| fault.place == Place::Value(mark.steps.clone()));
                return Err(marked.map_or(fault, |mark| varies(&mark.steps)));
            }
        };
        let parts = marks.parts(&dynamic);
        match marks.marks.iter().find(|mark| !mark.met) {
            Some(mark) => Err(varies(&mark.steps)),
            None => Ok(Parts(joined(parts))),
        }
    }

    /// Shows each of its texts.
    pub(super) fn texts(&mut self, see: &mut dyn FnMut(&mut Text)) {
        self.0.iter_mut().for_each(|part| part.texts(see));
    }

    /// True where it differs from call to call.
    pub(super) fn varies(&self) -> bool {
        self.0.iter().any(|part| !matches!(part, Part::Fixed(_)))
    }

    /// How many bytes it has in that call.
    pub(super) fn len(&self, own: Own) -> usize {
        len(&self.0, own)
    }

    /// Appends what it is in that call.
    pub(super) fn put(&self, own: Own, out: &mut Vec<u8>) {
        self.0.iter().for_each(|part| part.put(own, out));
    }
}

/// The same with neighbours that are fixed as one.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::new();
    for part in parts {
        match (joined.last_mut(), part) {
            (Some(Part::Fixed(last)), Part::Fixed(bytes)) => *last = [last.as_ref(), &bytes].concat().into(),
            (_, Part::Counted(parts)) => joined.push(Part::Counted(self::joined(parts))),
            (_, part) => joined.push(part),
        }
    }
    joined
}

/// The texts that differ from call to call, each marked in the message by a text of its own.
struct Marks {
    /// With what each mark begins; nothing in the message has it.
    stem: String,
    marks: Vec<Mark>,
}

struct Mark {
    text: Text,
    /// Where it stands.
    steps: Vec<Step>,
    /// It was found in a field that takes it.
    met: bool,
}

/// Digits of a mark's number.
const DIGITS: usize = 8;

impl Marks {
    fn none_of(json: &Map<String, Json>) -> Self {
        let whole = serde_json::to_string(json).unwrap_or_default();
        // Letters and digits, and four times so many: a mark is text, and it is bytes in base64.
        let stem = (0u32..).map(|number| format!("word{number:04}")).find(|stem| !whole.contains(stem));
        Marks { stem: stem.unwrap_or_default(), marks: Vec::new() }
    }

    /// The same message with a mark in place of each text that differs.
    fn marked(&mut self, json: &Map<String, Json>) -> Result<Map<String, Json>, Fault> {
        let mut steps = Vec::new();
        self.marked_map(json, &mut steps)
    }

    fn marked_map(&mut self, json: &Map<String, Json>, steps: &mut Vec<Step>) -> Result<Map<String, Json>, Fault> {
        let mut marked = Map::new();
        for (key, value) in json {
            steps.push(Step::Key(key.clone()));
            marked.insert(key.clone(), self.marked_value(value, steps)?);
            steps.pop();
        }
        Ok(marked)
    }

    fn marked_value(&mut self, json: &Json, steps: &mut Vec<Step>) -> Result<Json, Fault> {
        Ok(match json {
            Json::Object(map) => Json::Object(self.marked_map(map, steps)?),
            Json::Array(items) => {
                let mut marked = Vec::with_capacity(items.len());
                for (at, item) in items.iter().enumerate() {
                    steps.push(Step::Item(at));
                    marked.push(self.marked_value(item, steps)?);
                    steps.pop();
                }
                Json::Array(marked)
            }
            Json::String(written) => {
                let text =
                    Text::cut(written).map_err(|error| Fault::at(Place::Value(steps.clone()), error.to_string()))?;
                if text.varies() {
                    let mark = self.mark(self.marks.len());
                    self.marks.push(Mark { text, steps: steps.clone(), met: false });
                    Json::String(mark)
                } else {
                    let fixed = text.of(Own { call: 0, client: 0, number: 0 });
                    Json::String(String::from_utf8_lossy(&fixed).into_owned())
                }
            }
            json => json.clone(),
        })
    }

    fn mark(&self, number: usize) -> String {
        format!("{}{number:0DIGITS$}", self.stem)
    }

    /// The text whose mark that is.
    fn text(&mut self, mark: &str) -> Option<Part> {
        let number: usize = mark.strip_prefix(&self.stem)?.parse().ok()?;
        let mark = self.marks.get_mut(number)?;
        mark.met = true;
        Some(Part::Text(mark.text.clone()))
    }

    fn parts(&mut self, message: &DynamicMessage) -> Vec<Part> {
        let mut parts = Vec::new();
        // What is no field of the type: extensions.
        let mut rest = message.clone();
        for (field, value) in message.fields() {
            rest.clear_field(&field);
            parts.extend(self.of_field(&field, value));
        }
        parts.push(Part::Fixed(rest.encode_to_vec().into()));
        parts
    }

    /// A field as it is encoded, with its key.
    fn of_field(&mut self, field: &FieldDescriptor, value: &Value) -> Vec<Part> {
        if !self.holds_mark(value) {
            return vec![Part::Fixed(encoded(field, value.clone()).into())];
        }
        match value {
            Value::List(items) => items.iter().flat_map(|item| self.of_item(field, item)).collect(),
            Value::Map(entries) => entries.iter().flat_map(|(key, value)| self.of_entry(field, key, value)).collect(),
            value => self.of_one(field, value),
        }
    }

    fn of_item(&mut self, field: &FieldDescriptor, item: &Value) -> Vec<Part> {
        match self.holds_mark(item) {
            true => self.of_one(field, item),
            false => vec![Part::Fixed(encoded(field, Value::List(vec![item.clone()])).into())],
        }
    }

    fn of_entry(&mut self, field: &FieldDescriptor, key: &MapKey, value: &Value) -> Vec<Part> {
        let Kind::Message(entry) = field.kind() else { return Vec::new() };
        let of_key = encoded(&entry.map_entry_key_field(), key.clone().into());
        let of_value = self.of_field(&entry.map_entry_value_field(), value);
        let inner = std::iter::once(Part::Fixed(of_key.into())).chain(of_value).collect();
        vec![key_of(field), Part::Counted(inner)]
    }

    fn of_one(&mut self, field: &FieldDescriptor, value: &Value) -> Vec<Part> {
        let inner = match value {
            Value::String(text) => self.text(text).into_iter().collect(),
            Value::Bytes(bytes) => self.text(&STANDARD.encode(bytes)).into_iter().collect(),
            // A group has no length before it, and nobody writes one any more.
            Value::Message(message) if !field.is_group() => self.parts(message),
            _ => Vec::new(),
        };
        vec![key_of(field), Part::Counted(inner)]
    }

    /// Whether a mark stands anywhere in a value.
    fn holds_mark(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => text.starts_with(&self.stem),
            Value::Bytes(bytes) => STANDARD.encode(bytes).starts_with(&self.stem),
            Value::Message(message) => message.fields().any(|(_, value)| self.holds_mark(value)),
            Value::List(items) => items.iter().any(|item| self.holds_mark(item)),
            Value::Map(entries) => entries.values().any(|value| self.holds_mark(value)),
            _ => false,
        }
    }
}

/// The key of a field whose value has a length.
fn key_of(field: &FieldDescriptor) -> Part {
    let mut key = Vec::new();
    encode_key(field.number(), WireType::LengthDelimited, &mut key);
    Part::Fixed(key.into())
}

/// A field as it is encoded, with its key.
fn encoded(field: &FieldDescriptor, value: Value) -> Vec<u8> {
    let mut alone = DynamicMessage::new(field.parent_message().clone());
    alone.set_field(field, value);
    alone.encode_to_vec()
}
