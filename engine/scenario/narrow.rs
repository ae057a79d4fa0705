//! What an editor is told of keys that depend on others: options by transport and model, who fits whom, what a call needs.
//!
//! JSON Schema has `if` and `then` for it. Conditions match words by patterns, since editors offer the words of an `enum`.
//! `errorMessage` is what the language server of YAML shows; validators pass over it.

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::call::{CALLS, Called, ServiceCall};
use crate::key::KEYS;
use crate::key::contract::{Key, Of, Unused};
use crate::key::load::{Load, Point};
use crate::key::rate::SEARCH;
use crate::scenario::options::{known_options, value_schema};
use crate::server::MODELS;
use crate::stack::STACKS;
use crate::stack::contract::Stack;
use crate::stack::driver::DRIVERS;
use crate::stack::own::options::OPTIONS;
use crate::transport::TRANSPORTS;
use crate::transport::contract::Transport;
use crate::transport::option::OptionSpec;
use crate::transport::options::COOKIES;

/// Keys by which a workload says what it asks: it has exactly one.
const ASKS: [&str; 3] = ["call", "mix", "steps"];
/// Keys of which a workload has exactly one.
const LENGTHS: [&str; 3] = ["iterations", "duration", "ramp"];

/// The rules of a target.
pub(crate) fn target(generator: &mut SchemaGenerator) -> Vec<Value> {
    let options = known_options().into_iter().map(|(spec, _)| option(spec, generator));
    options
        .collect::<Vec<_>>()
        .into_iter()
        .chain(STACKS.iter().flat_map(|stack| served(*stack)))
        .chain(spoken())
        .chain(who())
        .collect()
}

/// Exactly one of those who can serve, and what belongs to some of them only.
fn who() -> Vec<Value> {
    let named = |key: &str| json!({"required": [key]});
    let rule = |key: &str, keys: &[&str], owners: &str| {
        let why = format!("with `{key}` none of {} is of use; they belong to a target with {owners}", keys.join(", "));
        json!({"if": {"required": [key]}, "then": forbidden(keys, &why)})
    };
    let one = ["server", "launch", "at"].map(named);
    vec![
        json!({"oneOf": one}),
        rule("server", &["env", "vary", "ready", "within", "fresh", "with", "proto"], "`launch`, some of them `at`"),
        rule("at", &["env", "vary", "fresh", "stack", "place"], "another server"),
        rule("launch", &["stack"], "`server`"),
    ]
}

/// The rules of a workload.
pub(crate) fn workload() -> Vec<Value> {
    [asked(), used(), needed(), by_load(), lengths()].concat()
}

/// The rules of the whole scenario: a search needs an `expect`, of its own or of each target.
pub(crate) fn whole() -> Vec<Value> {
    let lacks = json!({"not": {"required": ["expect"]}});
    let searches = having(vec![("rate", some_of(&[SEARCH]))], &["rate"]);
    let workloads = unsuggested(json!({"items": {"if": searches, "then": {"required": ["expect"]}}}));
    vec![json!({
        "if": having(vec![("targets", json!({"type": "array", "contains": lacks}))], &["targets"]),
        "then": {"properties": {"workloads": workloads}},
    })]
}

/// The pattern of exactly these words.
fn pattern(words: &[&str]) -> String {
    format!("^({})$", words.join("|"))
}

/// One of these words, or a list with one of them.
fn some_of(words: &[&str]) -> Value {
    let word = json!({"type": "string", "pattern": pattern(words)});
    json!({"anyOf": [word, {"type": "array", "contains": word}]})
}

/// One of these words, or a list of nothing else.
fn only_of(words: &[&str]) -> Value {
    let word = json!({"type": "string", "pattern": pattern(words)});
    json!({"anyOf": [word, {"type": "array", "minItems": 1, "items": word}]})
}

/// The given keys with these values; those that have to be there are named.
fn having(keys: Vec<(&str, Value)>, required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        keys.into_iter().map(|(key, value)| (key.to_owned(), unsuggested(value))).collect();
    json!({"properties": properties, "required": required})
}

/// A schema of a key that an editor shall not offer for it, since the key has another that says more.
fn unsuggested(mut schema: Value) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.insert("doNotSuggest".to_owned(), true.into());
    }
    schema
}

/// Keys that may not be there, and why.
fn forbidden(keys: &[&str], why: &str) -> Value {
    let properties: Map<String, Value> = keys.iter().map(|key| ((*key).to_owned(), Value::Bool(false))).collect();
    json!({"properties": properties, "errorMessage": why})
}

fn names<T: crate::registry::Entry + ?Sized>(list: &'static [&'static T]) -> Vec<&'static str> {
    list.iter().map(|entry| entry.name()).collect()
}

