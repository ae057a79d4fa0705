//! In what targets differ that are compared, where nobody asked for the difference.
//!
//! Transport, server model, stack and driver are what a comparison is about. Whatever else differs is told: unless
//! the scenario writes the option in question with several values, or the axis that shows what it does (such as
//! `fill`, which decides what compression can do), for then the difference is its question.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::call::ServiceCall;
use crate::key::place::HERE;
use crate::key::setting::Setting;
use crate::key::settings::Settings;
use crate::plan::Plan;
use crate::results::cell::Planned;
use crate::server::workers::cores;
use crate::transport::terms::{Congestion, Encrypted, Handshake, Terms, held};

/// A difference between targets that answer the same workloads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The workloads in which they are compared.
    pub workloads: Vec<String>,
    /// What differs, as a clause.
    pub what: String,
    /// Each way in which it is, with the targets of which that is true.
    pub sides: Vec<Side>,
    /// What would make the comparison fair.
    pub help: String,
    /// Whether it is only to be known, and nothing that a fair comparison would be without.
    pub note: bool,
}

/// Targets that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// What is true of them.
    pub is: String,
    /// Their names.
    pub targets: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides: Vec<String> = self.sides.iter().map(|side| format!("{}: {}", side.is, few(&side.targets))).collect();
        write!(f, "in {} {} ({})", few(&self.workloads), self.what, sides.join("; "))
    }
}

/// The first names of a long list, and how many more there are.
fn few(names: &[String]) -> String {
    const SHOWN: usize = 4;
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}

/// One target in one workload, as far as fairness is concerned.
struct Compared<'a> {
    workload: &'a str,
    call: &'static dyn ServiceCall,
    target: &'a str,
    /// Every key and option that the scenario writes.
    written: &'a Settings,
    terms: Terms,
}

impl Plan {
    /// The differences between its targets that the scenario does not ask about.
    pub fn differences(&self) -> Vec<Difference> {
        let compared = self.cells.iter().map(|cell| Compared {
            workload: &cell.planned.workload,
            call: cell.planned.settings.call().unwrap_or(cell.load.call.kind()),
            target: &cell.planned.target,
            written: &cell.planned.settings,
            terms: cell.target.pairing.terms(&cell.target.options, cores()),
        });
        differences(&compared.collect::<Vec<_>>())
    }
}

/// The differences between the targets of cells that were measured, by the terms of each target.
pub fn of_cells(cells: &[&Planned], terms: &BTreeMap<String, Terms>) -> Vec<Difference> {
    let compared = cells.iter().filter_map(|cell| {
        Some(Compared {
            workload: &cell.workload,
            call: cell.settings.call()?,
            target: &cell.target,
            written: &cell.settings,
            terms: terms.get(&cell.target)?.clone(),
        })
    });
    differences(&compared.collect::<Vec<_>>())
}

/// Something in which targets can differ unasked.
struct Aspect {
    /// The options by which a scenario decides it.
    options: &'static [&'static str],
    /// Another axis whose values show what it does.
    shown_by: Option<&'static str>,
    /// What is wrong, as a clause.
    what: &'static str,
    /// In which calls it counts.
    counts: fn(call: &'static dyn ServiceCall) -> bool,
    /// How it is by a target's terms, in words; none where they do not tell, or where there is no such thing.
    is: fn(&Terms) -> Option<String>,
}

const ASPECTS: &[Aspect] = &[
    Aspect {
        options: &["tls"],
        shown_by: None,
        what: "encrypted targets are compared with plain ones",
        counts: |_| true,
        is: |terms| either(terms.encrypted? != Encrypted::No, "encrypted", "plain"),
    },
    Aspect {
        options: &["resumption"],
        shown_by: None,
        what: "resumed TLS handshakes are compared with full ones",
        counts: |_| true,
        is: |terms| either(terms.encrypted?.handshake()? == Handshake::Resumed, "resumed", "full"),
    },
    Aspect {
        options: &["compress"],
        shown_by: Some("fill"),
        what: "compressed bodies are compared with bodies that are sent as they are",
        counts: |call| call.has_body(),
        is: |terms| either(terms.compressed?.bodies(), "compressed", "as they are"),
    },
    Aspect {
        options: &["keep-alive"],
        shown_by: None,
        what: "connections that carry all calls are compared with a connection for each call",
        counts: |call| !call.dials(),
        is: |terms| either(terms.dials_each_call()?, "one for each call", "kept"),
    },
    Aspect {
        options: &["streams", "pool"],
        shown_by: None,
        what: "clients who share a connection are compared with clients who have one each",
        counts: |call| !call.dials(),
        is: |terms| either(terms.shares()?, "shared", "one each"),
    },
    Aspect {
        options: &["nodelay"],
        shown_by: None,
        what: "small segments that are sent at once are compared with ones that wait (Nagle)",
        counts: |_| true,
        is: |terms| either(terms.nodelay?, "at once", "waiting"),
    },
    Aspect {
        options: &["congestion"],
        shown_by: None,
        what: "congestion controls are mixed",
        counts: |_| true,
        is: |terms| {
            Some(match terms.congestion.as_ref()? {
                Congestion::Kernel | Congestion::Likewise(_) => "the kernel's".to_owned(),
                // Of one algorithm there are two names.
                Congestion::Named(name) if name == "newreno" => "reno".to_owned(),
                Congestion::Named(name) => name.clone(),
            })
        },
    },
    Aspect {
        options: &["workers"],
        shown_by: None,
        what: "different numbers of workers are compared",
        counts: |_| true,
        is: |terms| terms.workers.map(|count| format!("{count} workers")),
    },
    Aspect {
        options: &["ballast"],
        shown_by: None,
        what: "servers that hold more memory are compared with servers that hold less",
        counts: |_| true,
        is: |terms| Some(terms.ballast.map_or_else(|| "no ballast".to_owned(), held)),
    },
];

