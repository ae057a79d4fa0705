//! Reads a scenario and finds every mistake in it at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::call::Called;
use crate::call::own::OwnCall;
use crate::document::mistake::{Mistake, Mistakes, Source, Span};
use crate::document::tree::{self, Node, Value};
use crate::document::walk::{Fields, empty_list};
use crate::key::axes::{Axes, WrittenLink};
use crate::key::contract::Of;
use crate::key::setting::Setting;
use crate::key::word::named;
use crate::scenario::applicable::applicable;
use crate::scenario::asked;
use crate::scenario::calls;
use crate::scenario::compared;
use crate::scenario::data;
use crate::scenario::described;
use crate::scenario::expect::Expectation;
use crate::scenario::fields::{expectations, keys, name};
use crate::scenario::links;
use crate::scenario::places::{self, WrittenPlace};
use crate::scenario::set;
use crate::scenario::target::Candidate;
use crate::scenario::targets::target;
use crate::scenario::words;
use crate::scenario::written::{Scenario, Target, Workload};
use crate::stack::contract::Driver;

/// The largest file that is read, in bytes.
pub const LARGEST: u64 = 1 << 20;

/// The most trials that a scenario may multiply to.
const MOST_TRIALS: u64 = 1_000_000;

/// The scenario in `text`, after the edits in `sets`, or everything that is wrong with it.
///
/// `name` is what the mistakes call the file. A text beyond [`LARGEST`] is refused unread.
pub fn read(name: &str, text: &str, sets: &[String]) -> Result<Scenario, Mistakes> {
    let mut sources = vec![Source { name: name.to_owned(), text: text.to_owned() }];
    sources.extend(sets.iter().map(|set| Source { name: "--set".to_owned(), text: set.clone() }));
    if text.len() as u64 > LARGEST {
        sources[0].text.clear();
        let mistake = Mistake::new(format!("this file has {} bytes; a scenario has few", text.len()), Span::default());
        return Err(Mistakes::new(sources, vec![mistake.help(format!("the most is {LARGEST} bytes"))]));
    }
    let mut root = match tree::read(text, 0, 0) {
        Ok(root) => root,
        Err(mistake) => return Err(Mistakes::new(sources, vec![mistake])),
    };
    let mut mistakes: Vec<Mistake> =
        (1..).zip(sets).filter_map(|(source, set)| set::apply(&mut root, set, source).err()).collect();
    let scenario = scenario(&root, folder(name), &mut mistakes);
    match scenario {
        Some(scenario) if mistakes.is_empty() => Ok(scenario),
        _ => Err(Mistakes::new(sources, mistakes)),
    }
}

/// The folder of the file of that name.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    // Where the working folder is gone nothing is found by its own name either.
    std::path::absolute(folder.join(".")).unwrap_or_else(|_| folder.to_owned())
}

