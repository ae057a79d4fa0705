//! What several client processes measured of one load, as one: histograms and counts add exactly.

use std::collections::BTreeMap;

use crate::drive::buckets::Rough;
use crate::drive::timeline::SLICES;
use crate::error::Result;
use crate::results::calls::{CallBytes, CallFigures, Passes, Untimed};
use crate::results::distribution::{Distribution, empty};
use crate::results::{Bytes, Connect, Counts, Generator, Hiccups, Lacked, Measured, Slice};

/// How many failures are kept in words.
const WORDS: usize = 8;

/// What one client process measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Its figures.
    pub measured: Measured,
    /// How much later than was agreed it began, in nanoseconds.
    pub late_ns: u64,
}

/// The figures of all of them together, from when they were to begin to when the last had ended; at least one is there.
pub fn merged<'t>(parts: impl Iterator<Item = &'t Told>) -> Result<Measured> {
    let parts: Vec<&Told> = parts.collect();
    let of = || parts.iter().map(|part| &part.measured);
    let counts: Counts = of().map(|measured| measured.counts).sum();
    let elapsed_ns = parts.iter().map(|part| part.late_ns + part.measured.elapsed_ns).max().unwrap_or(0);
    let sum = |count: fn(&Measured) -> u64| of().map(count).sum::<u64>();
    // One without an answer has no messages for each, and one that does not count them has none for all.
    let messages: Option<f64> = of()
        .filter(|measured| measured.counts.ok > 0)
        .map(|measured| Some(measured.messages_per_call? * measured.counts.ok as f64))
        .sum();
    let names: BTreeMap<&String, Vec<&CallFigures>> = of().flat_map(|measured| &measured.calls).fold(
        BTreeMap::new(),
        |mut names: BTreeMap<&String, Vec<&CallFigures>>, (name, figures)| {
            names.entry(name).or_default().push(figures);
            names
        },
    );
    Ok(Measured {
        counts,
        elapsed_ns,
        calls_per_s: if elapsed_ns == 0 { 0.0 } else { counts.ok as f64 * 1e9 / elapsed_ns as f64 },
        response_time: added(of().map(|measured| &measured.response_time))?,
        service_time: Some(added(of().map(Measured::service))?),
        connect: connect(&of().filter_map(|measured| measured.connect.as_ref()).collect::<Vec<_>>())?,
        bytes: of().fold(Bytes::default(), |sum, measured| Bytes {
            payload_up: sum.payload_up + measured.bytes.payload_up,
            payload_down: sum.payload_down + measured.bytes.payload_down,
            wire_up: sum.wire_up + measured.bytes.wire_up,
            wire_down: sum.wire_down + measured.bytes.wire_down,
        }),
        messages_per_call: messages.filter(|_| counts.ok > 0).map(|messages| messages / counts.ok as f64),
        retries: sum(|measured| measured.retries),
        reconnects: sum(|measured| measured.reconnects),
        dials: of().map(|measured| measured.dials).sum(),
        dial_ns: of().map(|measured| measured.dial_ns).sum(),
        resent: sum(|measured| measured.resent),
        clients: of().flat_map(|measured| measured.clients.iter().copied()).collect(),
        drivers: Vec::new(),
        calls: names.into_iter().map(|(name, figures)| Ok((name.clone(), call(&figures)?))).collect::<Result<_>>()?,
        passes: passes(&of().filter_map(|measured| measured.passes.as_ref()).collect::<Vec<_>>())?,
        untimed: of().filter_map(|measured| measured.untimed).reduce(|sum, own| Untimed {
            ready: sum.ready + own.ready,
            before: sum.before + own.before,
            warmup: sum.warmup + own.warmup,
        }),
        failures: failures(of()),
        timeline: timeline(&parts),
        generator: generator(&of().map(|measured| &measured.generator).collect::<Vec<_>>())?,
        facts: facts(&of().map(|measured| &measured.facts).collect::<Vec<_>>()),
    })
}

