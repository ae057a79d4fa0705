//! No sentence of a report speaks against its facts.

mod reports;

use std::sync::Arc;

use engine::report::comparison::{Outcome, Unranked};
use engine::report::template::render;
use engine::report::view::View;
use engine::results::machine::Interference;
use engine::results::{Reason, ReasonKind, Record, Results, Slice, State};
use serde_json::{Value, json};

use reports::{Effect, open_loop, results};

const NOTHING: &str = "nothing speaks against its figures";

fn ping(target: &str, axes: Value, ns: u64) -> Effect {
    let mut all = json!({"call": "ping", "clients": 1});
    all.as_object_mut().expect("an object").extend(axes.as_object().expect("an object").clone());
    Effect::new(target, "load", all, ns, 200)
}

fn two(axes: &Value) -> Results {
    results(&[ping("a", axes.clone(), 100_000), ping("b", axes.clone(), 200_000)])
}

fn view(results: &Results) -> View {
    View::of(results).expect("a view")
}

fn markdown(results: &Results) -> String {
    let template = include_str!("../templates/report.md.jinja");
    render(&Arc::new(view(results)), "report.md", template).expect("a page")
}

fn summary(results: &Results) -> String {
    view(results).summary.join(" ")
}

fn each(results: &mut Results, of: &str, change: impl Fn(&mut Record)) {
    reports::of(results, of).for_each(change);
}

fn spoil(record: &mut Record, reason: &str) {
    record.verdict.state = State::Invalid;
    record.verdict.reasons = vec![Reason::new(ReasonKind::Client, reason)];
}

#[test]
fn nothing_speaks_against_figures_only_where_nothing_does() {
    let sound = two(&json!({}));
    assert!(summary(&sound).contains(NOTHING), "{}", summary(&sound));
    assert!(markdown(&sound).contains("Nothing: no combination was refused"));

    let mut unsteady = two(&json!({}));
    each(&mut unsteady, "a/", |record| {
        let slice = |at: u64| {
            let ns = if at < 50 { 1_000_000 } else { 100_000 };
            let (start_ns, length_ns) = (at * 10_000_000, 10_000_000);
            Slice {
                start_ns,
                length_ns,
                ok: 9,
                failed: 0,
                mean_ns: ns,
                p50_ns: ns,
                p99_ns: ns,
                max_ns: ns,
                times: Vec::new(),
            }
        };
        record.measured.as_mut().expect("measured").timeline = (0..100).map(slice).collect();
    });
    let mut noted = two(&json!({}));
    noted.records[3].verdict.reasons =
        vec![Reason::new(ReasonKind::Interference, "other processes used 4 % of the cores of an end")];
    let mut early = two(&json!({}));
    early.manifest.interrupted = true;
    early.records.truncate(3);
    let mut quick = two(&json!({}));
    quick.manifest.quick = true;
    let mut unanswered = two(&json!({}));
    reports::give_up(&mut unanswered.records[0], 3);
    for (of, results, said) in [
        ("unsteady", &unsteady, "In 1 cell most trials were not steady."),
        ("noted", &noted, "to be read with care: 1."),
        ("early", &early, "those still to come are missing"),
        ("quick", &quick, "Every trial was measured."),
        ("unanswered", &unanswered, "In 1 cell some calls were not answered as asked."),
    ] {
        let summary = summary(results);
        assert!(!summary.contains(NOTHING) && summary.contains(said), "{of}: {summary}");
    }
    for results in [&unsteady, &noted, &early, &unanswered] {
        assert!(!markdown(results).contains("Nothing: no combination was refused"), "{}", markdown(results));
    }
    assert!(markdown(&early).contains("- ended early, the run: the trials that were still to come"));
}

