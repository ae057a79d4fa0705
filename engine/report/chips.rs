//! What a reader checks first: when, what, where and how well it was measured.

use schemars::JsonSchema;
use serde::Serialize;

use crate::figures::{counted, listed};
use crate::key::setting::Setting;
use crate::report::cell::Cell;
use crate::report::words::distinct;
use crate::results::Results;
use crate::results::machine::Interference;
use crate::stack::own::options::INSECURE;

/// One thing to check at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Chip {
    /// Its name.
    pub name: String,
    /// What it is.
    pub value: String,
    /// True where it limits what the report can show.
    pub warns: bool,
}

fn chip(name: &str, value: impl Into<String>) -> Chip {
    Chip { name: name.to_owned(), value: value.into(), warns: false }
}

fn warning(name: &str, value: impl Into<String>) -> Chip {
    Chip { warns: true, ..chip(name, value) }
}

/// Date, commit, machine, load, trials; and what makes the run less than a full one.
pub fn chips(results: &Results, cells: &[Cell]) -> Vec<Chip> {
    let manifest = &results.manifest;
    let mut chips = Vec::new();
    if manifest.quick {
        chips.push(warning("quick", "fewer trials, calls and bytes than the scenario asks for"));
    }
    if manifest.interrupted {
        let kept = results.counting().count();
        let of = manifest.planned.map_or_else(String::new, |planned| format!(" of {planned}"));
        chips.push(warning("partial", format!("{kept}{of} trials")));
    }
    if manifest.build == "debug" {
        chips.push(warning("build", "debug"));
    }
    chips.extend(unverified(cells));
    chips.push(chip("date", manifest.started.split('T').next().unwrap_or_default()));
    chips.extend(manifest.git.iter().map(|commit| chip("commit", commit.as_str())));
    let machine = |name: &str| manifest.machine.get(name).cloned();
    let cores = machine("cores").map(|cores| format!("{cores} cores"));
    let place: Vec<String> = [machine("cpu"), cores].into_iter().flatten().collect();
    chips.push(chip("machine", place.join(", ")));
    let hosts: Vec<&str> = manifest.hosts.iter().map(|host| host.host.as_str()).collect();
    chips.extend((!hosts.is_empty()).then(|| chip("hosts", listed(&hosts))));
    chips.extend(machine("pinned").map(|pinned| chip("pinned", pinned)));
    chips.extend(load(results));
    chips.push(trials(cells));
    chips
}

/// Whose certificates nobody looked at, where clients took any.
fn unverified(cells: &[Cell]) -> Option<Chip> {
    let insecure = cells.iter().filter(|cell| cell.settings.get(INSECURE.name) == Some(&Setting::Flag(true)));
    let targets = distinct(insecure.map(|cell| cell.target.as_str()));
    (!targets.is_empty())
        .then(|| warning("insecure", format!("any certificate was taken for that of {}", listed(&targets))))
}

/// What others used while trials ran; of a kernel that does not tell it how busy the machine was before.
fn load(results: &Results) -> Option<Chip> {
    let shares = results.counting().filter_map(|record| record.interference.as_ref()).map(|it| it.share);
    if let Some(most) = shares.max_by(f64::total_cmp) {
        let said = chip("load while measured", format!("others used at most {:.0} % of the cores", most * 100.0));
        return Some(Chip { warns: most >= Interference::SUSPECT, ..said });
    }
    let before = results.manifest.machine.get("load before")?;
    Some(chip("load before", before.split(' ').next().unwrap_or_default()))
}

fn trials(cells: &[Cell]) -> Chip {
    let mut each = distinct(cells.iter().map(|cell| cell.trials.all));
    each.sort_unstable();
    let of_each = match each.as_slice() {
        [] => "none".to_owned(),
        [one] => format!("{one} of each cell"),
        [least, .., most] => format!("{least} to {most} of each cell"),
    };
    let sum = |of: fn(&Cell) -> usize| cells.iter().map(of).sum::<usize>();
    let troubles = [
        ("failed", sum(|cell| cell.trials.failed)),
        ("invalid", sum(|cell| cell.trials.invalid)),
        ("suspect", sum(|cell| cell.trials.suspect)),
    ];
    let troubles: Vec<String> =
        troubles.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}")).collect();
    let all = counted(sum(|cell| cell.trials.all), "trial", "trials");
    let value = [vec![of_each, format!("{all} in all")], troubles.clone()].concat().join(", ");
    Chip { warns: !troubles.is_empty(), ..chip("trials", value) }
}
