//! An editor, which has the schema, and the program judge every value of every key alike.
//!
//! Values are generated: of each key the odd ones that any key may meet, those at its bounds, its words, and texts that
//! are nearly quantities. What takes two keys to judge is for `tests/mistakes.rs`.

use std::collections::BTreeSet;

use engine::call::SplitMix;
use engine::scenario::{options, read, schema};
use serde_json::{Value, json};

/// Where the value of a key stands in a scenario, by JSON pointer, and a scenario in which that key is of use.
struct Place {
    path: String,
    scenario: Value,
}

/// A scenario with one target and one workload.
fn scenario(target: Value, workload: Value) -> Value {
    json!({"title": "t", "question": "q", "targets": [target], "workloads": [workload]})
}

fn tcp() -> Value {
    json!({"transport": "tcp", "server": "threaded"})
}

fn launched() -> Value {
    let env = json!({"PORT": "${port}", "A": "${a}"});
    json!({"transport": "tcp", "launch": "./shop ${port} ${a}", "env": env, "vary": {"a": 1}})
}

fn ping() -> Value {
    json!({"name": "w", "call": "ping", "iterations": 1})
}

fn with(mut object: Value, keys: Value) -> Value {
    for (key, value) in keys.as_object().expect("a map") {
        object[key] = value.clone();
    }
    object
}

/// Every key of the schema, each in its place.
fn places(schema: &Value) -> Vec<Place> {
    let keys = |of: &Value| of["properties"].as_object().expect("keys").keys().cloned().collect::<Vec<_>>();
    let defs = &schema["$defs"];
    let mut places = Vec::new();
    let mut add = |path: String, scenario| places.push(Place { path, scenario });
    // The names of links, of places and of those who ask for them take two keys to judge.
    for key in keys(schema).into_iter().filter(|key| key != "links" && key != "places") {
        add(format!("/{key}"), scenario(tcp(), ping()));
    }
    // What a word of `vary` may be the rest of its target decides, and which calls there are the rest of the scenario.
    for key in keys(&defs["Target"]).into_iter().filter(|key| !["vary", "ready", "place"].contains(&key.as_str())) {
        let transport = if matches!(key.as_str(), "stack" | "driver") { "rpyc" } else { "tcp" };
        let target = match key.as_str() {
            // What is told by the environment may be launched by any command.
            "launch" | "env" | "within" | "fresh" | "with" => launched(),
            "at" => json!({"transport": "tcp", "at": "127.0.0.1:80"}),
            _ => with(tcp(), json!({"transport": transport})),
        };
        add(format!("/targets/0/{key}"), scenario(target, ping()));
    }
    let known = options::known_options();
    for (spec, owners) in &known {
        let key = spec.name;
        let transport = schema["$defs"]["Transport"]["oneOf"].as_array().expect("words");
        let owner = owners[0];
        let target = match transport.iter().any(|word| word["const"] == owner) {
            // A file has to be there, which no schema knows.
            _ if ["ca", "cert", "key"].contains(&key) => continue,
            _ if owner == "launch" => with(launched(), json!({"options": {"tls": true}})),
            true => json!({"transport": owner, "server": "threaded", "options": {}}),
            false => json!({"transport": "tcp", "server": owner, "options": {}}),
        };
        add(format!("/targets/0/options/{key}"), scenario(target, ping()));
    }
    for key in keys(&schema["properties"]["links"]["items"]).into_iter().filter(|key| key != "name") {
        let link = json!({"name": "wan", "delay": "10s", "rate": "1Mbit"});
        let over = scenario(tcp(), with(ping(), json!({"link": "wan"})));
        add(format!("/links/0/{key}"), with(over, json!({"links": [link]})));
    }
    // Words in `${…}` have to be known, and `run` is of use behind `by: command` only.
    for key in keys(&schema["properties"]["places"]["items"]) {
        if !["name", "run", "address"].contains(&key.as_str()) {
            let place = json!({"name": "web", "by": "ssh", "hosts": "web-1"});
            let there = scenario(with(tcp(), json!({"place": "web"})), ping());
            add(format!("/places/0/{key}"), with(there, json!({"places": [place]})));
        }
    }
    for key in keys(&defs["Workload"]).into_iter().filter(|key| key != "link" && key != "from") {
        let body = json!({"call": "upload", "payload": "1KiB"});
        let open = json!({"duration": "1s", "expect": "p99 < 1s", "rate": 10});
        let mut workload = match key.as_str() {
            "payload" | "fill" | "chunk" => with(ping(), body),
            "split" => with(with(ping(), body), json!({"chunk": "64B"})),
            "work" => with(ping(), json!({"call": "compute"})),
            "hold" => with(ping(), json!({"call": "sleep"})),
            "rate" | "arrivals" => with(ping(), open),
            // Each has a client at least.
            "processes" => with(ping(), json!({"clients": 1000})),
            _ => ping(),
        };
        if matches!(key.as_str(), "rate" | "arrivals" | "ramp" | "duration") {
            workload.as_object_mut().expect("a map").remove("iterations");
        }
        add(format!("/workloads/0/{key}"), scenario(tcp(), workload));
    }
    for key in keys(&defs["Step"]) {
        let workload =
            json!({"name": "w", "call": "ping", "ramp": [{"rate": 1, "for": "1s"}, {"rate": 1, "for": "1s"}]});
        add(format!("/workloads/0/ramp/0/{key}"), scenario(tcp(), workload));
    }
    for key in ["server", "client"] {
        let pinned = with(scenario(tcp(), ping()), json!({"pin": {"server": [0], "client": [1]}}));
        add(format!("/pin/{key}"), pinned);
    }
    places
}

