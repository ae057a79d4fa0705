//! What is wrong with a message that its type does not take: the first of its fields that is, in words without values.

use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use crate::call::own::grpc::fault::{Fault, Place, Step};
use crate::registry::{nearest, suggestion};

/// So many words are listed in a message.
const LISTED: usize = 12;

/// What is wrong with a message of that type that could not be read; `said` is what its reader says of it.
pub(super) fn fault(message: &MessageDescriptor, json: &Map<String, Value>, said: &str) -> Fault {
    let mut steps = Vec::new();
    fields(message, json, &mut steps)
        .unwrap_or_else(|| Fault::at(Place::Value(Vec::new()), format!("it is no `{}`: {said}", message.full_name())))
}

/// The first fault among these fields.
fn fields(message: &MessageDescriptor, json: &Map<String, Value>, steps: &mut Vec<Step>) -> Option<Fault> {
    for (key, value) in json {
        steps.push(Step::Key(key.clone()));
        let found = match message.get_field_by_json_name(key).or_else(|| message.get_field_by_name(key)) {
            // An extension is named in brackets; what is wrong with one is told with the whole.
            None if key.starts_with('[') => None,
            None => {
                let names: Vec<String> = message.fields().map(|field| field.name().to_owned()).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let what = format!("`{}` has no field `{key}`", message.full_name());
                let help = if names.is_empty() { "it has none".to_owned() } else { suggestion(key, &names) };
                Some(Fault::at(Place::Key(steps.clone()), what).help(help))
            }
            Some(field) => of_field(&field, key, value, steps),
        };
        if found.is_some() {
            return found;
        }
        steps.pop();
    }
    // Each is right by itself; it may be that some exclude each other.
    let said = read(message, json.clone()).err()?;
    Some(Fault::at(Place::Value(steps.clone()), format!("it is no `{}`: {said}", message.full_name())))
}

/// What is wrong with the value of a field.
fn of_field(field: &FieldDescriptor, key: &str, value: &Value, steps: &mut Vec<Step>) -> Option<Fault> {
    if value.is_null() {
        return None;
    }
    if field.is_list() {
        let Value::Array(items) = value else { return Some(wrong(key, "a list", value, steps)) };
        return items.iter().enumerate().find_map(|(at, item)| {
            steps.push(Step::Item(at));
            let found = one(field, key, item, Value::Array(vec![item.clone()]), &field.kind(), steps);
            steps.pop();
            found
        });
    }
    if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
        let Value::Object(entries) = value else { return Some(wrong(key, "a map", value, steps)) };
        let kind = entry.map_entry_value_field().kind();
        return entries.iter().find_map(|(name, item)| {
            steps.push(Step::Key(name.clone()));
            let alone = Map::from_iter([(name.clone(), item.clone())]);
            let found = one(field, name, item, Value::Object(alone), &kind, steps);
            steps.pop();
            found
        });
    }
    one(field, key, value, value.clone(), &field.kind(), steps)
}

/// What is wrong with one value of that kind; `alone` is a value of the field that holds it and nothing else.
fn one(
    field: &FieldDescriptor,
    key: &str,
    value: &Value,
    alone: Value,
    kind: &Kind,
    steps: &mut Vec<Step>,
) -> Option<Fault> {
    let name = field.json_name().to_owned();
    read(field.parent_message(), Map::from_iter([(name, alone)])).err()?;
    match (kind, value) {
        (Kind::Message(message), Value::Object(json)) if !is_googles(message) => fields(message, json, steps),
        (Kind::Enum(words), Value::String(text)) => Some(no_word(key, words, text, steps)),
        _ => Some(wrong(key, &wanted(kind), value, steps)),
    }
}

fn read(message: &MessageDescriptor, json: Map<String, Value>) -> Result<(), serde_json::Error> {
    DynamicMessage::deserialize(message.clone(), Value::Object(json)).map(drop)
}

/// Whether JSON has a form of its own for that message.
fn is_googles(message: &MessageDescriptor) -> bool {
    message.full_name().starts_with("google.protobuf.")
}

fn wrong(key: &str, wanted: &str, value: &Value, steps: &[Step]) -> Fault {
    // Where the kind is right the value is not, which is not quoted.
    let got = match kind_of(value) {
        got if wanted.starts_with(got) => String::new(),
        got => format!(", not {got}"),
    };
    Fault::at(Place::Value(steps.to_vec()), format!("`{key}` takes {wanted}{got}"))
}

/// The same of a text that is none of those that are taken; what it may have been meant to be.
fn no_word(key: &str, words: &EnumDescriptor, text: &str, steps: &[Step]) -> Fault {
    let names: Vec<String> = words.values().map(|word| word.name().to_owned()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fault =
        Fault::at(Place::Value(steps.to_vec()), format!("`{}` has no such word for `{key}`", words.full_name()));
    match names.len() {
        count if count > LISTED && nearest(text, &names).is_none() => {
            let some: Vec<String> = names[..LISTED].iter().map(|name| format!("`{name}`")).collect();
            fault.help(format!("known: {} and {} more", some.join(", "), count - LISTED))
        }
        _ => fault.help(suggestion(text, &names)),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a whole number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// What a value of that kind is, in words.
fn wanted(kind: &Kind) -> String {
    match kind {
        Kind::Double | Kind::Float => "a number".to_owned(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "a whole number of 32 bits".to_owned(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "a whole number of 64 bits".to_owned(),
        Kind::Uint32 | Kind::Fixed32 => "a whole number of 32 bits that is not negative".to_owned(),
        Kind::Uint64 | Kind::Fixed64 => "a whole number of 64 bits that is not negative".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::String => "text".to_owned(),
        Kind::Bytes => "bytes in base64".to_owned(),
        Kind::Enum(words) => format!("a word of `{}`", words.full_name()),
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" => "a time such as `2024-01-31T12:00:00Z`".to_owned(),
            "google.protobuf.Duration" => "a duration such as `1.5s`".to_owned(),
            "google.protobuf.FieldMask" => "names of fields such as `sku,quantity`".to_owned(),
            "google.protobuf.Any" => "a map with `@type`".to_owned(),
            name => format!("a map with the fields of `{name}`"),
        },
    }
}
