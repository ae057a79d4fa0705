//! What is taken from a reply for later calls, and from where in it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::error::CallError;

/// A value that is taken from each reply to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Take {
    /// Its name, which later calls write as `${name}`.
    pub name: String,
    /// From where it is taken.
    pub from: Origin,
}

/// Where in a reply a value stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// At this pointer into JSON (RFC 6901).
    Json(String),
    /// In a field of that name, whatever its case.
    Header(String),
    /// In the metadata under that name.
    Metadata(String),
    /// All of it.
    All,
}

/// As a scenario writes it.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Json(pointer) => write!(f, "json {pointer}"),
            Origin::Header(name) => write!(f, "header {name}"),
            Origin::Metadata(name) => write!(f, "metadata {name}"),
            Origin::All => f.write_str("all"),
        }
    }
}

/// What a client keeps of a reply until its time is known: only then it is looked into.
#[derive(Default, PartialEq, Eq)]
pub struct Material {
    /// The body: JSON, where values are taken from JSON.
    pub body: Vec<u8>,
    /// Fields and metadata, with names in lower case.
    pub fields: Vec<(String, Vec<u8>)>,
}

/// How large a body may be from which values are taken, in bytes.
const LARGEST: usize = 16 << 20;

/// Without what it holds.
impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Material of {} bytes and {} fields", self.body.len(), self.fields.len())
    }
}

impl Material {
    /// Keeps more of the body; a fault where it becomes too large.
    pub fn keep(&mut self, bytes: &[u8]) -> Result<(), CallError> {
        if self.body.len() + bytes.len() > LARGEST {
            let what = format!("`take` keeps bodies of up to {} MiB, and this one is longer", LARGEST >> 20);
            return Err(CallError::corrupt(what));
        }
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    /// The values that these say, in their order. A fault says where one is missing, and nothing of what is there.
    pub fn values(&self, take: &[Take]) -> Result<Vec<Vec<u8>>, CallError> {
        // Read once, whatever is taken from it.
        let mut json = None;
        take.iter()
            .map(|Take { from, .. }| match from {
                Origin::All => Ok(self.body.clone()),
                Origin::Json(pointer) => {
                    let read = || serde_json::from_slice::<Value>(&self.body);
                    match json.get_or_insert_with(read) {
                        Ok(json) => json.pointer(pointer).and_then(text).ok_or_else(|| missing(from)),
                        Err(_) => Err(CallError::corrupt("`take` looks into JSON, and the body is none")),
                    }
                }
                Origin::Header(name) | Origin::Metadata(name) => {
                    let found = self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
                    found.map(|(_, value)| value.clone()).ok_or_else(|| missing(from))
                }
            })
            .collect()
    }
}

/// A value of JSON as text: a text is itself, anything else as JSON writes it; `null` is nothing.
fn text(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.as_bytes().to_vec()),
        other => Some(other.to_string().into_bytes()),
    }
}

fn missing(from: &Origin) -> CallError {
    CallError::corrupt(format!("the reply has nothing at `{from}`"))
}

#[cfg(test)]
mod tests {
    use super::{Material, Origin, Take};

    #[test]
    fn values_are_taken_from_where_they_are_said_to_be() {
        let body = r#"{"a": {"b/c": ["x", 7, null, {"y": true}]}, "s3cret": ""}"#;
        let material =
            Material { body: body.as_bytes().to_vec(), fields: vec![("location".to_owned(), b"/items/9".to_vec())] };
        let json = |pointer: &str| Origin::Json(pointer.to_owned());
        let taken = |from: Origin| {
            let values = material.values(&[Take { name: "it".to_owned(), from }]);
            values.map(|values| String::from_utf8(values[0].clone()).expect("text")).map_err(|fault| fault.to_string())
        };
        for (from, value) in [
            (json("/a/b~1c/0"), "x"),
            (json("/a/b~1c/1"), "7"),
            (json("/a/b~1c/3"), "{\"y\":true}"),
            (json("/s3cret"), ""),
            (json(""), "{\"a\":{\"b/c\":[\"x\",7,null,{\"y\":true}]},\"s3cret\":\"\"}"),
            (Origin::Header("Location".to_owned()), "/items/9"),
            (Origin::All, body),
        ] {
            assert_eq!(taken(from.clone()).as_deref(), Ok(value), "{from}");
        }
        for from in [json("/a/b~1c/2"), json("/a/b"), json("/a/b~1c/9"), Origin::Metadata("x".to_owned())] {
            let told = taken(from.clone()).expect_err("nothing is there");
            assert_eq!(told, format!("corrupt: the reply has nothing at `{from}`"));
        }
        let none = Material { body: b"<html>".to_vec(), ..Material::default() };
        let told = none.values(&[Take { name: "it".to_owned(), from: json("/a") }]).expect_err("no JSON");
        assert_eq!(told.to_string(), "corrupt: `take` looks into JSON, and the body is none");
    }

    #[test]
    fn it_is_told_as_json_and_written_as_it_is_read() {
        let take = Take { name: "token".to_owned(), from: Origin::Json("/access_token".to_owned()) };
        let told = serde_json::json!({"name": "token", "from": {"json": "/access_token"}});
        assert_eq!(serde_json::json!(take), told);
        assert_eq!(serde_json::from_value::<Take>(told).expect("it is one"), take);
        assert_eq!(take.from.to_string(), "json /access_token");
        assert_eq!(serde_json::json!(Origin::All), "all");
    }
}
