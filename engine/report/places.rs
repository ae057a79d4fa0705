//! Where each end ran, on which machines, and what the networks between them were like.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::figures::{NONE, listed, time};
use crate::report::table::{Column, Kind, Row, Table};
use crate::report::words::{Named, distinct};
use crate::results::Results;
use crate::results::host::{ClientHost, HostFacts};

/// A host on which ends ran, besides the machine that the run was started on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Described {
    /// Its name, and that of its place.
    pub name: String,
    /// How it was reached, and what its machine is.
    pub facts: Vec<Named>,
}

/// Every other host of a run.
pub fn hosts(results: &Results) -> Vec<Described> {
    results.manifest.hosts.iter().map(described).collect()
}

fn described(host: &HostFacts) -> Described {
    let named = |name: &str, value: &str| Named { name: name.to_owned(), value: value.to_owned() };
    let mut facts = vec![named("place", &host.place), named("reached by", &host.by)];
    facts.extend(host.address.iter().map(|address| named("address", address)));
    facts.push(named("calls itself", &host.hostname));
    facts.push(named("engine", &format!("sha256 {}", host.sha256)));
    facts.extend(host.printed.iter().map(|printed| named("its shell printed", printed)));
    if !host.one_machine_with.is_empty() {
        facts.push(named("one machine with", &listed(&host.one_machine_with)));
    }
    facts.extend(host.machine.iter().map(|(name, value)| named(name, value)));
    Described { name: host.host.clone(), facts }
}

/// The ways between ends on several hosts, with what was measured of them in all trials; none where all ran here.
pub fn ways(results: &Results) -> Option<Table> {
    let mut ways: BTreeMap<(String, String), Vec<&ClientHost>> = BTreeMap::new();
    for hosts in results.counting().filter_map(|record| record.hosts.as_ref()) {
        for client in &hosts.clients {
            ways.entry((hosts.server.clone(), client.host.clone())).or_default().push(client);
        }
    }
    (!ways.is_empty()).then_some(())?;
    let columns = [
        Column::all(["server on", "clients on"], Kind::Name),
        Column::all(
            ["trials", "round trip before", "round trip after", "clock known to", "drift in a trial"],
            Kind::Figure,
        ),
    ];
    let row = |((server, client), trials): (&(String, String), &Vec<&ClientHost>)| {
        let trips = || trials.iter().filter_map(|trial| trial.round_trip_ns);
        let clocks = || trials.iter().filter_map(|trial| trial.clock);
        let most = |most: Option<u64>| most.map_or_else(|| NONE.to_owned(), |ns| time(ns as f64));
        let texts = vec![
            server.clone(),
            client.clone(),
            trials.len().to_string(),
            between(trips().map(|trip| trip.before)),
            between(trips().map(|trip| trip.after)),
            most(clocks().map(|clock| clock.error_ns).max()),
            most(clocks().map(|clock| clock.drift_ns).max()),
        ];
        Row { begins: false, cell: None, texts }
    };
    let rows = ways.iter().map(row).collect();
    let caption =
        "Round trips are medians of twenty, by a stream between the agents of both hosts, around each trial".to_owned();
    Some(Table { caption, main: false, columns: columns.concat(), rows })
}

/// The least and the most of some times.
fn between(times: impl Iterator<Item = u64>) -> String {
    let times: Vec<u64> = times.collect();
    match (times.iter().min(), times.iter().max()) {
        (Some(least), Some(most)) if least == most => time(*least as f64),
        (Some(least), Some(most)) => format!("{} to {}", time(*least as f64), time(*most as f64)),
        _ => NONE.to_owned(),
    }
}

/// Where the ends of all trials ran, in a sentence; none where all ran here.
pub fn sentence(results: &Results) -> Option<String> {
    let counted = || results.counting();
    let away = counted().filter_map(|record| record.hosts.as_ref());
    let mut pairs: Vec<String> = away
        .map(|hosts| {
            let clients: Vec<&str> = hosts.clients.iter().map(|client| client.host.as_str()).collect();
            format!("servers on {} with clients on {}", hosts.server, listed(&clients))
        })
        .collect();
    (!pairs.is_empty()).then_some(())?;
    if counted().any(|record| record.hosts.is_none() && record.measured.is_some()) {
        pairs.push("servers and clients on the machine that the run was started on (here)".to_owned());
    }
    let one = |host: &HostFacts| {
        let others = &host.one_machine_with;
        (!others.is_empty()).then(|| format!("{} with {}", host.host, listed(others)))
    };
    let shared: Vec<String> = results.manifest.hosts.iter().filter_map(one).collect();
    let shared = match shared.as_slice() {
        [] => String::new(),
        pairs => format!(" Some are one machine, whose cores and memory they share: {}.", pairs.join("; ")),
    };
    Some(format!(
        "Server and client are processes of their own, on these hosts: {}.{shared} Times hold the network between them as \
         it was; only one clock times a call, that of its client. Clocks of several hosts decide how well their starts \
         agree, and nothing else.",
        distinct(pairs.into_iter()).join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use super::{between, sentence, ways};
    use crate::results::host::{ClientHost, ClockFacts, HostFacts, Hosts, RoundTrips};
    use crate::results::{Manifest, Outcome, Record, Results, SCHEMA, Verdict};

    fn record(trial: u32, hosts: Option<Hosts>) -> Record {
        Record {
            cell: 0,
            trial,
            block: 1,
            attempt: 1,
            outcome: Outcome::Failed,
            reason: None,
            measured: None,
            search: None,
            cost: None,
            interference: None,
            stalled: None,
            hosts,
            link: None,
            verdict: Verdict::valid(),
        }
    }

    #[test]
    fn a_way_is_told_once_with_the_least_and_the_most_of_all_trials() {
        let on = |before, error_ns| {
            let clock = Some(ClockFacts { ahead_ns: 5, error_ns, drift_ns: 0 });
            let round_trip_ns = Some(RoundTrips { before, after: 300_000 });
            let clients = vec![ClientHost { host: "load-1".to_owned(), round_trip_ns, clock }];
            Some(Hosts { server: "web-1".to_owned(), clients })
        };
        let records = vec![record(1, on(200_000, 20_000)), record(2, on(250_000, 30_000)), record(3, None)];
        let results = Results {
            schema: SCHEMA,
            scenario: serde_json::Value::Null,
            manifest: Manifest::default(),
            refusals: Vec::new(),
            cells: Vec::new(),
            records,
        };
        let table = ways(&results).expect("there is one");
        assert_eq!(table.rows.len(), 1);
        let expected = ["web-1", "load-1", "2", "200 µs to 250 µs", "300 µs", "30.0 µs", "0 ns"];
        assert_eq!(table.rows[0].texts, expected);
        let said = sentence(&results).expect("they ran elsewhere");
        assert!(said.contains("on these hosts: servers on web-1 with clients on load-1."), "{said}");
        assert!(!said.contains("one machine"), "{said}");
        let host =
            HostFacts { host: "web-1".to_owned(), one_machine_with: vec!["load-1".to_owned()], ..HostFacts::default() };
        let manifest = Manifest { hosts: vec![host], ..Manifest::default() };
        let results = Results { manifest, ..results };
        let said = sentence(&results).expect("they ran elsewhere");
        assert!(said.contains("Some are one machine, whose cores and memory they share: web-1 with load-1."), "{said}");
        assert_eq!(ways(&Results { records: vec![record(1, None)], ..results }), None);
        assert_eq!(between([].into_iter()), "–");
    }
}
