//! The places that a scenario defines under `places`, and the names by which its targets and workloads ask for them.

use std::net::IpAddr;
use std::path::PathBuf;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use crate::call::Word;
use crate::document::mistake::{Mistake, Span};
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, Read, empty_list, several};
use crate::key::axes::OneOrSeveral;
use crate::key::place::HERE;
use crate::key::setting::Setting;
use crate::registry::suggestion;
use crate::template::Template;
use crate::words::words;

words! {
    /// How a command is started at a place.
    By {
        /// By the `ssh` of this machine, with its configuration, its agent and its known hosts.
        Ssh = "ssh",
        /// By Slurm's `srun`, inside an allocation.
        Srun = "srun",
        /// By a command of one's own, such as `docker exec -i ${host}`.
        Command = "command",
    }
}

/// The word in `run`, `address` and `engine` that stands for a host.
const HOST: &str = "host";

/// A place as a scenario writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenPlace {
    /// Its name.
    pub name: String,
    /// How a command is started there.
    pub by: By,
    /// Its hosts, at least one, none twice.
    pub hosts: Vec<String>,
    /// What starts a command on a host, where the user says it.
    pub run: Option<String>,
    /// Where peers reach a host, where the user says it.
    pub address: Option<String>,
    /// The engine there, where it is not to be copied.
    pub engine: Option<PathBuf>,
}

impl Serialize for WrittenPlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("by", &self.by)?;
        map.serialize_entry("hosts", &OneOrSeveral(&self.hosts))?;
        for (key, value) in [("run", &self.run), ("address", &self.address)] {
            if let Some(value) = value {
                map.serialize_entry(key, value)?;
            }
        }
        if let Some(engine) = &self.engine {
            map.serialize_entry("engine", engine)?;
        }
        map.end()
    }
}

/// A place with where its name stands.
pub(crate) type Placed = (WrittenPlace, Span);

/// Every place of the list, where there is one; none where one of them cannot be read.
pub(crate) fn read(fields: &mut Fields<'_>, mistakes: &mut Vec<Mistake>) -> Option<Vec<Placed>> {
    let Some((key, node)) = fields.entry("places", mistakes) else {
        return (!fields.has("places")).then(Vec::new);
    };
    match &node.value {
        Value::List(items) if items.is_empty() => mistakes.push(empty_list(&key.name, node)),
        Value::List(items) => {
            let read: Vec<Option<Placed>> = items.iter().map(|item| place(item, mistakes)).collect();
            return read.into_iter().collect();
        }
        _ => mistakes.push(
            Mistake::new(format!("`places` takes a list, not {}", node.kind()), node.span)
                .help("begin each item with a dash, or write `places: [{name: web, by: ssh, hosts: web-1}]`"),
        ),
    }
    None
}

