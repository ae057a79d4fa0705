//! Whether the figures of a trial show what they claim to.

use crate::call::Wait;
use crate::figures::counted;
use crate::key::load::Load;
use crate::lack::Lack;
use crate::place::pinning::Pinning;
use crate::results::machine::Interference;
use crate::results::{Cost, Measured, Reason, ReasonKind, State, Verdict};
use crate::run::trial::{Driven, Trial};

/// An open loop may be this late at p99, or a tenth of the median response time, whichever is more.
const LATE_NS: u64 = 1_000_000;
/// One of several client processes may begin so late, or a hundredth of the window, whichever is less.
const BEGINS_LATE_NS: u64 = 10_000_000;
/// The clock of a host may go away from ours so far during a trial.
const DRIFT_NS: u64 = 1_000_000;
/// A hold-up shorter than this is what any busy machine does, however short the window is.
const HICCUP_NS: u64 = 250_000_000;
/// From this share of its time on an end counts as busy.
const BUSY: f64 = 0.9;

/// What a trial is judged by, besides its figures.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// How many cores the server had for itself.
    pub server_cores: usize,
    /// Whether the client waited for replies without sleeping.
    pub spins: bool,
    /// The share of the machine's time that its hypervisor gave to others, where it is known.
    pub stolen: Option<f64>,
    /// What others used of the cores of both ends, where it is known.
    pub interference: Option<&'a Interference>,
    /// What speaks against the network between both ends, where something does.
    pub link: Option<&'a (State, String)>,
    /// How many cores the client processes had.
    pub client_cores: usize,
    /// How many client processes would have more cores here, where more would and there are clients for them.
    pub more: Option<u32>,
}

impl<'a> Circumstances<'a> {
    /// Those of a trial under `load`.
    pub fn of(pinning: &Pinning, load: &Load, trial: &'a Trial) -> Self {
        Circumstances {
            server_cores: pinning.server_cores(),
            spins: load.wait == Wait::Spin,
            stolen: trial.stolen,
            interference: trial.interference.as_ref(),
            link: trial.late.as_ref(),
            client_cores: pinning.client.len() * trial.hosts.as_ref().map_or(1, |hosts| hosts.clients.len()),
            more: pinning.more_than(load.processes).filter(|more| *more <= load.clients),
        }
    }
}

/// Whether a trial shows what it claims to.
///
/// Of several client processes each is judged, and the worst counts. *Invalid* is what the generator or the machine spoiled; *suspect* is what the generator limited, so that calls per second are a lower bound while times stand,
/// and what others disturbed a little.
pub fn judge(trial: &Trial, circumstances: &Circumstances<'_>) -> Verdict {
    let verdict = match trial.processes.as_slice() {
        [] => judged(&trial.measured, &trial.cost, circumstances),
        processes => begun_late(worst(processes, trial, circumstances), &trial.measured),
    };
    let verdict = drifted(late(verdict, circumstances.link), trial);
    disturbed(verdict, circumstances.interference)
}

/// The verdict with the clock that went away from ours, where several hosts had to begin together.
fn drifted(verdict: Verdict, trial: &Trial) -> Verdict {
    let clients = trial.hosts.iter().flat_map(|hosts| &hosts.clients);
    let away = clients.filter_map(|client| Some((client.clock?.drift_ns, &client.host))).max();
    let Some((drift, host)) = away.filter(|(drift, _)| *drift > DRIFT_NS && !trial.processes.is_empty()) else {
        return verdict;
    };
    let Verdict { state, mut reasons } = verdict;
    let told = format!("the clock of {host} went {:.1} ms away from ours during the trial", drift as f64 / 1e6);
    reasons.push(Reason::new(ReasonKind::Schedule, told));
    Verdict { state: if state == State::Invalid { state } else { State::Suspect }, reasons }
}

