//! Which cores each end runs on.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::error::{Context, Error, Result};
use crate::figures::counted;
use crate::scenario::Pin;

/// The cores of each end; both have all that this process may run on where nothing is pinned.
///
/// How many the server has is what it can use at a time; of those that both ends share one goes to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinning {
    /// The server's.
    pub server: Vec<usize>,
    /// The client's.
    pub client: Vec<usize>,
    /// Those of the relay between them, where there are links; it shares them where there are too few.
    pub relay: Option<Vec<usize>>,
    /// Whether they are enforced.
    pub pinned: bool,
    /// Whether the ends are on two hosts, so that no core of one is a core of the other.
    pub apart: bool,
}

impl Pinning {
    /// What `pin` asks for where there are these cores, and `links` or none, for so many client processes at most; an
    /// error where it names one that is not among them.
    pub fn among(pin: &Pin, cores: &[usize], links: bool, processes: u32) -> Result<Self> {
        let (server, client) = match (pin, cores) {
            (Pin::None, _) | (Pin::Auto, [] | [_]) => (cores.to_vec(), cores.to_vec()),
            // A client process of ours is one thread; all else is the server's, which has a core at least.
            (Pin::Auto, cores) => {
                let relay = usize::from(links && cores.len() > 2);
                let clients = (processes as usize).clamp(1, cores.len() - relay - 1);
                let (server, others) = cores.split_at(cores.len() - relay - clients);
                (server.to_vec(), others[relay..].to_vec())
            }
            (Pin::Cores { server, client }, _) => (server.clone(), client.clone()),
        };
        if let Some(missing) = server.iter().chain(&client).find(|core| !cores.contains(core)) {
            let known: Vec<String> = cores.iter().map(usize::to_string).collect();
            return Err(Error::usage(format!("`pin` names core {missing}, which this run may not use"))
                .help(format!("it may use the cores {}", known.join(", "))));
        }
        let free: Vec<usize> =
            cores.iter().copied().filter(|core| !server.contains(core) && !client.contains(core)).collect();
        let relay = links.then(|| if free.is_empty() { cores.to_vec() } else { free });
        Ok(Pinning { server, client, relay, pinned: *pin != Pin::None, apart: false })
    }

    /// The same where both ends are on hosts of their own, each by its name and with its cores: each end has all of them.
    pub fn apart(pin: &Pin, server: (&str, &[usize]), client: (&str, &[usize])) -> Result<Self> {
        let (of_server, of_client) = match pin {
            Pin::None | Pin::Auto => (server.1.to_vec(), client.1.to_vec()),
            Pin::Cores { server, client } => (server.clone(), client.clone()),
        };
        lacks(&of_server, server.0, server.1)?;
        let pinned = matches!(pin, Pin::Cores { .. });
        let pinning = Pinning { server: of_server, client: of_client, relay: None, pinned, apart: true };
        pinning.fits(client.0, client.1).map(|()| pinning)
    }

    /// An error where another host of clients lacks a core that clients are to have.
    pub fn fits(&self, host: &str, cores: &[usize]) -> Result<()> {
        if self.pinned { lacks(&self.client, host, cores) } else { Ok(()) }
    }

    /// The cores that the server's processes are held on; none where they may roam.
    pub fn of_server(&self) -> Vec<usize> {
        if self.pinned { self.server.clone() } else { Vec::new() }
    }

    /// The same of one of so many client processes: a core of its own, where there is one for each.
    pub fn of_client(&self, index: usize, of: usize) -> Vec<usize> {
        match self.client.get(index) {
            _ if !self.pinned => Vec::new(),
            Some(core) if of > 1 && of <= self.client.len() => vec![*core],
            _ => self.client.clone(),
        }
    }

    /// How many of so many client processes share a core, where each core has as many.
    pub fn on_a_core(&self, processes: usize) -> usize {
        processes.div_ceil(self.client.len().max(1))
    }

