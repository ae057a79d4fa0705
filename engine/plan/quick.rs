//! A scenario made small: a look in about a minute, with as many trials as a ranking takes.

use std::time::Duration;

use crate::key::load::Extent;
use crate::key::load::Step;
use crate::key::setting::Setting;
use crate::plan::search::Search;
use crate::plan::{Cell, Plan};
use crate::scenario::{Scenario, Workload};
use crate::statistics::rank::trials_to_differ;
use crate::units::{Size, Time};

/// How long a quick run should take at most.
pub const BUDGET: Duration = Duration::from_secs(60);

/// How long the calls of a trial are made: the first of these by which the whole fits the budget, or the last.
const WINDOWS: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(1), Duration::from_millis(500), Duration::from_millis(200)];

/// Where nothing is compared, so many trials show how far they differ.
const TRIALS: u32 = 3;

/// So many calls each client makes at least, where so many are written.
const FEWEST: u64 = 10;

/// The largest body.
const PAYLOAD: Size = Size(1 << 20);

/// A scenario made small.
#[derive(Debug, Clone)]
pub struct Quick {
    /// The scenario with fewer trials, shorter loads and smaller bodies.
    pub scenario: Scenario,
    /// What it multiplies to; its searches are rough.
    pub plan: Plan,
    /// What it will not be able to tell, in words.
    pub untold: Vec<String>,
}

impl Plan {
    /// The same questions with less patience, for those cells that `only` leaves.
    pub fn quick(whole: &Scenario, only: impl Fn(Plan) -> Plan) -> Quick {
        let smaller = |window: Duration| {
            let scenario = cut(whole, window);
            let plan = only(Plan::of(&scenario));
            let scenario = Scenario { workloads: with_trials(&scenario, &plan), ..scenario };
            let plan = only(Plan::of(&scenario)).searching_roughly();
            (scenario, plan)
        };
        let mut found = smaller(WINDOWS[0]);
        for window in &WINDOWS[1..] {
            if found.1.estimate <= BUDGET {
                break;
            }
            found = smaller(*window);
        }
        let (scenario, plan) = found;
        let mut untold = untold(whole, &only(Plan::of(whole)), &scenario, &plan);
        if plan.estimate > BUDGET {
            let trials = plan.turns.len();
            untold.push(format!("all of it in a minute: it is {trials} trials; leave cells out with `--only`"));
        }
        Quick { scenario, plan, untold }
    }

    fn searching_roughly(mut self) -> Self {
        for cell in &mut self.cells {
            cell.search = cell.search.take().map(Search::quick);
        }
        self.estimate = self.estimated();
        self
    }
}

/// The scenario with loads that last about as long as `window`, and with smaller bodies.
fn cut(whole: &Scenario, window: Duration) -> Scenario {
    let mut scenario = whole.clone();
    for workload in &mut scenario.workloads {
        workload.axes.change("payload", |size| match size {
            Setting::Size(size) => Setting::Size((*size).min(PAYLOAD)),
            other => other.clone(),
        });
    }
    // Only now it is known how long a call takes.
    let plan = Plan::of(&scenario);
    for workload in &mut scenario.workloads {
        let cells = || plan.cells.iter().filter(|cell| cell.planned.workload == workload.name);
        let longest = cells().map(Cell::round).max().unwrap_or_default();
        let most = (window.as_nanos() / longest.as_nanos().max(1)).clamp(1, u64::MAX.into()) as u64;
        let fewer = |count: &Setting| Setting::Count(most.max(FEWEST).min(count.count().unwrap_or(FEWEST)));
        workload.axes.change("iterations", fewer);
        workload.axes.change("warmup", |written| match written {
            Setting::Time(time) => Setting::Time((*time).min(Time(window))),
            count => fewer(count),
        });
        // Of a search it is how long the longest probe lasts, which only a slow server needs.
        if !workload.searches() {
            workload.axes.change("duration", |written| match written {
                Setting::Time(written) => Setting::Time((*written).min(Time(window))),
                other => other.clone(),
            });
        }
        workload.axes.change("ramp", |ramp| shorter(ramp, window));
    }
    scenario
}

/// A ramp whose steps together last about as long as `window`.
fn shorter(ramp: &Setting, window: Duration) -> Setting {
    let Setting::Steps(steps) = ramp else { return ramp.clone() };
    let whole: Duration = steps.iter().map(|step| step.time).sum();
    let most = window.max(WINDOWS[WINDOWS.len() - 1] * steps.len() as u32);
    let part = (most.as_secs_f64() / whole.as_secs_f64()).min(1.0);
    Setting::Steps(steps.iter().map(|step| Step { time: step.time.mul_f64(part), ..*step }).collect())
}

