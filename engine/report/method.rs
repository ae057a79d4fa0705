//! How the figures were made and what they cannot show, said from what the results hold.

use std::collections::BTreeMap;

use crate::figures::{counted, grouped, listed, share, time};
use crate::plan::parallelism::hidden;
use crate::plan::search::Search;
use crate::report::cell::Cell;
use crate::report::places;
use crate::report::words::distinct;
use crate::results::Results;
use crate::results::link::{Carried, Way};
use crate::results::machine::Interference;
use crate::statistics::interval::BOOTSTRAP_FROM;
use crate::statistics::{CONFIDENCE, SIGNIFICANCE};

/// Attempts at a target's trials that are this many times more frequent than at another's are worth a warning.
const UNEVEN: f64 = 2.0;

/// What links are, and how these kept to what was asked of them; none where no trial had one.
fn carried(results: &Results) -> Option<String> {
    let links: Vec<&Carried> = results.counting().filter_map(|record| record.link.as_ref()).collect();
    let late = links.iter().map(|link| link.late_p99_ns()).max()?;
    let sum = |of: fn(&Way) -> u64| links.iter().flat_map(|link| link.ways()).map(of).sum::<u64>();
    let packets = sum(|way| way.packets);
    let cpu = links.iter().map(|link| link.cpu_ns).sum::<u64>() as f64 / packets.max(1) as f64;
    Some(format!(
        "Over a link both ends live in networks of their own, and a relay of ours moves each packet between them. Here \
         the relays moved {} packets; chance lost {}, full queues dropped {}. They took {} of CPU for each, which no end is \
         charged for, though it may have shared their cores. What they delivered was at most {} late at p99 of a trial.",
        grouped(packets),
        share(sum(|way| way.lost), packets),
        share(sum(|way| way.dropped), packets),
        time(cpu),
        time(late as f64),
    ))
}

/// How a capacity was found, to within so many percent.
fn searched(percent: u32) -> String {
    format!(
        "A capacity is searched anew in each trial, against one fresh server: rates grow by a factor until \
         one does not hold, then the gap is halved, on a logarithmic scale, until its ends are within \
         {percent} %. Each trial begins elsewhere between two steps. A rate holds where every call of the \
         probe is answered as asked, every limit that is expected is kept by the probe's own figures, \
         however few calls they rest on, and the client kept to its schedule; a rate that does not hold \
         is tried once more. So a capacity is up to {percent} % too low, and is that of probes of this length. The other \
         figures of its cell are those at the highest rate that held. Where the \
         client was the limit, the capacity stands behind “≥” and ranks nobody."
    )
}

/// What the reader has to know before believing a figure.
pub fn method(results: &Results, cells: &[Cell]) -> Vec<String> {
    let mut said = vec![load(results), place(results), order(results)];
    said.extend(carried(results));
    said.extend(attempts(results));
    said.extend(drivers(cells));
    said.extend(
        [
            "Response time runs from the moment a call was due to the end of its reply. A timed-out call counts as \
             having lasted until it was given up, and a figure that such a call could have made longer stands behind \
             “≥”. A call that failed has no time; it is counted under its class.",
            "A figure of a cell is the geometric mean of its trials' own figures: of each trial's own mean, p50, p99, \
             calls/s, bandwidth, CPU time of a call. It is the same wherever it stands, and what is ranked. A quantile \
             beyond the median is printed only where at least ten calls of each trial lie beyond it; what is called \
             “pooled” is a quantile of the calls of all trials together, and ranks nobody. Else there is “–”. A trial \
             that gives only a bound enters at it, and the figure stands behind “≥”. Trials whose verdict is invalid \
             count in no figure. The longest time is that of all trials, and the success the share of all their calls.",
            "Bandwidth is the payload of a trial's answered calls divided by its time: MB/s are 1,000,000 bytes, MiB/s \
             are 1,048,576 bytes a second. Sizes are never taken together.",
        ]
        .map(str::to_owned),
    );
    if cells.iter().any(|cell| cell.capacity.is_some()) {
        let close = if results.manifest.quick { Search::ROUGHLY } else { Search::CLOSE };
        said.push(searched(((close - 1.0) * 100.0).round() as u32));
    }
    if cells.iter().any(Cell::limited) {
        let limited = "Where a trial is suspect since its client, and not the server, was the limit, the times of its cell \
                       stand, but its calls/s and bandwidth stand behind “≥”, have no interval and rank nobody.";
        said.push(limited.to_owned());
    }
    said.push(format!(
        "A target is ahead of another where the ranks of their trials differ (Mann and Whitney, both sides, {} %), the \
         interval of their ratio does not hold 1, and it answers no smaller share of its calls; else they are tied, which says that no difference was shown, and not \
         that there is none. For each two targets all settings of a workload are one family, and the chances are \
         corrected for how many they are (Holm); with too few trials for that nobody is ranked. A trial is one vote: \
         thousands of calls to one server process are not thousands of experiments. How far one is behind is the \
         ratio of the two figures, with its interval of {} % in brackets; “would show” is the \
         smallest difference that such trials show four times in five, and “would decide” how many trials of each would \
         show the one that was seen, as often.",
        SIGNIFICANCE * 100.0,
        CONFIDENCE * 100.0,
    ));
    said.push(format!(
        "An effect is what another value of one axis does, everything else equal: the mean, over all pairs of cells that \
         are equal but for it, of the difference of the means of their trials' logarithms, with Welch's variance; each pair \
         counts alike. Options that only one transport or server knows are no difference between two of these. All effects \
         of this report and the axes along which they differ are one family: a difference is shown where Holm leaves its \
         chance below {} %, and the intervals in sentences hold for all of them at once; those of single effects and pairs \
         are of {} %.",
        SIGNIFICANCE * 100.0,
        CONFIDENCE * 100.0,
    ));
    said.push(format!(
        "Columns such as “{} % of p50” give an interval for the geometric mean of the trials' own figures: Student's on \
         logarithms, and from {BOOTSTRAP_FROM} trials on a bootstrap of trials and of the calls in them.",
        CONFIDENCE * 100.0,
    ));
    said.push(
        "CPU time is that of all processes of an end, children included, between the start of the load and its last \
         reply. A cost per call is printed only where the counter's step is less than 2 % of what it counted. Switches, \
         system calls, messages and bytes of a call are means over the calls of all trials."
            .to_owned(),
    );
    said
}