fn either(is: bool, yes: &str, no: &str) -> Option<String> {
    Some(if is { yes } else { no }.to_owned())
}

fn differences(compared: &[Compared]) -> Vec<Difference> {
    let mut found: Vec<Difference> = Vec::new();
    let mut workloads: Vec<&str> = Vec::new();
    for one in compared {
        if !workloads.contains(&one.workload) {
            workloads.push(one.workload);
        }
    }
    for aspect in ASPECTS.iter().filter(|aspect| !asked(aspect, compared)) {
        for &workload in &workloads {
            let is = |one: &Compared| (aspect.counts)(one.call).then(|| (aspect.is)(&one.terms))?;
            add(&mut found, workload, aspect.what, sides(compared, workload, is), || help(aspect), false);
        }
    }
    for &workload in &workloads {
        let found_out = sides(compared, workload, implementation);
        add(&mut found, workload, IMPLEMENTATIONS, found_out, || KNOWN.to_owned(), true);
    }
    for &workload in &workloads {
        let place = |one: &Compared| Some(one.written.text("place").unwrap_or_else(|| HERE.to_owned()));
        let places = sides(compared, workload, place);
        if places.len() > 1 && !beside_each_other(compared, workload) {
            add(&mut found, workload, PLACES, places, || ONE_PLACE.to_owned(), false);
        }
    }
    found
}

/// What is warned of where servers are on several machines.
const PLACES: &str = "servers at different places are compared, and so are their machines and the ways to them";
const ONE_PLACE: &str = "let all of them run at one place; where the difference is the question, let each run at all of them: \
                         `place: [here, web]`";

/// True where the targets of a workload run at several places each, so that what the place does can be told.
fn beside_each_other(compared: &[Compared], workload: &str) -> bool {
    fn but_place(one: &Compared) -> Settings {
        let mut settings = one.written.clone();
        settings.put("place", Setting::word(HERE));
        settings
    }
    let of: Vec<_> = compared.iter().filter(|one| one.workload == workload).collect();
    let has_other = |one: &&Compared| {
        let place = one.written.text("place");
        of.iter().any(|other| other.written.text("place") != place && but_place(other).alike(&but_place(one)))
    };
    of.iter().all(has_other)
}

/// What is noted where packets get lost, and what is to be known of it.
const IMPLEMENTATIONS: &str = "two implementations of congestion control are compared where packets get lost";
const KNOWN: &str = "it is a part of what these transports are: what is told of one is told of both together";

/// Whose congestion control decides how fast bytes flow, where packets get lost on the way.
fn implementation(one: &Compared) -> Option<String> {
    let set = |name: &str| one.written.get(name).and_then(Setting::number).unwrap_or(0.0) > 0.0;
    let loses = set("link.loss") || set("link.rate");
    one.terms.congestion.as_ref().filter(|_| loses)?;
    either(matches!(one.terms.encrypted, Some(Encrypted::Quic(_))), "the quinn library's", "the kernel's")
}

/// The targets of a workload by how they are.
fn sides(compared: &[Compared], workload: &str, is: impl Fn(&Compared) -> Option<String>) -> Vec<Side> {
    let mut sides: Vec<Side> = Vec::new();
    for one in compared.iter().filter(|one| one.workload == workload) {
        let Some(is) = is(one) else { continue };
        match sides.iter_mut().find(|side| side.is == is) {
            Some(side) if side.targets.iter().any(|target| target == one.target) => {}
            Some(side) => side.targets.push(one.target.to_owned()),
            None => sides.push(Side { is, targets: vec![one.target.to_owned()] }),
        }
    }
    sides
}

