//! Every option of transports, server models and own servers: who knows it, and what an editor is told.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::key::word::one_or_several;
use crate::server::MODELS;
use crate::stack::own::options as own;
use crate::transport::TRANSPORTS;
use crate::transport::option::{OptionKind, OptionSpec};
use crate::units::Size;

/// Every option, those of the user's own servers among them, with those who know it: its name, what it is to each, and who they are.
pub fn known_options() -> Vec<(&'static OptionSpec, Vec<&'static str>)> {
    let mut known: Vec<(&'static OptionSpec, Vec<&'static str>)> = Vec::new();
    let of_transports = TRANSPORTS.iter().flat_map(|it| it.options().iter().map(|spec| (spec, it.name())));
    let of_models = MODELS.iter().flat_map(|it| it.options().iter().map(|spec| (spec, it.name())));
    let of_own = own::OPTIONS.iter().flat_map(|spec| ["launch", "at"].map(|owner| (spec, owner)));
    for (spec, owner) in of_transports.chain(of_models).chain(of_own) {
        match known.iter_mut().find(|(other, _)| other.name == spec.name && other.kind == spec.kind) {
            Some((_, owners)) => owners.push(owner),
            None => known.push((spec, vec![owner])),
        }
    }
    known
}

/// The schema of an option: one value of it, or a list of several.
pub(crate) fn value_schema(spec: &OptionSpec, generator: &mut SchemaGenerator) -> Schema {
    let owners: Vec<&str> = known_options()
        .into_iter()
        .filter(|(known, _)| known.name == spec.name && known.kind == spec.kind)
        .flat_map(|(_, owners)| owners)
        .collect();
    let mut schema = one_or_several(&values(spec.kind, generator));
    let about = format!("Of {}: {}. Default: {}.", owners.join(", "), spec.about, spec.default);
    schema.insert("description".to_owned(), about.into());
    schema.insert("examples".to_owned(), vec![example_of(spec.kind)].into());
    schema
}

fn example_of(kind: OptionKind) -> Value {
    match kind {
        // The default of most is false, and one writes what one wants to try.
        OptionKind::Flag => true.into(),
        OptionKind::Count(least, _) => least.max(2).into(),
        OptionKind::Size(_) => "64KiB".into(),
        OptionKind::Word(words) => words.first().copied().into(),
        OptionKind::Name(example) | OptionKind::Text(example) => example.into(),
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
        OptionKind::Text(_) => json_schema!({"type": "string", "pattern": "[^ \t\r\n]"}),
    }
}
