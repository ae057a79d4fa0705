//! Reads what is written of a server of the user's own: who it is, its knobs, and how it becomes ready.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use crate::document::mistake::{Mistake, Span};
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, Read, several, whole, wrong_kind};
use crate::key::axes::Axes;
use crate::key::setting::Setting;
use crate::key::settings;
use crate::key::word::named;
use crate::registry::{find, suggestion};
use crate::scenario::written::Target;
use crate::secret::Secret;
use crate::stack::own::options::{CA, CERT, FILES, INSECURE, KEY, OPTIONS, SERVER_NAME};
use crate::stack::own::{FROM_ENV, Fresh, GIVEN};
use crate::template::Template;
use crate::transport::TRANSPORTS;
use crate::transport::address::shape;
use crate::transport::contract::{Family, IoModel, Transport};
use crate::transport::option::OptionValue;
use crate::transport::options::TLS;
use crate::units::Time;

/// The keys of an own server, and whether `at` has them too.
const KEYS: [(&str, bool); 7] = [
    ("env", false),
    ("vary", false),
    ("ready", true),
    ("within", true),
    ("fresh", false),
    ("with", true),
    ("proto", true),
];

/// What stands for itself in a shell, and not where there is none.
const OF_A_SHELL: [&str; 10] = ["|", "||", "&", "&&", ";", ">", ">>", "<", "2>&1", "2>"];

/// What is written of an own server, in a target that has nothing else; none where there is none, or none that can be read.
pub(crate) fn read(fields: &mut Fields<'_>, axes: &Axes, mistakes: &mut Vec<Mistake>) -> Option<Target> {
    let launch = fields.entry("launch", mistakes);
    let at = fields.entry("at", mistakes);
    let transports: Vec<&dyn Transport> =
        axes.get("transport").into_iter().flatten().filter_map(named::<dyn Transport>).map(|it| it as _).collect();
    who(fields, mistakes);
    let env = fields.entry("env", mistakes).map(|(_, node)| environment(node, mistakes)).unwrap_or_default();
    let vary = fields.entry("vary", mistakes).map(|(_, node)| knobs(node, &transports, mistakes)).unwrap_or_default();
    let ready = fields.optional("ready", mistakes);
    let within = fields.entry("within", mistakes).and_then(|(_, node)| {
        let setting = crate::key::word::read_some_time("within", node, mistakes)?;
        setting.count().map(|ns| Time(std::time::Duration::from_nanos(ns)))
    });
    let fresh: Option<Fresh> = fields.optional("fresh", mistakes);
    let with = fields.entry("with", mistakes);
    let with = with.and_then(|(key, node)| several(&key.name, node, mistakes, |it, m| String::read("with", it, m)));
    let own = Target { ready, within, fresh, with: with.unwrap_or_default(), ..Target::default() };
    if let Some((_, node)) = launch {
        let text = String::read("launch", node, mistakes)?;
        let words = command(&text, node, mistakes)?;
        let templates = words.into_iter().chain(env.iter().map(|(_, node, text)| (text.clone(), *node)));
        told(&transports, templates.collect(), &vary, node.span, mistakes);
        let env = env.into_iter().map(|(name, _, text)| (name, Secret::new(text.to_string()))).collect();
        let vary = vary.into_iter().map(|(word, _, values)| (word, values)).collect();
        return Some(Target { launch: Some(text), env, vary, ..own });
    }
    let (_, node) = at?;
    let address = String::read("at", node, mistakes)?;
    span(&address, node, &transports, mistakes);
    Some(Target { at: Some(address), ..own })
}