/// All times of several distributions.
fn added<'m>(parts: impl Iterator<Item = &'m Distribution>) -> Result<Distribution> {
    let (mut all, mut given_up) = (empty(), None::<u64>);
    for part in parts {
        let times = part.histogram()?;
        if let Some(least) = part.given_up_ns(&times) {
            given_up = Some(given_up.map_or(least, |known| known.min(least)));
        }
        // The bounds are the same, so it cannot fail.
        let _ = all.add(times);
    }
    Ok(Distribution::of(&all, given_up))
}

fn connect(parts: &[&Connect]) -> Result<Option<Connect>> {
    if parts.is_empty() {
        return Ok(None);
    }
    let secured = parts.iter().any(|part| part.tls.is_some());
    let tls = secured.then(|| added(parts.iter().filter_map(|part| part.tls.as_ref()))).transpose()?;
    let (dial, first_answer) =
        (added(parts.iter().map(|part| &part.dial))?, added(parts.iter().map(|part| &part.first_answer))?);
    Ok(Some(Connect { dial, tls, first_answer }))
}

/// The figures of the calls of one name.
fn call(parts: &[&CallFigures]) -> Result<CallFigures> {
    let service = |part: &&'_ CallFigures| part.service_time.clone().unwrap_or_else(|| part.response_time.clone());
    let services: Vec<Distribution> = parts.iter().map(service).collect();
    Ok(CallFigures {
        counts: parts.iter().map(|part| part.counts).sum(),
        response_time: added(parts.iter().map(|part| &part.response_time))?,
        service_time: Some(added(services.iter())?),
        bytes: parts.iter().fold(CallBytes::default(), |sum, part| CallBytes {
            payload_up: sum.payload_up + part.bytes.payload_up,
            payload_down: sum.payload_down + part.bytes.payload_down,
        }),
    })
}

fn passes(parts: &[&Passes]) -> Result<Option<Passes>> {
    if parts.is_empty() {
        return Ok(None);
    }
    Ok(Some(Passes {
        count: parts.iter().map(|part| part.count).sum(),
        response_time: added(parts.iter().map(|part| &part.response_time))?,
        skipped_steps: parts.iter().map(|part| part.skipped_steps).sum(),
    }))
}

/// The first few failures of each, those of the first process first.
fn failures<'m>(parts: impl Iterator<Item = &'m Measured>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for failure in parts.flat_map(|measured| &measured.failures) {
        if words.len() < WORDS && !words.contains(failure) {
            words.push(failure.clone());
        }
    }
    words
}

/// What all found out about themselves. Who is judged by it judges each process by its own.
fn generator(parts: &[&Generator]) -> Result<Generator> {
    let late: Vec<&Distribution> = parts.iter().filter_map(|part| part.lateness.as_ref()).collect();
    let hiccups = parts.iter().filter_map(|part| part.hiccups).reduce(|sum, own| Hiccups {
        naps: sum.naps + own.naps,
        late: sum.late + own.late,
        longest_ns: sum.longest_ns.max(own.longest_ns),
        cpu_ns: sum.cpu_ns.zip(own.cpu_ns).map(|(sum, own)| sum + own),
    });
    let lacked = parts.iter().filter_map(|part| part.lacked);
    Ok(Generator {
        lateness: (!late.is_empty()).then(|| added(late.into_iter())).transpose()?,
        unsent: parts.iter().map(|part| part.unsent).sum(),
        arrivals: parts.iter().filter_map(|part| part.arrivals.clone()).min_by(|one, other| one.p.total_cmp(&other.p)),
        busy_ns: parts.iter().map(|part| part.busy_ns).sum(),
        lacked: lacked.reduce(|first, other| Lacked { calls: first.calls + other.calls, ..first }),
        hiccups,
    })
}

