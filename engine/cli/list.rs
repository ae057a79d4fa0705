//! `engine list`: what there is to compare, and who fits whom.

use std::fmt::Write;

use clap::Args;

use crate::cli::say;
use crate::error::{Exit, Result};
use crate::key::rate::SEARCH;
use crate::scenario::options::known_options;
use crate::server::MODELS;
use crate::stack::STACKS;
use crate::stack::driver::DRIVERS;
use crate::stack::pairing::Pairing;
use crate::transport::TRANSPORTS;

/// Prints transports, server models, stacks, drivers and options, and the grid of who fits whom.
#[derive(Debug, Args)]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(self) -> Result<Exit> {
        say(&text())?;
        Ok(Exit::Success)
    }
}

fn text() -> String {
    let mut text = String::new();
    entries(&mut text, "Transports", TRANSPORTS.iter().map(|it| (it.name(), it.about().to_owned())));
    entries(&mut text, "Server models", MODELS.iter().map(|it| (it.name(), it.about().to_owned())));
    entries(&mut text, "Stacks", STACKS.iter().map(|it| (it.name(), it.about().to_owned())));
    entries(&mut text, "Drivers", DRIVERS.iter().map(|it| (it.name(), it.about().to_owned())));
    let search = (SEARCH, "the highest one at which each `expect` that holds a figure down is met".to_owned());
    let given = ("1000, 2500.5", "calls per second of all clients together, due by the clock".to_owned());
    entries(&mut text, "Rates of an open loop", [given, search].into_iter());
    let options = known_options();
    if !options.is_empty() {
        entries(
            &mut text,
            "Options",
            options.iter().map(|(spec, owners)| {
                let (about, kind, default) = (spec.about, spec.kind, spec.default);
                let owners = owners.join(", ");
                (spec.name, format!("{about}\n               {owners}: {kind}; default: {default}"))
            }),
        );
    }
    grids(&mut text);
    text
}

fn entries<'a>(text: &mut String, title: &str, entries: impl Iterator<Item = (&'a str, String)>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{title}");
    for (name, about) in entries {
        let _ = writeln!(text, "  {name:<12} {about}");
    }
    text.push('\n');
}

/// One grid for each stack and driver: `x` where they fit, else the number of the reason below all grids.
fn grids(text: &mut String) {
    let mut reasons: Vec<String> = Vec::new();
    let _ = writeln!(text, "Who fits whom: x, or the number of the reason why not");
    for &stack in STACKS {
        for &driver in DRIVERS {
            let _ = write!(text, "\n  {} server, {} driver\n  {:<8}", stack.name(), driver.name(), "");
            for model in MODELS {
                let _ = write!(text, "  {}", model.name());
            }
            text.push('\n');
            for transport in TRANSPORTS {
                let _ = write!(text, "  {:<8}", transport.name());
                for model in MODELS {
                    let square = match Pairing::of(*transport, *model, stack, driver) {
                        Ok(_) => "x".to_owned(),
                        Err(refusal) => number(&mut reasons, refusal.reason).to_string(),
                    };
                    let _ = write!(text, "  {square:>0$}", model.name().len());
                }
                text.push('\n');
            }
        }
    }
    if !reasons.is_empty() {
        text.push('\n');
    }
    for (index, reason) in reasons.iter().enumerate() {
        let _ = writeln!(text, "  {}: {reason}", index + 1);
    }
}

/// The number of a reason, from 1; a new one is added.
fn number(reasons: &mut Vec<String>, reason: String) -> usize {
    let index = reasons.iter().position(|other| *other == reason).unwrap_or_else(|| {
        reasons.push(reason);
        reasons.len() - 1
    });
    index + 1
}
