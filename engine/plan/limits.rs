//! What a plan needs of the machines that it runs on: open files, local ports and memory.

use crate::error::Error;
use crate::figures::size;
use crate::key::load::{Extent, Step};
use crate::plan::{Cell, Plan};
use crate::server::ballast::BALLAST;
use crate::transport::contract::Family;
use crate::transport::descriptors::needed;
use crate::transport::http1::{POOL, keeps_alive};
use crate::transport::ports::Ports;

impl Cell {
    /// How many connections one trial dials at least to its server, where it dials for each call, and in how many seconds
    /// if that is known; each call takes a local port then.
    fn dials(&self) -> Option<(f64, Option<f64>)> {
        let (load, transport) = (&self.load, self.target.pairing.transport());
        let each = load.dials() || !keeps_alive(&self.target.options);
        if transport.family() != Family::Tcp || !each {
            return None;
        }
        let (steps, pass) = (load.ramp.iter().map(Step::calls), load.pass() as f64);
        Some(match (load.extent(), load.rate) {
            (Extent::Iterations(count), rate) => {
                let passes = u64::from(load.clients).saturating_mul(count) as f64;
                (passes * pass, rate.map(|rate| passes / rate))
            }
            (Extent::Duration(time), Some(rate)) => (rate * time.as_secs_f64() * pass, Some(time.as_secs_f64())),
            // How many calls there will be nobody knows, but of a ramp.
            (Extent::Duration(time), None) => (steps.sum::<f64>() * pass, Some(time.as_secs_f64())),
        })
    }

    /// How many connections are open at a time.
    fn connections(&self) -> u64 {
        let option = |name: &str| self.target.options.count(name);
        self.load.connections(option("streams"), option(POOL.name))
    }

    /// How many descriptors a process needs that is an end of so many of them: those over datagrams share one socket.
    fn descriptors(&self, connections: u64) -> u64 {
        let share = self.target.pairing.transport().family() == Family::Udp;
        needed(if share { connections.min(1) } else { connections })
    }

    /// The same of whichever of its processes run here: a server has all connections, a client process its part.
    fn descriptors_here(&self) -> u64 {
        let (serves, calls) = (self.target.place.is_none(), self.from.is_none());
        let each = u64::from(self.load.processes.max(1));
        match self.connections() {
            all if serves => self.descriptors(all),
            all if calls => self.descriptors(all.div_ceil(each)),
            _ => 0,
        }
    }
}

/// What another host has for the ends of a cell.
#[derive(Debug, Clone, Copy)]
pub struct Means<'a> {
    /// Which, in words.
    pub host: &'a str,
    /// True where the server of the cell is there.
    pub serves: bool,
    /// Over how many hosts the clients of the cell are split, where some of them are there.
    pub calls: Option<usize>,
    /// How many descriptors a process may have, where it is known.
    pub descriptors: Option<u64>,
    /// How much of its memory is free, in bytes, where it is known.
    pub memory: Option<u64>,
    /// Its local ports, where they are known.
    pub ports: Option<Ports>,
}

/// What an end of a connection costs at least, the kernel's part included, in bytes.
const CONNECTION: u64 = 2048;