/// The facts of the first, but for what each counts for itself.
fn facts(parts: &[&BTreeMap<String, String>]) -> BTreeMap<String, String> {
    const CONNECTIONS: &str = "connections";
    let mut facts = parts.first().map(|facts| (*facts).clone()).unwrap_or_default();
    let counted = |facts: &&BTreeMap<String, String>| {
        let told = facts.get(CONNECTIONS)?;
        let count = told.split_whitespace().next()?;
        Some((count.parse::<u64>().ok()?, told[count.len()..].to_owned()))
    };
    let counts: Option<Vec<(u64, String)>> = parts.iter().map(counted).collect();
    if let Some(counts) = counts
        && let Some((_, rest)) = counts.first()
    {
        let sum: u64 = counts.iter().map(|(count, _)| count).sum();
        facts.insert(CONNECTIONS.to_owned(), format!("{sum}{rest}"));
    }
    facts.insert("client processes".to_owned(), parts.len().to_string());
    facts
}

/// The slices of all, as long as the longest of theirs. Each slice of a process goes whole into the one in which most of it
/// is, by when the process began.
fn timeline(parts: &[&Told]) -> Vec<Slice> {
    let slices = || parts.iter().flat_map(|part| part.measured.timeline.iter().map(|slice| (part.late_ns, slice)));
    let length_ns = slices().map(|(_, slice)| slice.length_ns).max().unwrap_or(0);
    if length_ns == 0 {
        return Vec::new();
    }
    let mut sums: Vec<(Slice, u128, Rough)> = Vec::new();
    for (late_ns, slice) in slices() {
        let middle_ns = slice.start_ns + slice.length_ns / 2 + late_ns;
        let place = ((middle_ns / length_ns) as usize).min(SLICES - 1);
        while sums.len() <= place {
            let start_ns = sums.len() as u64 * length_ns;
            sums.push((Slice { start_ns, length_ns, ..Slice::default() }, 0, Rough::new()));
        }
        let (all, sum_ns, times) = &mut sums[place];
        all.ok += slice.ok;
        all.failed += slice.failed;
        *sum_ns += u128::from(slice.mean_ns) * u128::from(slice.ok);
        all.max_ns = all.max_ns.max(slice.max_ns);
        slice.times.iter().for_each(|(bucket, count)| times.add(*bucket as usize, *count));
    }
    let finished = |(slice, sum_ns, times): (Slice, u128, Rough)| {
        let times = times.histogram();
        let [p50_ns, p99_ns] = [0.5, 0.99].map(|q| times.value_at_quantile(q));
        let mean_ns = sum_ns.checked_div(u128::from(slice.ok)).unwrap_or(0) as u64;
        Slice { mean_ns, p50_ns, p99_ns, ..slice }
    };
    sums.into_iter().map(finished).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Told, merged};
    use crate::call::{CallError, SplitMix};
    use crate::drive::recorder::{Recorder, Stamps, Who};
    use crate::drive::samples::condense;
    use crate::results::Measured;
    use crate::results::distribution::Distribution;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    const MS: u64 = 1_000_000;

    /// A recorder of `clients` that has seen those calls: client, when it was due and how long it took, none where it failed.
    fn recorded(clients: usize, calls: &[(usize, u64, Option<u64>)]) -> Measured {
        let mut recorder = Recorder::new(clients, 2);
        recorder.begin(0);
        for (client, intended, took) in calls {
            let who = Who { client: *client, name: (intended / MS % 2) as usize };
            recorder.scheduled();
            recorder.sent(intended + 500, 500);
            let at = |took: u64| Stamps { intended: *intended, sent: intended + 500, ended: intended + took };
            match took {
                Some(took) if *took > 900 * MS => recorder.timeout(who, at(*took)),
                Some(took) => recorder.ok(who, at(*took), (3, 5)),
                None => recorder.fault(who, *intended, &CallError::connect("refused")),
            }
            recorder.elapsed_ns = recorder.elapsed_ns.max(intended + took.unwrap_or(0));
            recorder.messages += 1;
        }
        recorder.wire(7, 9);
        let names = ["even".to_owned(), "odd".to_owned()];
        let facts = BTreeMap::from([("connections".to_owned(), format!("{clients} at a time"))]);
        recorder.measured(true, &names, facts)
    }

    fn calls(client: usize, from: u64) -> Vec<(usize, u64, Option<u64>)> {
        let took = |n: u64| match n % 50 {
            7 => None,
            9 => Some(1_000 * MS),
            other => Some((1 + other * n % 37) * 100_000),
        };
        (from..from + 4_000).map(|n| (client, n * MS, took(n))).collect()
    }

    #[test]
    fn two_processes_have_measured_what_one_would_have() {
        let (first, second) = (calls(0, 0), calls(1, 300));
        let of_second: Vec<_> = second.iter().map(|(_, due, took)| (0, *due, *took)).collect();
        let parts = [recorded(1, &first), recorded(1, &of_second)];
        let parts = parts.map(|measured| Told { measured, late_ns: 0 });
        let mut whole = recorded(2, &[first, second].concat());
        let mut both = merged(parts.iter()).expect("our own histograms");
        assert_eq!(both.facts.remove("client processes").as_deref(), Some("2"));
        // Each of them wrote to sockets of its own.
        (whole.bytes.wire_up, whole.bytes.wire_down) = (14, 18);
        whole.timeline.iter_mut().for_each(|slice| slice.times.clear());
        // A mean of means is as exact as these are whole.
        for (own, other) in whole.timeline.iter().zip(&mut both.timeline) {
            assert!(own.mean_ns.abs_diff(other.mean_ns) <= 1, "{own:?} {other:?}");
            other.mean_ns = own.mean_ns;
        }
        assert_eq!(both, whole);
    }

    #[test]
    fn the_window_is_from_when_all_were_to_begin_to_the_last_end() {
        let told = |late_ns| Told { measured: recorded(1, &[(0, 0, Some(10 * MS)), (0, 25 * MS, Some(MS))]), late_ns };
        let both = merged([told(MS), told(8 * MS)].iter()).expect("our own histograms");
        assert_eq!((both.elapsed_ns, both.counts.ok), (34 * MS, 4));
        assert!((both.calls_per_s - 4e9 / 34e6).abs() < 1e-9);
        let due = |late_ns| {
            let both = merged([told(0), told(late_ns)].iter()).expect("our own histograms");
            both.timeline.iter().map(|slice| (slice.start_ns / MS, slice.ok)).collect::<Vec<_>>()
        };
        assert_eq!(due(4 * MS), [(0, 2), (10, 0), (20, 2)], "slices are 10 ms long");
        assert_eq!(due(6 * MS), [(0, 1), (10, 1), (20, 1), (30, 1)]);
    }

    /// The figures of a driver in another language, which tells every time.
    fn told(times: &[u64], given_up: &[u64]) -> Distribution {
        let text = |times: &[u64]| STANDARD.encode(times.iter().flat_map(|ns| ns.to_le_bytes()).collect::<Vec<u8>>());
        let mut line = json!({"samples_ns": text(times), "given_up_ns": text(given_up)});
        condense(&mut line).expect("whole numbers");
        serde_json::from_value(line).expect("a distribution")
    }

    #[test]
    fn the_histogram_of_all_is_that_of_their_pooled_samples() {
        let mut random = SplitMix::new(5);
        let parts: Vec<(Vec<u64>, Vec<u64>)> = (1..=4u64)
            .map(|part| {
                let times = (0..part * 1_000).map(|_| 1 + random.below(10_u64.pow(3 + part as u32))).collect();
                (times, vec![part * 3_000_000; part as usize - 1])
            })
            .collect();
        let processes: Vec<Told> = parts
            .iter()
            .map(|(times, given_up)| {
                let mut measured = recorded(1, &[]);
                measured.response_time = told(times, given_up);
                measured.service_time = None;
                Told { measured, late_ns: 0 }
            })
            .collect();
        let pooled = told(
            &parts.iter().flat_map(|(times, _)| times.iter().copied()).collect::<Vec<_>>(),
            &parts.iter().flat_map(|(_, given_up)| given_up.iter().copied()).collect::<Vec<_>>(),
        );
        let both = merged(processes.iter()).expect("our own histograms");
        assert_eq!(both.response_time, pooled);
        assert_eq!(both.service(), &pooled);
    }
}