#[test]
fn more_trials_are_asked_for_only_where_they_would_help() {
    let mut few = two(&json!({}));
    few.records.retain(|record| record.trial < 3);
    let few = view(&few).answer.join(" ");
    assert!(few.contains("too few trials") && !few.contains("invalid"), "{few}");

    let late = "the generator sent calls late: p99 12.0 ms, where 1.0 ms is allowed";
    let rated = json!({"rate": 5_000, "arrivals": "poisson", "clients": 8});
    let mut spoiled = two(&rated);
    each(&mut spoiled, "", |record| {
        open_loop(record, 100_000, None);
        spoil(record, late);
    });
    let answer = view(&spoiled).answer.join(" ");
    assert!(!answer.contains("too few trials"), "{answer}");
    assert!(answer.starts_with("load: invalid trials by response time (p50)."), "{answer}");
    assert!(
        answer.contains("more trials would not help. Worst is a/load/call=ping/clients=8: the generator"),
        "{answer}"
    );
    assert!(answer.contains("1.0 ms is allowed; ask for a lower rate, see that `pin` gives each end cores of its own or leave the machine to the run alone."), "{answer}");

    // Of a closed loop no rate can be lowered, and what the server answers wrongly no quiet machine mends.
    let mut closed = two(&json!({}));
    each(&mut closed, "", |record| spoil(record, "the client process was held up for 1.00 s of 2.00 s"));
    let answer = view(&closed).answer.join(" ");
    assert!(answer.contains("leave the machine") && !answer.contains("lower rate"), "{answer}");
    // Whom others disturbed no lower rate helps either.
    let mut disturbed = two(&rated);
    each(&mut disturbed, "", |record| {
        open_loop(record, 100_000, None);
        record.interference =
            Some(Interference { share: 0.5, stretch_ns: 500_000_000, largest: None, run_queue_ns: None });
        spoil(record, "other processes used 50 % of the cores of an end");
    });
    let answer = view(&disturbed).answer.join(" ");
    assert!(answer.contains("of an end; leave the machine to the run alone."), "{answer}");
    let mut corrupt = two(&json!({}));
    each(&mut corrupt, "", |record| {
        let counts = &mut record.measured.as_mut().expect("measured").counts;
        (counts.ok, counts.error.corrupt) = (counts.ok - 2, 2);
        spoil(record, "2 replies had the wrong content");
    });
    let answer = view(&corrupt).answer.join(" ");
    assert!(answer.contains("wrong content; see what the server answers.") && !answer.contains("machine"), "{answer}");

    // Three invalid trials of one target spoil what five would decide; three that were never made are too few.
    let mut some = two(&json!({}));
    each(&mut some, "a/", |record| {
        if record.trial < 4 {
            spoil(record, "the client process was held up for 1.00 s of 2.00 s");
        }
    });
    let comparison = &view(&some).workloads[0].comparisons[0];
    assert_eq!((comparison.outcome, comparison.unranked()), (Outcome::Unranked, Unranked::Invalid));
}

#[test]
fn what_is_given_ranks_nobody() {
    let by = |axes: Value| -> Vec<&'static str> {
        let view = view(&two(&axes));
        view.workloads[0].comparisons.iter().map(|comparison| comparison.measured_by).collect()
    };
    assert_eq!(by(json!({"clients": 8})), ["response time (p50)", "calls/s"]);
    assert_eq!(by(json!({"clients": 8, "rate": 100})), ["response time (p50)"]);
    assert_eq!(by(json!({"clients": 8, "ramp": "100/s for 1s"})), ["response time (p50)"]);
    assert_eq!(by(json!({"call": "upload", "payload": "1KiB"})), ["bandwidth"]);
    assert_eq!(by(json!({"call": "upload", "payload": "1KiB", "rate": 100})), ["response time (p50)"]);
    let charts = view(&two(&json!({"call": "upload", "payload": "1KiB", "rate": 100}))).workloads.remove(0).charts;
    assert!(charts.iter().all(|chart| !chart.file.contains("bandwidth")), "{charts:?}");
}

#[test]
fn what_the_client_limited_loses_no_comparison() {
    let uploads = json!({"call": "upload", "payload": "1KiB"});
    let (a, b) = (ping("a", uploads.clone(), 100_000), ping("b", uploads.clone(), 200_000));
    let mut results = results(&[a, b, ping("c", uploads, 400_000)]);
    each(&mut results, "a/", |record| {
        record.verdict.state = State::Suspect;
        record.verdict.reasons = vec![Reason::new(ReasonKind::Client, "generator-bound")];
    });
    let view = view(&results);
    let ranked = |target: &str| {
        let of = view.workloads.iter().flat_map(|workload| &workload.comparisons);
        let of = of.filter(|it| matches!(it.outcome, Outcome::Ahead | Outcome::Tie));
        of.filter(|it| it.standings.iter().any(|own| own.target == target && own.ranked)).count()
    };
    let of = |target: &str| ranked(target);
    assert_eq!([of("a"), of("b"), of("c")], [1, 2, 2], "by response time all three, by bandwidth two");
}

#[test]
fn one_is_not_many() {
    let mut one = two(&json!({}));
    let report = markdown(&one);
    assert!(report.contains("2 targets met 1 workload in 2 cells; 10 trials in"), "{report}");
    one.records.retain(|record| record.trial == 1);
    let report = markdown(&one);
    for wrong in ["1 trials", "1 comparisons", "1 cells", "1 calls", "1 targets"] {
        let said = report.match_indices(wrong).any(|(at, _)| !report[..at].ends_with(|c: char| c.is_ascii_digit()));
        assert!(!said, "{wrong}: {report}");
    }
}