/// Adds a difference, where there is one; what is as it is in another workload is told once.
fn add(
    found: &mut Vec<Difference>,
    workload: &str,
    what: &str,
    sides: Vec<Side>,
    help: impl Fn() -> String,
    note: bool,
) {
    if sides.len() < 2 {
        return;
    }
    let workload = workload.to_owned();
    match found.iter_mut().find(|known| known.what == what && known.sides == sides) {
        Some(known) => known.workloads.push(workload),
        None => {
            found.push(Difference { workloads: vec![workload], what: what.to_owned(), sides, help: help(), note });
        }
    }
}

fn help(aspect: &Aspect) -> String {
    let options: Vec<String> = aspect.options.iter().map(|name| format!("`{name}`")).collect();
    let options = options.join(" or ");
    let shown = aspect.shown_by.map(|axis| format!(", or several of `{axis}`")).unwrap_or_default();
    format!(
        "make {options} the same for all of them; where the difference is the question, write its values out{shown}"
    )
}

/// True where the scenario writes several values of an option that decides the aspect, or of the axis that shows it.
fn asked(aspect: &Aspect, compared: &[Compared]) -> bool {
    aspect.options.iter().chain(&aspect.shown_by).any(|key| {
        let values: BTreeSet<String> =
            compared.iter().filter_map(|one| one.written.get(key)).map(ToString::to_string).collect();
        values.len() > 1
    })
}

#[cfg(test)]
mod tests {
    use crate::plan::Plan;
    use crate::plan::fairness::Difference;
    use crate::scenario::read;

    const PING: &str = "{name: w, call: ping, iterations: 1}";

    fn told(targets: &str, workload: &str) -> Vec<Difference> {
        let text = format!("title: t\nquestion: q\ntargets: [{targets}]\nworkloads: [{workload}]\n");
        let scenario = read("test.yaml", &text, &[]).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
        Plan::of(&scenario).differences()
    }

    fn one(targets: &str, workload: &str) -> String {
        match told(targets, workload).as_slice() {
            [only] => only.to_string(),
            all => panic!("one difference is there, not {all:?}"),
        }
    }

    #[test]
    fn what_a_comparison_is_about_is_no_difference() {
        let targets = "{transport: [tcp, unix, grpc], server: [threaded, forking, pooled, async]}";
        assert_eq!(told(targets, PING), []);
        assert_eq!(
            told("{transport: rpyc, server: threaded, stack: [native, python], driver: [native, python]}", PING),
            []
        );
    }

    #[test]
    fn each_aspect_is_told_with_its_targets_unless_it_is_asked_about() {
        let body = "{name: w, call: upload, payload: 1MiB, iterations: 1}";
        for (first, second, option, workload, said) in [
            (
                "tcp, server: threaded",
                "tcp, server: async",
                "tls: true",
                PING,
                "(encrypted: tcp-threaded; plain: tcp-async)",
            ),
            (
                "http1, server: threaded",
                "http1, server: async",
                "keep-alive: false",
                PING,
                "(one for each call: http1-threaded; kept: http1-async)",
            ),
            (
                "http2, server: threaded",
                "http2, server: async",
                "streams: 4",
                PING,
                "(shared: http2-threaded; one each: http2-async)",
            ),
            (
                "rpyc, server: threaded",
                "rpyc, server: async",
                "compress: false",
                body,
                "(as they are: rpyc-threaded; compressed: rpyc-async)",
            ),
            (
                "tcp, server: threaded",
                "tcp, server: async",
                "nodelay: false",
                PING,
                "(waiting: tcp-threaded; at once: tcp-async)",
            ),
            (
                "tcp, server: threaded",
                "tcp, server: async",
                "congestion: cubic",
                PING,
                "(cubic: tcp-threaded; the kernel's: tcp-async)",
            ),
            ("tcp, server: pooled", "tcp, server: preforked", "workers: 77", PING, "(77 workers: tcp-pooled; "),
            (
                "tcp, server: threaded",
                "tcp, server: async",
                "ballast: 1MiB",
                PING,
                "(1MiB held from before serving: tcp-threaded; no ballast: tcp-async)",
            ),
        ] {
            let name = option.split(':').next().expect("it has a name");
            let said_of =
                one(&format!("{{transport: {first}, options: {{{option}}}}}, {{transport: {second}}}"), workload);
            assert!(said_of.starts_with("in w ") && said_of.contains(said), "{option}: {said_of}");
            let other = match name {
                "streams" | "workers" => format!("{name}: 2"),
                "congestion" => "congestion: reno".to_owned(),
                "ballast" => "ballast: 0B".to_owned(),
                _ => format!("{name}: {}", option.ends_with("false")),
            };
            let asked =
                format!("{{transport: {first}, options: {{{option}}}}}, {{transport: {second}, options: {{{other}}}}}");
            assert_eq!(told(&asked, workload), [], "{option} is the question");
        }
    }

