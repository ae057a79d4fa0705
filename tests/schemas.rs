//! The committed schemas are those that the types make.

use std::process::Command;

use serde_json::Value;

fn made(of: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_engine")).args(["schema", of]).output().expect("the engine starts");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("a schema is text")
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    for (of, committed) in [
        ("scenario", include_str!("../schemas/scenario.schema.json")),
        ("results", include_str!("../schemas/results.schema.json")),
        ("view", include_str!("../schemas/view.schema.json")),
    ] {
        assert!(made(of) == committed, "schemas/{of}.schema.json is old; `just schema` writes it anew");
    }
}

/// Every schema of an object inside `value`, with its path.
fn objects<'v>(path: &str, value: &'v Value, found: &mut Vec<(String, &'v Value)>) {
    match value {
        Value::Object(map) => {
            if map.contains_key("properties") {
                found.push((path.to_owned(), value));
            }
            // What stands in a condition is a rule over keys of an object that is closed itself.
            let own = map.iter().filter(|(key, _)| !["if", "then", "else", "allOf"].contains(&key.as_str()));
            own.for_each(|(key, inner)| objects(&format!("{path}/{key}"), inner, found));
        }
        Value::Array(items) => items.iter().for_each(|item| objects(path, item, found)),
        _ => {}
    }
}

#[test]
fn a_scenario_is_closed_and_every_key_explains_itself() {
    let schema: Value = serde_json::from_str(&made("scenario")).expect("a schema is JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(jsonschema::meta::is_valid(&schema));
    let mut found = Vec::new();
    objects("", &schema, &mut found);
    assert!(found.len() >= 4, "scenario, target, options and workload are objects");
    for (path, object) in found {
        assert_eq!(object["additionalProperties"], false, "{path} is open");
        for (key, property) in object["properties"].as_object().expect("properties are a map") {
            assert!(property["description"].is_string(), "{path}/{key} has no description");
            let list = property["items"].is_object();
            // What an editor begins with is one too; of the options each has its own, in the rules.
            let begun = !property["default"].is_null()
                || property["defaultSnippets"].is_array()
                || property["patternProperties"].is_object();
            assert!(property["examples"].is_array() || begun || list, "{path}/{key} has no example");
        }
    }
    assert!(!schema.to_string().contains("\"null\""), "a key without a value is a mistake");
}