impl Cell {
    /// What one of its hosts has too little of, where that is sure before anything is launched.
    pub fn lacks(&self, means: &Means<'_>) -> Option<Error> {
        let (host, hosts) = (means.host, means.calls.unwrap_or(1).max(1) as u64);
        let processes = hosts.saturating_mul(self.load.processes.into()).max(1);
        let all = self.connections();
        let on_host = if means.serves { all } else { all.div_ceil(hosts) };
        let ballast = if means.serves { self.target.options.size(BALLAST.name).unwrap_or(0) } else { 0 };
        let held = ballast.saturating_add(CONNECTION.saturating_mul(on_host));
        if let Some(free) = means.memory.filter(|free| held > *free) {
            let what = format!("it needs {} of memory on {host} at least, where {} are free", size(held), size(free));
            return Some(
                Error::failed(what).help("ask for fewer clients or a smaller `ballast`, or take a host with more"),
            );
        }
        let needed = self.descriptors(if means.serves { all } else { all.div_ceil(processes) });
        if let Some(most) = means.descriptors.filter(|most| needed > *most) {
            let what = format!("it needs {needed} file descriptors on {host}, and a process may have {most} there");
            return Some(
                Error::failed(what).help("raise the hard limit there, `ulimit -Hn`, or ask for fewer clients"),
            );
        }
        let (dials, seconds) = means.calls.and_then(|_| self.dials())?;
        let dials = dials / hosts as f64;
        let ports = if means.serves { means.ports } else { means.ports.map(Ports::elsewhere) };
        let ports = ports.filter(|ports| ports.lacks(dials, seconds))?;
        let (count, most) = (ports.count, ports.dials_a_minute());
        let what =
            format!("it dials {dials:.0} connections from {host}, whose {count} local ports allow {most} a minute");
        Some(Error::failed(what).help(FEWER_DIALS))
    }
}

/// What helps where there are too few local ports.
const FEWER_DIALS: &str =
    "ask for fewer calls or a lower rate, widen net.ipv4.ip_local_port_range, or set net.ipv4.tcp_tw_reuse to 1";

impl Plan {
    /// What is wrong where some cell needs more descriptors in a process here than the `most` that it may have.
    pub fn lacks_descriptors(&self, most: Option<u64>) -> Option<Error> {
        let hungriest = self.cells.iter().max_by_key(|cell| cell.descriptors_here())?;
        let (needed, most) = (hungriest.descriptors_here(), most?);
        (needed > most).then(|| {
            Error::stopped(format!(
                "{} needs {needed} file descriptors in one process, which may have {most} here",
                hungriest.planned.id
            ))
            .help(format!(
                "allow more with `ulimit -n {needed}` in the shell before the command, or ask for fewer clients"
            ))
        })
    }

    /// How many dials a minute this machine's ports allow, where some cell dials for each call.
    pub fn dials_a_minute(&self, ports: Option<Ports>) -> Option<u64> {
        self.cells.iter().any(|cell| cell.dials().is_some()).then(|| ports.map(|ports| ports.dials_a_minute()))?
    }

    /// The workload of which some cell certainly dials more connections than this machine has ports for, and what is wrong.
    pub fn lacks_ports(&self, ports: Option<Ports>) -> Option<(&str, Error)> {
        let ports = ports?;
        let lacking = |cell| Cell::dials(cell).filter(|(dials, seconds)| ports.lacks(*dials, *seconds));
        let mut from_here = self.cells.iter().filter(|cell| cell.from.is_none());
        let (cell, (dials, seconds)) = from_here.find_map(|cell| Some((cell, lacking(cell)?)))?;
        let within = seconds.map(|seconds| format!(" in {seconds:.0} s")).unwrap_or_default();
        let most = ports.dials_a_minute();
        let error = Error::stopped(format!(
            "{} dials {dials:.0} connections{within}, and this machine's {} local ports allow {most} a minute: a trial \
             that runs out of them is invalid",
            cell.planned.id, ports.count,
        ));
        Some((&cell.planned.workload, error.help(FEWER_DIALS)))
    }
}

#[cfg(test)]
mod tests {
    use super::{CONNECTION, Means};
    use crate::plan::Plan;
    use crate::scenario::read;
    use crate::transport::ports::Ports;