/// The verdict on the client process of which the worst is to be said, with which it is; or on all of them, where they share
/// cores that have no time left.
fn worst(processes: &[Driven], trial: &Trial, circumstances: &Circumstances<'_>) -> Verdict {
    let (of, cores) = (processes.len(), circumstances.client_cores.max(1));
    let each = processes.iter().zip(1..).map(|(process, number)| {
        let cost = Cost { client: process.spent.clone(), server: trial.cost.server.clone() };
        let Verdict { state, reasons } = judged(&process.told.measured, &cost, circumstances);
        let named =
            |reason: Reason| Reason { text: format!("client process {number} of {of}: {}", reason.text), ..reason };
        Verdict { state, reasons: reasons.into_iter().map(named).collect() }
    });
    let crowded = (of > cores && !circumstances.spins).then(|| {
        let busy = trial.cost.client.cpu_ns.unwrap_or(0) as f64 / trial.measured.elapsed_ns.max(1) as f64;
        let who = format!("the {of} client processes share {}, and were", counted(cores, "core", "cores"));
        limited(&who, busy / cores as f64, server_share(&trial.measured, &trial.cost, circumstances), circumstances)
    });
    let rank = |verdict: &Verdict| match verdict.state {
        State::Valid => usize::from(!verdict.reasons.is_empty()),
        State::Suspect => 2,
        State::Invalid => 3,
    };
    let all = each.chain(crowded);
    all.reduce(|known, other| if rank(&other) > rank(&known) { other } else { known }).unwrap_or_else(Verdict::valid)
}

/// The verdict with the client process that began latest, where that is a part of the window.
fn begun_late(verdict: Verdict, measured: &Measured) -> Verdict {
    let latest = measured.drivers.iter().map(|process| process.lateness_ns).zip(1..).max();
    let Some((late, number)) =
        latest.filter(|(late, _)| *late > BEGINS_LATE_NS || *late > LATE_NS && *late > measured.elapsed_ns / 100)
    else {
        return verdict;
    };
    let Verdict { state, mut reasons } = verdict;
    let of = measured.drivers.len();
    let told = format!("client process {number} of {of} began {:.1} ms later than was agreed", late as f64 / 1e6);
    reasons.push(Reason::new(ReasonKind::Schedule, told));
    Verdict { state: if state == State::Invalid { state } else { State::Suspect }, reasons }
}

/// The verdict with what the network between both ends did to the trial.
fn late(verdict: Verdict, link: Option<&(State, String)>) -> Verdict {
    let Some((of_link, said)) = link else { return verdict };
    let Verdict { state, mut reasons } = verdict;
    let invalid = [state, *of_link].contains(&State::Invalid);
    reasons.push(Reason::new(ReasonKind::Link, said.clone()));
    Verdict { state: if invalid { State::Invalid } else { State::Suspect }, reasons }
}

/// The verdict with what others did to the trial.
pub fn disturbed(verdict: Verdict, interference: Option<&Interference>) -> Verdict {
    let Some(others) = interference.filter(|others| others.disturbs()) else { return verdict };
    let Verdict { state, mut reasons } = verdict;
    let state = if others.spoils() || state == State::Invalid { State::Invalid } else { State::Suspect };
    reasons.push(Reason::new(ReasonKind::Interference, others.sentence()));
    Verdict { state, reasons }
}

fn judged(measured: &Measured, cost: &Cost, circumstances: &Circumstances<'_>) -> Verdict {
    if let Some(lacked) = measured.generator.lacked {
        return lacking(lacked.what, &format!("{} failed for that", counted(lacked.calls as usize, "call", "calls")));
    }
    let spoiled: Vec<Reason> =
        accounts(measured).into_iter().chain(lateness(measured)).chain(hold_ups(measured, circumstances)).collect();
    if !spoiled.is_empty() {
        return Verdict { state: State::Invalid, reasons: spoiled };
    }
    let (client, server) =
        (generator_share(measured, cost, circumstances.spins), server_share(measured, cost, circumstances));
    limited("the client process was", client, server, circumstances)
}

/// The verdict where those clients, `who` in words, were busy for that share of their time, and the server for that of its.
fn limited(who: &str, client: f64, server: f64, circumstances: &Circumstances<'_>) -> Verdict {
    if client <= BUSY {
        return Verdict::valid();
    }
    let said = format!("{who} busy {:.0} % of the time, the server {:.0} %", client * 100.0, server * 100.0);
    if server > BUSY {
        let both = Reason::new(ReasonKind::BothEnds, format!("both ends were busy: {said}"));
        return Verdict { state: State::Valid, reasons: vec![both] };
    }
    let more = circumstances.more.map(|more| format!("; try `processes: {more}`")).unwrap_or_default();
    let bound = Reason::new(ReasonKind::Client, format!("generator-bound, so calls/s are a lower bound: {said}{more}"));
    Verdict { state: State::Suspect, reasons: vec![bound] }
}