    /// How many client processes would have a core of their own here, where that is more than so many.
    pub fn more_than(&self, processes: u32) -> Option<u32> {
        let all: BTreeSet<usize> = self.server.iter().chain(&self.client).copied().collect();
        let most = if self.apart { self.client.len() as u32 } else { (all.len() as u32).saturating_sub(1) };
        (most > processes).then(|| most.min(2 * processes))
    }

    /// The same of the relay of links.
    pub fn of_relay(&self) -> Vec<usize> {
        if self.pinned { self.relay.clone().unwrap_or_default() } else { Vec::new() }
    }

    /// What it is, in a sentence.
    pub fn sentence(&self) -> String {
        let of = |cores: &[usize]| counted(cores.len(), "core", "cores");
        let relay = match &self.relay {
            None => String::new(),
            Some(cores) if cores.iter().any(|core| self.server.contains(core) || self.client.contains(core)) => {
                "; the relay of the links shares them".to_owned()
            }
            Some(cores) => format!("; the relay of the links has {}", of(cores)),
        };
        if self.pinned {
            return format!("the server has {}, the client {} ({self}){relay}", of(&self.server), of(&self.client));
        }
        format!("both ends share {}, and the kernel places them{relay}", of(&self.server))
    }

    /// How many cores the server has for itself; one of those that both share goes to the client.
    pub fn server_cores(&self) -> usize {
        let shared = !self.apart && self.server.iter().any(|core| self.client.contains(core));
        self.server.len().saturating_sub(usize::from(shared)).max(1)
    }
}

/// An error where a host lacks one of the cores that are wanted there.
fn lacks(wanted: &[usize], host: &str, cores: &[usize]) -> Result<()> {
    let Some(missing) = wanted.iter().find(|core| !cores.contains(core)) else { return Ok(()) };
    let known: Vec<String> = cores.iter().map(usize::to_string).collect();
    Err(Error::failed(format!("`pin` names core {missing}, which {host} does not have for this run"))
        .help(format!("it has the cores {}", known.join(", "))))
}

impl std::fmt::Display for Pinning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = |cores: &[usize]| cores.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        write!(f, "server on {}; client on {}", words(&self.server), words(&self.client))
    }
}

/// The cores that this process may run on.
pub fn cores() -> Result<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0)).doing("asking which cores there are")?;
    Ok((0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false)).collect())
}

/// Makes the process of a command, and all that it starts, stay on these cores; on any where none are named.
pub fn hold(command: &mut Command, cores: &[usize]) -> Result<()> {
    if cores.is_empty() {
        return Ok(());
    }
    let cores = set_of(cores)?;
    // SAFETY: between fork and exec only sched_setaffinity is called, which is async-signal-safe.
    unsafe {
        command.pre_exec(move || Ok(sched_setaffinity(Pid::from_raw(0), &cores)?));
    }
    Ok(())
}

