//! The calls that a scenario defines, read with every mistake at its place.

use std::path::Path;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use crate::call::own::{GrpcCall, HttpBody, HttpCall, Message, OwnCall, Protocol, ReplyEnd, Text};
use crate::call::{Call, Word};
use crate::document::mistake::{Mistake, Span};
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, empty_list};
use crate::key::axes::OneOrSeveral;
use crate::key::call::{NAME, read_name};
use crate::registry::suggestion;
use crate::scenario::{arguments, grpc, message, request, status, taken};
use crate::units::Size;

/// The calls that a scenario defines, in its order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OwnCalls(Vec<Defined>);

/// A call with the words by which its body was given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Defined {
    pub(crate) call: OwnCall,
    /// The key that gave the body, and the file where it names one.
    pub(crate) body: Option<(&'static str, Option<String>)>,
    pub(crate) span: Span,
}

impl OwnCalls {
    /// The call of that name.
    pub fn named(&self, name: &str) -> Option<&OwnCall> {
        self.iter().find(|call| call.name == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &OwnCall> {
        self.0.iter().map(|defined| &defined.call)
    }

    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every file that gives a body: the name of the call, the key, and the file.
    pub fn files(&self) -> impl Iterator<Item = (&str, &'static str, &str)> {
        self.0.iter().filter_map(|defined| match &defined.body {
            Some((key, Some(file))) => Some((defined.call.name.as_str(), *key, file.as_str())),
            _ => None,
        })
    }
}

/// As a scenario has them, with its length in place of each value that may be a secret.
impl Serialize for OwnCalls {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl Serialize for Defined {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let OwnCall { name, http, grpc, rpyc, send, contains, size, take } = &self.call;
        let length = |bytes: usize| format!("({bytes} bytes)");
        let lengths = |fields: &[(String, Text)]| -> serde_json::Map<String, Json> {
            fields.iter().map(|(name, value)| (name.clone(), length(value.written().len()).into())).collect()
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", name)?;
        if let Some(http) = http {
            map.serialize_entry("http", &format!("{} {}", http.method, without_query(http.path.written())))?;
            if !http.headers.is_empty() {
                map.serialize_entry("headers", &lengths(&http.headers))?;
            }
            match (&http.body, &self.body) {
                (HttpBody::Fill(len), _) => map.serialize_entry("body-size", &Size(*len))?,
                (HttpBody::File(_), Some((key, Some(file)))) => map.serialize_entry(key, file)?,
                (HttpBody::Text(text) | HttpBody::Json(text), Some((key, _))) => {
                    map.serialize_entry(key, &length(text.written().len()))?
                }
                _ => {}
            }
        }
        if let Some(grpc) = grpc {
            map.serialize_entry("grpc", &format!("{}/{}", grpc.service, grpc.method))?;
            if !grpc.message.is_empty() {
                map.serialize_entry("message", &length(serde_json::json!(grpc.message).to_string().len()))?;
            }
            if !grpc.metadata.is_empty() {
                map.serialize_entry("metadata", &lengths(&grpc.metadata))?;
            }
        }
        let numbers = http.iter().flat_map(|http| http.status.iter().map(|status| json!(status)));
        let words = grpc.iter().flat_map(|grpc| grpc.status.iter().map(|code| json!(code)));
        let status: Vec<Json> = numbers.chain(words).collect();
        if !status.is_empty() {
            map.serialize_entry("status", &OneOrSeveral(&status))?;
        }
        if let Some(rpyc) = rpyc {
            map.serialize_entry("rpyc", &rpyc.method)?;
            if !rpyc.args.is_empty() {
                map.serialize_entry("args", &format!("({} values)", rpyc.args.len()))?;
            }
            if !rpyc.kwargs.is_empty() {
                let names: Vec<&str> = rpyc.kwargs.iter().map(|(name, _)| name.as_str()).collect();
                map.serialize_entry("kwargs", &names)?;
            }
        }
        if let Some(send) = send {
            match &send.message {
                Message::Text(text) => map.serialize_entry("send", &length(text.written().len()))?,
                Message::Bytes(bytes) => map.serialize_entry("send-hex", &length(bytes.len()))?,
            }
            match &send.reply {
                ReplyEnd::Until(until) => map.serialize_entry("until", &message::escaped(until))?,
                ReplyEnd::Bytes(bytes) => map.serialize_entry("bytes", &Size(*bytes))?,
                ReplyEnd::Length(length) => map.serialize_entry("length", length)?,
            }
        }
        if let Some(contains) = contains {
            map.serialize_entry("contains", contains)?;
        }
        if let Some(size) = size {
            map.serialize_entry("size", &Size(*size))?;
        }
        if !take.is_empty() {
            let shown = take.iter().map(|take| (take.name.clone(), take.from.to_string().into()));
            map.serialize_entry("take", &shown.collect::<serde_json::Map<String, Json>>())?;
        }
        map.end()
    }
}

/// A path with the length of its query, which may hold a secret.
fn without_query(path: &str) -> String {
    match path.split_once('?') {
        Some((path, query)) => format!("{path}?({} bytes)", query.len()),
        None => path.to_owned(),
    }
}

/// The names of the calls that stand behind `calls`, with their places.
pub(crate) fn names(calls: &Node) -> Vec<Use> {
    let Value::List(items) = &calls.value else { return Vec::new() };
    let name = |item: &Node| {
        let Value::Map(entries) = &item.value else { return None };
        match entries.iter().find(|(key, _)| key.name == "name")?.1 {
            Node { value: Value::Text(ref name), span } => Some(Use { name: name.clone(), span }),
            _ => None,
        }
    };
    items.iter().filter_map(name).collect()
}

/// The calls by which targets say that they are ready, with their places.
pub(crate) fn ready(targets: &Node) -> Vec<Use> {
    let Value::List(items) = &targets.value else { return Vec::new() };
    let name = |item: &Node| {
        let Value::Map(entries) = &item.value else { return None };
        match entries.iter().find(|(key, _)| key.name == "ready")?.1 {
            Node { value: Value::Text(ref name), span } => Some(Use { name: name.clone(), span }),
            _ => None,
        }
    };
    items.iter().filter_map(name).collect()
}

/// The calls that stand behind `calls`; files that they name are looked for in `folder`.
pub(crate) fn read(fields: &mut Fields<'_>, folder: &Path, mistakes: &mut Vec<Mistake>) -> Option<OwnCalls> {
    if !fields.has("calls") {
        return Some(OwnCalls::default());
    }
    let (_, node) = fields.entry("calls", mistakes)?;
    let Value::List(items) = &node.value else {
        let mistake = Mistake::new(format!("`calls` takes a list, not {}", node.kind()), node.span);
        mistakes.push(mistake.help("begin each call with a dash, such as `- {name: health, http: GET /health}`"));
        return None;
    };
    if items.is_empty() {
        mistakes.push(empty_list("calls", node));
        return None;
    }
    let calls: Vec<Option<Defined>> = items.iter().map(|item| call(item, folder, mistakes)).collect();
    calls.into_iter().collect::<Option<Vec<_>>>().map(OwnCalls)
}

/// The names under which a call may not be defined.
fn reserved() -> Vec<&'static str> {
    Call::ALL.iter().map(|call| call.word()).collect()
}

fn call(node: &Node, folder: &Path, mistakes: &mut Vec<Mistake>) -> Option<Defined> {
    let mut fields = Fields::of("a call", node, mistakes)?;
    let name = fields.needed("name", "name: health", mistakes);
    let span = name.map_or(fields.span(), |node| node.span);
    let name = name.and_then(|node| read_name("name", node, mistakes)).map(str::to_owned);
    if let Some(name) = name.as_deref().filter(|name| reserved().contains(name)) {
        let mistake = Mistake::new(format!("`{name}` is a call of the service that all servers here answer"), span);
        mistakes.push(mistake.help("give your own call another name"));
    }
    let contains = fields.optional("contains", mistakes);
    let size: Option<Size> = fields.optional("size", mistakes);
    let asked = [&["http", "grpc", "rpyc"][..], &message::SENDS].concat();
    let asked = asked.iter().any(|key| fields.has(key));
    let before = mistakes.len();
    let request = request::read(&mut fields, folder, mistakes);
    let grpc = grpc::read(&mut fields, mistakes);
    let status = status::read(&mut fields, mistakes);
    let rpyc = arguments::read(&mut fields, mistakes);
    let send = message::read(&mut fields, mistakes);
    if !asked {
        let mistake = Mistake::new("this call says no way to be asked", span);
        mistakes.push(mistake.help("give it a request, such as `http: GET /health`, a method, such as `grpc: shop.v1.Orders/Place` or `rpyc: read_sensor`, or bytes, such as `send: PING`"));
    }
    let protocols: Vec<Protocol> = [
        (request.is_some(), Protocol::Http),
        (grpc.is_some(), Protocol::Grpc),
        (rpyc.is_some(), Protocol::Rpyc),
        (send.is_some(), Protocol::Send),
    ]
    .into_iter()
    .filter_map(|(has, protocol)| has.then_some(protocol))
    .collect();
    let take = taken::read(&mut fields, &protocols, mistakes);
    fields.finish(mistakes);
    if !asked || mistakes.len() > before {
        return None;
    }
    let (http, body) = request.unzip();
    let body = body.flatten();
    let http = http.map(|http| HttpCall { status: status.http, ..http });
    let grpc = grpc.map(|grpc| GrpcCall { status: status.grpc, ..grpc });
    let (size, take) = (size.map(|size| size.bytes()), take?);
    let call = OwnCall { name: name?, http, grpc, rpyc, send, contains, size, take };
    Some(Defined { call, body, span })
}

/// A name that a workload calls, and where.
pub(crate) struct Use {
    pub(crate) name: String,
    pub(crate) span: Span,
}

/// Every name that workloads call, as far as they can be read.
pub(crate) fn uses(workloads: &Node) -> Vec<Use> {
    let mut found = Vec::new();
    let Value::List(items) = &workloads.value else { return found };
    let mut note = |name: &str, span: Span| found.push(Use { name: name.to_owned(), span });
    for item in items {
        let Value::Map(entries) = &item.value else { continue };
        for (key, node) in entries {
            match (key.name.as_str(), &node.value) {
                ("call" | "steps" | "before", Value::Text(name)) => note(name, node.span),
                ("call" | "steps" | "before", Value::List(names)) => names.iter().for_each(|node| {
                    if let Value::Text(name) = &node.value {
                        note(name, node.span);
                    }
                }),
                ("mix", Value::Map(shares)) => shares.iter().for_each(|(key, _)| note(&key.name, key.span)),
                _ => {}
            }
        }
    }
    found
}

/// Notes every name that two calls have, every one that is called and not defined, and every call that nobody uses.
pub(crate) fn check_names(defined: &[Use], uses: &[Use], mistakes: &mut Vec<Mistake>) {
    for (at, call) in defined.iter().enumerate() {
        if let Some(first) = defined[..at].iter().find(|other| other.name == call.name) {
            let mistake = Mistake::new(format!("two calls are called `{}`", call.name), call.span);
            mistakes.push(mistake.elsewhere(first.span, "the first one").help("each call needs a name of its own"));
        }
    }
    let own: Vec<&str> = defined.iter().map(|call| call.name.as_str()).collect();
    let known: Vec<&str> = reserved().into_iter().chain(own.iter().copied()).collect();
    for Use { name, span } in uses.iter().filter(|used| !known.contains(&used.name.as_str())) {
        mistakes.push(Mistake::new(format!("unknown call `{name}`"), *span).help(suggestion(name, &known)));
    }
    for call in defined.iter().filter(|call| !uses.iter().any(|used| used.name == call.name)) {
        let mistake = Mistake::new(format!("nobody asks `{}`", call.name), call.span);
        mistakes.push(mistake.help("name it in the `call`, `mix`, `steps` or `before` of a workload, or leave it out"));
    }
}

/// Where a call is defined.
pub(crate) fn span_of(calls: &OwnCalls, name: &str) -> Option<Span> {
    calls.0.iter().find(|defined| defined.call.name == name).map(|defined| defined.span)
}

/// The schema of `calls`.
pub(crate) fn schema(generator: &mut SchemaGenerator) -> Schema {
    let size = generator.subschema_for::<Size>();
    let mut properties = json!({
        "name": {"type": "string", "pattern": NAME, "not": {"enum": reserved()}, "default": "health",
            "description": "What workloads call it; the names of the engine's own calls are reserved."},
        "contains": {"type": "string", "pattern": "[^ \t\r\n]", "examples": ["\"items\""],
            "description": "Text that the body of a reply has to hold; looked for in each client's first, or in all where `verify` is `content`."},
        "size": size,
        "take": taken::schema(),
    });
    let schemas = [
        request::schema(generator),
        grpc::schema(),
        status::schema(),
        arguments::schema(generator),
        message::schema(generator),
    ];
    for own in schemas {
        if let (Some(all), Json::Object(own)) = (properties.as_object_mut(), own) {
            all.extend(own);
        }
    }
    if let Some(size) = properties["size"].as_object_mut() {
        size.insert("description".to_owned(), "How long the body of each reply has to be.".into());
        size.insert("examples".to_owned(), json!(["64KiB"]));
    }
    json_schema!({
        "type": "array",
        "minItems": 1,
        "items": {"type": "object", "properties": properties, "required": ["name"], "additionalProperties": false,
            "anyOf": [{"required": ["http"]}, {"required": ["grpc"]}, {"required": ["rpyc"]}, {"required": ["send"]}, {"required": ["send-hex"]}]},
    })
}