/// Exactly one of those who can serve, and no key that only another of them has.
fn who(fields: &mut Fields<'_>, mistakes: &mut Vec<Mistake>) {
    let mut named: Vec<(&'static str, Span)> =
        ["server", "launch", "at"].into_iter().filter_map(|key| Some((key, fields.span_of(key)?))).collect();
    named.sort_by_key(|(_, span)| *span);
    if let [first, second, ..] = named.as_slice() {
        let mistake = Mistake::new(format!("`{}` cannot stand beside `{}`", second.0, first.0), second.1);
        mistakes.push(mistake.elsewhere(first.1, "the other one").help(
            "a target has one server: a model (`server`), a command (`launch`), or where it runs already (`at`)",
        ));
        return;
    }
    let Some((key, _)) = named.first().copied() else {
        fields.lacks("server", "server: threaded`, `launch: ./shop --port ${port}` or `at: shop.example:443");
        return;
    };
    if let Some(span) = fields.span_of("place").filter(|_| key == "at") {
        let mistake = Mistake::new("`place` is not used by a target with `at`", span);
        mistakes.push(mistake.help("nothing is launched there: `at` says where it runs; leave `place` out"));
    }
    let others = KEYS.iter().filter(|(_, of_both)| key == "server" || key == "at" && !of_both);
    for (other, of_both) in others {
        if let Some(span) = fields.span_of(other) {
            let owners = if *of_both { "`launch` or `at`" } else { "`launch`" };
            let mistake = Mistake::new(format!("`{other}` is not used by a target with `{key}`"), span);
            mistakes.push(mistake.help(format!("it belongs to a target with {owners}; leave it out")));
        }
    }
    if key == "server" {
        return;
    }
    if let Some(span) = fields.span_of("stack") {
        let mistake = Mistake::new(format!("`stack` cannot stand beside `{key}`"), span);
        mistakes.push(mistake.help("a stack is whose server it is, and this one is yours; leave it out"));
    }
    if let Some((_, node)) = fields.entry("driver", mistakes)
        && node.value != Value::Text("native".to_owned())
    {
        let mistake = Mistake::new(format!("a target with `{key}` is called by our own client only"), node.span);
        mistakes.push(mistake.help("leave `driver` out"));
    }
}

/// The words of a command, as a shell would take them.
fn command<'n>(text: &str, node: &'n Node, mistakes: &mut Vec<Mistake>) -> Option<Vec<(Template, &'n Node)>> {
    let words = match shell_words::split(text) {
        Ok(words) => words,
        Err(_) => {
            let mistake = Mistake::new("this command has a quote that is never closed", node.span);
            mistakes
                .push(mistake.help("it is split as a shell splits it: close the quote, or put a backslash before it"));
            return None;
        }
    };
    let alone = |word: &str| text.split_ascii_whitespace().any(|other| other == word);
    if let Some(word) = words.iter().find(|word| OF_A_SHELL.contains(&word.as_str()) && alone(word)) {
        let at = text.find(&format!(" {word} ")).map_or(0..0, |at| at + 1..at + 1 + word.len());
        let mistake = Mistake::new(format!("there is no shell that would take `{word}`"), inside(node, text, at));
        mistakes
            .push(mistake.help("the command is run as it is; write a script, or `sh -c '…'` where you want a shell"));
    }
    words.iter().map(|word| Some((template(word, text, node, mistakes)?, node))).collect()
}

/// A word of a text, as a template.
fn template(word: &str, text: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Template> {
    let parsed = Template::parse(word);
    if let Err(unclosed) = &parsed {
        let at = text.find(word).map_or(0..0, |from| from + unclosed.span.start..from + unclosed.span.start + 2);
        let mistake = Mistake::new("this `${` is never closed", inside(node, text, at));
        mistakes.push(mistake.help("write it like `${port}`; `$${` is a `${` that stands for itself"));
    }
    parsed.ok()
}

/// Where a part of a text stands, as far as the file has the text as it is.
fn inside(node: &Node, text: &str, part: Range<usize>) -> Span {
    let span = node.span;
    let before = match (span.end - span.start).checked_sub(text.len()) {
        _ if part.is_empty() => return span,
        Some(0) => 0,
        Some(2) => 1,
        _ => return span,
    };
    Span { start: span.start + before + part.start, end: span.start + before + part.end, ..span }
}

type Variable<'n> = (String, &'n Node, Template);

/// The variables of an environment, with where each stands.
fn environment<'n>(node: &'n Node, mistakes: &mut Vec<Mistake>) -> Vec<Variable<'n>> {
    let Value::Map(entries) = &node.value else {
        mistakes
            .push(wrong_kind("env", "a map of names and texts", node).help("write it like `env: {PORT: \"${port}\"}`"));
        return Vec::new();
    };
    if Fields::of("the environment", node, mistakes).is_none() {
        return Vec::new();
    }
    let mut variables = Vec::new();
    for (key, value) in entries {
        if key.name.is_empty() || key.name.contains(['=', '\0']) {
            let mistake = Mistake::new(format!("`{}` cannot be the name of a variable", key.name), key.span);
            mistakes.push(mistake.help("a name has letters, digits and underscores, such as PORT"));
            continue;
        }
        let text = match &value.value {
            Value::Text(text) => text.clone(),
            Value::Count(_) | Value::Number(_) | Value::Flag(_) => {
                plain(value).map(|it| it.to_string()).unwrap_or_default()
            }
            _ => {
                mistakes.push(wrong_kind(&key.name, "text", value).help("put it in quotes"));
                continue;
            }
        };
        if let Some(template) = template(&text, &text, value, mistakes) {
            variables.push((key.name.clone(), value, template));
        }
    }
    variables
}

