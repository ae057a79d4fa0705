//! What an option of a transport or server model is, what values it takes, and those of a target.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ParseError};
use crate::registry::suggestion;
use crate::units::Size;

/// One option of a transport or server model, as `engine list`, schema and errors show it.
#[derive(Debug, Clone, Copy)]
pub struct OptionSpec {
    /// The key in `options`.
    pub name: &'static str,
    /// One sentence: what it does.
    pub about: &'static str,
    /// What values it takes.
    pub kind: OptionKind,
    /// The value that stands where none is given, in words.
    pub default: &'static str,
}

/// What values an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// `true` or `false`.
    Flag,
    /// A whole number from the first to the second.
    Count(u64, u64),
    /// A size with its unit, up to that one.
    Size(Size),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A name that only the machine knows, such as the given one.
    Name(&'static str),
    /// Any text, such as the given one: a path, the name of a host.
    Text(&'static str),
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OptionValue {
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Count(u64),
    /// A word, or a size as it was written.
    Word(String),
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionValue::Flag(flag) => write!(f, "{flag}"),
            OptionValue::Count(count) => write!(f, "{count}"),
            OptionValue::Word(word) => f.write_str(word),
        }
    }
}

/// The options of a target, checked against the specs of its transport and model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Options(pub BTreeMap<String, OptionValue>);

impl OptionSpec {
    /// The value that `text` stands for, or what would be right.
    pub fn parse(&self, text: &str) -> Result<OptionValue, ParseError> {
        let value = match self.kind {
            OptionKind::Flag => text.parse().ok().map(OptionValue::Flag),
            OptionKind::Count(least, most) => {
                let count = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
                count.filter(|count| (least..=most).contains(count)).map(OptionValue::Count)
            }
            OptionKind::Size(most) => {
                let size = text.parse::<Size>().ok().filter(|size| *size <= most);
                size.map(|_| OptionValue::Word(text.to_owned()))
            }
            OptionKind::Word(words) => words.contains(&text).then(|| OptionValue::Word(text.to_owned())),
            OptionKind::Name(_) => is_name(text).then(|| OptionValue::Word(text.to_owned())),
            OptionKind::Text(_) => (!text.trim().is_empty()).then(|| OptionValue::Word(text.to_owned())),
        };
        value.ok_or_else(|| ParseError::new(format!("option `{}` takes {}, not `{text}`", self.name, self.kind)))
    }
}

impl fmt::Display for OptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionKind::Flag => f.write_str("true or false"),
            OptionKind::Count(least, most) => write!(f, "a whole number from {least} to {most}"),
            OptionKind::Size(most) => write!(f, "a size such as 64KiB, at most {most}"),
            OptionKind::Word(words) => write!(f, "one of {}", words.join(", ")),
            OptionKind::Name(example) => write!(f, "a name such as {example}"),
            OptionKind::Text(example) => write!(f, "a text such as {example}"),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

impl Options {
    /// The options in `NAME=VALUE` form, checked against those that are known here.
    pub fn parse(given: &[String], known: &[&'static OptionSpec]) -> crate::error::Result<Self> {
        let mut options = Options::default();
        for text in given {
            let (name, value) = text
                .split_once('=')
                .ok_or_else(|| Error::usage(format!("`{text}` is not an option")).help("write it like `name=value`"))?;
            let spec = known.iter().find(|spec| spec.name == name).ok_or_else(|| {
                let names: Vec<&str> = known.iter().map(|spec| spec.name).collect();
                let help = if names.is_empty() { "there are none here".into() } else { suggestion(name, &names) };
                Error::usage(format!("unknown option `{name}`")).help(help)
            })?;
            options.0.insert(name.to_owned(), spec.parse(value)?);
        }
        Ok(options)
    }

    /// The flag of that name, or `default` where it is not set.
    pub fn flag(&self, name: &str, default: bool) -> bool {
        match self.0.get(name) {
            Some(OptionValue::Flag(flag)) => *flag,
            _ => default,
        }
    }

    /// The number of that name, if it is set.
    pub fn count(&self, name: &str) -> Option<u64> {
        match self.0.get(name) {
            Some(OptionValue::Count(count)) => Some(*count),
            _ => None,
        }
    }

    /// The word of that name, if it is set.
    pub fn word(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(OptionValue::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// The size of that name in bytes, if it is set.
    pub fn size(&self, name: &str) -> Option<u64> {
        self.word(name).and_then(|text| text.parse::<Size>().ok()).map(|size| size.bytes())
    }
}
