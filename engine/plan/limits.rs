//! What a plan needs of this machine: open files and local ports.

use crate::error::Error;
use crate::key::load::{Extent, Step};
use crate::plan::{Cell, Plan};
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
}

impl Plan {
    /// What is wrong where some cell needs more descriptors at an end than the `most` that a process may have.
    pub fn lacks_descriptors(&self, most: Option<u64>) -> Option<Error> {
        let hungriest = self.cells.iter().max_by_key(|cell| cell.connections())?;
        let (needed, most) = (needed(hungriest.connections()), most?);
        (needed > most).then(|| {
            Error::stopped(format!(
                "{} needs {needed} file descriptors at each end, and a process may have {most} here",
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
        let (cell, (dials, seconds)) = self.cells.iter().find_map(|cell| Some((cell, lacking(cell)?)))?;
        let within = seconds.map(|seconds| format!(" in {seconds:.0} s")).unwrap_or_default();
        let most = ports.dials_a_minute();
        let error = Error::stopped(format!(
            "{} dials {dials:.0} connections{within}, and this machine's {} local ports allow {most} a minute: a trial \
             that runs out of them is invalid",
            cell.planned.id, ports.count,
        ));
        let help = "ask for fewer calls or a lower rate, widen net.ipv4.ip_local_port_range, or set net.ipv4.tcp_tw_reuse to 1";
        Some((&cell.planned.workload, error.help(help)))
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::Plan;
    use crate::scenario::read;
    use crate::transport::ports::Ports;

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
