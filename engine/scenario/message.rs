//! A call of the user's own as bytes on a stream: `send` or `send-hex`, and how a reply ends.

use bytes::Bytes;
use schemars::SchemaGenerator;
use serde_json::{Value as Json, json};

use crate::call::own::{Length, Message, ReplyEnd, SendCall};
use crate::document::mistake::Mistake;
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, Read, wrong_kind};
use crate::scenario::request::compiled;
use crate::units::Size;

/// The keys that say what is sent.
pub(crate) const SENDS: [&str; 2] = ["send", "send-hex"];
/// The keys that say where a reply ends.
const ENDS: [&str; 3] = ["until", "bytes", "length"];

/// The message of a call; none where there is none, or where it cannot be read.
pub(crate) fn read(fields: &mut Fields<'_>, mistakes: &mut Vec<Mistake>) -> Option<SendCall> {
    let asked = SENDS.iter().any(|key| fields.has(key));
    let message = one_of(&SENDS, "a call", fields, mistakes);
    let message = message.map(|(key, node)| message_of(key, node, mistakes));
    let end = one_of(&ENDS, "a reply", fields, mistakes);
    let end = end.map(|(key, node)| end_of(key, node, mistakes));
    if !asked {
        for span in ENDS.iter().filter_map(|key| fields.span_of(key)) {
            let mistake = Mistake::new("this says where a reply ends, and nothing is sent", span);
            mistakes.push(mistake.help("give the call a `send` such as `send: \"PING\\r\\n\"`, or leave it out"));
        }
        return None;
    }
    if end.is_none() && !ENDS.iter().any(|key| fields.has(key)) {
        let mistake = Mistake::new("nothing says where the reply to this ends", fields.span());
        mistakes.push(mistake.help("give it `until: \"\\r\\n\"`, `bytes: 64B` or `length: u32be`"));
    }
    Some(SendCall { message: message??, reply: end?? })
}