/// Transports, grouped by the models that fit them on a stack.
fn groups(stack: &dyn Stack) -> BTreeMap<Vec<&'static str>, Vec<&'static str>> {
    let mut groups: BTreeMap<Vec<&'static str>, Vec<&'static str>> = BTreeMap::new();
    for transport in TRANSPORTS {
        let fits = MODELS.iter().filter(|model| stack.fits(*transport, **model).is_ok()).map(|model| model.name());
        groups.entry(fits.collect()).or_default().push(transport.name());
    }
    groups
}

/// A target one of whose servers is of a stack; the first of the list is what stands where none is written.
fn on(stack: &dyn Stack, some: bool) -> (Vec<(&'static str, Value)>, Vec<&'static str>) {
    let value = if some { some_of(&[stack.name()]) } else { only_of(&[stack.name()]) };
    let first = STACKS.first().is_some_and(|first| first.name() == stack.name());
    (vec![("stack", value)], if first { Vec::new() } else { vec!["stack"] })
}

/// An option, offered where each pairing of the target knows it, and a mistake elsewhere.
fn option(spec: &'static OptionSpec, generator: &mut SchemaGenerator) -> Value {
    let offered_alone = |value: Schema| {
        let options = unsuggested(json!({"properties": {spec.name: value}}));
        json!({"properties": {"options": options}})
    };
    if OPTIONS.iter().any(|own| own.name == spec.name) {
        let why = format!("`{}` is an option of `launch` and `at`", spec.name);
        let forbids = json!({"properties": {"options": unsuggested(forbidden(&[spec.name], &why))}});
        let offered = offered_alone(value_schema(spec, generator));
        return json!({"if": {"required": ["server"]}, "then": forbids, "else": offered});
    }
    let knows = |own: &[OptionSpec]| own.iter().any(|other| other.name == spec.name);
    let transports: Vec<&str> = TRANSPORTS.iter().filter(|it| knows(it.options())).map(|it| it.name()).collect();
    let models: Vec<&str> = MODELS.iter().filter(|it| knows(it.options())).map(|it| it.name()).collect();
    let offered = offered_alone(value_schema(spec, generator));
    let mut strangers: Vec<Value> = Vec::new();
    // Servers of ours give nobody any.
    if spec.name == COOKIES.name {
        strangers.push(json!({"required": ["server"]}));
    }
    for stack in STACKS {
        for (fits, of) in groups(*stack) {
            let of: Vec<&str> = of.into_iter().filter(|name| !transports.contains(name)).collect();
            let others: Vec<&str> = fits.iter().copied().filter(|name| !models.contains(name)).collect();
            if of.is_empty() || others.is_empty() {
                continue;
            }
            let (mut keys, mut required) = on(*stack, true);
            keys.extend([("transport", some_of(&of)), ("server", some_of(&others))]);
            // Before the server is written, what no server of the transport knows is not offered.
            if others.len() < fits.len() {
                required.push("server");
            }
            if !transports.is_empty() || models.is_empty() {
                required.push("transport");
            }
            strangers.push(having(keys, &required));
        }
    }
    if strangers.is_empty() {
        return offered;
    }
    let owners = [transports, models].concat().join(", ");
    let why = format!("`{}` is an option of {owners}; the others need a target of their own", spec.name);
    json!({
        "if": {"anyOf": strangers},
        "then": {"properties": {"options": unsuggested(forbidden(&[spec.name], &why))}},
        "else": offered,
    })
}

/// Pairs of transport and model that a stack cannot serve.
fn served(stack: &dyn Stack) -> Vec<Value> {
    let rule = |(fits, transports): (Vec<&'static str>, Vec<&'static str>)| {
        let refused: Vec<&str> = names(MODELS).into_iter().filter(|name| !fits.contains(name)).collect();
        let refusal = || {
            let first = TRANSPORTS.iter().find(|it| transports.contains(&it.name()))?;
            MODELS.iter().find_map(|model| stack.fits(*first, *model).err())
        };
        let reason = refusal()?.reason;
        let (mut keys, mut required) = on(stack, false);
        keys.push(("transport", only_of(&transports)));
        required.push("transport");
        let forbids = if fits.is_empty() {
            let speaks = names(TRANSPORTS).into_iter().filter(|name| !transports.contains(name)).collect::<Vec<_>>();
            forbidden(&["transport"], &format!("servers of the stack `{}` speak {}", stack.name(), speaks.join(", ")))
        } else {
            keys.push(("server", only_of(&refused)));
            required.push("server");
            let why = format!("{} can be served by {}: {reason}", transports.join(" and "), fits.join(", "));
            forbidden(&["server"], &why)
        };
        Some(json!({"if": having(keys, &required), "then": forbids}))
    };
    groups(stack).into_iter().filter_map(rule).collect()
}

/// Transports that a driver does not speak.
fn spoken() -> Vec<Value> {
    let rule = |driver: &&'static dyn crate::stack::contract::Driver| {
        let model = MODELS.first()?;
        let speaks = |transport: &&&'static dyn Transport| driver.fits(**transport, *model).is_ok();
        let (known, strangers): (Vec<_>, Vec<_>) = TRANSPORTS.iter().partition(speaks);
        let names = |list: Vec<&&'static dyn Transport>| list.iter().map(|it| it.name()).collect::<Vec<_>>();
        let transports = names(strangers);
        if transports.is_empty() {
            return None;
        }
        let reason = format!("the driver `{}` speaks {}", driver.name(), names(known).join(", "));
        let of = vec![("driver", only_of(&[driver.name()])), ("transport", only_of(&transports))];
        Some(json!({"if": having(of, &["driver", "transport"]), "then": forbidden(&["driver"], &reason)}))
    };
    DRIVERS.iter().filter_map(rule).collect()
}