fn place(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Placed> {
    let before = mistakes.len();
    let mut fields = Fields::of("a place", node, mistakes)?;
    let name: Option<String> = fields.required("name", "name: web", mistakes);
    let span = fields.span_of("name").unwrap_or(fields.span());
    let by: Option<By> = fields.required("by", "by: ssh", mistakes);
    let hosts = fields.needed("hosts", "hosts: web-1", mistakes);
    let hosts = hosts.and_then(|node| several("hosts", node, mistakes, host)).unwrap_or_default();
    let run = fields.entry("run", mistakes).and_then(|(_, node)| Some((words(node, "run", mistakes)?, node)));
    let address = fields.entry("address", mistakes);
    let address = address.and_then(|(_, node)| Some((template(node, "address", mistakes)?, node)));
    if let Some((_, node)) = address.as_ref().filter(|(text, _)| is_wildcard(text)) {
        let mistake = Mistake::new("`address` is every address of a host, and none that could be dialled", node.span);
        mistakes.push(mistake.help("write the one by which others reach it: a server there listens on that alone"));
    }
    let address = address.map(|(text, _)| text);
    let engine = fields.entry("engine", mistakes).and_then(|(_, node)| engine(node, mistakes));
    if by == Some(By::Command) {
        if !fields.has("run") {
            fields.lacks("run", "run: docker exec -i ${host}");
        }
        if !fields.has("address") {
            fields.lacks("address", "address: 172.17.0.2");
        }
    } else if let (Some(by), Some(span)) = (by, fields.span_of("run")) {
        let mistake = Mistake::new(format!("`run` is not used by a place with `by: {by}`"), span);
        mistakes.push(mistake.help(match by {
            By::Ssh => "leave it out: what `ssh` needs to know of a host stands in ~/.ssh/config",
            _ => "leave it out, or write `by: command`",
        }));
    }
    if let (Some((text, node)), true) = (&run, hosts.len() > 1)
        && !Template::parse(text).is_ok_and(|it| it.words().any(|(word, _)| word == HOST))
    {
        let what = format!("`run` is the same command for all {} hosts", hosts.len());
        mistakes.push(Mistake::new(what, node.span).help("put `${host}` where the host is named"));
    }
    fields.finish(mistakes);
    let name = name?;
    if name == HERE {
        let what = "`here` is known already: the machine that the run is started on";
        mistakes.push(Mistake::new(what, span).help("give this place another name"));
    } else if name.contains('/') {
        let mistake = Mistake::new(format!("a place cannot be called `{name}`"), span);
        mistakes.push(mistake.help("slashes stand between the parts of a cell's id; use a dash"));
    }
    let run = run.map(|(text, _)| text);
    (mistakes.len() == before).then_some((WrittenPlace { name, by: by?, hosts, run, address, engine }, span))
}

/// True for an address that stands for all of a host's.
fn is_wildcard(address: &str) -> bool {
    address.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
}

/// The name of a host, which no program may take for an option.
fn host(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let host = String::read("hosts", node, mistakes)?;
    if host.starts_with('-') || host.contains([' ', '\t', '\r', '\n']) {
        let mistake = Mistake::new(format!("`{host}` is no name of a host"), node.span);
        mistakes.push(mistake.help("a host has no spaces in its name, and does not begin with a dash"));
        return None;
    }
    Some(host)
}

/// A text with no other word in it than the host.
fn template(node: &Node, key: &str, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let text = String::read(key, node, mistakes)?;
    let template = match Template::parse(&text) {
        Ok(template) => template,
        Err(_) => {
            let mistake = Mistake::new(format!("`{key}` has a `${{` that is never closed"), node.span);
            mistakes.push(mistake.help("write it like `${host}`"));
            return None;
        }
    };
    if let Some((word, _)) = template.words().find(|(word, _)| *word != HOST) {
        let mistake = Mistake::new(format!("nobody gives `${{{word}}}` a value"), node.span);
        mistakes.push(mistake.help("a place knows `${host}`, which is one of its hosts"));
        return None;
    }
    Some(text)
}

/// A command as a shell would split it, which is run without one.
fn words(node: &Node, key: &str, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let text = template(node, key, mistakes)?;
    if shell_words::split(&text).is_err() {
        let mistake = Mistake::new("this command has a quote that is never closed", node.span);
        mistakes.push(mistake.help("it is split as a shell splits it: close the quote"));
        return None;
    }
    Some(text)
}

/// Where the engine is at the hosts of a place.
fn engine(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<PathBuf> {
    let text = String::read("engine", node, mistakes)?;
    if !text.starts_with('/') {
        let mistake = Mistake::new("`engine` is no whole path", node.span);
        mistakes.push(mistake.help("say where it is there, from the root on: `engine: /usr/local/bin/engine`"));
        return None;
    }
    Some(PathBuf::from(text))
}

/// Notes every name behind `key` that no place has; of a server's, also those that are several hosts.
pub(crate) fn known(key: &str, fields: &Fields<'_>, places: &[WrittenPlace], mistakes: &mut Vec<Mistake>) {
    let Some(node) = fields.node_of(key) else { return };
    let items = if let Value::List(items) = &node.value { items.as_slice() } else { std::slice::from_ref(node) };
    for item in items {
        let Value::Text(text) = &item.value else { continue };
        if text == HERE || text.trim().is_empty() {
            continue;
        }
        match places.iter().find(|place| place.name == *text) {
            None => {
                let names: Vec<&str> = places.iter().map(|place| place.name.as_str()).chain([HERE]).collect();
                let mistake = Mistake::new(format!("unknown place `{text}`"), item.span);
                let mistake = mistake.help(suggestion(text, &names));
                mistakes.push(match places.is_empty() {
                    true => mistake.help(format!("say where it is: `places: [{{name: {text}, by: ssh, hosts: …}}]`")),
                    false => mistake,
                });
            }
            Some(place) if key == "place" && place.hosts.len() > 1 => {
                let what = format!("a server runs on one host, and `{text}` is {} of them", place.hosts.len());
                let help = "give the host of the server a place of its own; over several hosts only clients are split, by `from`";
                mistakes.push(Mistake::new(what, item.span).help(help));
            }
            Some(_) => {}
        }
    }
}

/// Notes every place where neither a server nor a client runs: what was meant to be measured there would be measured here.
pub(crate) fn asked<'a>(
    places: &[Placed],
    named: impl Iterator<Item = &'a Setting> + Clone,
    mistakes: &mut Vec<Mistake>,
) {
    for (place, span) in places {
        let name = &place.name;
        if !named.clone().any(|known| known.as_word() == Some(name)) {
            let mistake = Mistake::new(format!("nothing runs at the place `{name}`"), *span);
            mistakes.push(mistake.help(format!(
                "write `place: {name}` in a target or `from: {name}` in a workload, or leave the place out"
            )));
        }
    }
}

/// The schema of `places`.
pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    let text = |about: &str, example: &str| json!({"type": "string", "pattern": "[^ \t\r\n]", "description": about, "examples": [example]});
    let by: Vec<Json> = By::ALL.iter().map(|by| json!({"const": by.word(), "description": by.about()})).collect();
    let host = json!({"type": "string", "pattern": "^[^- \t\r\n][^ \t\r\n]*$"});
    let hosts = json!({"anyOf": [host, {"type": "array", "minItems": 1, "uniqueItems": true, "items": host}],
        "description": "Its hosts, as `ssh`, `srun` or `run` know them: one, or a list over which clients are split evenly.",
        "examples": ["web-1"]});
    let name = json!({"type": "string", "pattern": "^[^/]*[^/ \t\r\n][^/]*$", "not": {"const": HERE},
        "description": "What targets and workloads call it.", "examples": ["web"]});
    let mut engine = text(
        "The engine there, as a whole path. Default: the one that runs here is copied there, once.",
        "/usr/local/bin/engine",
    );
    engine["pattern"] = json!("^/");
    let properties: Map<String, Json> = [
        ("name", name),
        ("by", json!({"oneOf": by, "description": "How a command is started there.", "examples": ["ssh"]})),
        ("hosts", hosts),
        (
            "run",
            text(
                "What starts a command on `${host}`, with our pipes as its stdin and stdout.",
                "docker exec -i ${host}",
            ),
        ),
        (
            "address",
            text(
                "Where others reach the host. Default: the address by which `ssh` reached it, or Slurm's NodeAddr.",
                "10.0.0.7",
            ),
        ),
        ("engine", engine),
    ]
    .into_iter()
    .map(|(key, schema)| (key.to_owned(), schema))
    .collect();
    let own = json!({"if": {"properties": {"by": {"const": "command"}}, "required": ["by"]},
        "then": {"required": ["run", "address"]}, "else": {"properties": {"run": false}}});
    let mut place = json!({"type": "object", "required": ["name", "by", "hosts"], "additionalProperties": false,
        "properties": properties});
    place["allOf"] = json!([own]);
    json_schema!({"type": "array", "minItems": 1, "items": place,
        "description": "Other hosts, on which targets run by `place` and clients by `from`.",
        "examples": [[{"name": "web", "by": "ssh", "hosts": "web-1"}]]})
}

