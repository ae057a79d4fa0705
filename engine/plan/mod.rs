//! What will run, in which order, and what was refused.

pub mod cell;
mod estimate;
pub mod fairness;
pub mod limits;
mod order;
pub mod parallelism;
pub mod quick;
pub mod search;
mod trials;
mod untold;

use std::path::PathBuf;
use std::time::Duration;

use crate::call::own::OwnCall;
use crate::call::{Called, Wait};
use crate::figures::counted;
use crate::key::load::{Load, Point};
use crate::key::setting::Setting;
use crate::key::settings::Settings;
use crate::mutant;
use crate::plan::order::{interleaved, sequential};
use crate::plan::search::Search;
use crate::results::Refused;
use crate::results::cell::{Multiplied, Planned, multiplied};
use crate::scenario::{Candidate, Order, Pin, Scenario, WrittenPlace};
use crate::stack::contract::{Fit, Refusal};
use crate::stack::own::{Fresh, Who};
use crate::transport::contract::{Family, IoModel};
use crate::transport::http1::POOL;

pub use crate::plan::cell::{Cell, Target, Turn};

/// A scenario multiplied out.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Every cell, in the order of the scenario.
    pub cells: Vec<Cell>,
    /// Every combination that cannot exist.
    pub refusals: Vec<Refused>,
    /// Every trial of every cell, in the order in which they run.
    pub turns: Vec<Turn>,
    /// About how long the whole run takes.
    pub estimate: Duration,
    /// Which cores each end runs on.
    pub pin: Pin,
    /// The most client processes that share a load, in a cell that was left out later too: both ends have the same cores then.
    pub processes: u32,
    /// Other hosts, where some ends run.
    pub places: Vec<WrittenPlace>,
    /// The folder of the scenario, in which commands are launched and files are looked for.
    pub folder: PathBuf,
}

impl Plan {
    /// The scenario multiplied out: the same plan for the same scenario, its seed included.
    pub fn of(scenario: &Scenario) -> Self {
        let (mut cells, mut refusals) = (Vec::new(), Vec::new());
        let mut refuse = |refused: Refused| {
            // Of a workload's other axes it is as true.
            if !refusals.contains(&refused) {
                refusals.push(refused);
            }
        };
        for Multiplied { planned, candidate, point } in multiplied(scenario) {
            match candidate.pairing() {
                Err(refusal) => refuse(Refused { settings: of_target(&candidate), reason: refusal.reason }),
                Ok(pairing) => {
                    let (place, options) = (candidate.place.clone(), candidate.options.clone());
                    let target = Target { name: candidate.name.clone(), pairing, place, options };
                    match misfit(scenario, &target, &planned, &point, &candidate) {
                        Some(refused) => refuse(refused),
                        None => cells.push(cell(scenario, planned, target, point)),
                    }
                }
            }
        }
        let turns = match scenario.order.unwrap_or(Order::Interleaved) {
            Order::Interleaved if mutant::is("cell-by-cell") => sequential(&cells),
            Order::Interleaved => interleaved(&cells, scenario.seed()),
            Order::Sequential => sequential(&cells),
        };
        let pin = scenario.pin.clone().unwrap_or(Pin::Auto);
        let (places, folder) = (scenario.places.clone(), scenario.folder.clone());
        let processes = cells.iter().map(|cell| cell.load.processes).max().unwrap_or(1);
        let plan = Plan { cells, refusals, turns, estimate: Duration::ZERO, pin, processes, places, folder };
        Plan { estimate: plan.estimated(), ..plan }
    }

    /// Every command that a run would start, with the name of its target.
    pub fn commands(&self) -> Vec<(&str, String)> {
        let mut commands: Vec<(&str, String)> = Vec::new();
        for cell in &self.cells {
            let command = cell.target.pairing.serving().own().and_then(|own| own.command());
            if let Some(command) = command.filter(|_| !commands.iter().any(|(target, _)| *target == cell.target.name)) {
                commands.push((&cell.target.name, command));
            }
        }
        commands
    }

    /// How much it is, in one line.
    pub fn summary(&self) -> String {
        let count = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let refused = if self.refusals.is_empty() {
            String::new()
        } else {
            format!(", {}", count(self.refusals.len(), "refusal"))
        };
        format!(
            "{}, {}{refused}, about {}",
            count(self.cells.len(), "cell"),
            count(self.turns.len(), "trial"),
            rough(self.estimate)
        )
    }

