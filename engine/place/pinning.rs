//! Which cores each end runs on.

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
    /// Whether they are enforced.
    pub pinned: bool,
}

impl Pinning {
    /// What `pin` asks for where there are these cores; an error where it names one that is not among them.
    pub fn among(pin: &Pin, cores: &[usize]) -> Result<Self> {
        let (server, client) = match (pin, cores) {
            (Pin::None, _) | (Pin::Auto, [] | [_]) => (cores.to_vec(), cores.to_vec()),
            // A client process of ours is one thread; all else is the server's.
            (Pin::Auto, [server @ .., client]) => (server.to_vec(), vec![*client]),
            (Pin::Cores { server, client }, _) => (server.clone(), client.clone()),
        };
        if let Some(missing) = server.iter().chain(&client).find(|core| !cores.contains(core)) {
            let known: Vec<String> = cores.iter().map(usize::to_string).collect();
            return Err(Error::usage(format!("`pin` names core {missing}, which this run may not use"))
                .help(format!("it may use the cores {}", known.join(", "))));
        }
        Ok(Pinning { server, client, pinned: *pin != Pin::None })
    }

    /// The cores that the server's processes are held on; none where they may roam.
    pub fn of_server(&self) -> Vec<usize> {
        if self.pinned { self.server.clone() } else { Vec::new() }
    }

    /// The same of the client.
    pub fn of_client(&self) -> Vec<usize> {
        if self.pinned { self.client.clone() } else { Vec::new() }
    }

    /// What it is, in a sentence.
    pub fn sentence(&self) -> String {
        let of = |cores: &[usize]| counted(cores.len(), "core", "cores");
        if self.pinned {
            return format!("the server has {}, the client {} ({self})", of(&self.server), of(&self.client));
        }
        format!("both ends share {}, and the kernel places them", of(&self.server))
    }

    /// How many cores the server has for itself; one of those that both share goes to the client.
    pub fn server_cores(&self) -> usize {
        let shared = self.server.iter().any(|core| self.client.contains(core));
        self.server.len().saturating_sub(usize::from(shared)).max(1)
    }
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
        let auto = |cores: &[usize]| Pinning::among(&Pin::Auto, cores).expect("auto always fits");
        let four = auto(&[0, 1, 2, 5]);
        assert_eq!(
            (four.server.as_slice(), four.client.as_slice(), four.server_cores()),
            (&[0, 1, 2][..], &[5][..], 3)
        );
        let told = "the server has 3 cores, the client 1 core (server on 0, 1, 2; client on 5)";
        assert_eq!(four.sentence(), told);
        let one = auto(&[3]);
        assert_eq!((one.server.as_slice(), one.client.as_slice(), one.server_cores()), (&[3][..], &[3][..], 1));
        let free = Pinning::among(&Pin::None, &[0, 1]).expect("nothing is pinned");
        assert_eq!((free.pinned, free.server_cores()), (false, 1));
    }

    #[test]
    fn a_core_that_does_not_exist_is_told_with_those_that_do() {
        let pin = Pin::Cores { server: vec![0], client: vec![7] };
        let error = Pinning::among(&pin, &[0, 1]).expect_err("there is no core 7");
        assert_eq!(
            error.to_string(),
            "`pin` names core 7, which this run may not use (help: it may use the cores 0, 1)"
        );
    }
}
