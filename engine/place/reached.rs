//! How the agent of a host is reached behind a prefix: it is started where it is, and brought there where it is not.

use crate::error::{Error, Result};
use crate::place::contract::{Host, Place, Prefix};
use crate::place::digest;
use crate::place::messages::Hello;
use crate::place::piped::{Greeting, Piped};
use crate::place::ship;

/// The agent of a host behind that prefix; `say` is told what takes long.
pub fn agent(place: &dyn Place, host: &Host, prefix: &Prefix, say: &mut dyn FnMut(&str)) -> Result<(Piped, Hello)> {
    let what = host.to_string();
    let ours = digest::own()?;
    let script = match &host.engine {
        Some(engine) => format!("exec {} agent", shell_words::quote(&engine.to_string_lossy())),
        None => ship::start(ours),
    };
    let greet = || Piped::greet(&what, prefix.script(&script)).map_err(|error| unreached(place, host, error));
    let greeting = match greet()? {
        Greeting::Absent(machine) => {
            say(&format!("copying the engine to {what}; this happens once"));
            ship::ship(host, prefix, &machine)?;
            greet()?
        }
        greeting => greeting,
    };
    let Greeting::Agent(agent) = greeting else {
        return Err(Error::failed(format!("the engine was copied to {what}, and is not there")));
    };
    let (agent, hello) = *agent;
    same(host, &hello, ours)?;
    Ok((agent, hello))
}

/// An engine that was found there has to be of our version; one that was brought there has to be this very one.
fn same(host: &Host, hello: &Hello, ours: &str) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    if hello.engine != version {
        let what = format!("the engine of {host} is version {}, and this one is {version}", hello.engine);
        return Err(Error::failed(what).help("put one of the same version there, or leave `engine` out of the place"));
    }
    if host.engine.is_none() && hello.sha256 != ours {
        let what = format!("the engine of {host} is another than the one that was copied there ({})", hello.sha256);
        return Err(Error::failed(what).help("remove ~/.cache/engine/bin there, and run again"));
    }
    Ok(())
}

/// That a host cannot be reached, why, and what helps.
fn unreached(place: &dyn Place, host: &Host, error: Error) -> Error {
    let said = error.message();
    let missing =
        ["not found", "No such file", "Exec format error", "cannot execute"].iter().any(|sign| said.contains(sign));
    let help = match place.remedy(host, said) {
        Some(help) => Some(help),
        None => match &host.engine {
            Some(engine) if missing => Some(format!(
                "is {} there, and built for that machine? without `engine` in the place the one that runs here is copied",
                engine.display()
            )),
            _ => error.remedy().map(str::to_owned),
        },
    };
    let told = Error::failed(format!("{host} cannot be reached by {}: {said}", place.name()));
    let told = match help {
        Some(help) => told.help(help),
        None => told,
    };
    told.because(error)
}
