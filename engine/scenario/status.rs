//! Which replies to a call of the user's own are right: `status`, whose numbers are HTTP's and whose words gRPC's.

use serde_json::{Value as Json, json};

use crate::call::Word;
use crate::call::own::grpc::Code;
use crate::document::mistake::Mistake;
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, several, whole};
use crate::registry::suggestion;

/// The statuses of replies that are right.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Status {
    /// Those of HTTP.
    pub(crate) http: Vec<u16>,
    /// Those of gRPC.
    pub(crate) grpc: Vec<Code>,
}

#[derive(Clone, Copy, PartialEq)]
enum One {
    Http(u16),
    Grpc(Code),
}

/// The statuses of a call; each has to be of a protocol that the call is asked by.
pub(crate) fn read(fields: &mut Fields<'_>, mistakes: &mut Vec<Mistake>) -> Status {
    let of_grpc = fields.has("grpc");
    let entry = fields.entry("status", mistakes);
    let read = |node: &Node, mistakes: &mut Vec<Mistake>| one(node, of_grpc, mistakes);
    let all = entry.and_then(|(_, node)| several("status", node, mistakes, read)).unwrap_or_default();
    let http = all.iter().filter_map(|one| if let One::Http(status) = one { Some(*status) } else { None });
    let grpc = all.iter().filter_map(|one| if let One::Grpc(code) = one { Some(*code) } else { None });
    let status = Status { http: http.collect(), grpc: grpc.collect() };
    let Some(span) = fields.span_of("status") else { return status };
    let mut lacks = |what: &str, help: &str| mistakes.push(Mistake::new(what, span).help(help));
    if !fields.has("http") && !of_grpc {
        lacks(
            "`status` belongs to a request, and there is no `http`",
            "add one, such as `http: POST /orders`, or leave it out",
        );
    } else if !fields.has("http") && !status.http.is_empty() {
        lacks(
            "a number of `status` is one of HTTP, and there is no `http`",
            "name the code of gRPC, such as `status: NOT_FOUND`",
        );
    } else if !of_grpc && !status.grpc.is_empty() {
        lacks(
            "a word of `status` is a code of gRPC, and there is no `grpc`",
            "give the status of HTTP by its number, such as `status: 404`",
        );
    }
    status
}

fn one(node: &Node, of_grpc: bool, mistakes: &mut Vec<Mistake>) -> Option<One> {
    if let Value::Text(text) = &node.value {
        if let Some(code) = Code::ALL.iter().find(|code| code.word() == text) {
            return Some(One::Grpc(*code));
        }
        if of_grpc {
            let known: Vec<&str> = Code::ALL.iter().map(|code| code.word()).collect();
            mistakes.push(Mistake::new(format!("unknown code `{text}`"), node.span).help(suggestion(text, &known)));
            return None;
        }
    }
    let status = whole(&node.value).filter(|status| (200..600).contains(status));
    if status.is_none() {
        let mistake = Mistake::new(format!("`status` takes a status of HTTP, not {}", node.kind()), node.span);
        mistakes.push(
            mistake
                .label("expected a number from 200 to 599")
                .help("write it like `status: 201` or `status: [200, 404]`"),
        );
    }
    status.map(|status| One::Http(status as u16))
}

/// The schema of `status`.
pub(crate) fn schema() -> Json {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    let status = json!({"anyOf": [{"type": "integer", "minimum": 200, "maximum": 599}, {"enum": codes}]});
    json!({
        "status": {"anyOf": [status, {"type": "array", "items": status, "minItems": 1, "uniqueItems": true}], "examples": [[200, 201]],
            "description": "Which replies are right: statuses of HTTP by their numbers, codes of gRPC by their words. Default: all numbers that begin with 2, and OK."},
    })
}