type Knob = (String, Span, Vec<Setting>);

/// The words of `vary` with their values.
fn knobs(node: &Node, transports: &[&dyn Transport], mistakes: &mut Vec<Mistake>) -> Vec<Knob> {
    let Value::Map(entries) = &node.value else {
        mistakes.push(
            wrong_kind("vary", "a map of words and values", node).help("write it like `vary: {workers: [1, 4]}`"),
        );
        return Vec::new();
    };
    if Fields::of("`vary`", node, mistakes).is_none() {
        return Vec::new();
    }
    let mut knobs = Vec::new();
    for (key, value) in entries {
        let name = key.name.as_str();
        let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let mut options = transports.iter().flat_map(|transport| transport.options()).chain(&OPTIONS);
        let taken = settings::key(name).is_some() || options.any(|spec| spec.name == name);
        let why = match () {
            () if name.is_empty() || !letters => "a word has letters, digits, dashes and underscores",
            () if GIVEN.contains(&name) => "it stands for where the server has to listen",
            () if taken || ["target", "workload"].contains(&name) => {
                "it is a key or an option already, and ids would have it twice"
            }
            () => {
                let read = |node: &Node, mistakes: &mut Vec<Mistake>| {
                    let setting = plain(node);
                    if setting.is_none() {
                        mistakes.push(wrong_kind(name, "text, a number, true or false", node));
                    }
                    setting
                };
                knobs.extend(several(name, value, mistakes, read).map(|values| (key.name.clone(), key.span, values)));
                continue;
            }
        };
        mistakes.push(Mistake::new(format!("`{name}` cannot be a word of `vary`"), key.span).help(why));
    }
    knobs
}

/// A value without quantities: what stands there.
fn plain(node: &Node) -> Option<Setting> {
    Some(match &node.value {
        Value::Flag(flag) => Setting::Flag(*flag),
        Value::Text(text) if !text.trim().is_empty() && !text.contains('/') => Setting::word(text),
        Value::Count(_) | Value::Number(_) => match (whole(&node.value), &node.value) {
            (Some(count), _) => Setting::Count(count),
            (None, Value::Number(number)) => Setting::Number(*number),
            _ => return None,
        },
        _ => return None,
    })
}

/// What the templates of a command and its environment ask for has to be known, each knob has to be asked for, and
/// something has to tell the command where to listen.
fn told(
    transports: &[&dyn Transport],
    templates: Vec<(Template, &Node)>,
    vary: &[Knob],
    launch: Span,
    mistakes: &mut Vec<Mistake>,
) {
    let knobs: Vec<&str> = vary.iter().map(|(word, ..)| word.as_str()).collect();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for (template, node) in &templates {
        for (word, at) in template.words() {
            used.insert(word);
            let known = knobs.contains(&word) || GIVEN.contains(&word) || from_env(word).is_some();
            if known {
                continue;
            }
            let text = if let Value::Text(text) = &node.value { text.as_str() } else { "" };
            // The template is a part of the text of a command, and all of it of a variable.
            let from = text.find(&format!("${{{word}}}")).unwrap_or(at.start);
            let span = inside(node, text, from..from + at.len());
            let mistake = Mistake::new(format!("nobody gives `${{{word}}}` a value"), span);
            let all: Vec<&str> = knobs.iter().copied().chain(GIVEN).collect();
            mistakes.push(mistake.help(suggestion(word, &all)).help(
                "`vary` gives words values, `${env:NAME}` is a variable of the environment, and `$${` stands for itself",
            ));
        }
    }
    for (word, span, _) in vary.iter().filter(|(word, ..)| !used.contains(word.as_str())) {
        let mistake = Mistake::new(format!("nothing uses `${{{word}}}`, so its values are all the same"), *span);
        mistakes.push(mistake.help(format!("put `${{{word}}}` into `launch` or `env`")));
    }
    let asked = |words: &[&str]| words.iter().any(|word| used.contains(word));
    let mut lacking: Vec<String> = Vec::new();
    for transport in transports {
        let (how, known) = match transport.family() {
            Family::Unix => ("`${socket}`", asked(&["socket"])),
            Family::Tcp | Family::Udp => ("`${port}` or `${address}`", asked(&["port", "address"])),
        };
        let what = format!("nothing tells the command where to listen for `{}`: use {how}", transport.name());
        if !known && !lacking.contains(&what) {
            lacking.push(what);
        }
    }
    for what in lacking {
        let mistake = Mistake::new(what, launch);
        mistakes.push(mistake.help(
            "each launch gets a place of its own, in `launch` or `env`; what listens at one of its choice goes into `at`",
        ));
    }
}