/// Every word, example, pattern and bound inside a schema, its references followed.
fn hints(root: &Value, schema: &Value, numbers: &mut BTreeSet<u64>, words: &mut Vec<Value>) {
    match schema {
        Value::Object(map) => {
            for (key, inner) in map {
                match key.as_str() {
                    "minimum" | "maximum" => numbers.extend(inner.as_f64().map(|bound| bound as u64)),
                    "const" | "default" => words.push(inner.clone()),
                    "enum" | "examples" => words.extend(inner.as_array().into_iter().flatten().cloned()),
                    "$ref" => {
                        let pointer =
                            inner.as_str().and_then(|path| path.strip_prefix('#')).expect("a local reference");
                        // Targets and workloads have keys of their own.
                        if pointer.ends_with("Target") || pointer.ends_with("Workload") {
                            continue;
                        }
                        hints(root, root.pointer(pointer).expect("it is there"), numbers, words);
                    }
                    _ => hints(root, inner, numbers, words),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| hints(root, item, numbers, words)),
        _ => {}
    }
}

/// The schema of an option, which stands where the conditions on a target's transport and server let it be.
fn option<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    let here = &schema["properties"]["options"]["properties"][name];
    if here.is_object() {
        return Some(here);
    }
    match schema {
        Value::Object(map) => map.values().find_map(|inner| option(inner, name)),
        Value::Array(items) => items.iter().find_map(|inner| option(inner, name)),
        _ => None,
    }
}

/// The schema of the key at a path.
fn schema_of<'s>(root: &'s Value, path: &str) -> &'s Value {
    let mut here = root;
    for step in path.split('/').skip(1) {
        loop {
            let pointer = here["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
            match pointer {
                Some(pointer) => here = root.pointer(pointer).expect("it is there"),
                None => break,
            }
        }
        here = match step.parse::<usize>() {
            Ok(_) => &here["items"],
            Err(_) if here["properties"].is_object() => &here["properties"][step],
            Err(_) if here["patternProperties"].is_object() => option(root, step).unwrap_or(&Value::Null),
            Err(_) => {
                let mut branches = here["anyOf"].as_array().into_iter().flatten();
                branches.find_map(|branch| branch["properties"].get(step)).unwrap_or(&Value::Null)
            }
        };
    }
    assert!(here.is_object(), "no schema at {path}");
    here
}