fn load(results: &Results) -> String {
    let tried = results.tried();
    let mut loops: Vec<&str> = distinct(tried.iter().map(|(cell, _)| if cell.is_open() { "open" } else { "closed" }));
    // Whichever was measured first, the sentence is the same.
    loops.sort_unstable();
    match loops.as_slice() {
        ["closed"] | [] => {
            "The load is a closed loop: each client makes its next call when the last one has ended. So a \
                            slow server is asked less often, and the figures do not show the queue that callers who do \
                            not wait for each other would form."
                .to_owned()
        }
        ["open"] => {
            "The load is an open loop: calls are due by the clock, whether or not others are over, and response \
                     time counts from the moment a call was due. So a server that stalls is charged for every call \
                     that had to wait."
                .to_owned()
        }
        loops => {
            format!("The load is of these kinds, which are not to be compared with each other: {}.", listed(loops))
        }
    }
}

fn place(results: &Results) -> String {
    if let Some(elsewhere) = places::sentence(results) {
        return elsewhere;
    }
    let cores = results.manifest.machine.get("cores").map(|cores| format!("{cores} cores of ")).unwrap_or_default();
    let server_cores = results.manifest.machine.get("server cores").and_then(|cores| cores.parse::<usize>().ok());
    let had = server_cores.map_or_else(String::new, |cores| {
        let hidden = hidden(&results.cells, cores);
        let hidden = hidden.map(|hidden| format!(": {hidden}")).unwrap_or_default();
        format!(" The server had {}{hidden}.", counted(cores, "core", "cores"))
    });
    if let Some(pinned) = results.manifest.machine.get("pinned") {
        return format!(
            "Server and client are processes of their own on one machine, held on these of its cores: {pinned}. They \
             talk over its loopback interface, so there is no network in these figures.{had}"
        );
    }
    format!(
        "Server and client are processes of their own on one machine. They share the {cores}this machine and talk over \
         its loopback interface, so there is no network in these figures, and what one end spends the other cannot use.{had}"
    )
}

/// What became of trials that other processes disturbed: how often each target was tried.
fn attempts(results: &Results) -> Option<String> {
    let mut tried: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for record in &results.records {
        let target = results.cells.get(record.cell).map(|cell| cell.target.clone()).unwrap_or_default();
        let (trials, attempts) = tried.entry(target).or_default();
        *trials += usize::from(record.attempt == 1);
        *attempts += 1;
    }
    let all: Vec<String> = tried
        .iter()
        .filter(|(_, (trials, attempts))| attempts > trials)
        .map(|(target, (trials, attempts))| format!("{target}: {attempts} attempts at {trials}"))
        .collect();
    let rates = tried.values().filter(|(trials, _)| *trials > 0).map(|(trials, all)| *all as f64 / *trials as f64);
    let (least, most) = rates.fold((f64::INFINITY, 0.0f64), |(least, most), rate| (least.min(rate), most.max(rate)));
    let uneven = if most > UNEVEN * least {
        " That some targets were tried more than twice as often as others is a warning: what disturbed them may have to \
         do with them."
    } else {
        ""
    };
    (!all.is_empty()).then(|| {
        format!(
            "Trials of which other processes used {:.0} % of the cores of an end were tried again at the end, at most \
             half as many as there are trials, and only the last attempt counts: {}.{uneven}",
            Interference::SUSPECT * 100.0,
            all.join("; ")
        )
    })
}