#[cfg(test)]
mod tests {
    use crate::scenario::read;

    fn told(places: &str, target: &str, workload: &str) -> Result<String, String> {
        let text = format!(
            "title: t\nquestion: q\nplaces: [{places}]\ntargets: [{{transport: tcp, server: async{target}}}]\n\
             workloads: [{{name: w, call: ping, clients: 4, iterations: 1{workload}}}]\n"
        );
        match read("test.yaml", &text, &[]) {
            Ok(scenario) => Ok(serde_json::json!(scenario.places).to_string()),
            Err(mistakes) => Err(mistakes.render(false)),
        }
    }

    #[test]
    fn places_are_kept_as_they_are_written() {
        let web = "{name: web, by: ssh, hosts: web-1, engine: /opt/engine}";
        let pods = "{name: pods, by: command, run: 'docker exec -i ${host}', hosts: [a, b], address: 172.17.0.2}";
        let kept =
            told(&format!("{web}, {pods}"), ", place: [here, web]", ", from: [here, pods]").expect("all is well");
        let expected = r#"[{"name":"web","by":"ssh","hosts":"web-1","engine":"/opt/engine"},{"name":"pods","by":"command","hosts":["a","b"],"run":"docker exec -i ${host}","address":"172.17.0.2"}]"#;
        assert_eq!(kept, expected);
    }