/// The variable of our environment that a word stands for.
pub(crate) fn from_env(word: &str) -> Option<&str> {
    word.strip_prefix(FROM_ENV).filter(|name| !name.is_empty() && !name.contains('='))
}

/// Where it runs already has to be an address that its transports can dial.
fn span(address: &str, node: &Node, transports: &[&dyn Transport], mistakes: &mut Vec<Mistake>) {
    let unix = match shape(address) {
        Ok(family) => family == Family::Unix,
        Err(error) => {
            let mistake = Mistake::new(error.what(), node.span);
            mistakes.push(error.remedy().into_iter().fold(mistake, Mistake::help));
            return;
        }
    };
    for transport in transports.iter().filter(|transport| (transport.family() == Family::Unix) != unix) {
        let wanted =
            if unix { "a host and a port, such as `shop.example:443`" } else { "`unix:/path` or `unix:@name`" };
        let mistake = Mistake::new(format!("`{}` does not speak to `{address}`", transport.name()), node.span);
        mistakes.push(mistake.help(format!("it needs {wanted}; give each transport a target of its own")));
    }
}

/// What is wrong with the options that only own servers have.
pub(crate) fn options(
    node: &Node,
    folder: &Path,
    options: &BTreeMap<String, Vec<OptionValue>>,
    target: &Target,
    mistakes: &mut Vec<Mistake>,
) {
    let Value::Map(entries) = &node.value else { return };
    let span_of = |name: &str| entries.iter().find(|(key, _)| key.name == name).map(|(key, _)| key.span);
    let on = |name: &str| options.get(name).is_some_and(|values| values.contains(&OptionValue::Flag(true)));
    let words = target.axes.get("transport").into_iter().flatten().filter_map(Setting::as_word);
    let always = words.into_iter().any(|word| {
        find("transport", TRANSPORTS, word).is_ok_and(|transport| matches!(transport.io_model(), IoModel::Async(_)))
    });
    for name in [CA, CERT, KEY, SERVER_NAME, INSECURE].map(|spec| spec.name) {
        let Some(span) = span_of(name) else { continue };
        if !on(TLS.name) && !always {
            let mistake = Mistake::new(format!("`{name}` changes nothing without `tls: true`"), span);
            mistakes.push(mistake.help("add `tls: true`, or leave it out"));
        }
    }
    for (name, other) in [(CERT.name, KEY.name), (KEY.name, CERT.name)] {
        if let (Some(span), None) = (span_of(name), span_of(other)) {
            let mistake = Mistake::new(format!("`{name}` needs `{other}`"), span);
            mistakes.push(mistake.help("a client's certificate is of use with its key only, and its key with it"));
        }
    }
    if let (Some(span), Some(verified)) = (span_of(INSECURE.name).filter(|_| on(INSECURE.name)), span_of(CA.name)) {
        let mistake = Mistake::new("`insecure` takes any certificate, so that `ca` changes nothing", span);
        mistakes.push(mistake.elsewhere(verified, "what the server would be known by").help("keep one of them"));
    }
    for name in FILES {
        let named = options.get(name).into_iter().flatten().map(ToString::to_string);
        let Some((_, value)) = entries.iter().find(|(key, _)| key.name == name) else { continue };
        for file in named.filter(|file| !folder.join(file).is_file()) {
            let mistake = Mistake::new(format!("`{name}`: there is no file `{file}`"), value.span);
            mistakes.push(mistake.help(format!("it is looked for in the scenario's folder, {}", folder.display())));
        }
    }
}