    /// True where a network is laid between the ends of some cell.
    pub fn has_links(&self) -> bool {
        self.cells.iter().any(|cell| cell.link.is_some())
    }

    /// True where both ends of some cell run on this machine.
    pub fn meets_here(&self) -> bool {
        self.cells.iter().any(|cell| cell.target.place.is_none() && cell.from.is_none())
    }

    /// The plan with only those cells whose id contains `text`; their turns keep their order.
    pub fn only(mut self, text: &str) -> Self {
        let mut kept = 0..;
        let places: Vec<Option<usize>> =
            self.cells.iter().map(|cell| if cell.planned.id.contains(text) { kept.next() } else { None }).collect();
        self.cells.retain(|cell| cell.planned.id.contains(text));
        self.turns =
            self.turns.iter().filter_map(|turn| places[turn.cell].map(|cell| Turn { cell, ..*turn })).collect();
        self.estimate = self.estimated();
        self
    }
}

/// Why the client of a target cannot make the calls of a workload in this way, where it cannot.
fn misfit(
    scenario: &Scenario,
    target: &Target,
    planned: &Planned,
    point: &Point,
    candidate: &Candidate,
) -> Option<Refused> {
    let own = asked(scenario, candidate.serving.own().and_then(|own| own.ready.as_deref()), point);
    if let Some((call, reason)) = own.filter_map(|call| Some((call, candidate.cannot_ask(call)?))).next() {
        let mut settings = of_target(candidate);
        settings.put("workload", Setting::word(planned.workload.clone()));
        settings.put("call", Setting::word(call.name.clone()));
        return Some(Refused { settings, reason });
    }
    let (driver, spins) = (target.pairing.driver(), point.load.wait == Wait::Spin);
    let refused = served(candidate, point);
    let refused = refused.and_then(|()| if point.is_open() { driver.keeps_schedules() } else { Ok(()) });
    let refused = refused.and_then(|()| if spins { driver.spins() } else { Ok(()) });
    let load = &point.load;
    let plain = load.mix.is_empty() && load.steps.is_empty() && load.before.is_empty() && load.think.is_none();
    let refused = refused.and_then(|()| if plain { Ok(()) } else { driver.mixes() });
    let refused =
        refused.and_then(|()| if point.load.warmup_time.is_none() { Ok(()) } else { driver.warms_for_a_time() });
    let hosts = point.from.as_ref().and_then(|from| scenario.places.iter().find(|place| place.name == *from));
    let crowded = crowded(target, &point.load, hosts.map_or(1, |place| place.hosts.len() as u32));
    let refused = refused.and_then(|()| crowded.clone().map_or(Ok(()), |reason| Err(Refusal::because(reason))));
    let refused = refused.and_then(|()| met(target, point.from.as_deref()));
    let away = target.place.is_some() || point.from.is_some();
    let uncrossed = point.link.as_ref().and_then(|link| Some((link, uncrossed(target, away)?)));
    let reason = match (refused, target.pairing.transport().io_model()) {
        _ if uncrossed.is_some() => uncrossed.map_or("", |(_, reason)| reason).to_owned(),
        (Err(refusal), _) => refusal.reason,
        (Ok(()), IoModel::Async(_)) if spins => {
            "the library of this transport owns the IO, and waits as it does".to_owned()
        }
        _ => return None,
    };
    let mut settings = of_target(candidate);
    settings.put("workload", Setting::word(planned.workload.clone()));
    if let Some((link, _)) = uncrossed {
        settings.put("link", Setting::word(link.name.clone()));
    }
    if let Some(from) = &point.from {
        settings.put("from", Setting::word(from.clone()));
    }
    if crowded.is_some() {
        settings.put("clients", Setting::Count(point.load.clients.into()));
        settings.put("processes", Setting::Count(point.load.processes.into()));
    }
    if spins {
        settings.put("wait", Setting::word(point.load.wait.to_string()));
    }
    Some(Refused { settings, reason })
}

/// Why so many client processes on each of so many hosts cannot share a load, where they cannot.
fn crowded(target: &Target, load: &Load, hosts: u32) -> Option<String> {
    let (clients, pool) = (load.clients, target.options.count(POOL.name));
    let processes = load.processes.saturating_mul(hosts);
    let over = if hosts > 1 { format!(" on {hosts} hosts") } else { String::new() };
    let who = counted(processes as usize, "client process", "client processes");
    let who = format!("{who}{over} {}", if processes == 1 { "needs" } else { "need" });
    if processes > clients {
        return Some(format!("{who} a client each, and there {} {clients}", if clients == 1 { "is" } else { "are" }));
    }
    let pool = pool.filter(|pool| *pool < processes.into())?;
    Some(format!("{who} a connection each, and `{}` is {pool}", POOL.name))
}

