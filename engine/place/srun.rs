//! The places by `srun`: nodes of the Slurm allocation that the run is in.

use std::net::{IpAddr, ToSocketAddrs};
use std::process::Command;

use crate::error::{Context, Error, Result};
use crate::place::contract::{Host, Place, Prefix, Reach};
use crate::place::messages::Hello;
use crate::registry::Entry;

/// The places by `srun`.
pub struct Srun;

/// What stands in the environment of an allocation.
const JOB: &str = "SLURM_JOB_ID";

impl Entry for Srun {
    fn name(&self) -> &'static str {
        "srun"
    }
    fn about(&self) -> &'static str {
        "nodes of the Slurm allocation that the run is in"
    }
}

impl Place for Srun {
    fn reach(&self, host: &Host) -> Result<Reach> {
        // A step of its own would be a job of its own, which stays where its srun is killed.
        if std::env::var_os(JOB).is_none() {
            let what = format!("{host} is reached by srun, and this run is in no Slurm allocation: {JOB} is not set");
            let help = format!("run `salloc -N{} engine run …`, or put it into a batch script", host.of);
            return Err(Error::failed(what).help(help));
        }
        let words = ["srun", "-N1", "-n1", "-w", &host.name, "--overlap", "--unbuffered"];
        Ok(Reach::Through(Prefix { words: words.map(str::to_owned).into(), shell: false }))
    }

    fn address(&self, host: &Host, _: &Hello) -> Result<Option<IpAddr>> {
        let doing = format!("cannot ask Slurm where {host} is");
        let told = Command::new("scontrol").args(["--oneliner", "show", "node", &host.name]).output().doing(&doing)?;
        let said = String::from_utf8_lossy(&told.stdout).into_owned();
        let Some(name) = node_address(&said) else { return Ok(None) };
        let found = (name, 0).to_socket_addrs().doing(format_args!("{doing}: `{name}`"))?;
        let all: Vec<IpAddr> = found.map(|address| address.ip()).collect();
        Ok(all.iter().find(|ip| ip.is_ipv4()).or(all.first()).copied())
    }

    fn remedy(&self, host: &Host, said: &str) -> Option<String> {
        let sign = |text: &str| said.contains(text);
        (sign("Requested node") || sign("Invalid node name") || sign("not in this job") || sign("nodes in allocation"))
            .then(|| format!("ask for {} with the allocation: `salloc -w {},…`", host.name, host.name))
    }
}

/// The value of `NodeAddr` in what `scontrol show node` says.
fn node_address(said: &str) -> Option<&str> {
    said.split_ascii_whitespace().find_map(|word| word.strip_prefix("NodeAddr="))
}

#[cfg(test)]
mod tests {
    use super::node_address;

    #[test]
    fn the_address_of_a_node_is_what_slurm_says() {
        let said = "NodeName=nodeA Arch=x86_64 CPUTot=4 NodeAddr=10.88.0.2 NodeHostName=nodeA Version=22.05.8";
        assert_eq!((node_address(said), node_address("Node nodeA not found")), (Some("10.88.0.2"), None));
    }
}