/// The verdict where the client's own machine lacked something: no server is to blame for what came of it.
pub fn lacking(lack: Lack, so: &str) -> Verdict {
    let (what, remedy) = match lack {
        Lack::Ports => (
            "local ports",
            "fewer dials a minute, or a wider net.ipv4.ip_local_port_range; `engine doctor` counts them",
        ),
        Lack::Descriptors => ("open files", "a higher hard limit, `ulimit -Hn`"),
        Lack::Buffers => ("memory for sockets", "fewer connections at a time, or a higher net.ipv4.tcp_mem"),
    };
    let reason = format!("the client's machine ran out of {what}, and {so}; what helps: {remedy}");
    Verdict { state: State::Invalid, reasons: vec![Reason::new(ReasonKind::Lack, reason)] }
}

/// The share of its cores' time that the server took.
fn server_share(measured: &Measured, cost: &Cost, circumstances: &Circumstances<'_>) -> f64 {
    let elapsed = measured.elapsed_ns.max(1) as f64;
    cost.server.cpu_ns.unwrap_or(0) as f64 / elapsed / circumstances.server_cores as f64
}

/// The share of the window in which the one thread that makes the calls had no time left.
fn generator_share(measured: &Measured, cost: &Cost, spins: bool) -> f64 {
    let busy = match measured.generator.busy_ns {
        // Who spins is never idle by the clock, be it all the time or only before each call.
        busy if spins || measured.generator.lateness.is_some() => busy.unwrap_or(0),
        _ => cost.client.cpu_ns.unwrap_or(0),
    };
    busy as f64 / measured.elapsed_ns.max(1) as f64
}

/// Every scheduled call must be accounted for, and every reply right.
fn accounts(measured: &Measured) -> Vec<Reason> {
    let counts = &measured.counts;
    let mut wrong = Vec::new();
    if counts.scheduled == 0 {
        let none = "no call came due: give the window more time, or the load a higher rate";
        wrong.push(Reason::new(ReasonKind::Accounts, none));
    }
    if !counts.conserved() {
        let known = counts.ok + counts.error.total() + counts.timeout + counts.censored;
        let told = format!("{} calls were scheduled, but {known} are accounted for", counts.scheduled);
        wrong.push(Reason::new(ReasonKind::Accounts, told));
    }
    if counts.error.corrupt > 0 {
        let told = format!("{} had the wrong content", counted(counts.error.corrupt as usize, "reply", "replies"));
        wrong.push(Reason::new(ReasonKind::Corrupt, told));
    }
    wrong
}

/// An open loop has to send when it said it would.
fn lateness(measured: &Measured) -> Vec<Reason> {
    let mut wrong = Vec::new();
    let ms = |ns: u64| ns as f64 / 1e6;
    if let Some(late) = &measured.generator.lateness {
        let allowed = LATE_NS.max(measured.response_time.p50_ns / 10);
        if late.p99_ns > allowed {
            let (late, allowed) = (ms(late.p99_ns), ms(allowed));
            let told = format!("the generator sent calls late: p99 {late:.1} ms, where {allowed:.1} ms is allowed");
            wrong.push(Reason::new(ReasonKind::Schedule, told));
        }
    }
    let (unsent, scheduled) = (measured.generator.unsent.unwrap_or(0), measured.counts.scheduled);
    if unsent > 0 && unsent * 100 >= scheduled {
        let told = format!("the generator never sent {unsent} of {scheduled} calls although clients were free");
        wrong.push(Reason::new(ReasonKind::Schedule, told));
    }
    wrong
}