/// The workloads with as many trials as it takes to show a difference in their settings, if so many are written.
fn with_trials(scenario: &Scenario, plan: &Plan) -> Vec<Workload> {
    let needed = |workload: &Workload| {
        let cells = plan.cells.iter().filter(|cell| cell.planned.workload == workload.name);
        match cells.map(|cell| plan.comparisons(cell)).max().unwrap_or(0) {
            0 => TRIALS,
            comparisons => u32::try_from(trials_to_differ(comparisons)).unwrap_or(u32::MAX),
        }
    };
    let of = |workload: &Workload| {
        let trials = needed(workload).min(scenario.trials(workload));
        let mut workload = workload.clone();
        workload.axes.put("trials", [Setting::Count(trials.into())]);
        workload
    };
    scenario.workloads.iter().map(of).collect()
}

/// What the small plan will not be able to tell, although the whole one would.
fn untold(whole: &Scenario, all: &Plan, small: &Scenario, plan: &Plan) -> Vec<String> {
    let mut said = Vec::new();
    let differ = |one: &Workload, other: &Workload, key: &str| one.axes.get(key) != other.axes.get(key);
    let pairs: Vec<(&Workload, &Workload)> = whole
        .workloads
        .iter()
        .zip(&small.workloads)
        .filter(|(workload, _)| plan.cells.iter().any(|cell| cell.planned.workload == workload.name))
        .collect();
    let names = |is: &dyn Fn(&Workload, &Workload) -> bool| {
        let found = pairs.iter().filter(|(whole, small)| is(whole, small));
        found.map(|(whole, _)| format!("`{}`", whole.name)).collect::<Vec<_>>().join(", ")
    };
    let mut tell = |names: String, what: &str| {
        if !names.is_empty() {
            said.push(format!("{names}: {what}"));
        }
    };
    tell(
        names(&|one, other| small.trials(other) < whole.trials(one)),
        "with no more trials than a ranking takes, a target is ahead only where each of its trials is",
    );
    tell(
        names(&|one, other| differ(one, other, "duration") || differ(one, other, "ramp")),
        "what takes longer to show than so short a load lasts, such as a queue that grows slowly or a cold start",
    );
    let (searches, percent) = (|one: &Workload| one.searches(), (Search::ROUGHLY - 1.0) * 100.0);
    tell(
        names(&|one, _| searches(one)),
        &format!(
            "capacities that are less than {percent:.0} % apart, and what probes of a tenth of a second do not meet"
        ),
    );
    tell(names(&|one, other| differ(one, other, "payload")), "bodies beyond 1 MiB, which are cut to that");
    for (quantile, calls) in [("p99", 1_000), ("p99.9", 10_000)] {
        let enough = |plan: &Plan, name: &str| {
            let mut counts = plan.cells.iter().filter(|cell| cell.planned.workload == name).map(calls_of);
            counts.all(|count| count.is_none_or(|count| count >= calls))
        };
        tell(
            names(&|one, _| enough(all, &one.name) && !enough(plan, &one.name)),
            &format!("{quantile}, for which a trial makes too few calls"),
        );
    }
    said
}