    #[test]
    fn another_host_is_asked_for_its_part() {
        let text = "title: t\nquestion: q\nplaces: [{name: farm, by: ssh, hosts: [a, b]}]\n\
                    targets: [{transport: http1, server: async, options: {ballast: 1MiB}}]\nworkloads:\n\
                    - {name: many, call: ping, clients: 2000, processes: 2, from: farm, iterations: 1}\n\
                    - {name: churn, call: connect, clients: 8, from: farm, iterations: 8000}\n";
        let plan = Plan::of(&read("s.yaml", text, &[]).expect("no mistakes"));
        let ports = Ports::told("32768 60999", "0", "1");
        let of = |cell: usize, serves, calls, descriptors| {
            let means =
                Means { host: "a", serves, calls, descriptors: Some(descriptors), memory: Some(8 << 20), ports };
            plan.cells[cell].lacks(&means).map(|error| error.message().to_owned())
        };
        assert_eq!(of(0, false, Some(2), 548), None, "a process has 500 of them");
        let told = "it needs 548 file descriptors on a, and a process may have 547 there";
        assert_eq!(of(0, false, Some(2), 547).as_deref(), Some(told));
        assert!(of(0, true, None, 2047).is_some() && of(0, true, None, 2048).is_none());
        let told = "it dials 32000 connections from a, whose 28232 local ports allow 28232 a minute";
        assert_eq!(of(1, false, Some(2), 1000).as_deref(), Some(told));
        assert_eq!((of(1, false, Some(3), 1000), of(1, true, None, 1000)), (None, None));
        let lacks = |cell: usize, serves, memory| {
            let means =
                Means { host: "a", serves, calls: Some(2), descriptors: None, memory: Some(memory), ports: None };
            plan.cells[cell].lacks(&means).map(|error| error.message().to_owned())
        };
        let told = "it needs 4.91 MiB of memory on a at least, where 3.81 MiB are free";
        assert_eq!(lacks(0, true, 4_000_000).as_deref(), Some(told));
        let ballast = 1 << 20;
        assert_eq!(lacks(1, true, ballast + 8 * CONNECTION), None);
        assert!(lacks(1, true, ballast + 8 * CONNECTION - 1).is_some());
        assert_eq!(lacks(1, false, 4 * CONNECTION), None, "half of the clients, and the ballast is the server's");
        assert!(plan.lacks_ports(ports).is_none() && plan.lacks_descriptors(Some(2048)).is_none());
        assert!(plan.lacks_descriptors(Some(2047)).is_some(), "all of them are the server's, which is here");
    }

    #[test]
    fn more_dials_than_ports_are_told_before_a_run() {
        let plan = |target: &str, workload: &str| {
            let text = format!(
                "title: t\nquestion: q\ntargets: [{{server: threaded, {target}}}]\nworkloads: [{{name: w, {workload}}}]\n"
            );
            Plan::of(&read("s.yaml", &text, &[]).expect("no mistakes"))
        };
        let ports = Ports::told("32768 60999", "0", "1");
        let told = |plan: &Plan| plan.lacks_ports(ports).map(|(_, error)| error.message().to_owned());

        let churn = plan("transport: http1", "call: connect, clients: 8, iterations: 4000");
        let said = "http1-threaded/w dials 32000 connections, and this machine's 28232 local ports allow 28232 a minute: \
                    a trial that runs out of them is invalid";
        assert_eq!(told(&churn).as_deref(), Some(said));
        assert_eq!((churn.dials_a_minute(ports), churn.dials_a_minute(None)), (Some(28_232), None));
        assert!(churn.lacks_ports(Ports::told("32768 60999", "2", "1")).is_none(), "here they come back in a second");

        let each = "transport: http1, options: {keep-alive: false}";
        assert!(told(&plan(each, "call: ping, iterations: 28233")).is_some());
        assert!(told(&plan(each, "call: ping, clients: 64, rate: 1000, duration: 30s")).is_some());
        assert!(told(&plan(each, "call: ping, clients: 64, rate: 400, duration: 2m")).is_none(), "400 ports a second");
        for (target, workload) in [
            ("transport: http1", "call: ping, iterations: 100000"),
            ("transport: unix", "call: connect, iterations: 100000"),
            ("transport: quic", "call: connect, iterations: 100000"),
        ] {
            let plan = plan(target, workload);
            assert_eq!((told(&plan), plan.dials_a_minute(ports)), (None, None), "{target}");
        }
    }
}
