//! What a call takes from its replies: `take`.

use http::HeaderName;
use serde_json::{Value as Json, json};

use crate::call::own::{Origin, Protocol, Take, Varying};
use crate::document::mistake::Mistake;
use crate::document::tree::{Key, Node, Value};
use crate::document::walk::{Fields, wrong_kind};
use crate::key::call::is_name;

const EXAMPLE: &str =
    "write it like `take: {token: json /access_token}`; known: `json /pointer`, `header name`, `metadata name`, `all`";

/// The pattern of the names of columns and of values that are taken.
pub(crate) const WORD: &str = "^[A-Za-z0-9._-]+$";

/// Why a word cannot be the name of a column or of a value that is taken, where it cannot.
pub(crate) fn no_word(name: &str) -> Option<&'static str> {
    if !is_name(name) {
        return Some("a name has letters, digits, dashes, dots and underscores");
    }
    let known = Varying::ALL.iter().any(|(known, _)| *known == name);
    known.then_some("each call has that word of its own")
}

/// What is taken by a call that is asked by these protocols.
pub(crate) fn read(fields: &mut Fields<'_>, asked: &[Protocol], mistakes: &mut Vec<Mistake>) -> Option<Vec<Take>> {
    if !fields.has("take") {
        return Some(Vec::new());
    }
    let (_, node) = fields.entry("take", mistakes)?;
    let Value::Map(entries) = &node.value else {
        mistakes.push(wrong_kind("take", "a map of names and where they stand in a reply", node).help(EXAMPLE));
        return None;
    };
    if entries.is_empty() {
        mistakes.push(Mistake::new("`take` is empty", node.span).help("name a value, or leave the key out"));
        return None;
    }
    Fields::of("`take`", node, mistakes)?;
    let takes: Vec<Option<Take>> = entries.iter().map(|entry| take(entry, asked, mistakes)).collect();
    takes.into_iter().collect()
}

fn take((key, node): &(Key, Node), asked: &[Protocol], mistakes: &mut Vec<Mistake>) -> Option<Take> {
    if let Some(why) = no_word(&key.name) {
        mistakes.push(Mistake::new(format!("`{}` cannot be taken under that name", key.name), key.span).help(why));
        return None;
    }
    let Value::Text(text) = &node.value else {
        mistakes.push(wrong_kind(&key.name, "where in a reply it stands", node).help(EXAMPLE));
        return None;
    };
    let (kind, rest) = text.split_once(' ').map_or((text.as_str(), ""), |(kind, rest)| (kind, rest.trim()));
    let from = match (kind, rest) {
        ("all", "") => Origin::All,
        ("json", pointer) if is_pointer(pointer) => Origin::Json(pointer.to_owned()),
        ("json", pointer) => {
            let mistake = Mistake::new(format!("`{pointer}` is no JSON pointer"), node.span);
            if pointer.starts_with('/') {
                mistakes
                    .push(mistake.help("in a pointer a tilde is written `~0`, and a slash in a name `~1` (RFC 6901)"));
                return None;
            }
            let path = pointer.trim_start_matches(['$', '.', '/']).replace('.', "/");
            mistakes.push(mistake.help(format!("each step begins with a slash (RFC 6901): `json /{path}`")));
            return None;
        }
        ("header", name) if HeaderName::from_bytes(name.as_bytes()).is_ok() => Origin::Header(name.to_owned()),
        ("metadata", name) if HeaderName::from_bytes(name.as_bytes()).is_ok() => Origin::Metadata(name.to_owned()),
        _ => {
            mistakes.push(Mistake::new(format!("`{text}` is no place in a reply"), node.span).help(EXAMPLE));
            return None;
        }
    };
    let lacks = |word: &str| !asked.is_empty() && !asked.iter().any(|protocol| protocol.to_string() == word);
    let owner = match from {
        Origin::Header(_) if lacks("http") => Some("only replies of `http` have headers"),
        Origin::Metadata(_) if lacks("grpc") => Some("only replies of `grpc` have metadata"),
        _ => None,
    };
    if let Some(why) = owner {
        let mistake = Mistake::new(format!("`{text}` stands in no reply to this call"), node.span);
        mistakes.push(mistake.help(format!("{why}; take it by `json`, or `all`")));
        return None;
    }
    Some(Take { name: key.name.clone(), from })
}

/// Whether a text points into JSON (RFC 6901): a tilde stands before a 0 or a 1 only.
fn is_pointer(text: &str) -> bool {
    let escaped = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && escaped
}

/// The schema of `take`.
pub(crate) fn schema() -> Json {
    json!({
        "type": "object", "minProperties": 1, "propertyNames": {"pattern": WORD, "not": {"enum": ["client", "number", "unique"]}},
        "additionalProperties": {"type": "string", "pattern": "^(json( +/([^~]|~[01])*)? *|(header|metadata) +[!#$%&'*+.^_`|~0-9A-Za-z-]+ *|all *)$"},
        "defaultSnippets": [{"label": "token: json /access_token", "body": {"token": "json /access_token"}}],
        "description": "Values that are taken from each reply, for later calls of the same client to write as `${name}`: `json /pointer`, `header name`, `metadata name`, or `all`. A reply without one is an error of class `corrupt`.",
    })
}