/// A text that is nearly a quantity, or one.
fn quantity(random: &mut SplitMix) -> String {
    let mut pick = |from: &[&str]| from[random.below(from.len() as u64) as usize].to_owned();
    let whole = pick(&[
        "0",
        "1",
        "4",
        "5",
        "24",
        "007",
        "1440",
        "86400",
        "86401",
        "4096",
        "4097",
        "4294967",
        "4294967296",
        "4294967297",
        "86400000000000",
        "99999999999999999999",
        "",
        "+1",
        "-1",
        "1e3",
        "3600",
    ]);
    let decimals = pick(&[
        "",
        "",
        "",
        ".0",
        ".5",
        ".296",
        ".297",
        ".294967296",
        ".2949672961",
        ".001",
        ".0001",
        ".000",
        ".1234567890",
        ".",
        ".5.5",
        ".999999999",
    ]);
    let gap = pick(&["", "", "", " ", "  ", "\t"]);
    let unit = pick(&[
        "B", "KB", "KiB", "MB", "MiB", "GB", "GiB", "TiB", "kb", "ns", "us", "µs", "ms", "s", "m", "h", "d", "", "/s",
        "MB/s", "%", "bit", "kbit", "Mbit", "Gbit", "mbit",
    ]);
    let end = pick(&["", "", "", "", " ", "\n"]);
    format!("{whole}{decimals}{gap}{unit}{end}")
}

/// A text that is nearly an expectation, or one.
fn expectation(random: &mut SplitMix) -> String {
    let mut pick = |from: &[&str]| from[random.below(from.len() as u64) as usize].to_owned();
    let figure =
        pick(&["p50", "p99", "max", "p98", "errors", "calls_per_s", "bandwidth", "memory", "cpu_per_call", ""]);
    let relation = pick(&["<", "<=", "==", ">=", ">", " < ", " == ", "=", "=<", "< =", "\t<"]);
    let bound = pick(&["5ms", "5", "0", "1.5", "1e5", "1.5MiB/s", "64MiB", "0.5ns", "+1", "1000000", "5 ms", ".5"]);
    format!("{figure}{relation}{bound}")
}

/// What a key is tried with.
fn values(root: &Value, path: &str, random: &mut SplitMix) -> Vec<Value> {
    let (mut numbers, mut words) = (BTreeSet::new(), Vec::new());
    hints(root, schema_of(root, path), &mut numbers, &mut words);
    let mut values: Vec<Value> = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(-1),
        json!(0),
        json!(1),
        json!(1.0),
        json!(-0.0),
        json!(1.5),
        json!(1e3),
        json!(1e300),
        json!(u64::MAX),
        json!(u64::from(u32::MAX) + 1),
        json!(""),
        json!(" "),
        json!("\t\n"),
        json!("a/b"),
        json!("/"),
        json!("é \u{1F980}"),
        json!("true"),
        json!("1"),
        json!([]),
        json!({}),
        json!([null]),
        json!([[]]),
        json!([1]),
        json!(["x"]),
        json!({"x": 1}),
        json!([1, 1.0]),
        json!([{}]),
    ];
    for number in numbers {
        values.extend([number.saturating_sub(1), number, number.saturating_add(1)].map(|number| json!(number)));
        values.push(json!(number as f64));
    }
    let quantities: Vec<Value> = (0..40).map(|_| json!(quantity(random))).collect();
    let expectations: Vec<Value> = (0..40).map(|_| json!(expectation(random))).collect();
    let text = schema_of(root, path).to_string();
    if text.contains("defs/Time") || text.contains("defs/Size") || text.contains("defs/Chunk") || text.contains("GiB") {
        values.extend(quantities);
    }
    if path.ends_with("expect") {
        values.extend(expectations);
    }
    for word in words {
        let mut more = vec![json!([word]), json!([word, word])];
        if let Some(text) = word.as_str() {
            more.extend([json!(text.to_uppercase()), json!(format!("{text} ")), json!(format!("x{text}"))]);
        }
        values.push(word);
        values.extend(more);
    }
    values
}

