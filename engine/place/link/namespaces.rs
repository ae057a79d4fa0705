//! Networks of their own: how the process of a link makes them, and how an end is started in one.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{getegid, geteuid};
use serde::{Deserialize, Serialize};

use crate::error::{Context, Result};
use crate::place::link::obstacle::{Obstacle, step};

/// Where a process is to run: by the files that stand for the namespaces while somebody holds them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inside {
    /// The user namespace that owns the network; none where it is the one that we are in.
    pub user: Option<PathBuf>,
    /// The network.
    pub net: PathBuf,
}

/// What this process of one thread has made.
#[derive(Debug)]
pub struct Namespaces {
    /// Whether a user namespace was needed, in which it is now.
    pub own_user: bool,
}

impl Namespaces {
    /// Gets the right to make networks: it is there where this is root's, and else comes with a user namespace.
    pub fn begin() -> std::result::Result<Self, Obstacle> {
        match unshare(CloneFlags::CLONE_NEWNET) {
            Ok(()) => Ok(Namespaces { own_user: false }),
            Err(_) => {
                let (user, group) = (geteuid(), getegid());
                unshare(CloneFlags::CLONE_NEWUSER).map_err(Obstacle::Namespaces)?;
                // Each is who they were: what an end may do to files does not change.
                let maps = [
                    ("/proc/self/setgroups", "deny".to_owned()),
                    ("/proc/self/uid_map", format!("{user} {user} 1")),
                    ("/proc/self/gid_map", format!("{group} {group} 1")),
                ];
                for (file, text) in maps {
                    fs::write(file, text).map_err(|error| Obstacle::Namespaces(errno(&error)))?;
                }
                Ok(Namespaces { own_user: true })
            }
        }
    }

    /// Goes into a new network, which lives as long as the file that stands for it, or a process in it.
    pub fn enter_new(&self) -> std::result::Result<OwnedFd, Obstacle> {
        unshare(CloneFlags::CLONE_NEWNET).map_err(Obstacle::Namespaces)?;
        let file = File::open("/proc/self/ns/net").map_err(|error| step("opening a network")(errno(&error)))?;
        Ok(file.into())
    }
}

/// What the kernel said.
pub(crate) fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

/// Makes the process of a command, and all that it starts, live in that network; the rights that it takes to get there
/// end when the program begins.
pub fn enter(command: &mut Command, inside: &Inside) -> Result<()> {
    let open = |path: &PathBuf| File::open(path).doing(format_args!("cannot enter the link by {}", path.display()));
    let user = inside.user.as_ref().map(open).transpose()?;
    let net = open(&inside.net)?;
    // SAFETY: between fork and exec only setns is called, which is async-signal-safe, in a process of one thread.
    unsafe {
        command.pre_exec(move || {
            if let Some(user) = &user {
                setns(user, CloneFlags::CLONE_NEWUSER)?;
            }
            setns(&net, CloneFlags::CLONE_NEWNET)?;
            Ok(())
        });
    }
    Ok(())
}

/// The path by which others reach what a descriptor of this process stands for.
pub(crate) fn path_of(descriptor: &impl AsFd) -> PathBuf {
    PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), descriptor.as_fd().as_raw_fd()))
}