/// The one of these keys that is there.
fn one_of<'t>(
    keys: &[&'static str],
    what: &str,
    fields: &mut Fields<'t>,
    mistakes: &mut Vec<Mistake>,
) -> Option<(&'static str, &'t Node)> {
    let given: Vec<(&'static str, &Node)> =
        keys.iter().filter_map(|key| Some((*key, fields.entry(key, mistakes)?.1))).collect();
    if let [(first, _), (second, _), ..] = given.as_slice()
        && let (Some(one), Some(other)) = (fields.span_of(first), fields.span_of(second))
    {
        let mistake = Mistake::new(format!("{what} has `{first}` or `{second}`, not both"), one.max(other));
        mistakes.push(mistake.elsewhere(one.min(other), "the other one").help("keep one of them"));
        return None;
    }
    given.first().copied()
}

fn message_of(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Message> {
    if key == "send" {
        let (written, text) = text(key, node, mistakes)?;
        return compiled(&text, node, written, 0, mistakes).map(Message::Text);
    }
    let digits = String::read(key, node, mistakes)?;
    let digits: String = digits.split_whitespace().collect();
    let pair = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(pair).collect();
    let bytes = bytes.filter(|_| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    if bytes.is_none() {
        // What is sent may be a secret, and is not quoted.
        let mistake = Mistake::new(format!("`{key}` takes pairs of hexadecimal digits"), node.span);
        mistakes.push(mistake.help("write it like `send-hex: \"01 ff 00\"`"));
    }
    bytes.map(|bytes| Message::Bytes(bytes.into()))
}

fn end_of(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<ReplyEnd> {
    match key {
        "until" => {
            let (_, until) = text(key, node, mistakes)?;
            if until.is_empty() {
                mistakes.push(Mistake::new("`until` is empty", node.span).help("write it like `until: \"\\r\\n\"`"));
                return None;
            }
            Some(ReplyEnd::Until(Bytes::from(until)))
        }
        "bytes" => {
            let bytes = Size::read(key, node, mistakes)?.bytes();
            if bytes == 0 {
                mistakes.push(Mistake::new("`bytes` is zero", node.span).help("the least is 1B"));
                return None;
            }
            Some(ReplyEnd::Bytes(bytes))
        }
        _ => Length::read(key, node, mistakes).map(ReplyEnd::Length),
    }
}

/// A text as it is written, and with what its escapes stand for.
fn text<'n>(key: &str, node: &'n Node, mistakes: &mut Vec<Mistake>) -> Option<(&'n str, String)> {
    let Value::Text(written) = &node.value else {
        mistakes.push(wrong_kind(key, "text", node).help("put it in quotes"));
        return None;
    };
    match unescaped(written) {
        Ok(text) => Some((written, text)),
        Err(help) => {
            mistakes.push(Mistake::new(format!("`{key}` has an escape that is none"), node.span).help(help));
            None
        }
    }
}

/// The text with what its escapes stand for, or what would be right.
fn unescaped(written: &str) -> Result<String, &'static str> {
    const KNOWN: &str =
        "known: `\\r`, `\\n`, `\\t`, `\\0`, `\\\\`, and `\\x41` for a byte below 80; others go under `send-hex`";
    let mut text = String::new();
    let mut rest = written.chars();
    while let Some(next) = rest.next() {
        if next != '\\' {
            text.push(next);
            continue;
        }
        text.push(match rest.next() {
            Some('r') => '\r',
            Some('n') => '\n',
            Some('t') => '\t',
            Some('0') => '\0',
            Some('\\') => '\\',
            Some('x') => {
                let digits: Option<u32> = [rest.next(), rest.next()]
                    .iter()
                    .try_fold(0, |sum, digit| Some(sum << 4 | (*digit)?.to_digit(16)?));
                digits.filter(|byte| *byte < 0x80).and_then(char::from_u32).ok_or(KNOWN)?
            }
            _ => return Err(KNOWN),
        });
    }
    Ok(text)
}

/// Bytes as a scenario writes them, with escapes for what is not plain text.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            b'\\' => "\\\\".to_owned(),
            b'\r' => "\\r".to_owned(),
            b'\n' => "\\n".to_owned(),
            b' '..=b'~' => char::from(*byte).to_string(),
            byte => format!("\\x{byte:02x}"),
        })
        .collect()
}

/// The schemas of the keys of a message.
pub(crate) fn schema(generator: &mut SchemaGenerator) -> Json {
    let (mut size, mut length) = (json!(generator.subschema_for::<Size>()), json!(generator.subschema_for::<Length>()));
    for (schema, about, example) in [
        (&mut size, "How a reply ends: after so many bytes.", "64B"),
        (
            &mut length,
            "How a reply ends: after as many bytes as stand before it. What is sent is framed likewise.",
            "u32be",
        ),
    ] {
        schema["description"] = about.into();
        schema["examples"] = json!([example]);
    }
    json!({
        "send": {"type": "string", "examples": ["PING\r\n"],
            "description": "Text that is sent over tcp or unix, with escapes such as `\\r\\n` and words such as `${unique}`. Results show only how long it is."},
        "send-hex": {"type": "string", "pattern": "^ *([0-9A-Fa-f]{2} *)*$", "examples": ["01 ff 00"],
            "description": "Bytes that are sent over tcp or unix."},
        "until": {"type": "string", "minLength": 1, "examples": ["\r\n"],
            "description": "How a reply ends: with this."},
        "bytes": size,
        "length": length,
    })
}

#[cfg(test)]
mod tests {
    use super::{escaped, unescaped};

    #[test]
    fn escapes_stand_for_what_they_are_and_come_back() {
        for (written, text) in
            [("PING\\r\\n", "PING\r\n"), ("a\\\\b", "a\\b"), ("\\x41\\x0", "?"), ("\\q", "?"), ("\\xff", "?")]
        {
            match unescaped(written) {
                Ok(read) => {
                    assert_eq!(read, text);
                    assert_eq!(escaped(read.as_bytes()), written);
                }
                Err(_) => assert_eq!(text, "?", "{written}"),
            }
        }
    }
}
