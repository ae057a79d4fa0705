//! What will run, in which order, and what was refused.

mod estimate;
pub mod fairness;
mod limits;
mod order;
pub mod parallelism;
pub mod quick;
pub mod search;
mod trials;

use std::sync::Arc;
use std::time::Duration;

use crate::call::{Arrivals, Call, Fill, FillKind, Split, Verify, Wait};
use crate::mutant;
use crate::plan::order::{interleaved, sequential};
use crate::plan::search::Search;
use crate::results::{Coordinates, Refused};
use crate::scenario::axis::Offered;
use crate::scenario::{self, Order, Pin, Point, Scenario, Workload};
use crate::stack::pairing::Pairing;
use crate::transport::contract::{Options, Seam};
use crate::units::Size;

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
}

/// One trial of one cell, at its place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The index of its cell.
    pub cell: usize,
    /// Which repetition, from 1.
    pub trial: u32,
    /// Which random block, from 1.
    pub block: u32,
}

/// One point of the comparison.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Target, workload, and the axes that vary: `http1-threaded/latency/clients=10`.
    pub id: String,
    /// Every axis by name.
    pub coordinates: Coordinates,
    /// What is compared.
    pub target: Target,
    /// What is asked of it.
    pub load: Load,
    /// How often it is repeated, each time with a fresh server.
    pub trials: u32,
}

/// What is compared: a pairing with its options, under its name.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name in reports.
    pub name: String,
    /// Transport, model, stack and driver.
    pub pairing: Pairing,
    /// One value for each option that is set.
    pub options: Options,
}

/// What the client process is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// The name of the workload.
    pub workload: String,
    /// What is asked.
    pub call: Call,
    /// Bytes of a body, for calls that have one.
    pub payload: Option<u64>,
    /// Bytes of a chunk; none means whole.
    pub chunk: Option<u64>,
    /// How a payload with chunks is carried.
    pub split: Split,
    /// What the bytes are.
    pub fill: FillKind,
    /// How far `compute` sums.
    pub work: Option<u64>,
    /// How long `sleep` waits.
    pub hold: Option<Duration>,
    /// How many callers.
    pub clients: u32,
    /// Calls by each client before anything is timed.
    pub warmup: u64,
    /// When it ends; of an open loop, iterations are those of each client.
    pub extent: Extent,
    /// Calls per second of all clients together, which makes the load open-loop.
    pub rate: Option<f64>,
    /// In place of a rate, how the highest one is searched at which everything holds; none where it is not.
    pub search: Option<Search>,
    /// Rates that follow each other, each held for a time, in place of one.
    pub ramp: Vec<(f64, Duration)>,
    /// How the due times of an open loop are spaced.
    pub arrivals: Arrivals,
    /// How the client process waits.
    pub wait: Wait,
    /// How long a call may take from its actual send.
    pub timeout: Duration,
    /// How long after the window calls may still be answered.
    pub drain: Duration,
    /// What is checked of each reply.
    pub verify: Verify,
    /// The seed of all that is random.
    pub seed: u64,
}

/// When a load ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// After so many timed calls by each client.
    Iterations(u64),
    /// After so long.
    Duration(Duration),
}

impl Load {
    /// The bytes that both ends of this load agree on.
    pub fn bytes(&self) -> Arc<Fill> {
        Fill::new(self.fill, self.seed)
    }
}