fn scenario(root: &Node, folder: PathBuf, mistakes: &mut Vec<Mistake>) -> Option<Scenario> {
    let mut fields = Fields::of("the scenario", root, mistakes)?;
    let title = fields.required("title", "title: RPyC against HTTP", mistakes);
    let question = fields.required("question", "question: Which answers small calls soonest?", mistakes);
    let answer = asked::answer(&mut fields, mistakes);
    let baseline = asked::baseline(&mut fields, mistakes);
    let span = fields.span_of("workloads").unwrap_or(fields.span());
    let located = places::read(&mut fields, mistakes);
    let places: Option<Vec<WrittenPlace>> =
        located.as_ref().map(|located| located.iter().map(|(place, _)| place.clone()).collect());
    let targets =
        list(&mut fields, "targets", "targets: [{transport: tcp, server: threaded}]", mistakes, |node, mistakes| {
            target(node, &folder, places.as_deref(), mistakes)
        });
    let defined_at = fields.node_of("calls");
    let calls = calls::read(&mut fields, &folder, mistakes);
    let data = data::read(&mut fields, &folder, mistakes);
    let mut uses = fields.entry("workloads", &mut Vec::new()).map(|(_, node)| calls::uses(node)).unwrap_or_default();
    let asked = uses.len();
    uses.extend(fields.entry("targets", &mut Vec::new()).map(|(_, node)| calls::ready(node)).unwrap_or_default());
    // Of files that cannot be read nobody knows the columns.
    if let Some(data) = &data {
        words::check(fields.node_of("calls"), fields.node_of("workloads"), &uses[asked..], data, mistakes);
    }
    let defined = fields.entry("calls", &mut Vec::new()).map(|(_, node)| calls::names(node)).unwrap_or_default();
    calls::check_names(&defined, &uses, mistakes);
    let placed = links::read(&mut fields, mistakes);
    let links: Option<Vec<WrittenLink>> =
        placed.as_ref().map(|placed| placed.iter().map(|(link, _)| link.clone()).collect());
    let workloads = list(
        &mut fields,
        "workloads",
        "workloads: [{name: latency, call: ping, iterations: 1000}]",
        mistakes,
        |node, mistakes| workload(node, links.as_deref(), places.as_deref(), mistakes),
    );
    let common = keys(&mut fields, |key| key.at_top(), mistakes);
    let order = fields.optional("order", mistakes);
    let seed = fields.optional("seed", mistakes);
    let pin = fields.optional("pin", mistakes);
    let expected = ["targets", "workloads"]
        .map(|key| fields.entry(key, &mut Vec::new()).map(|(_, node)| compared::written(node)).unwrap_or_default());
    // The user's own: anchors, notes, what other programs read.
    fields.leave("x-");
    fields.finish(mistakes);

    unique(
        targets
            .iter()
            .flatten()
            .flatten()
            .flat_map(|(target, span)| target.candidates().into_iter().map(|it| (it.name, *span))),
        |name| format!("two targets are called `{name}`"),
        "give one of them a `name` of its own",
        mistakes,
    );
    unique(
        placed.iter().flatten().map(|(link, span)| (link.name.clone(), *span)),
        |name| format!("two links are called `{name}`"),
        "each link needs a name of its own",
        mistakes,
    );
    unique(
        located.iter().flatten().map(|(place, span)| (place.name.clone(), *span)),
        |name| format!("two places are called `{name}`"),
        "each place needs a name of its own",
        mistakes,
    );
    if let (Some(located), Some(targets), Some(workloads)) = (&located, &targets, &workloads) {
        let servers = targets.iter().flatten().filter_map(|(target, _)| target.axes.get("place"));
        let clients = workloads.iter().flatten().filter_map(|((workload, _), _)| workload.axes.get("from"));
        // Of what cannot be read nobody knows where it runs.
        if targets.iter().all(Option::is_some) && workloads.iter().all(Option::is_some) {
            places::asked(located, servers.chain(clients).flatten(), mistakes);
        }
    }
    if let (Some(placed), Some(workloads)) = (&placed, &workloads) {
        let named = workloads.iter().flatten().filter_map(|((workload, _), _)| workload.axes.get("link")).flatten();
        links::asked(placed, named, mistakes);
    }
    unique(
        workloads.iter().flatten().flatten().map(|((workload, _), span)| (workload.name.clone(), *span)),
        |name| format!("two workloads are called `{name}`"),
        "each workload needs a name of its own",
        mistakes,
    );
    let open_only = workloads.iter().flatten().flatten().all(|((workload, _), _)| workload.is_open());
    for (target, span) in targets.iter().flatten().flatten().filter(|_| open_only && workloads.is_some()) {
        let drivers = target.axes.get("driver").into_iter().flatten();
        let refused: Option<Vec<String>> = drivers
            .map(|driver| named::<dyn Driver>(driver)?.keeps_schedules().err().map(|refusal| refusal.reason))
            .collect();
        if let Some(reason) = refused.and_then(|reasons| reasons.into_iter().next()) {
            let mistake = Mistake::new("every cell of this target is refused", *span);
            mistakes.push(mistake.help(reason).help("drive it with `driver: native`, or leave out the `rate`"));
        }
    }
    let read: Vec<&Target> = targets.iter().flatten().flatten().map(|(target, _)| target).collect();
    for ((workload, search), _) in workloads.iter().flatten().flatten() {
        mistakes.extend(search.and_then(|span| unlimited(workload, span, &read)));
    }
    // Of targets that cannot be read nobody knows what they are called.
    if let (Some(targets), Some(workloads)) = (&targets, &workloads)
        && targets.iter().all(Option::is_some)
        && workloads.iter().all(Option::is_some)
    {
        let workloads: Vec<&Workload> = workloads.iter().flatten().map(|((workload, _), _)| workload).collect();
        let links = links.as_deref().unwrap_or_default();
        asked::judge(&answer, baseline.as_ref(), (&read, &workloads, links), mistakes);
        let [of_targets, of_workloads] = expected;
        let of_targets: Vec<_> = read.iter().copied().zip(of_targets).collect();
        let of_workloads: Vec<_> = workloads.into_iter().zip(of_workloads).collect();
        let base = baseline.as_ref().map(|(name, _)| name.as_str());
        compared::judge(&of_targets, &of_workloads, base, mistakes);
    }
    let spans: Vec<(String, Span)> =
        workloads.iter().flatten().flatten().map(|((workload, _), span)| (workload.name.clone(), *span)).collect();
    let scenario = Scenario {
        title: title?,
        question: question?,
        answer: answer.into_iter().map(|(name, _)| name).collect(),
        baseline: baseline.map(|(name, _)| name),
        targets: targets?.into_iter().map(|item| item.map(|(target, _)| target)).collect::<Option<_>>()?,
        calls: calls?,
        data: data?,
        workloads: workloads?.into_iter().map(|item| item.map(|((workload, _), _)| workload)).collect::<Option<_>>()?,
        links: links?,
        places: places?,
        common,
        order,
        seed,
        pin,
        folder,
    };
    let told = described::judge(&scenario.calls, &scenario.targets, defined_at, mistakes);
    unaskable(&scenario, &uses[..asked], &told, mistakes);
    let named = |name: &str| spans.iter().find(|(known, _)| known == name).map(|(_, span)| *span);
    words::check_rows(&scenario, named, mistakes);
    let trials = scenario.count();
    if trials > MOST_TRIALS {
        let mistake = Mistake::new(format!("the lists multiply to {trials} trials"), span);
        mistakes.push(mistake.help(format!("the most is {MOST_TRIALS}; shorten a list, or lower `trials`")));
    }
    Some(scenario)
}

