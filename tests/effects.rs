//! Effects are found where they were put, with intervals that hold as often as they say, and nowhere else.

mod reports;

use std::collections::BTreeMap;

use engine::call::SplitMix;
use engine::report::effect::aspect::Aspect;
use engine::report::effect::effects;
use engine::report::effect::sample::Sample;
use engine::report::effect::told::{AxisEffects, Effect, Kind};
use engine::report::view::View;
use engine::transport::terms::Terms;
use serde_json::{Value, json};

use reports::{repeated, settings};

/// How much trials differ from each other.
const NOISE: f64 = 0.05;

/// How many runs are made up.
const RUNS: u32 = 500;

/// A number of the standard normal distribution (Box and Muller).
fn normal(random: &mut SplitMix) -> f64 {
    let unit = |random: &mut SplitMix| (random.next() >> 11) as f64 / (1u64 << 53) as f64;
    let radius = (-2.0 * (1.0 - unit(random)).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit(random)).cos()
}

/// A cell of a made-up run.
struct Made {
    target: &'static str,
    workload: &'static str,
    axes: Value,
    figures: Vec<(Aspect, f64)>,
}

/// Samples of cells with so many trials each.
fn samples(cells: &[Made], trials: usize, random: &mut SplitMix) -> Vec<Sample> {
    let sample = |(number, made): (usize, &Made)| {
        let mut draw =
            |truth: f64| -> Vec<f64> { (0..trials).map(|_| truth * (NOISE * normal(random)).exp()).collect() };
        let figures: BTreeMap<Aspect, Vec<f64>> =
            made.figures.iter().map(|(aspect, truth)| (*aspect, draw(*truth))).collect();
        Sample {
            cell: number + 1,
            target: made.target.to_owned(),
            workload: made.workload.to_owned(),
            settings: settings(made.axes.clone()),
            terms: Terms::default(),
            main: vec![Aspect::P50, Aspect::Bandwidth, Aspect::Rate],
            figures,
        }
    };
    cells.iter().enumerate().map(sample).collect()
}

fn of<'e>(all: &'e [AxisEffects], axis: &str, what: &str, to: &str) -> &'e Effect {
    let found = all.iter().filter(|effects| effects.axis == axis).flat_map(|effects| &effects.effects);
    found
        .into_iter()
        .find(|effect| effect.what == what && effect.to == to)
        .unwrap_or_else(|| panic!("{axis}: no {what}"))
}

/// An option that makes a ping 1.30 × dearer and changes nothing else, on two servers and one or eight clients.
fn dearer_pings() -> Vec<Made> {
    let mut cells = Vec::new();
    for (workload, clients) in [("one", 1), ("several", 8)] {
        for server in ["threaded", "async"] {
            for (tls, factor) in [(false, 1.0), (true, 1.3)] {
                let target = "made";
                let axes =
                    json!({"transport": "tcp", "server": server, "tls": tls, "call": "ping", "clients": clients});
                let ns = 50_000.0 * f64::from(clients) * factor;
                cells.push(Made {
                    target,
                    workload,
                    axes,
                    figures: vec![(Aspect::P50, ns), (Aspect::ServerCpu, 9_000.0), (Aspect::Wire, 120.0)],
                });
            }
        }
    }
    cells
}

#[test]
fn an_option_that_costs_on_one_measure_is_found_there_and_nowhere_else() {
    let (mut covered, mut joint, mut shown, mut elsewhere) = (0, 0, 0, 0);
    let mut random = SplitMix::new(11);
    let cells = dearer_pings();
    for _ in 0..RUNS {
        let samples = samples(&cells, 10, &mut random);
        let all = effects(&samples, &[], None);
        let ping = of(&all, "tls", "ping, p50", "true");
        covered += u32::from(ping.ratio.low <= 1.3 && 1.3 <= ping.ratio.high);
        joint += u32::from(ping.simultaneous.low <= 1.3 && 1.3 <= ping.simultaneous.high);
        shown += u32::from(ping.shown && !ping.better);
        let others = all
            .iter()
            .flat_map(|effects| &effects.effects)
            .filter(|effect| effect.what != ping.what || effect.from != "false");
        elsewhere += u32::from(others.filter(|effect| effect.shown).count() > 0);
    }
    assert!((465..=485).contains(&covered), "covered {covered} of {RUNS}");
    assert!(joint > 490 && shown == RUNS, "joint {joint}, shown {shown} of {RUNS}");
    assert!(elsewhere <= RUNS * 7 / 100, "named elsewhere in {elsewhere} of {RUNS}");
}