/// What is asked is said once: by a call, or a list of them, or a mix, or steps.
fn asked() -> Vec<Value> {
    let pairs = [(0, 1), (0, 2), (1, 2)].map(|(a, b)| [ASKS[a], ASKS[b]]);
    let rules = pairs.map(|[a, b]| {
        let both = forbidden(&[b], &format!("a workload has `{a}` or `{b}`, not both"));
        json!({"if": {"required": [a, b]}, "then": both})
    });
    rules.into_iter().chain([json!({"anyOf": ASKS.map(|key| json!({"required": [key]}))})]).collect()
}

/// The keys that some call uses and others do not, each with the calls that need it or use it.
fn keys_of_calls(wanted: impl Fn(&'static dyn ServiceCall, &str) -> bool) -> Vec<(&'static str, Vec<&'static str>)> {
    let keys = KEYS.iter().map(|key| key.name()).filter(|key| CALLS.iter().any(|call| call.uses(key)));
    keys.map(|key| (key, CALLS.iter().filter(|call| wanted(**call, key)).map(|call| call.name()).collect())).collect()
}

/// Keys that none of the calls of a workload uses.
fn used() -> Vec<Value> {
    let rule = |(key, users): (&'static str, Vec<&'static str>)| {
        let others: Vec<&str> = names(CALLS).into_iter().filter(|name| !users.contains(name)).collect();
        let why = format!("`{key}` is used by {} only", users.join(", "));
        json!({"if": having(vec![("call", only_of(&others))], &["call"]), "then": forbidden(&[key], &why)})
    };
    keys_of_calls(|call, key| call.uses(key)).into_iter().map(rule).collect()
}

/// Keys that some call of a workload cannot be without.
fn needed() -> Vec<Value> {
    let rule = |(key, needing): (&'static str, Vec<&'static str>)| {
        let calls = having(vec![("call", some_of(&needing))], &["call"]);
        (!needing.is_empty()).then(|| json!({"if": calls, "then": {"required": [key]}}))
    };
    keys_of_calls(|call, key| call.requires(key)).into_iter().filter_map(rule).collect()
}

/// Keys that change nothing in a closed loop, or nothing in an open one.
fn by_load() -> Vec<Value> {
    let closed = Point { has_links: true, ..Point::default() };
    let open = Point { load: Load { rate: Some(1.0), ..Load::default() }, ..closed.clone() };
    let steps = vec![Called::named("ping")];
    let stepping = Point { load: Load { steps, ..open.load.clone() }, ..closed.clone() };
    let given = json!({"anyOf": [{"required": ["rate"]}, {"required": ["ramp"]}]});
    let rule = |key: &&'static dyn Key| {
        let (load, why) = match (key.unused(&closed), key.unused(&open)) {
            (Some(Unused::Else { by, help }), None) => (json!({"not": given}), (by, help)),
            (None, Some(Unused::Else { by, help })) if key.unused(&stepping).is_none() => {
                (json!({"allOf": [given, {"not": {"required": ["steps"]}}]}), (by, help))
            }
            (None, Some(Unused::Else { by, help })) => (given.clone(), (by, help)),
            _ => return None,
        };
        let why = format!("`{}` is not used by {}; {}", key.name(), why.0, why.1);
        Some(json!({"if": load, "then": forbidden(&[key.name()], &why)}))
    };
    KEYS.iter().filter(|key| key.of() == Of::Workload).filter_map(rule).collect()
}

/// How long a workload lasts is said once.
fn lengths() -> Vec<Value> {
    let pairs = [(0, 1), (0, 2), (1, 2)].map(|(a, b)| [LENGTHS[a], LENGTHS[b]]);
    let rules = pairs.map(|[a, b]| {
        let why = format!("a workload has `{a}` or `{b}`, not both");
        json!({"if": {"required": [a, b]}, "then": forbidden(&[b], &why)})
    });
    rules.into_iter().chain([json!({"anyOf": LENGTHS.map(|key| json!({"required": [key]}))})]).collect()
}

/// The schema of `options` without its keys, which the rules of the target give.
pub(crate) fn options(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = known_options().iter().map(|(spec, _)| spec.name).collect();
    json_schema!({"type": "object", "patternProperties": {pattern(&names): true}, "additionalProperties": false})
}