/// Notes every call of the user's own that no target can be asked, and of which nothing is `told` yet.
fn unaskable(scenario: &Scenario, uses: &[calls::Use], told: &[&str], mistakes: &mut Vec<Mistake>) {
    let candidates: Vec<Candidate> = scenario.targets.iter().flat_map(Target::candidates).collect();
    for call in scenario.calls.iter().filter(|call| !told.contains(&call.name.as_str())) {
        let Some(used) = uses.iter().find(|used| used.name == call.name) else { continue };
        let reasons: Option<Vec<String>> = candidates.iter().map(|candidate| candidate.cannot_ask(call)).collect();
        let Some(reason) = reasons.and_then(|reasons| reasons.into_iter().next()) else {
            unspoken(call, &candidates, calls::span_of(&scenario.calls, &call.name), mistakes);
            continue;
        };
        let mistake = Mistake::new(format!("`{}` cannot be asked of any target", call.name), used.span).help(reason);
        mistakes.push(match calls::span_of(&scenario.calls, &call.name) {
            Some(span) => mistake.elsewhere(span, "the call"),
            None => mistake,
        });
    }
}

/// Notes each way to ask a call by which no target is asked: it would never be used.
fn unspoken(call: &OwnCall, candidates: &[Candidate], span: Option<Span>, mistakes: &mut Vec<Mistake>) {
    let asked = |protocol| candidates.iter().any(|it| it.is_own() && it.transport.asks() == Some(protocol));
    for protocol in call.protocols().filter(|protocol| !asked(*protocol)) {
        let what = format!("`{}` says how it is asked by `{protocol}`, and no target speaks that", call.name);
        let mistake = Mistake::new(what, span.unwrap_or_default());
        mistakes.push(mistake.help("add a target whose transport does, or leave it out"));
    }
}