#[test]
fn axes_that_do_nothing_are_named_in_few_reports() {
    let mut cells = dearer_pings();
    cells.iter_mut().for_each(|cell| cell.figures[0].1 = 50_000.0);
    let mut random = SplitMix::new(12);
    for trials in [5, 10] {
        let mut named = 0;
        for _ in 0..RUNS {
            let samples = samples(&cells, trials, &mut random);
            let all = effects(&samples, &[], None);
            let shown = |effect: &Effect| effect.shown || effect.split.is_some();
            named += u32::from(all.iter().flat_map(|effects| &effects.effects).any(shown));
        }
        assert!(named <= RUNS * 7 / 100, "of {trials} trials: named in {named} of {RUNS}");
    }
}

/// Compression that costs 1.1 × at 1 KiB and 3 × at 1 MiB.
fn interacting() -> Vec<Made> {
    let mut cells = Vec::new();
    for server in ["threaded", "async"] {
        for (payload, factor) in [("1KiB", 1.1), ("1MiB", 3.0)] {
            for compress in [false, true] {
                let axes = json!({
                    "transport": "rpyc", "server": server, "compress": compress, "call": "echo", "payload": payload,
                });
                let ns = 80_000.0 * if compress { factor } else { 1.0 };
                cells.push(Made { target: "made", workload: "bodies", axes, figures: vec![(Aspect::P50, ns)] });
            }
        }
    }
    cells
}

#[test]
fn an_interaction_is_found_along_the_axis_that_it_is_with() {
    let (mut found, mut small, mut large) = (0, 0, 0);
    let mut random = SplitMix::new(13);
    let cells = interacting();
    for _ in 0..RUNS {
        let samples = samples(&cells, 10, &mut random);
        let all = effects(&samples, &[], None);
        let Some(split) = &of(&all, "compress", "echo, p50", "true").split else { continue };
        found += u32::from(split.axis == "payload");
        let holds = |at: usize, truth: f64| {
            let ratio = split.parts[at].ratio;
            u32::from(ratio.low <= truth && truth <= ratio.high)
        };
        small += holds(0, 1.1);
        large += holds(1, 3.0);
    }
    assert_eq!(found, RUNS);
    assert!((465..=485).contains(&small) && (465..=485).contains(&large), "{small} and {large} of {RUNS}");
    let all = effects(&samples(&cells, 10, &mut random), &["compress".to_owned()], None);
    let said = &all[0].sentence;
    assert!(said.starts_with("With compress, an echo takes 1.") && said.contains("with payload 1MiB"), "{said}");
}

/// Connecting that takes 37 µs more for each MiB that a forking server holds.
fn linear() -> Vec<Made> {
    let mut cells = Vec::new();
    for (ballast, mib) in [("0B", 0.0), ("30MiB", 30.0), ("75MiB", 75.0), ("150MiB", 150.0)] {
        for (server, slope) in [("threaded", 0.0), ("forking", 37_000.0)] {
            let axes = json!({"transport": "rpyc", "server": server, "ballast": ballast, "call": "connect"});
            let ns = 400_000.0 + slope * mib;
            cells.push(Made { target: "made", workload: "connect", axes, figures: vec![(Aspect::P50, ns)] });
        }
    }
    cells
}