    #[test]
    fn resumption_is_a_difference_between_encrypted_targets_only() {
        let targets = |second: &str| {
            format!(
                "{{transport: tcp, server: threaded, options: {{tls: true, resumption: true}}}}, \
                 {{transport: tcp, server: async, options: {{tls: {second}}}}}"
            )
        };
        assert!(one(&targets("true"), PING).contains("(resumed: tcp-threaded; full: tcp-async)"));
        assert_eq!(told(&targets("false"), PING), []);
    }

    #[test]
    fn who_sends_bytes_of_several_kinds_asks_what_compression_does() {
        let targets = "{transport: [rpyc, http1], server: threaded}";
        let body = |fill: &str| format!("{{name: w, call: upload, payload: 1MiB, fill: {fill}, iterations: 1}}");
        assert_eq!(told(targets, &body("[zeros, random]")), []);
        let unasked = told(targets, &body("random"));
        assert!(unasked[0].help.ends_with("write its values out, or several of `fill`"), "{unasked:?}");
    }

    #[test]
    fn what_needs_no_network_has_no_congestion_control() {
        let (unix, tcp) = ("{transport: unix, server: async}", "transport: tcp, options: {congestion: cubic}");
        assert_eq!(told(&format!("{unix}, {{{tcp}, server: async}}"), PING), []);
        let three = format!("{unix}, {{{tcp}, server: async}}, {{transport: tcp, server: threaded}}");
        assert!(one(&three, PING).contains("(cubic: tcp-async; the kernel's: tcp-threaded)"), "{three}");
    }

    #[test]
    fn over_a_link_that_loses_packets_two_implementations_are_noted() {
        let of = |link: &str| {
            let text = format!(
                "title: t\nquestion: q\nlinks: [{{name: wan, {link}}}]\n\
                 targets: [{{transport: [tcp, quic], server: async, options: {{congestion: cubic}}}}]\n\
                 workloads: [{{name: w, call: ping, iterations: 1, link: [none, wan]}}]\n"
            );
            let scenario = read("test.yaml", &text, &[]).unwrap_or_else(|found| panic!("{}", found.render(false)));
            let told = Plan::of(&scenario).differences().into_iter();
            told.filter(|it| it.what.contains("congestion")).map(|it| (it.note, it.sides.len())).collect::<Vec<_>>()
        };
        assert_eq!(of("delay: 10ms"), []);
        assert_eq!(of("loss: 1%"), [(true, 2)]);
        assert_eq!(of("rate: 10Mbit"), [(true, 2)]);
    }

    #[test]
    fn servers_at_different_places_are_told_unless_each_runs_at_all_of_them() {
        let of = |targets: &str| {
            let text = format!(
                "title: t\nquestion: q\nplaces: [{{name: web, by: ssh, hosts: web-1}}]\ntargets: [{targets}]\n\
                 workloads: [{PING}]\n"
            );
            let scenario = read("test.yaml", &text, &[]).unwrap_or_else(|found| panic!("{}", found.render(false)));
            Plan::of(&scenario).differences().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(of("{transport: tcp, server: [threaded, async], place: [here, web]}"), [""; 0]);
        assert_eq!(of("{transport: tcp, server: [threaded, async], place: web}"), [""; 0]);
        let apart = of("{transport: tcp, server: async, place: web}, {transport: tcp, server: threaded}");
        assert_eq!(apart.len(), 1);
        assert!(apart[0].ends_with("(web: tcp-async; here: tcp-threaded)"), "{apart:?}");
        let half = of("{transport: tcp, server: async, place: [here, web]}, {transport: tcp, server: threaded}");
        assert_eq!(half.len(), 1, "{half:?}");
    }

    #[test]
    fn it_counts_only_where_it_makes_a_difference() {
        let targets = "{transport: [rpyc, http1], server: threaded}";
        assert_eq!(told(targets, PING), [], "a ping is too small to be compressed");
        let two = "{name: a, call: echo, payload: 1MiB, iterations: 1}, {name: b, call: download, payload: 1MiB, iterations: 1}";
        assert!(one(targets, two).starts_with("in a, b compressed bodies"));
        let close =
            "{transport: http1, server: threaded, options: {keep-alive: false}}, {transport: http1, server: async}";
        assert_eq!(told(close, "{name: w, call: connect, iterations: 1}"), []);
        let flask = "{transport: [http1], server: threaded, stack: [native, python]}";
        assert!(one(flask, PING).contains("(kept: http1-threaded; one for each call: http1-threaded-python-stack)"));
    }
}