/// Whether clients of that place can reach the server of a target at all, or why not.
fn met(target: &Target, from: Option<&str>) -> Fit {
    let (unix, own) = (target.pairing.transport().family() == Family::Unix, target.pairing.serving().own());
    let runs_here = own.is_some_and(|own| matches!(own.who, Who::At(_)));
    if unix && (target.place.as_deref() != from || runs_here && from.is_some()) {
        return Err(Refusal::because("a Unix socket is on the host of its server, and these clients are on another"));
    }
    Ok(())
}

/// Why no link can lie between a target's server and its clients, where none can; `away` where one of them is not here.
fn uncrossed(target: &Target, away: bool) -> Option<&'static str> {
    if away {
        return Some("a link is laid between two ends on this machine: a real network has its own");
    }
    if target.pairing.transport().family() == Family::Unix {
        return Some("a link is a network, and a Unix socket crosses none");
    }
    let own = target.pairing.serving().own()?;
    match (&own.who, own.fresh) {
        (Who::At(_), _) => Some("a server that runs already cannot be moved behind a link: a real network has its own"),
        (Who::Launch(_), Fresh::Run) => {
            Some("a link is laid anew for each trial, and `fresh: run` launches once for all")
        }
        _ => None,
    }
}

/// The calls of the user's own that a load names, and the one by which a target says that it is ready, each once.
fn asked<'s>(scenario: &'s Scenario, ready: Option<&str>, point: &Point) -> impl Iterator<Item = &'s OwnCall> {
    let mut names: Vec<&str> = Vec::new();
    for call in point.load.calls().chain(&point.load.before) {
        if !names.contains(&call.name()) {
            names.push(call.name());
        }
    }
    names.extend(ready.filter(|ready| !names.contains(ready)));
    names.into_iter().filter_map(|name| scenario.calls.named(name)).collect::<Vec<_>>().into_iter()
}

/// Whether a server of the user's own answers a call of ours, or why not.
fn served(candidate: &Candidate, point: &Point) -> Fit {
    let answered = |call: &&Called| call.is_own() || call.kind().dials();
    match point.load.calls().chain(&point.load.before).find(|call| candidate.is_own() && !answered(call)) {
        Some(call) => Err(Refusal::because(format!(
            "`{call}` is a call of the reference service, which a server of your own does not answer; it answers the calls \
             under `calls`, and `connect`"
        ))),
        None => Ok(()),
    }
}

/// The keys of a target, with its name.
fn of_target(candidate: &Candidate) -> Settings {
    let mut settings = Settings::default();
    settings.put("target", Setting::word(candidate.name.clone()));
    settings.extend(candidate.settings());
    settings
}

fn cell(scenario: &Scenario, planned: Planned, target: Target, point: Point) -> Cell {
    let limits = planned.expect.iter().filter(|expectation| expectation.is_limit()).cloned();
    let search = point.searches.then(|| Search::thorough(limits.collect()));
    let calls = asked(scenario, target.pairing.serving().own().and_then(|own| own.ready.as_deref()), &point);
    let calls: Vec<OwnCall> = calls.cloned().collect();
    let words: Vec<String> = calls.iter().flat_map(OwnCall::words).collect();
    let data = scenario.data.named(&words);
    let (load, from, link, trials) = (point.load, point.from, point.link, point.trials);
    Cell { planned, target, load, calls, data, from, link, search, trials }
}

