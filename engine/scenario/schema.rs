//! The JSON Schema of a scenario, which teaches editors every key.

use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema, schema_for};
use serde_json::{Map, Value};

use crate::scenario::Scenario;
use crate::scenario::axis::one_or_several;
use crate::server::MODELS;
use crate::transport::TRANSPORTS;
use crate::transport::contract::{OptionKind, OptionSpec};
use crate::units::{MOST, MOST_CALLS, MOST_CLIENTS, Size, Time};

/// The schema that the types make, JSON Schema 2020-12.
pub fn scenario() -> Schema {
    let mut schema = schema_for!(Scenario);
    without_null(&mut schema);
    bounded(&mut schema);
    schema.insert("patternProperties".to_owned(), serde_json::json!({"^x-": true}));
    schema
}

/// A time that may not be nothing.
pub(crate) fn some_time(generator: &mut SchemaGenerator) -> Schema {
    not_zero(generator.subschema_for::<Time>())
}

/// What that schema allows, but for quantities of nothing.
pub(crate) fn not_zero(mut schema: Schema) -> Schema {
    schema.insert("not".to_owned(), serde_json::json!({"pattern": "^[0.]+ ?[A-Za-zµ]+$"}));
    schema
}

/// Every option with those who know it: its name, what it is to each, and who they are.
pub fn known_options() -> Vec<(&'static OptionSpec, Vec<&'static str>)> {
    let mut known: Vec<(&'static OptionSpec, Vec<&'static str>)> = Vec::new();
    let of_transports = TRANSPORTS.iter().flat_map(|it| it.options().iter().map(|spec| (spec, it.name())));
    let of_models = MODELS.iter().flat_map(|it| it.options().iter().map(|spec| (spec, it.name())));
    for (spec, owner) in of_transports.chain(of_models) {
        match known.iter_mut().find(|(other, _)| other.name == spec.name && other.kind == spec.kind) {
            Some((_, owners)) => owners.push(owner),
            None => known.push((spec, vec![owner])),
        }
    }
    known
}

/// The schema of `options`: a flat map with every option of every transport and model.
pub(crate) fn options(generator: &mut SchemaGenerator) -> Schema {
    let (mut properties, mut example) = (Map::new(), Map::new());
    for (spec, owners) in known_options() {
        let mut schema = one_or_several(&values(spec.kind, generator));
        let about = format!("Of {}: {}. Default: {}.", owners.join(", "), spec.about, spec.default);
        schema.insert("description".to_owned(), about.into());
        schema.insert("examples".to_owned(), vec![example_of(spec.kind)].into());
        if example.is_empty() {
            example.insert(spec.name.to_owned(), example_of(spec.kind));
        }
        properties.insert(spec.name.to_owned(), schema.into());
    }
    json_schema!({"type": "object", "properties": properties, "additionalProperties": false, "examples": [example]})
}

fn example_of(kind: OptionKind) -> Value {
    match kind {
        OptionKind::Flag => false.into(),
        OptionKind::Count(least, _) => least.max(2).into(),
        OptionKind::Size(_) => "64KiB".into(),
        OptionKind::Word(words) => words.first().copied().into(),
        OptionKind::Name(example) => example.into(),
    }
}

fn values(kind: OptionKind, generator: &mut SchemaGenerator) -> Schema {
    match kind {
        OptionKind::Flag => json_schema!({"type": "boolean"}),
        OptionKind::Count(least, most) => json_schema!({"type": "integer", "minimum": least, "maximum": most}),
        OptionKind::Size(most) => {
            let mut schema = Size::json_schema(generator);
            schema.insert("pattern".to_owned(), format!("^({})$", Size::up_to(most)).into());
            schema.insert("description".to_owned(), format!("A number of bytes with its unit, at most {most}.").into());
            schema
        }
        OptionKind::Word(words) => json_schema!({"type": "string", "enum": words}),
        OptionKind::Name(_) => json_schema!({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}),
    }
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
