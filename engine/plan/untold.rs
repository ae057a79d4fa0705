//! Which commands are launched behind a link without being told on which address they have to listen.

use crate::error::Error;
use crate::plan::Plan;

impl Plan {
    /// The workload of the first cell of each target whose command is launched behind a link and is told a port only, and what
    /// is wrong: a server that listens on this host's loopback alone is not found there.
    pub fn untold_addresses(&self) -> Vec<(&str, Error)> {
        let mut told: Vec<(&str, &str)> = Vec::new();
        for cell in self.cells.iter().filter(|cell| cell.link.is_some()) {
            let own = cell.target.pairing.serving().own();
            let (target, workload) = (cell.target.name.as_str(), cell.planned.workload.as_str());
            if own.is_some_and(|own| !own.knows_host()) && !told.iter().any(|(known, _)| *known == target) {
                told.push((target, workload));
            }
        }
        let error = |target: &str| {
            let what = format!("`{target}` is launched behind a link and is not told on which address to listen");
            Error::usage(what).help(
                "use `${host}` or `${address}` in `launch` or `env`; it has to be reached by another address than 127.0.0.1 there, \
                 and the loopback of this host is not there at all",
            )
        };
        told.into_iter().map(|(target, workload)| (workload, error(target))).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::Plan;
    use crate::scenario::read;

    #[test]
    fn a_command_that_knows_its_port_only_is_told_of_where_a_link_lies() {
        let told = |launch: &str, link: &str| {
            let text = format!(
                "title: t\nquestion: q\ntargets: [{{transport: tcp, name: it, {launch}}}]\n\
                 links: [{{name: wan, delay: 1ms}}]\n\
                 workloads: [{{name: w, call: connect, iterations: 1, link: [{link}]}}, {{name: v, call: connect, iterations: 1, link: wan}}]\n"
            );
            let plan = Plan::of(&read("test.yaml", &text, &[]).expect("a scenario"));
            plan.untold_addresses().iter().map(|(at, error)| format!("{at}: {}", error.message())).collect::<Vec<_>>()
        };
        let said = "`it` is launched behind a link and is not told on which address to listen";
        assert_eq!(told("launch: \"a ${port}\"", "wan, none"), [format!("w: {said}")]);
        assert_eq!(told("launch: \"a ${port}\"", "none"), [format!("v: {said}")]);
        for knows in ["launch: \"a ${address}\"", "launch: \"a ${port}\", env: {HOST: \"${host}\"}"] {
            assert!(told(knows, "wan").is_empty(), "{knows}");
        }
        assert!(told("server: threaded", "wan").is_empty(), "ours are told");
    }
}
