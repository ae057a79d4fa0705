//! Every reader of outside bytes against 20,000 inputs that a seed makes from good ones, on the smallest stack it is given.
//!
//! `just fuzz` lets libFuzzer look for what these do not find. `FUZZ_ROUNDS` sets another number of inputs, `FUZZ_TARGET`
//! chooses one target; `FUZZ_SEEDS` names a folder that the good inputs are written into, one folder for each target.

#[path = "fuzz/datagrams.rs"]
mod datagrams;
mod pairs;
mod slips;
#[path = "fuzz/targets.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use engine::call::SplitMix;
use slips::broken;
use targets::{Target, targets};

const ROUNDS: u64 = 20_000;

/// What libFuzzer found for a target: what reaches far (`tests/fuzz/corpus`) and what once made it panic
/// (`tests/fuzz/found`), a line of hexadecimal digits each.
fn kept(target: &str) -> Vec<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).expect("a hexadecimal digit") as u8;
    let bytes = |line: &str| line.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
    // A new target has none yet.
    let of = |folder: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(folder).join(target);
    let texts = ["found", "corpus"].map(|folder| std::fs::read_to_string(of(folder)).unwrap_or_default());
    texts.iter().flat_map(|text| text.lines().map(bytes)).collect()
}

/// An input made of the good ones: broken, two of them joined, or only noise.
fn input(seeds: &[Vec<u8>], random: &mut SplitMix) -> Vec<u8> {
    let seed = &seeds[random.below(seeds.len() as u64) as usize];
    match random.below(16) {
        0 => (0..random.below(200)).map(|_| random.next() as u8).collect(),
        1 => {
            let other = &seeds[random.below(seeds.len() as u64) as usize];
            let (end, from) = (random.below(seed.len() as u64 + 1), random.below(other.len() as u64 + 1));
            broken(&[&seed[..end as usize], &other[from as usize..]].concat(), random)
        }
        _ => {
            let mut input = broken(seed, random);
            // In one piece mostly, since bytes that come one by one take long.
            if input.len() > 1 && random.below(4) > 0 {
                input[1] = 0;
            }
            input
        }
    }
}

/// Reads all inputs of a target on a thread with its stack; what went wrong, in words.
fn fuzz(target: &Target, rounds: u64) -> Option<String> {
    let work = || {
        for round in 0..rounds {
            let input = input(&target.seeds, &mut SplitMix::new(round));
            if catch_unwind(AssertUnwindSafe(|| (target.read)(&input))).is_err() {
                return Some(format!("{}, round {round}: {}", target.name, input.escape_ascii()));
            }
        }
        None
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(target.name.clone()).stack_size(target.stack);
        thread.spawn_scoped(scope, work).expect("a thread can be started").join().expect("panics are caught")
    })
}

#[test]
fn no_input_makes_a_reader_panic() {
    let rounds = std::env::var("FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    let mut all = targets();
    if let Ok(only) = std::env::var("FUZZ_TARGET") {
        all.retain(|target| target.name == only);
    }
    assert!(!all.is_empty(), "there is no such target");
    for target in &mut all {
        target.seeds.extend(kept(&target.name));
    }
    if let Some(folder) = std::env::var_os("FUZZ_SEEDS") {
        for target in &all {
            let folder = std::path::Path::new(&folder).join(&target.name);
            std::fs::create_dir_all(&folder).expect("a folder can be made");
            for (at, seed) in target.seeds.iter().enumerate() {
                std::fs::write(folder.join(at.to_string()), seed).expect("a seed can be written");
            }
        }
        return;
    }
    // A good input is read to its end, or the slips would all be in its first words.
    for target in &all {
        target.seeds.iter().for_each(|seed| (target.read)(seed));
    }
    let (queue, found) = (Mutex::new(all.iter()), Mutex::new(Vec::new()));
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let next = || queue.lock().expect("nobody panics with it").next();
                while let Some(target) = next() {
                    let begun = std::time::Instant::now();
                    let wrong = fuzz(target, rounds);
                    eprintln!("{:<14} {rounds} inputs, {:.1} s", target.name, begun.elapsed().as_secs_f64());
                    found.lock().expect("nobody panics with it").extend(wrong);
                }
            });
        }
    });
    let found = found.into_inner().expect("nobody panicked with it");
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}
