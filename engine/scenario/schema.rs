//! The JSON Schema of a scenario, which teaches editors every key.

use schemars::transform::transform_subschemas;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::key::KEYS;
use crate::key::contract::{Key, Of};
use crate::key::word::one_or_several;
use crate::scenario::narrow;
use crate::scenario::written::Scenario;
use crate::units::{MOST, MOST_CALLS, MOST_CLIENTS};

/// The schema that the types make, JSON Schema 2020-12.
pub fn scenario() -> Schema {
    let mut generator = SchemaGenerator::default();
    let all: Vec<(&dyn Key, Schema)> = KEYS.iter().map(|key| (*key, property(*key, &mut generator))).collect();
    let keys = |wanted: &dyn Fn(&dyn Key) -> bool| -> Vec<(&'static str, Schema)> {
        all.iter().filter(|(key, _)| wanted(*key)).map(|(key, schema)| (key.name(), schema.clone())).collect()
    };
    let (top, target) = (keys(&|key| key.at_top()), keys(&|key| key.of() == Of::Target));
    let workload = keys(&|key| key.of() == Of::Workload);
    let (of_target, of_workload) = (narrow::target(&mut generator), narrow::workload());
    let mut schema = generator.into_root_schema_for::<Scenario>();
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        let of = [
            (
                "Target",
                (target, &["transport"] as &[&str]),
                json!({"transport": "tcp", "server": "threaded"}),
                of_target,
            ),
            ("Workload", (workload, &[]), json!({"name": "latency", "call": "ping", "iterations": 1000}), of_workload),
        ];
        for (name, (keys, required), with, rules) in of {
            if let Some(object) = definitions.get_mut(name).and_then(Value::as_object_mut) {
                add(object, keys, required);
                begin(object, with);
                rule(object, rules);
            }
        }
    }
    add(schema.ensure_object(), top, &[]);
    begin(
        schema.ensure_object(),
        json!({"title": "RPyC against HTTP", "question": "Which answers small calls soonest?"}),
    );
    schema.insert("allOf".to_owned(), narrow::whole().into());
    without_null(&mut schema);
    bounded(&mut schema);
    schema.insert("patternProperties".to_owned(), serde_json::json!({"^x-": true}));
    schema
}

/// Adds keys to the schema of an object.
fn add(object: &mut Map<String, Value>, keys: Vec<(&'static str, Schema)>, required: &[&str]) {
    if let Some(properties) = object.entry("properties").or_insert_with(|| Map::new().into()).as_object_mut() {
        properties.extend(keys.into_iter().map(|(name, schema)| (name.to_owned(), schema.into())));
    }
    if let Some(list) = object.entry("required").or_insert_with(|| Vec::<Value>::new().into()).as_array_mut() {
        list.extend(required.iter().map(|name| Value::from(*name)));
        if list.is_empty() {
            object.remove("required");
        }
    }
}

/// Gives keys of an object what an editor begins with. It inserts each key that has a `default`, and no other key has
/// one, so that what it inserts is complete and no longer than it has to be; a second proposal, as an example is, would
/// leave the value open.
fn begin(object: &mut Map<String, Value>, with: Value) {
    let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (key, value) in with.as_object().into_iter().flatten() {
        let Some(property) = properties.get_mut(key).and_then(Value::as_object_mut) else { continue };
        property.remove("examples");
        property.insert("default".to_owned(), value.clone());
        // An editor takes the first type for that of the value.
        if property.contains_key("anyOf") {
            property.insert("type".to_owned(), json!(["string", "array"]));
        }
    }
}

/// Moves what an object cannot be without behind its rules: an editor would offer the required keys, and no others, as one
/// more thing to insert, and would not offer the whole item of a list if the rules stood beside its keys.
fn rule(object: &mut Map<String, Value>, rules: Vec<Value>) {
    let required = object.remove("required").map(|required| json!({"required": required}));
    let rules: Vec<Value> = required.into_iter().chain(rules).collect();
    object.insert("if".to_owned(), json!({}));
    object.insert("then".to_owned(), json!({"allOf": rules}));
}

/// What an editor is told of a key.
fn property(key: &dyn Key, generator: &mut SchemaGenerator) -> Schema {
    let one = key.schema(generator);
    let mut schema = if key.is_axis() { one_or_several(&one) } else { one };
    let about = match key.default() {
        Some(default) => format!("{} Default: {default}.", key.about()),
        None => key.about().to_owned(),
    };
    schema.insert("description".to_owned(), about.into());
    let examples = key.examples();
    if !examples.is_empty() {
        schema.insert("examples".to_owned(), examples.into());
    }
    schema
}

/// Gives whole numbers the greatest values that the reader takes, in place of how many bits they have.
fn bounded(schema: &mut Schema) {
    let least = schema.get("minimum").and_then(Value::as_u64);
    let most = match (schema.remove("format").as_ref().and_then(Value::as_str), least) {
        (Some("uint32"), _) => Some(MOST_CLIENTS),
        (Some("uint64"), Some(1)) => Some(MOST_CALLS),
        (Some("uint64"), _) => Some(MOST),
        _ => None,
    };
    if let Some(most) = most {
        schema.insert("maximum".to_owned(), most.into());
    }
    transform_subschemas(&mut bounded, schema);
}

/// Takes the `null` away that schemars adds to whatever may be absent: a key without a value is a mistake.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(branches)) = schema.get_mut("anyOf") {
        branches.retain(|branch| branch.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(one)] = branches.as_slice() {
            let one = one.clone();
            schema.remove("anyOf");
            for (key, value) in one {
                schema.ensure_object().entry(key).or_insert(value);
            }
        }
    }
    transform_subschemas(&mut without_null, schema);
}
