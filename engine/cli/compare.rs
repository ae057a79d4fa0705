//! `engine compare`: two runs against each other, cell by cell.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::call::Word;
use crate::cli::{caution, complain, read, say};
use crate::error::{Context, Error, Exit, ParseError, Result};
use crate::registry::suggestion;
use crate::report::changes::Changes;
use crate::report::changes::by::By;
use crate::report::markup::markdown;

/// Compares the results of two runs, the new against the old; exit code 0 only where something could be compared and
/// nothing is worse, fails or is missing.
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
    /// What to compare, such as p50,p99,cpu_per_call [default: what the report ranks a cell by]; trials and calls that
    /// fail are looked at in any case
    ///
    /// p50, p90, p95, p99, p999: times, a tail only where ten calls of every trial lie beyond it. errors: the share of
    /// calls that failed. calls_per_s, bandwidth, capacity: rates. cpu_per_call, memory: what the server spends.
    #[arg(long, value_name = "FIGURES", value_delimiter = ',', value_parser = figure)]
    by: Vec<By>,
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

fn percent(text: &str) -> std::result::Result<f64, ParseError> {
    let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let percent = number.filter(|percent| percent.is_finite() && *percent >= 0.0);
    percent.map(|percent| percent / 100.0).ok_or_else(|| ParseError::new("write it like 10%"))
}

fn figure(text: &str) -> std::result::Result<By, ParseError> {
    let known: Vec<&str> = By::ALL.iter().map(|by| by.word()).collect();
    By::ALL.iter().copied().find(|by| by.word() == text).ok_or_else(|| ParseError::new(suggestion(text, &known)))
}

impl Compare {
    pub(crate) fn run(self) -> Result<Exit> {
        let changes = Changes::of(&read(&self.old)?, &read(&self.new)?, self.tolerance, &self.by)?;
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
        for wrong in &changes.wrong {
            complain(&Error::failed(wrong));
        }
        Ok(if changes.wrong.is_empty() { Exit::Success } else { Exit::Failed })
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
    let lists = [
        ("The new run does not pass:", &changes.wrong),
        ("The two runs differ in more than their figures:", &changes.warnings),
    ];
    for (heading, sentences) in lists.into_iter().filter(|(_, sentences)| !sentences.is_empty()) {
        text += &format!("\n{heading}\n\n");
        text += &sentences.iter().map(|sentence| format!("- {}\n", markdown(sentence))).collect::<String>();
    }
    text
}
