//! `engine plan`: the cells of a scenario, the refusals, and how long it should take.

use std::fmt::Write;

use clap::Args;
use serde_json::json;

use crate::cli::load::{self, Chosen, Loaded};
use crate::cli::say;
use crate::error::{Exit, Result};
use crate::figures::{counted, grouped};
use crate::place::pinning::{Pinning, cores};
use crate::plan::parallelism::hidden;
use crate::plan::{Cell, Plan};
use crate::scenario::files::NamedFile;
use crate::transport::ports::Ports;

/// Prints what a run would measure, without running it.
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    chosen: Chosen,
    /// As JSON, with the order of all trials
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(crate) fn run(self) -> Result<Exit> {
        match self.chosen.load(false) {
            Err(exit) => Ok(exit),
            Ok(loaded) => {
                load::warn_of_limits(&loaded.plan, &loaded.source);
                say(&if self.json { json(&loaded, self.chosen.quick) } else { text(&loaded) })?;
                Ok(Exit::Success)
            }
        }
    }
}

fn text(Loaded { scenario, plan, untold, .. }: &Loaded<'_>) -> String {
    let mut text = format!("{}\n", scenario.title);
    // Writing to a string cannot fail.
    for cell in &plan.cells {
        let _ = writeln!(text, "{:>4} × {}", cell.trials, cell.planned.id);
    }
    for refused in &plan.refusals {
        let target = refused.settings.text("target").unwrap_or_default();
        let _ = writeln!(text, "refused {target}: {}", refused.reason);
    }
    for (target, command) in plan.commands() {
        let _ = writeln!(text, "launches {target}: {command}");
    }
    for NamedFile { of, key, file } in scenario.files() {
        let _ = writeln!(text, "reads {file}: `{key}` of {of}");
    }
    for line in place(plan) {
        let _ = writeln!(text, "{line}");
    }
    for what in untold {
        let _ = writeln!(text, "cannot tell, being quick: {what}");
    }
    let _ = writeln!(text, "{}", plan.summary());
    if let Some(most) = plan.dials_a_minute(Ports::of_this_machine()) {
        let _ = writeln!(text, "at most {} dials a minute to one server: so many local ports come back", grouped(most));
    }
    text
}

/// What runs at other places, how many cores each end has here, and what that hides; or why the plan cannot run here.
fn place(plan: &Plan) -> Vec<String> {
    let elsewhere = plan.places.iter().map(|place| {
        let name = Some(place.name.as_str());
        let of = |runs: &dyn Fn(&Cell) -> Option<&str>| {
            let count = plan.cells.iter().filter(|cell| runs(cell) == name).count();
            counted(count, "cell", "cells")
        };
        let (servers, clients) = (of(&|cell| cell.target.place.as_deref()), of(&|cell| cell.from.as_deref()));
        let hosts = place.hosts.join(", ");
        format!("at {} ({} {hosts}): the servers of {servers}, the clients of {clients}", place.name, place.by)
    });
    elsewhere.chain(here(plan)).collect()
}

/// The same of this machine alone.
fn here(plan: &Plan) -> Vec<String> {
    if !plan.meets_here() {
        return Vec::new();
    }
    let pinning = match cores().and_then(|cores| Pinning::among(&plan.pin, &cores, plan.has_links(), plan.processes)) {
        Ok(pinning) => pinning,
        Err(error) => return vec![error.to_string()],
    };
    let hidden = hidden(plan.cells.iter().map(|cell| &cell.planned), pinning.server.len());
    std::iter::once(pinning.sentence()).chain(hidden).collect()
}

fn json(Loaded { scenario, as_read, plan, untold, .. }: &Loaded, quick: bool) -> String {
    let cells: Vec<_> = plan
        .cells
        .iter()
        .map(|cell| json!({"id": cell.planned.id, "settings": cell.planned.settings, "trials": cell.trials}))
        .collect();
    let turns: Vec<_> = plan
        .turns
        .iter()
        .map(|turn| json!({"id": plan.cells[turn.cell].planned.id, "trial": turn.trial, "block": turn.block}))
        .collect();
    let commands: Vec<_> =
        plan.commands().into_iter().map(|(target, command)| json!({"target": target, "command": command})).collect();
    let whole = json!({
        "scenario": as_read, "commands": commands, "files": scenario.files(), "quick": quick, "untold": untold, "estimate_s": plan.estimate.as_secs_f64(),
        "differences": plan.differences(), "cells": cells, "refusals": plan.refusals, "turns": turns, "place": place(plan),
    });
    format!("{whole:#}\n")
}
