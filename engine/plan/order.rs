//! The order in which the trials of all cells run.

use crate::call::SplitMix;
use crate::plan::cell::{Cell, Turn};

/// Random blocks: block k holds trial k of every cell that has so many.
pub(crate) fn interleaved(cells: &[Cell], seed: u64) -> Vec<Turn> {
    let mut random = SplitMix::new(seed);
    let mut turns = Vec::new();
    let mut left: Vec<usize> = (0..cells.len()).collect();
    for trial in 1.. {
        left.retain(|cell| cells[*cell].trials >= trial);
        if left.is_empty() {
            break;
        }
        let mut block: Vec<Turn> = left.iter().map(|&cell| Turn { cell, trial, block: trial }).collect();
        random.shuffle(&mut block);
        turns.append(&mut block);
    }
    turns
}

/// Cell by cell; nothing is random, so all is one block.
pub(crate) fn sequential(cells: &[Cell]) -> Vec<Turn> {
    let of = |cell: usize| (1..=cells[cell].trials).map(move |trial| Turn { cell, trial, block: 1 });
    (0..cells.len()).flat_map(of).collect()
}
