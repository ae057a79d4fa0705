//! The process of a link: lays it, carries, and says what was carried, until its stdin ends.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use nix::errno::Errno;
use nix::unistd::{pipe, read};

use crate::error::{Context, Error, Result};
use crate::key::link::properties::Link;
use crate::place::link::lines::{FromLink, Network, Networks, ToLink};
use crate::place::link::namespaces::{Inside, Namespaces, path_of};
use crate::place::link::obstacle::{Obstacle, step};
use crate::place::link::probe::Probe;
use crate::place::link::probing::{Sockets, show};
use crate::place::link::relay::Relay;
use crate::place::link::tun::Tun;
use crate::place::link::{CLIENT, SERVER};
use crate::place::messages::RemoteError;

/// How a link is to be laid.
#[derive(Debug, Clone)]
pub struct Laying {
    /// What it is to be like.
    pub link: Link,
    /// The seed of its chance.
    pub seed: u64,
    /// Whether its relay goes before ordinary processes where that is allowed.
    pub first: bool,
    /// What is to be tried of it, in place of waiting for ends.
    pub probe: Option<Probe>,
}

/// Lays it and carries until stdin ends; where it cannot be laid, that is said in a line, and an error.
pub fn serve(laying: &Laying) -> Result<()> {
    let laid = match Laid::lay(laying) {
        Ok(laid) => laid,
        Err(obstacle) => {
            let error = Error::from(obstacle);
            say(&mut io::stdout(), &FromLink::Refused(RemoteError::from(&error)))?;
            return Err(error);
        }
    };
    match laying.probe {
        None => laid.carry(),
        Some(probe) => laid.show(probe),
    }
}

/// A link that is laid; its networks go with it.
struct Laid {
    relay: Relay,
    networks: [OwnedFd; 2],
    sockets: Option<Sockets>,
    own_user: bool,
}

impl Laid {
    fn lay(laying: &Laying) -> std::result::Result<Self, Obstacle> {
        let namespaces = Namespaces::begin()?;
        let probes = laying.probe.is_some();
        let end = |address| {
            let network = namespaces.enter_new()?;
            let tun = Tun::open(address)?;
            // A socket stays in the network in which it was opened.
            let sockets = probes.then(|| Sockets::open(address)).transpose()?;
            Ok::<_, Obstacle>((network, tun, sockets))
        };
        let (client, client_tun, client_sockets) = end(CLIENT)?;
        let (server, server_tun, server_sockets) = end(SERVER)?;
        let relay = Relay::new([client_tun, server_tun], &laying.link, laying.seed, laying.first)?;
        let sockets = client_sockets.zip(server_sockets).map(|(client, server)| client.facing(server));
        Ok(Laid { relay, networks: [client, server], sockets, own_user: namespaces.own_user })
    }

    fn networks(&self) -> Networks {
        let user = self.own_user.then(|| format!("/proc/{}/ns/user", std::process::id()).into());
        let [client, server] = [(&self.networks[0], CLIENT), (&self.networks[1], SERVER)]
            .map(|(net, address)| Network { inside: Inside { user: user.clone(), net: path_of(net) }, address });
        Networks { server, client }
    }

    /// Carries for ends that are started inside.
    fn carry(mut self) -> Result<()> {
        say(&mut io::stdout(), &FromLink::Laid(self.networks()))?;
        listen(&mut self.relay, io::stdin(), &mut io::stdout())
    }

    /// Tries it, with a relay that runs as it always does, in a thread of its own.
    fn show(self, probe: Probe) -> Result<()> {
        let Laid { mut relay, sockets, .. } = self;
        let sockets = sockets.ok_or_else(|| Error::stopped("a probe without sockets"))?;
        let doing = "making a pipe to the relay";
        let ((ours_in, theirs_out), (theirs_in, ours_out)) = (pipe().doing(doing)?, pipe().doing(doing)?);
        let relaying = thread::spawn(move || listen(&mut relay, theirs_in, &mut File::from(theirs_out)));
        let shown = show(probe, &sockets, ours_in, File::from(ours_out));
        // It has heard that nobody speaks to it any more.
        let relayed = relaying.join().map_err(|_| Error::stopped("the relay of a probe broke"))?;
        let shown = shown?;
        relayed?;
        say(&mut io::stdout(), &FromLink::Shown(shown))
    }
}

/// Carries, and does what is said line by line, until nothing more can be said.
fn listen(relay: &mut Relay, input: impl AsFd, output: &mut impl Write) -> Result<()> {
    relay.begin_here();
    let mut heard = Vec::new();
    loop {
        relay.run(input.as_fd())?;
        let mut bytes = [0; 256];
        match read(&input, &mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) => heard.extend_from_slice(&bytes[..count]),
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(error) => return Err(step("reading what the link is told")(error).into()),
        }
        while let Some(end) = heard.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = heard.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let told: ToLink = serde_json::from_str(line.trim_end())
                .doing(format_args!("the link was told `{}`, which is none of its lines", line.trim_end()))?;
            let answer = match told {
                ToLink::Begin {} => {
                    relay.begin();
                    FromLink::Begun {}
                }
                ToLink::End {} => FromLink::Carried(relay.end()),
            };
            say(output, &answer)?;
        }
    }
}

fn say(output: &mut impl Write, line: &FromLink) -> Result<()> {
    let doing = "the link cannot say anything";
    let mut text = serde_json::to_vec(line).doing(doing)?;
    text.push(b'\n');
    output.write_all(&text).and_then(|()| output.flush()).doing(doing)
}
