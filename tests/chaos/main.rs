//! Everything that can break is broken, by a seed: kills at random moments, signals, full disks, broken files, bad peers.
//!
//! The engine may refuse, fail a cell or end early; it may not panic, hang, leave a process behind or lose a record.
//! `just chaos` runs many rounds; each kind runs a few in every test run. A failure is repeated by what it prints:
//! `CHAOS_KIND="…" CHAOS_ROUND=… cargo test --test chaos`.

#[path = "../ends/mod.rs"]
mod ends;
mod files;
mod peers;
mod processes;
mod run;
#[path = "../slips/mod.rs"]
mod slips;

use std::time::Instant;

use engine::call::SplitMix;

/// One way to break something.
struct Kind {
    name: &'static str,
    /// How many rounds there are for each round that is asked for.
    rounds: u64,
    /// Breaks something and looks what became of it: what is wrong, in words.
    attack: fn(&mut SplitMix) -> Result<(), String>,
}

const KINDS: [Kind; 10] = [
    Kind { name: "kill -9 of a run", rounds: 3, attack: processes::killed_run },
    Kind { name: "signals to a run", rounds: 3, attack: processes::signalled_run },
    Kind { name: "signals to an end", rounds: 3, attack: processes::signalled_end },
    Kind { name: "full disk", rounds: 3, attack: files::full_disk },
    Kind { name: "broken scenario", rounds: 40, attack: files::broken_scenario },
    Kind { name: "broken results", rounds: 20, attack: files::broken_results },
    Kind { name: "broken journal", rounds: 20, attack: files::broken_journal },
    Kind { name: "broken template", rounds: 20, attack: files::broken_template },
    Kind { name: "bad peers over streams", rounds: 6, attack: peers::over_streams },
    Kind { name: "bad peers over datagrams", rounds: 2, attack: peers::over_datagrams },
];

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn nothing_breaks_it() {
    let times = asked("CHAOS_TIMES").unwrap_or(1);
    let (only, round) = (std::env::var("CHAOS_KIND").ok(), asked("CHAOS_ROUND"));
    let mut failures = Vec::new();
    eprintln!("{:<26} {:>6} {:>9} {:>7} {:>7}", "what was tried", "tried", "survived", "failed", "s");
    for (at, kind) in (0..).zip(KINDS.iter()).filter(|(_, kind)| only.as_ref().is_none_or(|only| only == kind.name)) {
        let begun = Instant::now();
        let (mut tried, before) = (0, failures.len());
        for round in round.map_or(0..times * kind.rounds, |round| round..round + 1) {
            tried += 1;
            if let Err(why) = (kind.attack)(&mut SplitMix::new(at << 32 | round)) {
                failures.push(format!("CHAOS_KIND=\"{}\" CHAOS_ROUND={round}: {why}", kind.name));
            }
        }
        let failed = failures.len() - before;
        let took = begun.elapsed().as_secs();
        eprintln!("{:<26} {tried:>6} {:>9} {failed:>7} {took:>7}", kind.name, tried - failed);
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