#[test]
fn a_line_is_found_with_its_slope_and_where_there_is_none() {
    let (mut lines, mut covered, mut flat) = (0, 0, 0);
    let mut random = SplitMix::new(14);
    let cells = linear();
    let truth = 37_000.0 / f64::from(1 << 20);
    for _ in 0..RUNS {
        let samples = samples(&cells, 10, &mut random);
        let all = effects(&samples, &[], None);
        let shapes = &all.iter().find(|effects| effects.axis == "ballast").expect("its effects").shapes;
        let part = |of: &str| shapes.iter().find(|shape| shape.of == of).expect(of);
        let Some(slope) = part("server forking").slope else { continue };
        lines += u32::from(part("server forking").kind == Kind::Linear);
        covered += u32::from(slope.low <= truth && truth <= slope.high);
        flat += u32::from(part("server threaded").kind == Kind::Flat);
    }
    assert!(lines >= RUNS * 97 / 100 && flat >= RUNS * 95 / 100, "{lines} lines, {flat} flat of {RUNS}");
    let share = f64::from(covered) / f64::from(lines);
    assert!((0.93..=0.97).contains(&share), "covered {covered} of {lines}");
    let all = effects(&samples(&cells, 10, &mut random), &["ballast".to_owned()], None);
    let said = &all[0].sentence;
    assert!(said.starts_with("Along ballast, with server forking, connecting takes 3"), "{said}");
    assert!(said.contains(" µs more for each MiB of ballast ("), "{said}");
}

#[test]
fn a_knee_and_a_level_are_told_apart() {
    let cells: Vec<Made> = [(1, 1.0), (2, 1.0), (4, 1.0), (16, 3.9), (64, 16.0)]
        .into_iter()
        .map(|(clients, factor)| Made {
            target: "made",
            workload: "many",
            axes: json!({"transport": "tcp", "server": "async", "call": "ping", "clients": clients}),
            figures: vec![(Aspect::P50, 40_000.0 * factor)],
        })
        .collect();
    let all = effects(&samples(&cells, 10, &mut SplitMix::new(15)), &[], None);
    let [shape] = all[0].shapes.as_slice() else { panic!("{:?}", all[0].shapes) };
    assert!(matches!(shape.kind, Kind::Knee | Kind::Linear), "{shape:?}");
    let falling: Vec<Made> = [(4, 1.0), (16, 0.5), (64, 0.4)]
        .into_iter()
        .map(|(kib, factor)| Made {
            target: "made",
            workload: "bodies",
            axes: json!({"transport": "tcp", "server": "async", "call": "upload", "chunk": format!("{kib}KiB")}),
            figures: vec![(Aspect::Bandwidth, 2e9 * factor)],
        })
        .collect();
    let all = effects(&samples(&falling, 10, &mut SplitMix::new(16)), &[], None);
    assert_eq!(all[0].shapes[0].kind, Kind::Falls, "{:?}", all[0].shapes);
}

/// Two transports whose times cross at 64 KiB: drawn straight between logarithms of powers.
fn crossing() -> Vec<Made> {
    let mut cells = Vec::new();
    for kib in [4.0f64, 16.0, 256.0, 1024.0] {
        for (transport, power) in [("tcp", 0.0), ("http1", 0.3)] {
            let axes = json!({
                "transport": transport, "server": "threaded", "call": "echo", "payload": format!("{kib}KiB"),
            });
            let ns = 100_000.0 * (kib / 64.0).powf(power);
            cells.push(Made { target: "made", workload: "bodies", axes, figures: vec![(Aspect::P50, ns)] });
        }
    }
    cells
}

#[test]
fn a_crossover_is_found_with_an_interval_that_holds_it() {
    let (mut found, mut covered) = (0, 0);
    let mut random = SplitMix::new(17);
    let cells = crossing();
    for _ in 0..RUNS {
        let samples = samples(&cells, 10, &mut random);
        let all = effects(&samples, &[], None);
        let split = of(&all, "transport", "echo, p50", "http1").split.as_ref().expect("it differs");
        let Some(crossing) = &split.crossing else { continue };
        found += 1;
        covered += u32::from(crossing.low <= 65_536.0 && 65_536.0 <= crossing.high);
    }
    assert_eq!(found, RUNS);
    assert!((465..=485).contains(&covered), "covered {covered} of {RUNS}");
}

