//! Reads a scenario and finds every mistake in it at once.

use std::collections::BTreeMap;

use crate::call::Call;
use crate::registry::suggestion;
use crate::scenario::axis::{Axis, Chunk, Named, Offered};
use crate::scenario::expect::Expectation;
use crate::scenario::mistake::{Mistake, Mistakes, Place, Source};
use crate::scenario::tree::{Node, Value};
use crate::scenario::walk::{Fields, Read, axis, empty_list, whole};
use crate::scenario::workload::has_body;
use crate::scenario::{Scenario, Step, Target, Workload, schema, set, tree};
use crate::server::contract::Model;
use crate::stack::contract::{Driver, Stack};
use crate::stack::pairing::Pairing;
use crate::transport::contract::{OptionKind, OptionSpec, OptionValue, Transport};
use crate::units::Time;

/// The largest file that is read, in bytes.
pub const LARGEST: u64 = 1 << 20;

/// The most trials that a scenario may multiply to.
const MOST_TRIALS: u64 = 1_000_000;

/// The most combinations that one target may multiply to.
const MOST_TARGETS: u64 = 10_000;

/// The scenario in `text`, after the edits in `sets`, or everything that is wrong with it.
///
/// `name` is what the mistakes call the file. A text beyond [`LARGEST`] is refused unread.
pub fn read(name: &str, text: &str, sets: &[String]) -> Result<Scenario, Mistakes> {
    let mut sources = vec![Source { name: name.to_owned(), text: text.to_owned() }];
    sources.extend(sets.iter().map(|set| Source { name: "--set".to_owned(), text: set.clone() }));
    if text.len() as u64 > LARGEST {
        sources[0].text.clear();
        let mistake = Mistake::new(format!("this file has {} bytes; a scenario has few", text.len()), Place::default());
        return Err(Mistakes::new(sources, vec![mistake.help(format!("the most is {LARGEST} bytes"))]));
    }
    let mut root = match tree::read(text, 0, 0) {
        Ok(root) => root,
        Err(mistake) => return Err(Mistakes::new(sources, vec![mistake])),
    };
    let mut mistakes: Vec<Mistake> =
        (1..).zip(sets).filter_map(|(source, set)| set::apply(&mut root, set, source).err()).collect();
    let scenario = scenario(&root, &mut mistakes);
    match scenario {
        Some(scenario) if mistakes.is_empty() => Ok(scenario),
        _ => Err(Mistakes::new(sources, mistakes)),
    }
}

fn scenario(root: &Node, mistakes: &mut Vec<Mistake>) -> Option<Scenario> {
    let mut fields = Fields::of("the scenario", root, mistakes)?;
    let title = fields.required("title", "title: RPyC against HTTP", mistakes);
    let question = fields.required("question", "question: Which answers small calls soonest?", mistakes);
    let place = fields.place_of("workloads").unwrap_or(fields.place());
    let targets = list(&mut fields, "targets", "targets: [{transport: tcp, server: threaded}]", mistakes, target);
    let workloads = list(
        &mut fields,
        "workloads",
        "workloads: [{name: latency, call: ping, iterations: 1000}]",
        mistakes,
        workload,
    );
    let trials = fields.optional("trials", mistakes);
    let order = fields.optional("order", mistakes);
    let timeout = some_time(&mut fields, "timeout", mistakes);
    let drain = fields.optional("drain", mistakes);
    let verify = fields.optional("verify", mistakes);
    let seed = fields.optional("seed", mistakes);
    let pin = fields.optional("pin", mistakes);
    // The user's own: anchors, notes, what other programs read.
    fields.leave("x-");
    fields.finish(mistakes);

    unique(
        targets
            .iter()
            .flatten()
            .flatten()
            .flat_map(|(target, place)| target.candidates().into_iter().map(|it| (it.name, *place))),
        |name| format!("two targets are called `{name}`"),
        "give one of them a `name` of its own",
        mistakes,
    );
    unique(
        workloads.iter().flatten().flatten().map(|((workload, _), place)| (workload.name.clone(), *place)),
        |name| format!("two workloads are called `{name}`"),
        "each workload needs a name of its own",
        mistakes,
    );
    let open_only = workloads.iter().flatten().flatten().all(|((workload, _), _)| workload.is_open());
    for (target, place) in targets.iter().flatten().flatten().filter(|_| open_only && workloads.is_some()) {
        let drivers = target.driver.iter().flat_map(Axis::values);
        let refused: Option<Vec<String>> =
            drivers.map(|driver| driver.0.keeps_schedules().err().map(|refusal| refusal.reason)).collect();
        if let Some(reason) = refused.and_then(|reasons| reasons.into_iter().next()) {
            let mistake = Mistake::new("every cell of this target is refused", *place);
            mistakes.push(mistake.help(reason).help("drive it with `driver: native`, or leave out the `rate`"));
        }
    }
    let read: Vec<&Target> = targets.iter().flatten().flatten().map(|(target, _)| target).collect();
    for ((workload, search), _) in workloads.iter().flatten().flatten() {
        mistakes.extend(search.and_then(|place| unlimited(workload, place, &read)));
    }
    let scenario = Scenario {
        title: title?,
        question: question?,
        targets: targets?.into_iter().map(|item| item.map(|(target, _)| target)).collect::<Option<_>>()?,
        workloads: workloads?.into_iter().map(|item| item.map(|((workload, _), _)| workload)).collect::<Option<_>>()?,
        trials,
        order,
        timeout,
        drain,
        verify,
        seed,
        pin,
    };
    let trials = scenario.count();
    if trials > MOST_TRIALS {
        let mistake = Mistake::new(format!("the lists multiply to {trials} trials"), place);
        mistakes.push(mistake.help(format!("the most is {MOST_TRIALS}; shorten a list, or lower `trials`")));
    }
    Some(scenario)
}