/// How many calls a trial of a cell makes, where its plan says.
fn calls_of(cell: &Cell) -> Option<u64> {
    let (clients, pass) = (u64::from(cell.load.clients), cell.load.pass());
    match (cell.load.extent(), cell.load.rate) {
        (Extent::Iterations(count), _) => Some(clients.saturating_mul(count).saturating_mul(pass)),
        (Extent::Duration(time), Some(rate)) => Some((rate * time.as_secs_f64()) as u64 * pass),
        (Extent::Duration(_), None) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BUDGET, Quick};
    use crate::key::load::Extent;
    use crate::plan::Plan;
    use crate::plan::search::Search;
    use crate::scenario::read;

    fn quick(targets: &str, workloads: &str) -> Quick {
        let text = format!("title: t\nquestion: q\ntargets: [{targets}]\nworkloads:\n{workloads}");
        let scenario = read("test.yaml", &text, &[]).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
        Plan::quick(&scenario, |plan| plan)
    }

    const ONE: &str = "{transport: tcp, server: threaded}";
    const TWO: &str = "{transport: tcp, server: [threaded, async]}";

    #[test]
    fn it_shrinks_and_equal_cells_become_one() {
        let quick = quick(
            ONE,
            "- {name: files, call: download, payload: [1MiB, 128MiB, 500MiB], iterations: 5, trials: 1}
- {name: many, call: ping, iterations: 100000}
- {name: some, call: ping, iterations: 40}
- {name: slow, call: sleep, hold: 1s, iterations: 40}
- {name: timed, call: ping, duration: 1m}
- {name: paced, call: ping, rate: 100, duration: 1m}
- {name: ramp, call: ping, ramp: [{rate: 10, for: 10s}, {rate: 20, for: 30s}]}
",
        );
        let ids: Vec<&str> = quick.plan.cells.iter().map(|cell| cell.planned.id.as_str()).collect();
        let names =
            ["files", "many", "some", "slow", "timed", "paced", "ramp"].map(|name| format!("tcp-threaded/{name}"));
        assert_eq!(ids, names);
        let extents: Vec<Extent> = quick.plan.cells.iter().map(|cell| cell.load.extent()).collect();
        let ms = |ms| Extent::Duration(Duration::from_millis(ms));
        let iterations = [5, 13_333, 40, 10].map(Extent::Iterations);
        assert_eq!(extents, [&iterations[..], &[ms(2000), ms(2000), ms(2000)]].concat());
        assert_eq!(quick.plan.cells.iter().map(|cell| cell.trials).collect::<Vec<_>>(), [1, 3, 3, 3, 3, 3, 3]);
        let untold = quick.untold.join("\n");
        assert!(untold.contains("`files`: bodies beyond 1 MiB"), "{untold}");
        assert!(untold.contains("`timed`, `paced`, `ramp`: what takes longer to show"), "{untold}");
        assert!(untold.contains("`paced`: p99, for which a trial makes too few calls"), "{untold}");
    }

    #[test]
    fn there_are_as_many_trials_as_a_ranking_takes_and_never_more_than_are_written() {
        let trials = |targets, workload: &str| {
            quick(targets, &format!("- {{name: w, iterations: 10, {workload}}}\n")).plan.cells[0].trials
        };
        assert_eq!(trials(TWO, "call: ping"), 4);
        assert_eq!(trials(TWO, "call: ping, clients: [1, 2]"), 5);
        assert_eq!(trials(TWO, "call: ping, trials: 2"), 2, "and the plan warns of them");
        assert_eq!(trials(ONE, "call: ping"), 3);
        assert_eq!(trials(TWO, "call: upload, payload: [1MiB, 2MiB]"), 4, "bodies that are cut alike are one setting");
    }

    #[test]
    fn a_search_is_rough_and_short() {
        let workloads = "- {name: w, call: ping, clients: 64, rate: search, duration: 10s, expect: [\"p99 < 5ms\"]}\n";
        let quick = quick(TWO, workloads);
        let (load, search) = (&quick.plan.cells[0].load, &quick.plan.cells[0].search);
        let search = search.as_ref().expect("it searches");
        assert_eq!((search.close, load.extent()), (Search::ROUGHLY, Extent::Duration(Duration::from_secs(10))));
        assert!(quick.plan.estimate < Duration::from_secs(25), "{:?}", quick.plan.estimate);
        assert!(quick.untold.iter().any(|said| said.contains("less than 20 % apart")), "{:?}", quick.untold);
    }

    #[test]
    fn more_cells_get_less_time_each_and_fewer_of_them_more() {
        let workload = |clients: &str| format!("- {{name: w, call: ping, clients: {clients}, duration: 30s}}\n");
        let window = |quick: &Quick| match quick.plan.cells[0].load.extent() {
            Extent::Duration(window) => window,
            Extent::Iterations(count) => panic!("{count} iterations"),
        };
        let few = quick(TWO, &workload("[1, 2]"));
        assert!(few.plan.estimate <= BUDGET);
        assert_eq!(window(&few), Duration::from_secs(2));
        let many = quick(TWO, &workload("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"));
        assert!(many.plan.estimate <= BUDGET, "{:?}", many.plan.estimate);
        assert_eq!(window(&many), Duration::from_millis(200));
        let more = quick(TWO, &workload(&format!("{:?}", (1..=100).collect::<Vec<u32>>())));
        assert!(more.plan.estimate > BUDGET);
        assert!(more.untold.iter().any(|said| said.starts_with("all of it in a minute")), "{:?}", more.untold);
    }

    #[test]
    fn what_is_small_already_stays_as_it_is() {
        let quick = quick(TWO, "- {name: w, call: ping, iterations: 100, trials: 4}\n");
        assert_eq!(quick.untold, Vec::<String>::new());
        assert_eq!((quick.plan.cells[0].load.extent(), quick.plan.cells[0].trials), (Extent::Iterations(100), 4));
    }
}