#[test]
fn words_of_vary_match_within_their_own_target_only() {
    let made = |target: &'static str, workers: u64, ns: f64| Made {
        target,
        workload: "orders",
        axes: json!({"transport": "http1", "workers": workers, "call": "buy"}),
        figures: vec![(Aspect::P50, ns)],
    };
    // What one shop does with one worker and another with four is no pair.
    let cells = [
        made("shop-workers=1", 1, 100_000.0),
        made("shop-workers=4", 4, 50_000.0),
        made("store-workers=1", 1, 400_000.0),
        made("store-workers=4", 4, 200_000.0),
    ];
    let all = effects(&samples(&cells, 10, &mut SplitMix::new(18)), &[], None);
    let effect = of(&all, "workers", "buy, p50", "4");
    let pairs: Vec<(usize, usize)> = effect.pairs.iter().map(|pair| (pair.from_cell, pair.to_cell)).collect();
    assert_eq!(pairs, [(1, 2), (3, 4)]);
    assert!((0.45..0.55).contains(&effect.ratio.value), "{effect:?}");
}

#[test]
fn two_servers_of_the_users_own_are_no_pair_whatever_they_speak() {
    let made = |target: &'static str, transport: &str, clients: u64, ns: f64| Made {
        target,
        workload: "orders",
        axes: json!({"transport": transport, "call": "buy", "clients": clients}),
        figures: vec![(Aspect::P50, ns)],
    };
    let cells = [
        made("shop", "http1", 1, 100_000.0),
        made("store", "grpc", 1, 400_000.0),
        made("shop", "http1", 8, 200_000.0),
        made("store", "grpc", 8, 800_000.0),
    ];
    let all = effects(&samples(&cells, 10, &mut SplitMix::new(19)), &[], None);
    assert!(all.iter().all(|effects| effects.axis == "clients"), "{all:?}");
    let pairs: Vec<(usize, usize)> =
        of(&all, "clients", "buy, p50", "8").pairs.iter().map(|pair| (pair.from_cell, pair.to_cell)).collect();
    assert_eq!(pairs, [(1, 3), (2, 4)]);
}

#[test]
fn the_baseline_is_what_others_are_told_of() {
    let mut results = reports::golden();
    results.scenario["answer"] = json!(["target"]);
    results.scenario["baseline"] = json!("rpyc-threaded");
    let view = View::of(&results).expect("a view");
    assert_eq!(view.headline.baseline.as_deref(), Some("rpyc-threaded"));
    let row = view.headline.rows.iter().find(|row| row.target == "http").expect("a row");
    let connect = row.squares[0].as_ref().expect("a figure");
    assert!(connect.multiple.as_deref().is_some_and(|it| it.starts_with("2.")), "{connect:?}");
    let base = view.headline.rows.iter().find(|row| row.baseline).expect("the baseline");
    assert!(base.squares.iter().flatten().all(|square| square.multiple.is_none()), "{base:?}");
    assert!(view.answer[0].starts_with("Connects soonest (connect): rpyc-threaded with 2"), "{:?}", view.answer);
    assert!(view.answer.len() >= 2 && view.answer[0].contains(" µs"), "{:?}", view.answer);
}