/// What the calls of a workload need beside the key itself, where they can be read.
fn completed(mut scenario: Value) -> Value {
    let call = scenario["workloads"][0]["call"].to_string();
    let workload = &mut scenario["workloads"][0];
    let calls = |words: &[&str]| words.iter().any(|word| call.contains(&format!("\"{word}\"")));
    for (words, key, value) in [
        (&["echo", "upload", "download"][..], "payload", "1KiB".into()),
        (&["compute"], "work", json!(1)),
        (&["sleep"], "hold", "1ms".into()),
    ] {
        if calls(words) && workload.get(key).is_none() {
            workload[key] = value;
        }
    }
    scenario
}

#[test]
fn the_schema_and_the_reader_judge_every_value_alike() {
    let root = serde_json::to_value(schema::scenario()).expect("a schema is JSON");
    let schema = jsonschema::validator_for(&root).expect("a schema");
    let mut random = SplitMix::new(15);
    let (mut right, mut wrong, mut apart) = (0, 0, Vec::new());
    for Place { path, scenario } in places(&root) {
        let (parent, key) = path.rsplit_once('/').expect("a path");
        for value in values(&root, &path, &mut random) {
            let mut scenario = scenario.clone();
            scenario.pointer_mut(parent).expect("its place")[key] = value.clone();
            let scenario = if key == "call" { completed(scenario) } else { scenario };
            // JSON is YAML too.
            let told = read("it", &scenario.to_string(), &[]);
            let allowed = schema.is_valid(&scenario);
            *(if allowed { &mut right } else { &mut wrong }) += 1;
            match told {
                Ok(_) if !allowed => apart.push(format!("{path}: {value}: only the schema refuses it")),
                // Which names a scenario defines, and which it uses, no schema can know.
                Err(why) if allowed && key == "call" && why.render(false).contains("unknown call") => {}
                Err(why) if allowed && key == "calls" && why.render(false).contains("nobody asks") => {}
                Err(why) if allowed && key == "before" && why.render(false).contains("unknown call") => {}
                // Which files there are neither.
                Err(why) if allowed && key == "data" && why.render(false).contains("cannot be read") => {}
                // What a name has to be among stands elsewhere in the file.
                Err(why) if allowed && matches!(key, "answer" | "baseline") => {
                    assert!(why.render(false).contains(" of this scenario"), "{path}: {value}: {}", why.render(false));
                }
                Err(why) if allowed => apart.push(format!("{path}: {value}: {}", why.render(false))),
                _ => {}
            }
        }
    }
    assert!(apart.is_empty(), "{} of {}:\n{}", apart.len(), right + wrong, apart.join("\n"));
    assert!(right >= 300 && wrong >= 500, "only {right} right and {wrong} wrong values were tried");
}

#[test]
fn keys_of_the_users_own_are_left_alone_at_the_top_only() {
    let root = serde_json::to_value(schema::scenario()).expect("a schema is JSON");
    let schema = jsonschema::validator_for(&root).expect("a schema");
    let whole = scenario(tcp(), ping());
    for (scenario, right) in [
        (with(whole.clone(), json!({"x-note": {"any": [1, null]}, "x-": null})), true),
        (with(whole.clone(), json!({"xnote": 1})), false),
        (scenario(with(tcp(), json!({"x-note": 1})), ping()), false),
        (scenario(tcp(), with(ping(), json!({"x-note": 1}))), false),
    ] {
        assert_eq!(schema.is_valid(&scenario), right, "{scenario}");
        assert_eq!(read("it", &scenario.to_string(), &[]).is_ok(), right, "{scenario}");
    }
}
