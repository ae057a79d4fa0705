//! A call of the user's own as a request of HTTP: `http`, `headers` and what its body is.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use http::{HeaderName, HeaderValue, Method};
use schemars::SchemaGenerator;
use serde_json::{Map, Value as Json, json};

use crate::call::own::{HttpBody, HttpCall, Text};
use crate::document::mistake::{Mistake, Span};
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, Read, wrong_kind};
use crate::units::Size;

/// The largest file that a body is read from, in bytes; what is larger would not fit well into a line to a client.
const LARGEST: u64 = 16 << 20;

/// The keys that say what a body is.
const BODIES: [&str; 4] = ["body", "json", "body-file", "body-size"];

/// Fields that a transport writes itself.
const FRAMING: [&str; 6] = ["content-length", "transfer-encoding", "connection", "keep-alive", "te", "upgrade"];

/// A body with the key that gave it, and the file where it names one.
type Given = (&'static str, Option<String>);

/// The request of a call; none where there is none, or where it cannot be read.
pub(crate) fn read(
    fields: &mut Fields<'_>,
    folder: &Path,
    mistakes: &mut Vec<Mistake>,
) -> Option<(HttpCall, Option<Given>)> {
    let asked = fields.has("http");
    let line = fields.entry("http", mistakes).map(|(_, node)| node);
    let line = line.and_then(|node| line_of(node, mistakes));
    let refused = |name: &str| FRAMING.contains(&name).then_some("the transport itself");
    let headers = fields.entry("headers", mistakes);
    let headers = headers.map(|(_, node)| fields_of("headers", "the headers", node, &refused, mistakes));
    let body = body(fields, folder, mistakes);
    if !asked {
        for key in ["headers"].iter().chain(&BODIES).filter(|key| fields.has(key)) {
            if let Some(span) = fields.span_of(key) {
                let mistake = Mistake::new(format!("`{key}` belongs to a request, and there is no `http`"), span);
                mistakes.push(mistake.help("add one, such as `http: POST /orders`, or leave it out"));
            }
        }
        return None;
    }
    let ((method, path), (body, given)) = (line?, body?);
    let mut headers = headers.unwrap_or(Some(Vec::new()))?;
    let told = |headers: &[(String, Text)]| headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if let Some(("json", _)) = given
        && !told(&headers)
        && let Ok(kind) = Text::parse("application/json")
    {
        headers.push(("Content-Type".to_owned(), kind));
    }
    Some((HttpCall { method, path, headers, body, status: Vec::new() }, given))
}

/// A method and a path.
fn line_of(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<(String, Text)> {
    const EXAMPLE: &str = "write it like `http: GET /health`";
    let Value::Text(text) = &node.value else {
        mistakes.push(wrong_kind("http", "a method and a path", node).help(EXAMPLE));
        return None;
    };
    let wrong = |what: String, help: String| Mistake::new(what, node.span).help(help);
    let Some((method, path)) = text.split_once(' ') else {
        let what = if text.starts_with('/') { "a method" } else { "a path" };
        mistakes.push(wrong(format!("`http: {text}` has no {}", &what[2..]), EXAMPLE.to_owned()));
        return None;
    };
    let capital = method.to_ascii_uppercase();
    if Method::from_bytes(method.as_bytes()).is_err() || capital != method {
        let help = format!("methods are written in capitals: `http: {capital} {path}`");
        mistakes.push(wrong(format!("`{method}` is no method of HTTP"), help));
        return None;
    }
    if method == "CONNECT" {
        mistakes.push(wrong("`CONNECT` asks for a tunnel, not for a reply".to_owned(), EXAMPLE.to_owned()));
        return None;
    }
    let bare = path.trim_start();
    if let Some((scheme, rest)) = bare.split_once("://") {
        let path = rest.find('/').map_or("/", |at| &rest[at..]);
        let what = format!("`{scheme}://…` is an address, and the target says where it is");
        mistakes.push(wrong(what, format!("write the path alone: `http: {method} {path}`")));
        return None;
    }
    if !bare.starts_with('/') || bare.len() != path.len() {
        let help = format!("write it like `http: {method} /{}`", bare.trim_start_matches('/'));
        mistakes.push(wrong(format!("the path `{path}` does not begin with a slash"), help));
        return None;
    }
    if let Some(bad) = path.chars().find(|c| !c.is_ascii_graphic()) {
        let help = format!("write it percent-encoded, as `{}`", encoded(bad));
        mistakes.push(wrong(format!("a path cannot hold `{}`", bad.escape_debug()), help));
        return None;
    }
    if path.contains('#') {
        mistakes
            .push(wrong("a path has no fragment: `#` never reaches a server".to_owned(), "leave it out".to_owned()));
        return None;
    }
    let from = method.len() + 1;
    Some((method.to_owned(), compiled(path, node, text, from, mistakes)?))
}

fn encoded(c: char) -> String {
    let mut bytes = [0; 4];
    c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The text that begins at byte `from` of what `node` holds, with its words.
pub(crate) fn compiled(text: &str, node: &Node, whole: &str, from: usize, mistakes: &mut Vec<Mistake>) -> Option<Text> {
    match Text::cut(text) {
        Ok(text) => return Some(text),
        Err(open) => {
            let span = within(node.span, whole, from + open.span.start..from + open.span.end);
            let mistake = Mistake::new("`${` is not closed", span);
            mistakes.push(mistake.help("close it with `}`, or write `$${` for a literal `${`"));
        }
    }
    None
}

/// The place of some bytes of a text, where it stands in the file as it is: plain, or in quotes.
pub(crate) fn within(span: Span, whole: &str, range: std::ops::Range<usize>) -> Span {
    match (span.end - span.start).checked_sub(whole.len()) {
        Some(quotes @ (0 | 2)) => {
            let start = span.start + quotes / 2;
            Span { start: start + range.start, end: start + range.end, ..span }
        }
        _ => span,
    }
}

/// Fields by their names: those behind `key`, which is called `what`; `refused` says who writes a field itself.
pub(crate) fn fields_of(
    key: &'static str,
    what: &'static str,
    node: &Node,
    refused: &dyn Fn(&str) -> Option<&'static str>,
    mistakes: &mut Vec<Mistake>,
) -> Option<Vec<(String, Text)>> {
    let Value::Map(entries) = &node.value else {
        mistakes.push(
            wrong_kind(key, "a map of names and values", node)
                .help(format!("write it like `{key}: {{accept: text/plain}}`")),
        );
        return None;
    };
    // Keys that stand twice are told by the walk.
    Fields::of(what, node, mistakes)?;
    let before = mistakes.len();
    let mut fields = Vec::new();
    for (key, node) in entries {
        let name = key.name.to_ascii_lowercase();
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            let mistake = Mistake::new(format!("`{}` is no name of a header", key.name), key.span);
            mistakes.push(mistake.help("write it like `accept`"));
            continue;
        }
        if let Some(writer) = refused(&name) {
            let mistake = Mistake::new(format!("`{name}` is written by {writer}"), key.span);
            mistakes.push(mistake.help("leave it out; options of the target say what connections do"));
            continue;
        }
        let value = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Count(count) => count.to_string(),
            Value::Flag(flag) => flag.to_string(),
            // The value itself is never shown: it may be a secret.
            _ => {
                mistakes
                    .push(Mistake::new(format!("the header `{name}` takes text"), node.span).help("put it in quotes"));
                continue;
            }
        };
        if HeaderValue::from_str(&value).is_err() {
            let mistake = Mistake::new(format!("the value of `{name}` has bytes that no header may have"), node.span);
            mistakes.push(mistake.help("a header is one line of printable text"));
            continue;
        }
        if let Some(text) = compiled(&value, node, &value, 0, mistakes) {
            fields.push((key.name.clone(), text));
        }
    }
    (mistakes.len() == before).then_some(fields)
}

/// What the body is, and what said so.
fn body(fields: &mut Fields<'_>, folder: &Path, mistakes: &mut Vec<Mistake>) -> Option<(HttpBody, Option<Given>)> {
    let given: Vec<(&'static str, &Node)> =
        BODIES.iter().filter_map(|key| Some((*key, fields.entry(key, mistakes)?.1))).collect();
    if let [(first, _), (second, _), ..] = given.as_slice()
        && let (Some(one), Some(other)) = (fields.span_of(first), fields.span_of(second))
    {
        let mistake = Mistake::new(format!("a request has `{first}` or `{second}`, not both"), one.max(other));
        mistakes.push(mistake.elsewhere(one.min(other), "the other one").help("keep one of them"));
        return None;
    }
    let Some((key, node)) = given.first().copied() else { return Some((HttpBody::None, None)) };
    Some(match key {
        "body" => {
            let Value::Text(text) = &node.value else {
                let help = "put it in quotes; what shall be sent as JSON goes under `json`";
                mistakes.push(Mistake::new("`body` takes text", node.span).help(help));
                return None;
            };
            (HttpBody::Text(compiled(text, node, text, 0, mistakes)?), Some((key, None)))
        }
        "json" => {
            let text = as_json("`json`", node, mistakes)?.to_string();
            (HttpBody::Json(compiled(&text, node, "", 0, mistakes)?), Some((key, None)))
        }
        "body-file" => {
            let name = String::read(key, node, mistakes)?;
            let bytes = file(&folder.join(&name)).map_err(|why| {
                mistakes.push(
                    Mistake::new(format!("the file `{name}` cannot be read: {why}"), node.span)
                        .help("a path is read from the folder of the scenario"),
                );
            });
            (HttpBody::File(bytes.ok()?.into()), Some((key, Some(name))))
        }
        _ => (HttpBody::Fill(Size::read(key, node, mistakes)?.bytes()), Some((key, None))),
    })
}

/// The bytes of a file that can be sent.
fn file(path: &Path) -> io::Result<Vec<u8>> {
    let about = fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    if about.len() > LARGEST {
        let told = format!("it has {} bytes, and the most is {LARGEST}; `body-size` sends more", about.len());
        return Err(io::Error::other(told));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What stands in the file as JSON; maps in it are called `what`.
pub(crate) fn as_json(what: &'static str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Json> {
    Some(match &node.value {
        Value::Nothing => Json::Null,
        Value::Flag(flag) => (*flag).into(),
        Value::Count(count) => (*count).into(),
        Value::Number(number) => match serde_json::Number::from_f64(*number) {
            Some(number) => number.into(),
            None => {
                mistakes.push(Mistake::new("JSON has no such number", node.span).help("put it in quotes"));
                return None;
            }
        },
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => {
            let items: Vec<Option<Json>> = items.iter().map(|item| as_json(what, item, mistakes)).collect();
            Json::Array(items.into_iter().collect::<Option<_>>()?)
        }
        Value::Map(entries) => {
            Fields::of(what, node, mistakes)?;
            let mut map = Map::new();
            for (name, node) in entries {
                map.insert(name.name.clone(), as_json(what, node, mistakes)?);
            }
            Json::Object(map)
        }
    })
}

/// The schemas of the keys of a request.
pub(crate) fn schema(generator: &mut SchemaGenerator) -> Json {
    let size = generator.subschema_for::<Size>();
    let text = || json!({"type": ["string", "integer", "boolean"]});
    let mut keys = json!({
        "http": {"type": "string", "pattern": "^[A-Z]+ /[!-\"$-~]*$", "default": "GET /health",
            "description": "A request of HTTP, of whichever version the target speaks: method and path. Redirects are not followed."},
        "headers": {"type": "object", "additionalProperties": text(), "examples": [{"accept": "application/json"}],
            "description": "Fields of the request. `${client}`, `${number}` and `${unique}` stand for the client, its calls so far, and both; columns of `data` and what calls `take` by their names. Results show only how long a value is."},
        "body": {"type": "string", "examples": ["hello"], "description": "The body, as text."},
        "json": {"examples": [{"sku": "a-1", "quantity": 1}], "description": "The body, sent as JSON."},
        "body-file": {"type": "string", "pattern": "[^ \t\r\n]", "examples": ["order.bin"],
            "description": "The body: the bytes of a file, from the scenario's folder."},
        "body-size": size,
    });
    if let Some(size) = keys["body-size"].as_object_mut() {
        size.insert("description".to_owned(), "The body: so many bytes.".into());
        size.insert("examples".to_owned(), json!(["256KiB"]));
    }
    keys
}