/// The items of a list of maps, each with the place by which its name is known; none where one cannot be read.
fn list<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    example: &'static str,
    mistakes: &mut Vec<Mistake>,
    read: impl Fn(&Node, &mut Vec<Mistake>) -> Option<(T, Place)>,
) -> Option<Vec<Option<(T, Place)>>> {
    if !fields.has(key) {
        fields.lacks(key, example);
    }
    let (_, node) = fields.entry(key, mistakes)?;
    match &node.value {
        Value::List(items) if items.is_empty() => mistakes.push(empty_list(key, node)),
        Value::List(items) => return Some(items.iter().map(|item| read(item, mistakes)).collect()),
        _ => mistakes.push(
            Mistake::new(format!("`{key}` takes a list, not {}", node.kind()), node.place)
                .help(format!("begin each item with a dash, or write `{example}`")),
        ),
    }
    None
}

/// What is expected: one figure against a bound, or a list of them.
fn expectations(fields: &mut Fields<'_>, mistakes: &mut Vec<Mistake>) -> Vec<Expectation> {
    let read: Option<Axis<Expectation>> = fields.optional("expect", mistakes);
    read.map_or_else(Vec::new, |expect| expect.values().to_vec())
}

/// What is wrong where a search has targets for which no rate would be too high; `place` is where it is asked for.
fn unlimited(workload: &Workload, place: Place, targets: &[&Target]) -> Option<Mistake> {
    let limits = |expect: &[Expectation]| expect.iter().any(Expectation::limits_response);
    let without: Vec<String> = targets
        .iter()
        .filter(|target| !limits(&workload.expect) && !limits(&target.expect))
        .flat_map(|target| target.candidates())
        .map(|candidate| format!("`{}`", candidate.name))
        .collect();
    let first = without.first()?;
    let what = match without.len() {
        1 => format!("no rate would be too high for {first}: nothing bounds its response time"),
        count => {
            format!("no rate would be too high for {first} and {} more: nothing bounds their response time", count - 1)
        }
    };
    let help = "a search finds the highest rate at which an `expect` holds; give the workload one, such as `expect: p99 < 5ms`";
    Some(Mistake::new(what, place).help(help))
}

/// Notes every name that was there before.
fn unique(
    names: impl Iterator<Item = (String, Place)>,
    what: impl Fn(&str) -> String,
    help: &str,
    mistakes: &mut Vec<Mistake>,
) {
    let mut seen: BTreeMap<String, Place> = BTreeMap::new();
    for (name, place) in names {
        if let Some(first) = seen.get(&name) {
            mistakes.push(Mistake::new(what(&name), place).elsewhere(*first, "the first one").help(help));
        } else {
            seen.insert(name, place);
        }
    }
}

/// A name that can be a part of a cell's id.
fn name(key: &'static str, name: Option<String>, fields: &Fields<'_>, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let place = fields.place_of(key)?;
    let name = name?;
    if name.contains('/') {
        let mistake = Mistake::new(format!("the name `{name}` has a slash in it"), place);
        mistakes.push(mistake.help("slashes stand between the parts of a cell's id; use a dash"));
        return None;
    }
    Some(name)
}