/// A time as people say it.
fn rough(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{} s", seconds.max(1)),
        seconds @ 120..7200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::time::{ClockId, clock_gettime};

    use crate::key::load::Extent;
    use crate::plan::Plan;
    use crate::scenario::{Scenario, read};

    fn scenario(text: &str) -> Scenario {
        let head = "title: t\nquestion: q\n";
        read("test.yaml", &format!("{head}{text}"), &[]).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
    }

    fn ids(plan: &Plan) -> Vec<&str> {
        plan.cells.iter().map(|cell| cell.planned.id.as_str()).collect()
    }

    const BODIES: &str = "
targets:
  - {transport: tcp, server: [threaded, async]}
workloads:
  - name: bodies
    call: [ping, upload]
    payload: [1KiB, 1.5MiB]
    chunk: [whole, 64KiB]
    split: [body, calls]
    iterations: 100
  - {name: busy, call: compute, work: [10, 1000], duration: 5s, trials: 2, timeout: 1s}
trials: 3
";

    #[test]
    fn lists_multiply_into_cells_in_the_order_of_the_file() {
        let plan = Plan::of(&scenario(BODIES));
        let of_one = [
            "bodies/call=ping",
            "bodies/call=upload/payload=1KiB/chunk=whole",
            "bodies/call=upload/payload=1KiB/chunk=64KiB/split=body",
            "bodies/call=upload/payload=1KiB/chunk=64KiB/split=calls",
            "bodies/call=upload/payload=1.5MiB/chunk=whole",
            "bodies/call=upload/payload=1.5MiB/chunk=64KiB/split=body",
            "bodies/call=upload/payload=1.5MiB/chunk=64KiB/split=calls",
            "busy/work=10",
            "busy/work=1000",
        ];
        let targets = ["tcp-threaded", "tcp-async"];
        let expected: Vec<String> =
            of_one.iter().flat_map(|rest| targets.map(|target| format!("{target}/{rest}"))).collect();
        assert_eq!(ids(&plan), expected);
        assert_eq!(plan.turns.len(), 2 * (7 * 3 + 2 * 2));
        assert!(plan.refusals.is_empty());

        let chunked = &plan.cells[10];
        assert_eq!(
            serde_json::json!(chunked.planned),
            serde_json::json!({
                "id": "tcp-threaded/bodies/call=upload/payload=1.5MiB/chunk=64KiB/split=body",
                "target": "tcp-threaded", "workload": "bodies",
                "settings": {
                    "transport": "tcp", "server": "threaded", "stack": "native", "driver": "native", "call": "upload",
                    "payload": "1.5MiB", "fill": "zeros", "chunk": "64KiB", "split": "body", "clients": 1, "processes": 1, "warmup": 0,
                    "iterations": 100, "timeout": "30s", "verify": "length", "trials": 3,
                },
                "varies": ["server", "call", "payload", "chunk", "split"],
                "measures": ["bandwidth"],
            })
        );
        assert_eq!((chunked.load.payload, chunked.load.chunk), (Some(1_572_864), Some(65_536)));
        assert_eq!(chunked.load.extent(), Extent::Iterations(100));
        assert_eq!((chunked.load.timeout, chunked.load.drain), (Duration::from_secs(30), Duration::from_secs(30)));

        let busy = &plan.cells[14];
        assert_eq!((busy.load.work, busy.load.payload, busy.trials), (Some(10), None, 2));
        assert_eq!(busy.load.extent(), Extent::Duration(Duration::from_secs(5)));
        assert_eq!((busy.load.timeout, busy.load.drain), (Duration::from_secs(1), Duration::from_secs(1)));
    }

    #[test]
    fn a_given_name_is_followed_by_what_varies_inside_the_target() {
        let plan = Plan::of(&scenario(
            "
targets:
  - {transport: tcp, server: threaded, name: floor}
  - {transport: tcp, server: [forking, async], name: other}
workloads: [{name: w, call: ping, iterations: 1}]
",
        ));
        assert_eq!(ids(&plan), ["floor/w", "other-forking/w", "other-async/w"]);
    }

    #[test]
    fn a_block_holds_every_cell_once_in_a_seeded_order() {
        let mut scenario = scenario(BODIES);
        let plan = Plan::of(&scenario);
        assert_eq!(plan.turns, Plan::of(&scenario).turns);
        for block in 1..=3 {
            let turns: Vec<_> = plan.turns.iter().filter(|turn| turn.block == block).collect();
            let mut cells: Vec<usize> = turns.iter().map(|turn| turn.cell).collect();
            assert!(turns.iter().all(|turn| turn.trial == block));
            assert!(!cells.is_sorted(), "block {block} is not shuffled");
            cells.sort_unstable();
            let expected: Vec<usize> = (0..18).filter(|cell| plan.cells[*cell].trials >= block).collect();
            assert_eq!(cells, expected);
        }
        assert!(plan.turns.is_sorted_by_key(|turn| turn.block));
        scenario.seed = Some(2);
        assert_ne!(plan.turns, Plan::of(&scenario).turns);
    }

    #[test]
    fn sequential_runs_cell_by_cell() {
        let plan = Plan::of(&scenario(&format!("{BODIES}order: sequential\n")));
        assert!(plan.turns.is_sorted_by_key(|turn| (turn.cell, turn.trial)));
        assert!(plan.turns.iter().all(|turn| turn.block == 1));
    }

    #[test]
    fn only_keeps_matching_cells_and_their_order() {
        let whole = Plan::of(&scenario(BODIES));
        let kept = Plan::of(&scenario(BODIES)).only("async/busy");
        assert_eq!(ids(&kept), ["tcp-async/busy/work=10", "tcp-async/busy/work=1000"]);
        let order = |plan: &Plan| -> Vec<(String, u32)> {
            let turns = plan.turns.iter().map(|turn| (plan.cells[turn.cell].planned.id.clone(), turn.trial));
            turns.filter(|(id, _)| id.contains("async/busy")).collect()
        };
        assert_eq!(order(&kept), order(&whole));
        assert!(kept.estimate < whole.estimate);
    }

    #[test]
    fn the_cell_with_the_most_connections_is_told_where_there_are_too_few_descriptors() {
        let text = "targets: [{transport: http2, server: async, options: {streams: [1, 10]}}]\n\
                    workloads: [{name: w, call: ping, clients: [10, 1000], iterations: 1}]\n";
        let plan = Plan::of(&scenario(text));
        assert!(plan.lacks_descriptors(None).is_none() && plan.lacks_descriptors(Some(1048)).is_none());
        let error = plan.lacks_descriptors(Some(1047)).expect("it is one too few");
        let said =
            "http2-async-streams=1/w/clients=1000 needs 1048 file descriptors in one process, which may have 1047 here";
        assert_eq!(error.message(), said);
        assert!(error.remedy().is_some_and(|help| help.contains("`ulimit -n 1048`")));
        assert!(plan.only("streams=10").lacks_descriptors(Some(148)).is_none(), "ten clients share a connection");
        let text = "places: [{name: there, by: ssh, hosts: a}]\n\
                    targets: [{transport: [quic, http3], server: async}, {transport: tcp, server: async, place: there}]\n\
                    workloads: [{name: w, call: ping, clients: 1000, processes: 4, iterations: 1}]\n";
        let plan = Plan::of(&scenario(text));
        assert!(
            plan.lacks_descriptors(Some(298)).is_none(),
            "datagrams share a socket, and a client process has 250 sockets"
        );
        let told = plan.lacks_descriptors(Some(297)).map(|error| error.message().to_owned());
        assert!(told.is_some_and(|told| told.contains("tcp-async")));
    }

    #[test]
    fn more_of_anything_is_estimated_to_take_longer() {
        let estimate = |workload: &str| {
            let text =
                format!("targets: [{{transport: tcp, server: threaded}}]\nworkloads: [{{name: w, {workload}}}]\n");
            Plan::of(&scenario(&text)).estimate
        };
        let base = estimate("call: ping, iterations: 100");
        assert!(base < estimate("call: ping, iterations: 10000"));
        assert!(base < estimate("call: ping, iterations: 100, clients: 50"));
        assert!(base < estimate("call: ping, iterations: 100, trials: 11"));
        assert!(base < estimate("call: echo, payload: 10MiB, iterations: 100"));
        assert!(estimate("call: ping, duration: 60s") >= Duration::from_secs(600));
    }

    #[test]
    fn thousands_of_cells_are_planned_at_once() {
        let sizes: Vec<String> = (1..=250).map(|size| format!("{size}KiB")).collect();
        let text = format!(
            "targets: [{{transport: tcp, server: [threaded, forking]}}]\nworkloads: [{{name: w, call: [upload, echo], \
             payload: [{}], fill: [zeros, random], iterations: 10}}]\n",
            sizes.join(", ")
        );
        let scenario = scenario(&text);
        // By the clock of this thread, which no other process and no other test can hold up.
        let spent =
            || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("each thread has a clock"));
        let begun = spent();
        let plan = Plan::of(&scenario);
        assert_eq!((plan.cells.len(), plan.turns.len()), (2000, 20_000));
        // A plan takes a few milliseconds; the bound only catches what grows with the square of the cells.
        assert!(spent() - begun < Duration::from_secs(2), "{:?}", spent() - begun);
    }
}