    #[test]
    fn what_is_wrong_with_a_place_is_told_with_what_would_be_right() {
        let (web, farm) = ("{name: web, by: ssh, hosts: web-1}", "{name: farm, by: srun, hosts: [a, b]}");
        for (places, target, workload, says) in [
            (web, ", place: wbe", "", &["unknown place `wbe`", "`web`"][..]),
            (web, "", "", &["nothing runs at the place `web`", "`place: web`"]),
            (farm, ", place: farm", ", from: farm", &["a server runs on one host, and `farm` is 2 of them"]),
            ("{name: here, by: ssh, hosts: a}", "", "", &["`here` is known already", "another name"]),
            ("{name: a, by: command, hosts: a}", "", ", from: a", &["`run` is missing", "`address` is missing"]),
            ("{name: a, by: ssh, hosts: a, run: b}", "", ", from: a", &["`run` is not used", "~/.ssh/config"]),
            ("{name: a, by: sssh, hosts: a}", "", ", from: a", &["unknown by `sssh`", "`ssh`"]),
            ("{name: a, by: ssh, hosts: -oProxyCommand=x}", "", ", from: a", &["is no name of a host"]),
            ("{name: a, by: ssh, hosts: a, address: '0.0.0.0'}", "", ", from: a", &["every address of a host"]),
            ("{name: a, by: ssh, hosts: [a, a]}", "", ", from: a", &["has the same value twice"]),
            (
                "{name: a, by: ssh, hosts: a, engine: engine}",
                "",
                ", from: a",
                &["no whole path", "/usr/local/bin/engine"],
            ),
            (
                "{name: a, by: command, hosts: [a, b], run: docker exec -i a, address: b}",
                "",
                ", from: a",
                &["the same command for all 2 hosts", "`${host}`"],
            ),
            (
                "{name: a, by: command, hosts: a, run: 'docker ${hots}', address: b}",
                "",
                ", from: a",
                &["nobody gives `${hots}` a value"],
            ),
        ] {
            let told = told(places, target, workload).expect_err(places);
            assert!(says.iter().all(|part| told.contains(part)), "{told}");
        }
        let twice = told(&format!("{web}, {web}"), ", place: web", "").expect_err("they have one name");
        assert!(twice.contains("two places are called `web`"), "{twice}");
        let nowhere = read(
            "test.yaml",
            "title: t\nquestion: q\ntargets: [{transport: tcp, server: async, place: web}]\n\
             workloads: [{name: w, call: ping, iterations: 1}]\n",
            &[],
        );
        let nowhere = nowhere.expect_err("there are none").render(false);
        assert!(nowhere.contains("places: [{name: web, by: ssh, hosts: …}]"), "{nowhere}");
    }

    #[test]
    fn a_server_that_runs_already_has_no_place() {
        let text = "title: t\nquestion: q\nplaces: [{name: web, by: ssh, hosts: web-1}]\n\
                    targets: [{transport: tcp, at: 'web-1:80', place: web}]\n\
                    workloads: [{name: w, call: connect, iterations: 1}]\n";
        let told = read("test.yaml", text, &[]).expect_err("it is where it is").render(false);
        assert!(told.contains("`place` is not used by a target with `at`"), "{told}");
    }
}
