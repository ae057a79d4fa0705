//! The places by `ssh`: hosts that the user's own ssh knows, with its configuration, agent, jump hosts and known hosts.

use std::net::IpAddr;

use crate::error::Result;
use crate::place::contract::{Host, Place, Prefix, Reach};
use crate::place::messages::Hello;
use crate::registry::Entry;

/// The places by `ssh`.
pub struct Ssh;

/// It asks nobody for a password, and gives up where the other side is silent for six seconds.
const OPTIONS: [&str; 4] = ["-T", "-oBatchMode=yes", "-oServerAliveInterval=2", "-oServerAliveCountMax=3"];

impl Entry for Ssh {
    fn name(&self) -> &'static str {
        "ssh"
    }
    fn about(&self) -> &'static str {
        "hosts that your ssh reaches"
    }
}

impl Place for Ssh {
    fn reach(&self, host: &Host) -> Result<Reach> {
        let words = ["ssh"].iter().chain(&OPTIONS).map(|word| (*word).to_owned()).chain([host.name.clone()]).collect();
        Ok(Reach::Through(Prefix { words, shell: true }))
    }

    fn address(&self, _: &Host, hello: &Hello) -> Result<Option<IpAddr>> {
        Ok(hello.addresses.first().and_then(|address| address.parse().ok()))
    }

    fn remedy(&self, host: &Host, said: &str) -> Option<String> {
        let name = &host.name;
        let sign = |text: &str| said.contains(text);
        Some(match () {
            () if sign("REMOTE HOST IDENTIFICATION HAS CHANGED") => format!(
                "somebody else may answer there: compare its key with whoever runs {name}; where it is right, \
                 `ssh-keygen -R {name}` forgets the old one"
            ),
            () if sign("Host key verification failed") => {
                format!(
                    "its key is not known yet: run `ssh {name} true` once, compare the key that it shows, and say yes"
                )
            }
            () if sign("Permission denied (") => {
                format!("let `ssh -oBatchMode=yes {name} true` succeed: a key in your agent, or in ~/.ssh/config")
            }
            () if sign("Could not resolve hostname") || sign("Name or service not known") => {
                format!("is `{name}` written as in ~/.ssh/config, or as your resolver knows it?")
            }
            () if sign("Connection refused") || sign("timed out") || sign("No route to host") => {
                format!("see that {name} is up, and that `ssh {name} true` succeeds from here")
            }
            () => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Ssh;
    use crate::place::contract::{Host, Place, Reach};

    #[test]
    fn it_is_asked_as_a_user_would_ask_it() {
        let host = Host { place: "web".to_owned(), name: "web-1".to_owned(), ..Host::here() };
        let Ok(Reach::Through(prefix)) = Ssh.reach(&host) else { panic!("it is a prefix") };
        let command = prefix.script("echo \"it's\"");
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let options = ["-T", "-oBatchMode=yes", "-oServerAliveInterval=2", "-oServerAliveCountMax=3"];
        assert_eq!(words[..4], options);
        assert_eq!(words[4..], ["web-1", "exec sh -c 'echo \"it'\\''s\"'"]);
        assert_eq!(host.to_string(), "web-1 of the place `web`");
    }

    #[test]
    fn what_ssh_says_is_told_with_what_would_help() {
        let host = Host { name: "web-1".to_owned(), ..Host::here() };
        let help = |said: &str| Ssh.remedy(&host, said).unwrap_or_default();
        assert!(help("Host key verification failed.").contains("`ssh web-1 true` once"));
        let changed = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.";
        assert!(help(changed).contains("`ssh-keygen -R web-1`"));
        assert!(help("me@web-1: Permission denied (publickey).").contains("BatchMode"));
        assert_eq!(help("something else"), "");
    }
}