/// The items of a list of maps, each with the place by which its name is known; none where one cannot be read.
fn list<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    example: &'static str,
    mistakes: &mut Vec<Mistake>,
    read: impl Fn(&Node, &mut Vec<Mistake>) -> Option<(T, Span)>,
) -> Option<Vec<Option<(T, Span)>>> {
    if !fields.has(key) {
        fields.lacks(key, example);
    }
    let (_, node) = fields.entry(key, mistakes)?;
    match &node.value {
        Value::List(items) if items.is_empty() => mistakes.push(empty_list(key, node)),
        Value::List(items) => return Some(items.iter().map(|item| read(item, mistakes)).collect()),
        _ => mistakes.push(
            Mistake::new(format!("`{key}` takes a list, not {}", node.kind()), node.span)
                .help(format!("begin each item with a dash, or write `{example}`")),
        ),
    }
    None
}

/// What is wrong where a search has targets for which no rate would be too high; `span` is where it is asked for.
fn unlimited(workload: &Workload, span: Span, targets: &[&Target]) -> Option<Mistake> {
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
    Some(Mistake::new(what, span).help(help))
}

/// Notes every name that was there before.
fn unique(
    names: impl Iterator<Item = (String, Span)>,
    what: impl Fn(&str) -> String,
    help: &str,
    mistakes: &mut Vec<Mistake>,
) {
    let mut seen: BTreeMap<String, Span> = BTreeMap::new();
    for (name, span) in names {
        if let Some(first) = seen.get(&name) {
            mistakes.push(Mistake::new(what(&name), span).elsewhere(*first, "the first one").help(help));
        } else {
            seen.insert(name, span);
        }
    }
}

/// A workload, with the place where it asks for a search, and the one by which its name is known.
fn workload(
    node: &Node,
    links: Option<&[WrittenLink]>,
    places: Option<&[WrittenPlace]>,
    mistakes: &mut Vec<Mistake>,
) -> Option<((Workload, Option<Span>), Span)> {
    let mut fields = Fields::of("a workload", node, mistakes)?;
    let given = fields.required("name", "name: latency", mistakes);
    let given = name("name", given, &fields, mistakes);
    let axes = keys(&mut fields, |key| key.of() == Of::Workload, mistakes);
    let span = fields.span_of("name").unwrap_or(fields.span());
    let expect = expectations(&mut fields, mistakes);
    let workload = Workload { name: given.clone().unwrap_or_default(), axes, expect };
    let search = fields.span_of("rate").filter(|_| workload.searches());
    drawn(&workload.axes, &fields, mistakes);
    crowded(&workload.axes, &fields, mistakes);
    lengths(&mut fields, search, mistakes);
    // Of links that cannot be read nothing is known.
    if let Some(links) = links {
        links::known(&fields, links, mistakes);
    }
    if let Some(places) = places {
        places::known("from", &fields, places, mistakes);
    }
    applicable(&workload.axes, links.is_none_or(|links| !links.is_empty()), &mut fields, mistakes);
    fields.finish(mistakes);
    // Without a call nothing more can be said of it.
    let asks = ASKS.iter().any(|key| workload.axes.get(key).is_some());
    (given.is_some() && asks).then_some(((workload, search), span))
}

/// Each client process needs a client: somewhere there have to be as many. Where others are too few, the plan says so.
fn crowded(axes: &Axes, fields: &Fields<'_>, mistakes: &mut Vec<Mistake>) {
    let counts = |key: &str| axes.get(key).unwrap_or_default().iter().filter_map(Setting::count);
    let (least, most) = (counts("processes").min().unwrap_or(1), counts("clients").max().unwrap_or(1));
    if let Some(span) = fields.span_of("processes").filter(|_| least > most) {
        let there = if most == 1 { "is" } else { "are" };
        let what = format!("{least} client processes need a client each, and there {there} {most}");
        mistakes.push(Mistake::new(what, span).help(format!("write `clients: {least}` or more")));
    }
}

/// The keys by which a workload says what it asks: it has one of them.
const ASKS: [&str; 3] = ["call", "mix", "steps"];