fn order(results: &Results) -> String {
    let order = match results.manifest.order.as_deref() {
        Some("sequential") => "cell after cell, so that a slow change of the machine can look like a difference",
        _ => "in random blocks that hold each cell once, so that a slow change of the machine meets all of them alike",
    };
    let seed = results.manifest.seed.map(|seed| format!(" (seed {seed})")).unwrap_or_default();
    format!("Each trial has a freshly launched server. Trials ran {order}{seed}.")
}

/// Which client drove which cells, since figures of different drivers are not of one kind.
fn drivers(cells: &[Cell]) -> Option<String> {
    let mut by_driver: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| !cell.driver.is_empty()) {
        *by_driver.entry(&cell.driver).or_default() += 1;
    }
    let said: Vec<String> =
        by_driver.iter().map(|(driver, count)| format!("{driver} in {}", counted(*count, "cell", "cells"))).collect();
    let caution = if said.len() > 1 {
        " They do not spend the same on a call, so compare cells of one driver; where a workload has several, its \
         tables say which."
    } else {
        ""
    };
    (!said.is_empty()).then(|| format!("The client's driver was {}.{caution}", listed(&said)))
}

#[cfg(test)]
mod tests {
    use super::{attempts, place};
    use crate::results::cell::Planned;
    use crate::results::{Manifest, Outcome, Record, Results, SCHEMA, Verdict};

    /// Records of targets with their models, so many attempts at each of two trials.
    fn results(attempts: &[(&str, &str, [u32; 2])]) -> Results {
        let record = |cell: usize, trial: u32, attempt: u32| Record {
            cell,
            trial,
            block: 1,
            attempt,
            outcome: Outcome::Failed,
            reason: None,
            measured: None,
            search: None,
            cost: None,
            interference: None,
            stalled: None,
            hosts: None,
            link: None,
            verdict: Verdict::valid(),
        };
        let cell = |(target, server, _): &(&str, &str, [u32; 2])| -> Planned {
            serde_json::from_value(serde_json::json!({
                "id": format!("{target}/w"), "target": target, "workload": "w",
                "settings": {"server": server}, "varies": [], "measures": [],
            }))
            .expect("a cell")
        };
        let of = |(at, (_, _, counts)): (usize, &(&str, &str, [u32; 2]))| -> Vec<Record> {
            let trials = (1..).zip(*counts);
            trials.flat_map(|(trial, count)| (1..=count).map(move |attempt| record(at, trial, attempt))).collect()
        };
        Results {
            schema: SCHEMA,
            scenario: serde_json::Value::Null,
            manifest: Manifest::default(),
            refusals: Vec::new(),
            cells: attempts.iter().map(cell).collect(),
            records: attempts.iter().enumerate().flat_map(of).collect(),
        }
    }

    #[test]
    fn attempts_are_told_by_target_with_a_warning_where_they_are_uneven() {
        assert_eq!(attempts(&results(&[("a", "threaded", [1, 1]), ("b", "threaded", [1, 1])])), None);
        let even = attempts(&results(&[("a", "threaded", [2, 1]), ("b", "threaded", [2, 2])])).expect("some were");
        assert!(even.ends_with("only the last attempt counts: a: 3 attempts at 2; b: 4 attempts at 2."), "{even}");
        let uneven = attempts(&results(&[("a", "threaded", [3, 2]), ("b", "threaded", [1, 1])])).expect("some were");
        assert!(uneven.contains("a: 5 attempts at 2.") && uneven.contains("more than twice as often"), "{uneven}");
    }

    #[test]
    fn a_server_with_one_core_is_told_with_what_that_hides() {
        let mut results = results(&[("a", "threaded", [1, 1]), ("b", "async", [1, 1])]);
        assert!(!place(&results).contains("The server had"), "older results do not tell");
        results.manifest.machine.insert("server cores".to_owned(), "1".to_owned());
        let said = place(&results);
        assert!(said.ends_with("The server had 1 core: with one core for the server it cannot show that `a` can use several at a time, and `b` not."), "{said}");
        results.manifest.machine.insert("server cores".to_owned(), "3".to_owned());
        assert!(place(&results).ends_with("The server had 3 cores."));
    }
}
