//! `engine compare`: two runs against each other, cell by cell.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::{caution, read, say};
use crate::error::{Context, Error, Exit, Result};
use crate::report::changes::Changes;
use crate::report::figures::counted;
use crate::report::markup::markdown;

/// Compares the results of two runs; exit code 1 where a cell has become slower.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The results to compare with: a results.json, or the folder of a run
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The results to compare
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// By how much a figure may change before it counts, with the whole of its interval
    #[arg(long, value_name = "PERCENT", default_value = "10%", value_parser = percent)]
    tolerance: f64,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A table in columns
    Terminal,
    /// A table for a pull request
    Markdown,
    /// Every figure with its interval
    Json,
}

fn percent(text: &str) -> std::result::Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let percent = number.filter(|percent| percent.is_finite() && *percent >= 0.0);
    percent.map(|percent| percent / 100.0).ok_or_else(|| "write it like 10%".to_owned())
}

impl Compare {
    pub(crate) fn run(self) -> Result<Exit> {
        let changes = Changes::of(&read(&self.old)?, &read(&self.new)?, self.tolerance)?;
        let text = match self.format {
            Format::Terminal => terminal(&changes),
            Format::Markdown => in_markdown(&changes),
            Format::Json => serde_json::to_string_pretty(&changes).doing("cannot write the comparison as JSON")? + "\n",
        };
        say(&text)?;
        if matches!(self.format, Format::Terminal) {
            for warning in &changes.warnings {
                caution(&Error::failed(warning));
            }
        }
        match changes.slower().as_slice() {
            [] => Ok(Exit::Success),
            slower => {
                let cells = counted(slower.len(), "cell", "cells");
                let percent = self.tolerance * 100.0;
                let what = format!("{cells} slower by more than {percent} %: {}", slower.join(", "));
                Err(Error::failed(what))
            }
        }
    }
}

fn terminal(changes: &Changes) -> String {
    let (head, rows) = changes.table();
    let head: Vec<String> = head.into_iter().map(str::to_owned).collect();
    let lines = || std::iter::once(&head).chain(&rows);
    let width = |column: usize| lines().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    lines().fold(String::new(), |text, line| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text + cells.collect::<Vec<_>>().join("  ").trim_end() + "\n"
    })
}

fn in_markdown(changes: &Changes) -> String {
    let (head, rows) = changes.table();
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(head.iter().map(|cell| (*cell).to_owned()).collect());
    text += &line(head.iter().map(|_| "---".to_owned()).collect());
    for row in rows {
        text += &line(row.iter().map(|cell| markdown(cell)).collect());
    }
    let warnings: Vec<String> = changes.warnings.iter().map(|warning| format!("\n- {}", markdown(warning))).collect();
    if !warnings.is_empty() {
        text += "\nThe two runs differ in more than their figures:\n";
        text += &warnings.concat();
        text += "\n";
    }
    text
}