/// A workload has a call, a mix of them, or steps, and all calls of it are asked of the same servers over kept connections.
fn drawn(axes: &Axes, fields: &Fields<'_>, mistakes: &mut Vec<Mistake>) {
    let mut given: Vec<(&str, Span)> = ASKS.iter().filter_map(|key| Some((*key, fields.span_of(key)?))).collect();
    if let [(one, _), (other, _), ..] = given[..] {
        let what = format!("a workload has `{one}` or `{other}`, not both");
        given.sort_by_key(|(_, span)| *span);
        mistakes.push(
            Mistake::new(what, given[1].1)
                .elsewhere(given[0].1, "the other one")
                .help("a list of `call` makes a cell of each, a `mix` one cell of all, `steps` one in their order"),
        );
    }
    let mut all: Vec<(Called, Span)> = Vec::new();
    for key in ["mix", "steps", "before"] {
        let Some(span) = fields.span_of(key) else { continue };
        let calls: Vec<Called> = match axes.first(key) {
            Some(Setting::Shares(shares)) => shares.iter().map(|share| share.call.clone()).collect(),
            Some(Setting::Calls(calls)) => calls.clone(),
            _ => continue,
        };
        if let Some(call) = calls.iter().find(|call| call.kind().dials()) {
            let place = if key == "mix" { "a mix".to_owned() } else { format!("`{key}`") };
            let mistake = Mistake::new(format!("`{call}` cannot stand in {place}: each such call dials"), span);
            mistakes.push(mistake.help("give it a workload of its own"));
        }
        all.extend(calls.into_iter().map(|call| (call, span)));
    }
    if let (Some(span), Some(calls)) = (fields.span_of("before"), axes.get("call")) {
        let calls = calls.iter().filter_map(Setting::as_word).map(Called::named);
        all.extend(calls.filter(|call| !call.kind().dials()).map(|call| (call, span)));
    }
    let own = all.iter().find(|(call, _)| call.is_own());
    let service = all.iter().find(|(call, _)| !call.is_own());
    if let (Some((own, one)), Some((service, other))) = (own, service) {
        let what = format!("`{own}` and `{service}` are never answered by the same server");
        let help = "our servers answer the calls of the service, and your own ones what you define under `calls`";
        mistakes.push(Mistake::new(what, *one.max(other)).help(help));
    }
}

/// A load ends by a count, after a time, or with its ramp, and in one way only.
fn lengths(fields: &mut Fields<'_>, search: Option<Span>, mistakes: &mut Vec<Mistake>) {
    if let (Some(first), Some(second)) = (fields.span_of("iterations"), fields.span_of("duration")) {
        let (first, second) = (first.min(second), first.max(second));
        mistakes.push(
            Mistake::new("a workload has `iterations` or `duration`, not both", second)
                .elsewhere(first, "the other one")
                .help("keep `iterations` to count calls, or `duration` to fill a time"),
        );
    } else if let (Some(span), false, false) = (search, fields.has("duration"), fields.has("ramp")) {
        let mistake = Mistake::new("a search needs `duration`: how long each of its probes lasts", span);
        let mistake = match fields.span_of("iterations") {
            Some(counted) => mistake.elsewhere(counted, "a count of calls would make probes shorter as rates rise"),
            None => mistake,
        };
        mistakes.push(mistake.help("write it like `duration: 2s`"));
    } else if !fields.has("iterations") && !fields.has("duration") && !fields.has("ramp") {
        fields.lacks("iterations", "iterations: 1000` or `duration: 10s");
    }
    if let Some(first) = fields.span_of("ramp") {
        for (key, why) in [
            ("rate", "each step of a ramp has its rate"),
            ("iterations", "a ramp ends when its steps do"),
            ("duration", "a ramp lasts as long as its steps"),
        ] {
            if let Some(second) = fields.span_of(key) {
                let mistake = Mistake::new(format!("`{key}` cannot stand beside `ramp`: {why}"), second);
                mistakes.push(mistake.elsewhere(first, "the ramp").help("keep one of them"));
            }
        }
    }
}