impl Plan {
    /// The scenario multiplied out: the same plan for the same scenario, its seed included.
    pub fn of(scenario: &Scenario) -> Self {
        let (mut cells, mut refusals) = (Vec::new(), Vec::new());
        for written in &scenario.targets {
            for candidate in written.candidates() {
                let coordinates = candidate.coordinates();
                match candidate.pairing() {
                    Err(refusal) => refusals.push(Refused { coordinates, reason: refusal.reason }),
                    Ok(pairing) => {
                        let target = Target { name: candidate.name, pairing, options: candidate.options };
                        for workload in &scenario.workloads {
                            for point in workload.points() {
                                match misfit(&target, workload, &point, &coordinates) {
                                    None => {
                                        cells.push(cell(scenario, (written, workload), &point, &target, &coordinates))
                                    }
                                    // The other axes of the workload have nothing to do with it.
                                    Some(refused) if refusals.contains(&refused) => {}
                                    Some(refused) => refusals.push(refused),
                                }
                            }
                        }
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
        let plan = Plan { cells, refusals, turns, estimate: Duration::ZERO, pin };
        Plan { estimate: plan.estimated(), ..plan }
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

    /// The plan with only those cells whose id contains `text`; their turns keep their order.
    pub fn only(mut self, text: &str) -> Self {
        let mut kept = 0..;
        let places: Vec<Option<usize>> =
            self.cells.iter().map(|cell| if cell.id.contains(text) { kept.next() } else { None }).collect();
        self.cells.retain(|cell| cell.id.contains(text));
        self.turns =
            self.turns.iter().filter_map(|turn| places[turn.cell].map(|cell| Turn { cell, ..*turn })).collect();
        self.estimate = self.estimated();
        self
    }
}

/// Why the client of a target cannot make the calls of a workload in this way, where it cannot.
fn misfit(target: &Target, workload: &Workload, point: &Point, of_target: &Coordinates) -> Option<Refused> {
    let (driver, spins) = (target.pairing.driver(), point.wait == Wait::Spin);
    let refused = if workload.is_open() { driver.keeps_schedules() } else { Ok(()) };
    let refused = refused.and_then(|()| if spins { driver.spins() } else { Ok(()) });
    let reason = match (refused, target.pairing.transport().seam()) {
        (Err(refusal), _) => refusal.reason,
        (Ok(()), Seam::Async(_)) if spins => {
            "the library of this transport owns the IO, and waits as it does".to_owned()
        }
        _ => return None,
    };
    let mut coordinates = of_target.clone();
    coordinates.insert("workload".to_owned(), workload.name.clone().into());
    if spins {
        coordinates.insert("wait".to_owned(), point.wait.to_string().into());
    }
    Some(Refused { coordinates, reason })
}

fn cell(
    scenario: &Scenario,
    (written, workload): (&scenario::Target, &Workload),
    point: &Point,
    target: &Target,
    of_target: &Coordinates,
) -> Cell {
    let mut coordinates = of_target.clone();
    coordinates.insert("workload".to_owned(), workload.name.clone().into());
    let mut id = format!("{}/{}", target.name, workload.name);
    for (axis, value, varies) in workload.axes(point) {
        if varies {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            id += &format!("/{axis}={text}");
        }
        coordinates.insert(axis.to_owned(), value);
    }
    let timeout = workload.timeout.or(scenario.timeout).map_or(Duration::from_secs(30), |time| time.0);
    let load = Load {
        workload: workload.name.clone(),
        call: point.call,
        payload: point.payload.map(Size::bytes),
        chunk: point.chunk.bytes(),
        split: point.split,
        fill: point.fill,
        work: point.work,
        hold: point.hold.map(|time| time.0),
        clients: point.clients,
        warmup: workload.warmup.unwrap_or(0),
        // The reader lets exactly one of them through, or a ramp.
        extent: match (workload.iterations, workload.duration) {
            (Some(count), _) => Extent::Iterations(count.get()),
            (None, Some(time)) => Extent::Duration(time.0),
            (None, None) => Extent::Duration(workload.ramp.iter().map(|step| step.time.0).sum()),
        },
        rate: point.rate.and_then(Offered::rate).map(|rate| rate.0),
        search: (point.rate == Some(Offered::Search)).then(|| {
            let all = written.expect.iter().chain(&workload.expect);
            Search::thorough(all.filter(|expectation| expectation.is_limit()).cloned().collect())
        }),
        ramp: workload.ramp.iter().map(|step| (step.rate.0, step.time.0)).collect(),
        arrivals: point.arrivals,
        wait: point.wait,
        timeout,
        drain: workload.drain.or(scenario.drain).map_or(timeout, |time| time.0),
        verify: workload.verify.or(scenario.verify).unwrap_or(Verify::Length),
        seed: scenario.seed(),
    };
    Cell { id, coordinates, target: target.clone(), load, trials: scenario.trials(workload) }
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

    use crate::plan::{Extent, Plan};
    use crate::scenario::{Scenario, read};

    fn scenario(text: &str) -> Scenario {
        let head = "title: t\nquestion: q\n";
        read("test.yaml", &format!("{head}{text}"), &[]).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
    }

    fn ids(plan: &Plan) -> Vec<&str> {
        plan.cells.iter().map(|cell| cell.id.as_str()).collect()
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
        let expected: Vec<String> = ["tcp-threaded", "tcp-async"]
            .iter()
            .flat_map(|target| of_one.iter().map(move |rest| format!("{target}/{rest}")))
            .collect();
        assert_eq!(ids(&plan), expected);
        assert_eq!(plan.turns.len(), 2 * (7 * 3 + 2 * 2));
        assert!(plan.refusals.is_empty());

        let chunked = &plan.cells[5];
        assert_eq!(
            serde_json::Value::from(chunked.coordinates.clone()),
            serde_json::json!({
                "target": "tcp-threaded", "transport": "tcp", "server": "threaded", "stack": "native",
                "driver": "native", "workload": "bodies", "call": "upload", "payload": "1.5MiB", "fill": "zeros",
                "chunk": "64KiB", "split": "body", "clients": 1,
            })
        );
        assert_eq!((chunked.load.payload, chunked.load.chunk), (Some(1_572_864), Some(65_536)));
        assert_eq!(chunked.load.extent, Extent::Iterations(100));
        assert_eq!((chunked.load.timeout, chunked.load.drain), (Duration::from_secs(30), Duration::from_secs(30)));

        let busy = &plan.cells[7];
        assert_eq!((busy.load.work, busy.load.payload, busy.trials), (Some(10), None, 2));
        assert_eq!(busy.load.extent, Extent::Duration(Duration::from_secs(5)));
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
            let turns = plan.turns.iter().map(|turn| (plan.cells[turn.cell].id.clone(), turn.trial));
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
        let said = "http2-async-streams=1/w/clients=1000 needs 1048 file descriptors at each end, and a process may have 1047 here";
        assert_eq!(error.message(), said);
        assert!(error.remedy().is_some_and(|help| help.contains("`ulimit -n 1048`")));
        assert!(plan.only("streams=10").lacks_descriptors(Some(148)).is_none(), "ten clients share a connection");
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