/// A time that may not be nothing.
fn some_time(fields: &mut Fields<'_>, key: &'static str, mistakes: &mut Vec<Mistake>) -> Option<Time> {
    let (_, node) = fields.entry(key, mistakes)?;
    let time = Time::read(key, node, mistakes)?;
    if time.ns() == 0 {
        mistakes.push(Mistake::new(format!("`{key}` is zero"), node.place).help("write it like `30s`"));
        return None;
    }
    Some(time)
}

fn target(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<(Target, Place)> {
    let mut fields = Fields::of("a target", node, mistakes)?;
    let transport = fields.required("transport", "transport: tcp", mistakes);
    let server = fields.required("server", "server: threaded", mistakes);
    let stack: Option<Axis<Named<dyn Stack>>> = fields.optional("stack", mistakes);
    let driver: Option<Axis<Named<dyn Driver>>> = fields.optional("driver", mistakes);
    let given = fields.optional("name", mistakes);
    let given = name("name", given, &fields, mistakes);
    let options = fields.entry("options", mistakes).map(|(_, node)| node);
    let place = fields.place_of("name").unwrap_or(fields.place());
    let expect = expectations(&mut fields, mistakes);
    fields.finish(mistakes);

    let (transport, server) = (transport?, server?);
    let bare = Target { transport, server, stack, driver, name: given, options: BTreeMap::new(), expect };
    let pairings = pairings(&bare, node.place, mistakes);
    let options = match options {
        Some(node) => read_options(node, &bare, &pairings, mistakes)?,
        None => BTreeMap::new(),
    };
    let target = Target { options, ..bare };
    if target.count() > MOST_TARGETS {
        let mistake = Mistake::new(format!("the lists multiply to {} targets", target.count()), place);
        mistakes.push(mistake.help(format!("the most is {MOST_TARGETS}; shorten a list")));
        return None;
    }
    Some((target, place))
}

/// The pairings of a target; a target of refused ones only is a mistake.
fn pairings(target: &Target, place: Place, mistakes: &mut Vec<Mistake>) -> Vec<Pairing> {
    let (mut pairings, mut reasons) = (Vec::new(), Vec::new());
    for candidate in target.candidates() {
        match candidate.pairing() {
            Ok(pairing) => pairings.push(pairing),
            Err(refusal) => reasons.push(format!("{}: {}", candidate.name, refusal.reason)),
        }
    }
    if pairings.is_empty() {
        let mistake = Mistake::new("every combination of this target is refused", place);
        let mistake = reasons.into_iter().fold(mistake, Mistake::help);
        mistakes.push(mistake.help("`engine list` shows who fits whom"));
    }
    pairings
}

fn read_options(
    node: &Node,
    target: &Target,
    pairings: &[Pairing],
    mistakes: &mut Vec<Mistake>,
) -> Option<BTreeMap<String, Axis<OptionValue>>> {
    let Value::Map(entries) = &node.value else {
        mistakes.push(Mistake::new(format!("`options` is a map of keys, not {}", node.kind()), node.place));
        return None;
    };
    // The keys are known to the registry and not to the walk, which still looks for those that stand twice.
    Fields::of("the options", node, mistakes)?;
    let mut options = BTreeMap::new();
    for (key, value) in entries {
        let specs: Vec<Option<&'static OptionSpec>> =
            pairings.iter().map(|pairing| pairing.options().into_iter().find(|spec| spec.name == key.name)).collect();
        let Some(spec) = specs.iter().copied().flatten().next() else {
            mistakes.push(unknown_option(&key.name, key.place, target, pairings));
            continue;
        };
        if let Some(stranger) = specs.iter().position(Option::is_none) {
            let mistake = Mistake::new(
                format!("option `{}` is unknown to a part of this target: {}", key.name, pairings[stranger]),
                key.place,
            );
            mistakes.push(mistake.help(format!("{}; give the others a target of their own", owners(&key.name))));
            continue;
        }
        if let Some(axis) = axis(&key.name, value, mistakes, |_, node, mistakes| option(spec, node, mistakes)) {
            options.insert(key.name.clone(), axis);
        }
    }
    Some(options)
}

fn unknown_option(name: &str, place: Place, target: &Target, pairings: &[Pairing]) -> Mistake {
    let words: Vec<&str> = target
        .transport
        .values()
        .iter()
        .map(|it: &Named<dyn Transport>| it.0.name())
        .chain(target.server.values().iter().map(|it: &Named<dyn Model>| it.0.name()))
        .collect();
    let known: Vec<&str> = pairings.iter().flat_map(|pairing| pairing.options()).map(|spec| spec.name).collect();
    let mistake = Mistake::new(format!("unknown option `{name}` of {}", words.join(", ")), place);
    if schema::known_options().iter().any(|(spec, _)| spec.name == name) {
        return mistake.help(owners(name));
    }
    mistake.help(if known.is_empty() { "none of them has options".to_owned() } else { suggestion(name, &known) })
}

/// Who knows an option, in words.
fn owners(name: &str) -> String {
    let owners: Vec<String> = schema::known_options()
        .iter()
        .filter(|(spec, _)| spec.name == name)
        .flat_map(|(_, owners)| owners.iter().map(|owner| format!("`{owner}`")))
        .collect();
    format!("`{name}` is an option of {}", owners.join(", "))
}

fn option(spec: &OptionSpec, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<OptionValue> {
    let value = match (&node.value, spec.kind) {
        (Value::Flag(flag), OptionKind::Flag) => spec.parse(&flag.to_string()),
        (Value::Count(_) | Value::Number(_), OptionKind::Count(..)) => match whole(&node.value) {
            Some(count) => spec.parse(&count.to_string()),
            None => Err(format!("option `{}` takes {}, not {}", spec.name, spec.kind, node.kind())),
        },
        (Value::Text(text), OptionKind::Word(_) | OptionKind::Name(_) | OptionKind::Size(_)) => spec.parse(text),
        _ => Err(format!("option `{}` takes {}, not {}", spec.name, spec.kind, node.kind())),
    };
    match value {
        Ok(value) => Some(value),
        Err(reason) => {
            mistakes.push(Mistake::new(reason, node.place).label(format!("expected {}", spec.kind)));
            None
        }
    }
}

/// A workload, with the place where it asks for a search, and the one by which its name is known.
fn workload(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<((Workload, Option<Place>), Place)> {
    let mut fields = Fields::of("a workload", node, mistakes)?;
    let given = fields.required("name", "name: latency", mistakes);
    let given = name("name", given, &fields, mistakes);
    let call: Option<Axis<Call>> = fields.required("call", "call: ping", mistakes);
    let payload = fields.optional("payload", mistakes);
    let fill = fields.optional("fill", mistakes);
    let chunk: Option<Axis<Chunk>> = fields.optional("chunk", mistakes);
    let split = fields.optional("split", mistakes);
    let clients = fields.optional("clients", mistakes);
    let work = fields.optional("work", mistakes);
    let hold = fields.optional("hold", mistakes);
    let rate: Option<Axis<Offered>> = fields.optional("rate", mistakes);
    let searches = rate.as_ref().is_some_and(|rates| rates.values().contains(&Offered::Search));
    let search = fields.place_of("rate").filter(|_| searches);
    let arrivals = fields.optional("arrivals", mistakes);
    let ramp = ramp(&mut fields, mistakes);
    let wait = fields.optional("wait", mistakes);
    let warmup = fields.optional("warmup", mistakes);
    let iterations = fields.optional("iterations", mistakes);
    let duration = some_time(&mut fields, "duration", mistakes);
    let trials = fields.optional("trials", mistakes);
    let timeout = some_time(&mut fields, "timeout", mistakes);
    let drain = fields.optional("drain", mistakes);
    let verify = fields.optional("verify", mistakes);

    if let (Some(first), Some(second)) = (fields.place_of("iterations"), fields.place_of("duration")) {
        let (first, second) = (first.min(second), first.max(second));
        mistakes.push(
            Mistake::new("a workload has `iterations` or `duration`, not both", second)
                .elsewhere(first, "the other one")
                .help("keep `iterations` to count calls, or `duration` to fill a time"),
        );
    } else if let (Some(place), false, false) = (search, fields.has("duration"), fields.has("ramp")) {
        let mistake = Mistake::new("a search needs `duration`: how long each of its probes lasts", place);
        let mistake = match fields.place_of("iterations") {
            Some(counted) => mistake.elsewhere(counted, "a count of calls would make probes shorter as rates rise"),
            None => mistake,
        };
        mistakes.push(mistake.help("write it like `duration: 2s`"));
    } else if !fields.has("iterations") && !fields.has("duration") && !fields.has("ramp") {
        fields.lacks("iterations", "iterations: 1000` or `duration: 10s");
    }
    if let Some(first) = fields.place_of("ramp") {
        for (key, why) in [
            ("rate", "each step of a ramp has its rate"),
            ("iterations", "a ramp ends when its steps do"),
            ("duration", "a ramp lasts as long as its steps"),
        ] {
            if let Some(second) = fields.place_of(key) {
                let mistake = Mistake::new(format!("`{key}` cannot stand beside `ramp`: {why}"), second);
                mistakes.push(mistake.elsewhere(first, "the ramp").help("keep one of them"));
            }
        }
    }
    if let (Some(place), false, false) = (fields.place_of("arrivals"), fields.has("rate"), fields.has("ramp")) {
        let mistake = Mistake::new("`arrivals` is not used by a closed loop", place);
        mistakes.push(mistake.help("leave it out, or give a `rate` such as `rate: 1000`"));
    }
    if let Some(call) = &call {
        applicable(call, chunk.as_ref(), &mut fields, mistakes);
    }
    let place = fields.place_of("name").unwrap_or(fields.place());
    let expect = expectations(&mut fields, mistakes);
    fields.finish(mistakes);
    let workload = Workload {
        name: given?,
        call: call?,
        payload,
        fill,
        chunk,
        split,
        clients,
        work,
        hold,
        rate,
        arrivals,
        ramp,
        wait,
        warmup,
        iterations,
        duration,
        trials,
        timeout,
        drain,
        verify,
        expect,
    };
    Some(((workload, search), place))
}

/// The steps of a ramp; none where the workload has no ramp.
fn ramp(fields: &mut Fields<'_>, mistakes: &mut Vec<Mistake>) -> Vec<Step> {
    const EXAMPLE: &str = "ramp: [{rate: 100, for: 10s}, {rate: 1000, for: 10s}]";
    if !fields.has("ramp") {
        return Vec::new();
    }
    let step = |node: &Node, mistakes: &mut Vec<Mistake>| {
        let mut fields = Fields::of("a step of a ramp", node, mistakes)?;
        let rate = fields.required("rate", "rate: 1000", mistakes);
        if !fields.has("for") {
            fields.lacks("for", "for: 10s");
        }
        let time = some_time(&mut fields, "for", mistakes);
        fields.finish(mistakes);
        Some((Step { rate: rate?, time: time? }, node.place))
    };
    let steps = list(fields, "ramp", EXAMPLE, mistakes, step);
    steps.into_iter().flatten().flatten().map(|(step, _)| step).collect()
}

/// What the calls of a workload need has to be there; what none of them uses may not.
fn applicable(calls: &Axis<Call>, chunk: Option<&Axis<Chunk>>, fields: &mut Fields<'_>, mistakes: &mut Vec<Mistake>) {
    let any = |uses: fn(Call) -> bool| calls.values().iter().any(|call| uses(*call));
    let body = any(has_body);
    let compute = any(|call| call == Call::Compute);
    let sleep = any(|call| call == Call::Sleep);
    for (key, used, needed) in [
        ("payload", body, Some("payload: 64KiB")),
        ("fill", body, None),
        ("chunk", body, None),
        ("split", body, None),
        ("work", compute, Some("work: 10000")),
        ("hold", sleep, Some("hold: 10ms")),
    ] {
        match (fields.place_of(key), used, needed) {
            (Some(place), false, _) => {
                let words: Vec<String> = calls.values().iter().map(|call| format!("`{call}`")).collect();
                let users = match key {
                    "work" => "`compute`",
                    "hold" => "`sleep`",
                    _ => "`echo`, `upload`, `download`",
                };
                mistakes.push(
                    Mistake::new(format!("`{key}` is not used by {}", words.join(", ")), place)
                        .help(format!("leave it out, or call {users}")),
                );
            }
            (None, true, Some(example)) => fields.lacks(key, example),
            _ => {}
        }
    }
    let pieces = chunk.is_some_and(|axis| axis.values().iter().any(|chunk| *chunk != Chunk::Whole));
    if let (Some(place), true, false) = (fields.place_of("split"), body, pieces) {
        let mistake = Mistake::new("`split` is not used by a body that travels whole", place);
        mistakes.push(mistake.help("leave it out, or give a `chunk` such as `chunk: 64KiB`"));
    }
}
