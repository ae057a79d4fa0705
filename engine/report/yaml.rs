//! The scenario written as YAML again, for the end of a report.

use serde_json::Value;

use crate::units::{Size, Time};

/// The value in block style; keys that are null are left out.
pub fn yaml(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text.trim_start_matches('\n').to_owned()
}

/// Appends a value after the `key:` or `-` that it belongs to.
fn block(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) if map.values().any(|value| !value.is_null()) => {
            for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                text.push_str(&format!("\n{indent}{}:", scalar(key)));
                block(value, depth + 1, text);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            for value in list {
                let mut item = String::new();
                block(value, depth + 1, &mut item);
                text.push_str(&format!("\n{indent}- {}", item.trim_start()));
            }
        }
        Value::String(word) => text.push_str(&format!(" {}", scalar(word))),
        Value::Array(list) => {
            let items: Vec<String> = list
                .iter()
                .map(|item| match item {
                    Value::String(word) => scalar(word),
                    other => other.to_string(),
                })
                .collect();
            text.push_str(&format!(" [{}]", items.join(", ")));
        }
        other => text.push_str(&format!(" {other}")),
    }
}

/// A text without quotes where no reader could take it for something else.
fn scalar(text: &str) -> String {
    let quantity = !text.contains(' ') && (text.parse::<Size>().is_ok() || text.parse::<Time>().is_ok());
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_./".contains(c);
    let words = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain) && !text.ends_with(' ');
    let taken = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if quantity || words && !taken { text.to_owned() } else { Value::from(text).to_string() }
}