#[test]
fn round_trips_per_call_are_the_slope_over_the_delay_of_a_link() {
    let mut made = Vec::new();
    for (target, trips) in [("tcp-threaded", 1), ("rpyc-threaded", 2)] {
        for delay_ms in [10, 30, 70] {
            let axes = json!({"call": "ping", "clients": 1, "link": "wan", "link.delay": format!("{delay_ms}ms")});
            let ns = 100_000 + 2 * trips * delay_ms * 1_000_000;
            made.push(reports::Effect::new(target, &format!("over-{delay_ms}"), axes, ns, 200));
        }
    }
    let mut results = repeated(&made, 5);
    for cell in &mut results.cells {
        cell.workload = "over".to_owned();
        cell.varies.push("link.delay".to_owned());
    }
    let view = View::of(&results).expect("a view");
    let first = "A ping waits for 1 round trip with tcp-threaded and for 2 with rpyc-threaded.";
    assert!(view.answer.iter().any(|sentence| sentence == first), "{:?}", view.answer);
    let tables = view.workloads.iter().flat_map(|workload| &workload.tables);
    let table = tables.into_iter().find(|table| table.caption.starts_with("Round trips per call")).expect("a table");
    for (target, trips) in [("tcp-threaded", 1.0), ("rpyc-threaded", 2.0)] {
        let row = table.rows.iter().find(|row| row.texts.contains(&target.to_owned())).expect("a row of the target");
        let [.., told, around] = row.texts.as_slice() else { panic!("{row:?}") };
        let told: f64 = told.parse().expect("a number");
        assert!((told / trips - 1.0).abs() < 0.03, "{target}: {told}");
        let (low, high) = around.split_once(" – ").expect("an interval");
        let bound = |text: &str| text.parse::<f64>().expect("a number");
        assert!(bound(low) <= told && told <= bound(high) && bound(low) < bound(high), "{target}: {around}");
    }
}

#[test]
fn a_link_is_compared_with_none_although_only_it_has_properties() {
    let mut made = Vec::new();
    for (name, axes, ns) in [
        ("near", json!({"call": "ping", "clients": 1, "link": "none"}), 100_000),
        (
            "far",
            json!({"call": "ping", "clients": 1, "link": "lan", "link.delay": "250us", "link.rate": "1Gbit"}),
            600_000,
        ),
    ] {
        made.push(reports::Effect::new("tcp-threaded", name, axes, ns, 200));
    }
    let mut results = repeated(&made, 6);
    for cell in &mut results.cells {
        cell.workload = "calls".to_owned();
        cell.varies.push("link".to_owned());
    }
    let view = View::of(&results).expect("a view");
    let link = view.effects.iter().find(|axis| axis.axis == "link").expect("effects of the link");
    assert!(link.sentence.starts_with("With link lan instead of none, a ping takes 6"), "{}", link.sentence);
}

#[test]
fn an_option_at_its_usual_value_is_no_difference_from_one_that_is_not_there() {
    let made = |axes: Value, ns: f64| Made { target: "made", workload: "w", axes, figures: vec![(Aspect::P50, ns)] };
    // What has no TLS has no resumption either: it is alike to TLS without, and to nothing else.
    let of = |tls: bool| json!({"transport": "http1", "server": "async", "tls": tls, "call": "connect"});
    let with = |resumption: bool| {
        let mut axes = of(true);
        axes["resumption"] = json!(resumption);
        axes
    };
    let cells = [made(of(false), 100_000.0), made(with(false), 400_000.0), made(with(true), 200_000.0)];
    let all = effects(&samples(&cells, 10, &mut SplitMix::new(3)), &[], None);
    let tls = all.iter().find(|effects| effects.axis == "tls").expect("what TLS costs is told");
    let ratios: Vec<f64> = tls.effects.iter().map(|effect| effect.ratio.value).collect();
    assert!(ratios.len() == 1 && (ratios[0] - 4.0).abs() < 0.5, "{ratios:?}");
}

#[test]
fn an_axis_whose_ranked_figures_are_only_bounds_says_so() {
    let made = |streams: u32, ns: f64| {
        let axes = json!({"transport": "grpc", "server": "async", "streams": streams, "call": "ping"});
        Made { target: "made", workload: "w", axes, figures: vec![(Aspect::ServerCpu, ns)] }
    };
    let all = effects(&samples(&[made(1, 50_000.0), made(16, 90_000.0)], 10, &mut SplitMix::new(3)), &[], None);
    let [streams] = all.as_slice() else { panic!("{} axes", all.len()) };
    assert!(streams.sentence.contains("only a bound") && !streams.effects.is_empty(), "{}", streams.sentence);
}