fn set_of(cores: &[usize]) -> Result<CpuSet> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core).doing(format_args!("cannot pin to core {core}"))?;
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::Pinning;
    use crate::scenario::Pin;

    #[test]
    fn auto_gives_the_client_one_core_and_the_server_the_rest() {
        let auto = |cores: &[usize]| Pinning::among(&Pin::Auto, cores, false, 1).expect("auto always fits");
        let four = auto(&[0, 1, 2, 5]);
        assert_eq!(
            (four.server.as_slice(), four.client.as_slice(), four.server_cores()),
            (&[0, 1, 2][..], &[5][..], 3)
        );
        let told = "the server has 3 cores, the client 1 core (server on 0, 1, 2; client on 5)";
        assert_eq!(four.sentence(), told);
        let one = auto(&[3]);
        assert_eq!((one.server.as_slice(), one.client.as_slice(), one.server_cores()), (&[3][..], &[3][..], 1));
        let free = Pinning::among(&Pin::None, &[0, 1], false, 1).expect("nothing is pinned");
        assert_eq!((free.pinned, free.server_cores()), (false, 1));
    }

    #[test]
    fn each_client_process_has_a_core_of_its_own_while_the_server_keeps_one() {
        let of = |cores: &[usize], links, processes| {
            let pinning = Pinning::among(&Pin::Auto, cores, links, processes).expect("auto always fits");
            let each = (0..processes as usize).map(|index| pinning.of_client(index, processes as usize)).collect();
            (pinning.server, each)
        };
        let each = |cores: &[usize]| cores.iter().map(|core| vec![*core]).collect::<Vec<_>>();
        assert_eq!(of(&[0, 1, 2, 3], false, 2), (vec![0, 1], each(&[2, 3])));
        assert_eq!(of(&[0, 1, 2, 3], true, 2), (vec![0], each(&[2, 3])));
        assert_eq!(of(&[0, 1, 2], false, 4), (vec![0], vec![vec![1, 2]; 4]), "they share what there is");
        assert_eq!(of(&[0, 1], false, 2), (vec![0], vec![vec![1]; 2]));
        let eight = Pinning::among(&Pin::Auto, &[0, 1, 2, 3, 4, 5, 6, 7], false, 2).expect("auto always fits");
        assert_eq!([1, 2, 4, 7].map(|processes| eight.more_than(processes)), [Some(2), Some(4), Some(7), None]);
    }

    #[test]
    fn a_relay_has_a_core_of_its_own_where_there_are_three() {
        let auto = |cores: &[usize]| Pinning::among(&Pin::Auto, cores, true, 1).expect("auto always fits");
        let three = auto(&[0, 1, 2]);
        assert_eq!((three.server.as_slice(), three.client.as_slice(), three.of_relay()), (&[0][..], &[2][..], vec![1]));
        assert!(three.sentence().ends_with("; the relay of the links has 1 core"), "{}", three.sentence());
        let two = auto(&[0, 1]);
        assert_eq!((two.server.as_slice(), two.client.as_slice(), two.of_relay()), (&[0][..], &[1][..], vec![0, 1]));
        assert!(two.sentence().ends_with("; the relay of the links shares them"), "{}", two.sentence());
        let told = Pin::Cores { server: vec![0], client: vec![1] };
        assert_eq!(Pinning::among(&told, &[0, 1, 2, 3], true, 1).expect("they are there").of_relay(), [2, 3]);
    }

    #[test]
    fn ends_on_hosts_of_their_own_have_all_of_their_cores() {
        let apart = |pin: &Pin| Pinning::apart(pin, ("web-1", &[0, 1, 2]), ("load-1", &[0, 1]));
        let auto = apart(&Pin::Auto).expect("auto always fits");
        assert_eq!((auto.server_cores(), auto.of_server(), auto.of_client(0, 1)), (3, vec![], vec![]));
        assert_eq!([1, 2].map(|processes| auto.more_than(processes)), [Some(2), None]);
        assert_eq!([1, 2, 3, 4, 5].map(|processes| auto.on_a_core(processes)), [1, 1, 2, 2, 3]);
        let told = |server: &[usize], client: &[usize]| Pin::Cores { server: server.into(), client: client.into() };
        let pinned = apart(&told(&[0, 2], &[0, 1])).expect("they are there");
        assert_eq!((pinned.of_server(), pinned.of_client(1, 2)), (vec![0, 2], vec![1]));
        let error = apart(&told(&[3], &[0])).expect_err("there is no core 3");
        let said = "`pin` names core 3, which web-1 does not have for this run (help: it has the cores 0, 1, 2)";
        assert_eq!(error.to_string(), said);
        let error = pinned.fits("load-2", &[0]).expect_err("there is one");
        assert!(error.message().contains("core 1, which load-2"), "{error}");
    }

    #[test]
    fn a_core_that_does_not_exist_is_told_with_those_that_do() {
        let pin = Pin::Cores { server: vec![0], client: vec![7] };
        let error = Pinning::among(&pin, &[0, 1], false, 1).expect_err("there is no core 7");
        assert_eq!(
            error.to_string(),
            "`pin` names core 7, which this run may not use (help: it may use the cores 0, 1)"
        );
    }
}