/// Neither the machine nor its hypervisor may have held the generator up.
fn hold_ups(measured: &Measured, circumstances: &Circumstances<'_>) -> Vec<Reason> {
    let mut wrong = Vec::new();
    let longest = measured.generator.hiccups.map_or(0, |hiccups| hiccups.longest_ns);
    if longest > HICCUP_NS && longest > measured.elapsed_ns / 10 {
        let (held, whole) = (longest as f64 / 1e9, measured.elapsed_ns as f64 / 1e9);
        let told = format!("the client process was held up for {held:.2} s of {whole:.2} s");
        wrong.push(Reason::new(ReasonKind::HeldUp, told));
    }
    if let Some(stolen) = circumstances.stolen.filter(|stolen| *stolen > 0.05) {
        let told = format!("other guests of this machine's host took {:.0} % of its time", stolen * 100.0);
        wrong.push(Reason::new(ReasonKind::Stolen, told));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Circumstances, judge};
    use crate::drive::merged::Told;
    use crate::drive::recorder::Recorder;
    use crate::lack::Lack;
    use crate::results::distribution::Distribution;
    use crate::results::machine::Interference;
    use crate::results::{ClientProcess, Cost, Hiccups, Lacked, Measured, State};
    use crate::run::trial::{Driven, Trial};

    const CALM: Circumstances<'_> = Circumstances {
        server_cores: 1,
        spins: false,
        stolen: Some(0.0),
        interference: None,
        link: None,
        client_cores: 1,
        more: None,
    };
    const SECOND: u64 = 1_000_000_000;

    /// A second in which all went well.
    fn measured() -> Measured {
        let mut measured = Recorder::new(1, 0).measured(false, &[], BTreeMap::new());
        measured.elapsed_ns = SECOND;
        (measured.counts.scheduled, measured.counts.ok) = (1_000, 1_000);
        measured
    }

    fn spent(client: u64, server: u64) -> Cost {
        let mut cost = Cost::default();
        (cost.client.cpu_ns, cost.server.cpu_ns) = (Some(client), Some(server));
        cost
    }

    fn trial(measured: &Measured, cost: &Cost) -> Trial {
        Trial {
            measured: measured.clone(),
            processes: Vec::new(),
            cost: cost.clone(),
            facts: BTreeMap::new(),
            stalled: None,
            stolen: None,
            interference: None,
            hosts: None,
            link: None,
            late: None,
        }
    }

    #[test]
    fn of_several_client_processes_the_worst_is_told_with_which_it_is() {
        let of = |busy: [u64; 2], late_ns, client_cores| {
            let mut whole = trial(&measured(), &spent(busy[0] + busy[1], SECOND / 2));
            whole.processes = busy
                .map(|client| {
                    let told = Told { measured: measured(), late_ns: 0 };
                    Driven { told, spent: spent(client, 0).client, clients: 1, host: None }
                })
                .into();
            whole.measured.drivers =
                [0, late_ns].map(|lateness_ns| ClientProcess { lateness_ns, ..ClientProcess::default() }).into();
            let verdict = judge(&whole, &Circumstances { more: Some(4), client_cores, ..CALM });
            (verdict.state, verdict.sentence())
        };
        assert_eq!(of([SECOND / 2; 2], 900_000, 2), (State::Valid, String::new()), "each has time left");
        let (state, why) = of([SECOND / 2, SECOND * 95 / 100], 0, 2);
        assert_eq!(state, State::Suspect);
        assert!(
            why.starts_with("client process 2 of 2: generator-bound") && why.ends_with("try `processes: 4`"),
            "{why}"
        );
        let told = |ms: &str| format!("client process 2 of 2 began {ms} ms later than was agreed");
        assert_eq!(of([SECOND / 2; 2], 12_000_000, 2), (State::Suspect, told("12.0")));
        let (state, why) = of([SECOND / 2; 2], 0, 1);
        assert_eq!(state, State::Suspect, "half a core each is all of the one that they share");
        let said = "the 2 client processes share 1 core, and were busy 100 % of the time, the server 50 %";
        assert!(why.contains(said), "{why}");
        assert_eq!(of([SECOND / 4; 2], 0, 1), (State::Valid, String::new()));
    }

    fn state(measured: &Measured, cost: &Cost, circumstances: &Circumstances<'_>) -> (State, String) {
        let verdict = judge(&trial(measured, cost), circumstances);
        (verdict.state, verdict.sentence())
    }

    #[test]
    fn what_the_generator_limited_is_suspect_unless_the_server_was_as_busy() {
        let of = |client, server| state(&measured(), &spent(client, server), &CALM);
        assert_eq!(of(SECOND / 2, SECOND / 2), (State::Valid, String::new()));
        let (state, why) = of(SECOND * 95 / 100, SECOND / 2);
        assert_eq!(state, State::Suspect);
        assert!(why.contains("busy 95 % of the time, the server 50 %"), "{why}");
        let (state, why) = of(SECOND, SECOND);
        assert!(state == State::Valid && why.starts_with("both ends were busy"), "{why}");
    }

    #[test]
    fn what_others_disturbed_is_suspect_and_what_they_spoiled_is_invalid() {
        let of = |share, client| {
            let others = Interference { share, stretch_ns: SECOND, largest: None, run_queue_ns: Some(9 * SECOND) };
            state(&measured(), &spent(client, 0), &Circumstances { interference: Some(&others), ..CALM })
        };
        assert_eq!(of(0.04, 0), (State::Valid, String::new()), "waiting for a core is not judged");
        let told = "other processes used 6 % of the cores of an end";
        assert_eq!(of(0.06, 0), (State::Suspect, told.to_owned()));
        assert_eq!(of(0.2, 0).0, State::Invalid);
        let (state, why) = of(0.06, SECOND);
        assert!(state == State::Suspect && why.starts_with("generator-bound") && why.ends_with(told), "{why}");
    }

    #[test]
    fn a_link_that_was_late_is_held_against_the_trial() {
        let of = |state_of_link, client| {
            let late = (state_of_link, "the link was late".to_owned());
            state(&measured(), &spent(client, 0), &Circumstances { link: Some(&late), ..CALM })
        };
        assert_eq!(of(State::Suspect, 0), (State::Suspect, "the link was late".to_owned()));
        assert_eq!(of(State::Invalid, 0).0, State::Invalid);
        let (state, why) = of(State::Suspect, SECOND);
        assert!(state == State::Suspect && why.starts_with("generator-bound") && why.ends_with("was late"), "{why}");
    }

    #[test]
    fn what_the_clients_machine_lacks_is_charged_to_no_server() {
        let mut measured = measured();
        measured.counts.error.connect = 400;
        measured.counts.ok = 600;
        measured.generator.lacked = Some(Lacked { what: Lack::Ports, calls: 400 });
        let (state, why) = state(&measured, &spent(SECOND / 2, SECOND / 2), &CALM);
        assert_eq!(state, State::Invalid);
        assert!(why.starts_with("the client's machine ran out of local ports, and 400 calls failed for that"), "{why}");
    }

    #[test]
    fn who_spins_is_judged_by_what_it_had_to_do() {
        let mut spinning = measured();
        let spins = Circumstances { spins: true, ..CALM };
        spinning.generator.busy_ns = Some(SECOND / 10);
        assert_eq!(state(&spinning, &spent(SECOND, 0), &spins).0, State::Valid);
        assert_eq!(
            state(&spinning, &spent(SECOND, 0), &CALM).0,
            State::Suspect,
            "one that sleeps is busy by the clock"
        );
        spinning.generator.busy_ns = Some(SECOND * 95 / 100);
        assert_eq!(state(&spinning, &spent(SECOND, 0), &spins).0, State::Suspect);
    }

    #[test]
    fn what_the_generator_or_the_machine_spoiled_is_invalid() {
        let late = |ns| Some(Distribution { count: 1_000, p99_ns: ns, ..Distribution::default() });
        type Change = fn(&mut Measured);
        let changes: [(&str, Change); 6] = [
            ("no call came due", |m| (m.counts.scheduled, m.counts.ok) = (0, 0)),
            ("1000 calls were scheduled, but 999", |m| m.counts.ok -= 1),
            ("1 reply had the wrong content", |m| (m.counts.ok, m.counts.error.corrupt) = (999, 1)),
            ("never sent 10 of 1000", |m| m.generator.unsent = Some(10)),
            ("held up for 0.30 s of 1.00 s", |m| {
                m.generator.hiccups = Some(Hiccups { naps: 700, late: 1, longest_ns: 3 * SECOND / 10, cpu_ns: None });
            }),
            ("held up for 0.26 s", |m| {
                m.generator.hiccups = Some(Hiccups { naps: 700, late: 1, longest_ns: 26 * SECOND / 100, cpu_ns: None });
            }),
        ];
        for (expected, change) in changes {
            let mut spoiled = measured();
            change(&mut spoiled);
            let (state, why) = state(&spoiled, &Cost::default(), &CALM);
            assert!(state == State::Invalid && why.contains(expected), "{expected}: {why}");
        }
        let mut open = measured();
        open.generator.lateness = late(1_100_000);
        assert_eq!(state(&open, &Cost::default(), &CALM).0, State::Invalid);
        open.response_time.p50_ns = 20_000_000;
        assert_eq!(state(&open, &Cost::default(), &CALM).0, State::Valid, "a tenth of the median is allowed");
        open.generator.unsent = Some(9);
        assert_eq!(state(&open, &Cost::default(), &CALM).0, State::Valid, "less than one in a hundred");
        let stolen = Circumstances { stolen: Some(0.06), ..CALM };
        assert_eq!(state(&measured(), &Cost::default(), &stolen).0, State::Invalid);
        let unknown = Circumstances { stolen: None, ..CALM };
        assert_eq!(state(&measured(), &Cost::default(), &unknown).0, State::Valid);
    }
}
