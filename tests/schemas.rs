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

#[test]
fn installed_are_all_three_and_nothing_of_the_users_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let install = |home: Option<&str>, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command.args(["schema", "--install"]).args(arguments).current_dir(folder.path()).env_remove("XDG_DATA_HOME");
        match home {
            Some(home) => command.env("HOME", folder.path().join(home)),
            None => command.env_remove("HOME"),
        };
        command.output().expect("the engine starts")
    };
    let said = |output: std::process::Output| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, stdout, stderr) = said(install(Some("me"), &[]));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let home = folder.path().join("me/.local/share/engine/schemas");
    for of in ["scenario", "results", "view"] {
        let file = home.join(format!("{of}.schema.json"));
        assert_eq!(std::fs::read_to_string(&file).expect("it is there"), made(of));
        assert!(stdout.contains(&file.display().to_string()), "{stdout}");
    }
    let line = format!("# yaml-language-server: $schema={}\n", home.join("scenario.schema.json").display());
    assert!(stdout.ends_with(&line), "{stdout}");

    // A folder beside the scenarios is named as they have to name it.
    let (code, stdout, _) = said(install(None, &["schemas"]));
    assert!(code == Some(0) && stdout.ends_with("$schema=schemas/scenario.schema.json\n"), "{stdout}");
    let theirs = folder.path().join("schemas/view.schema.json");
    std::fs::write(&theirs, "mine").expect("it can be written");
    let (code, _, stderr) = said(install(None, &["schemas"]));
    assert!(code == Some(2) && stderr.contains("view.schema.json is there, and is no schema"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&theirs).expect("it is there"), "mine");

    let (code, _, stderr) = said(install(None, &[]));
    assert!(code == Some(2) && stderr.contains("HOME is not set") && stderr.contains("--install DIR"), "{stderr}");
}
