//! `engine list`: what there is to compare, and who fits whom.

use std::fmt::Write;

use clap::Args;

use crate::cli::catalogue::{Catalogue, Paired, ServiceCall, Setting, Word};
use crate::cli::{completions, say};
use crate::error::{Context, Error, Exit, Result};
use crate::registry::suggestion;

/// How wide a screen is taken to be, in characters.
const WIDE: usize = 80;

/// Lists that the first screen has no room for: they are named in its last line.
const BELOW: [&str; 3] = ["keys", "observers", "places"];

/// Prints what there is to compare and who fits whom on one screen; of a word, all there is to know.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// A word of a scenario, such as `http1`, `tls` or `payload`, or a whole list, such as `options`
    #[arg(add = completions::listed())]
    word: Option<String>,
    /// Print every list and every combination as JSON
    #[arg(long, conflicts_with_all = ["word", "reasons"])]
    json: bool,
    /// Print a grid for each stack and driver, and why what does not fit does not
    #[arg(long, conflicts_with = "word")]
    reasons: bool,
}

impl List {
    pub(crate) fn run(self) -> Result<Exit> {
        let catalogue = Catalogue::gathered();
        let text = match self.word {
            Some(word) => told(&catalogue, &word)?,
            None if self.json => serde_json::to_string_pretty(&catalogue).doing("writing the lists")? + "\n",
            None if self.reasons => grids(&catalogue),
            None => screen(&catalogue),
        };
        say(&text)?;
        Ok(Exit::Success)
    }
}

/// The first screen: every list on a line or two, and one grid.
fn screen(catalogue: &Catalogue) -> String {
    let mut text = String::new();
    for (title, words) in catalogue.lists().iter().filter(|(title, _)| !BELOW.contains(title)) {
        let words: Vec<&str> = words.iter().map(|word| word.name).collect();
        row(&mut text, title, &words.join(" "));
    }
    text.push('\n');
    grid(&mut text, catalogue);
    text.push('\n');
    let below = BELOW.join(", ");
    let more = format!(
        "`engine list WORD` tells all of a word, and so of {below}; `--reasons` why what does not fit does not, `--json` everything."
    );
    row(&mut text, "more", &more);
    text
}

/// Words behind a title, on as many lines as they need.
fn row(text: &mut String, title: &str, words: &str) {
    const INDENT: usize = 12;
    let mut line = format!("{title:<INDENT$}");
    for word in words.split(' ') {
        if line.chars().count() + word.chars().count() > WIDE {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(INDENT);
        }
        line.push_str(word);
        line.push(' ');
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

/// Which stacks serve a transport under a model, each as a letter, and which drivers speak it.
fn grid(text: &mut String, catalogue: &Catalogue) {
    let letters = letters(&catalogue.stacks);
    let legend: Vec<String> = letters.iter().map(|(letter, name)| format!("{letter} = {name} server")).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "Who serves what: {}, · = none", legend.join(", "));
    let _ = write!(text, "  {:<8}", "");
    for server in &catalogue.servers {
        let _ = write!(text, "  {}", server.name);
    }
    text.push('\n');
    for transport in &catalogue.transports {
        let _ = write!(text, "  {:<8}", transport.name);
        for server in &catalogue.servers {
            let fits = |stack: &str| {
                let of = |it: &&Paired| it.transport == transport.name && it.server == server.name;
                catalogue.pairings.iter().filter(of).any(|it| it.stack == stack && it.fits)
            };
            let square: String = letters.iter().filter(|(_, stack)| fits(stack)).map(|(letter, _)| *letter).collect();
            let square = if square.is_empty() { "·" } else { &square };
            let _ = write!(text, "  {square:<0$}", server.name.len());
        }
        *text = text.trim_end().to_owned() + "\n";
    }
    let drivers = catalogue.drivers.iter().map(|driver| {
        let speaks = spoken(catalogue, |it| it.driver == driver.name);
        let all = speaks.len() == catalogue.transports.len();
        format!(
            "{} {}",
            driver.name,
            if all { "speaks all".to_owned() } else { format!("speaks {}", speaks.join(", ")) }
        )
    });
    row(text, "who calls", &format!("{}.", drivers.collect::<Vec<_>>().join("; ")));
}

/// The transports of those combinations that fit.
fn spoken(catalogue: &Catalogue, wanted: impl Fn(&Paired) -> bool) -> Vec<&'static str> {
    let fits = |name: &str| catalogue.pairings.iter().any(|it| it.fits && it.transport == name && wanted(it));
    catalogue.transports.iter().map(|transport| transport.name).filter(|name| fits(name)).collect()
}

/// A letter for each name: its first that no other has taken.
fn letters(words: &[Word]) -> Vec<(char, &'static str)> {
    let mut letters: Vec<(char, &'static str)> = Vec::new();
    for word in words {
        let free = |letter: &char| letters.iter().all(|(taken, _)| taken != letter);
        letters.push((word.name.chars().find(free).unwrap_or('?'), word.name));
    }
    letters
}

/// All there is to know of a word, wherever it is listed; or a whole list, by its name.
fn told(catalogue: &Catalogue, asked: &str) -> Result<String> {
    let lists = catalogue.lists();
    let mut text = String::new();
    for (title, words) in &lists {
        if *title == asked {
            entries(&mut text, words);
        }
        for word in words.iter().filter(|word| word.name == asked) {
            if !text.is_empty() {
                text.push('\n');
            }
            let one = title.trim_end_matches('s');
            let _ = writeln!(text, "{asked}: {} {one}", if "aeio".contains(&one[..1]) { "an" } else { "a" });
            row(&mut text, "", &word.about);
            details(&mut text, catalogue, title, asked);
        }
    }
    if text.is_empty() {
        let known: Vec<&str> = lists
            .iter()
            .flat_map(|(title, words)| [*title].into_iter().chain(words.iter().map(|word| word.name)))
            .collect();
        return Err(Error::usage(format!("`{asked}` is in no list")).help(match suggestion(asked, &known) {
            near if near.starts_with("did") => near,
            _ => "`engine list` names every list and its words".to_owned(),
        }));
    }
    Ok(text)
}

fn entries(text: &mut String, words: &[Word]) {
    words.iter().for_each(|word| row(text, word.name, &word.about));
}

/// What is particular to a word of that list.
fn details(text: &mut String, catalogue: &Catalogue, title: &str, asked: &str) {
    match title {
        "transports" | "servers" => {
            for option in catalogue.options.iter().filter(|option| option.of.contains(&asked)) {
                row(text, option.name, &valued(option));
            }
            for (stack, fits, lacks) in by_stack(catalogue, title, asked) {
                if !fits.is_empty() {
                    row(text, "fits", &format!("{} ({stack} server)", fits.join(", ")));
                }
                for (reason, whom) in lacks {
                    row(text, "not", &format!("{} ({stack} server): {reason}", whom.join(", ")));
                }
            }
        }
        "stacks" => row(text, "serves", &spoken(catalogue, |it| it.stack == asked).join(", ")),
        "drivers" => row(text, "speaks", &spoken(catalogue, |it| it.driver == asked).join(", ")),
        "calls" => {
            for ServiceCall { needs, uses, .. } in catalogue.calls.iter().filter(|call| call.name == asked) {
                for (title, keys) in [("needs", needs), ("uses", uses)].into_iter().filter(|(_, it)| !it.is_empty()) {
                    row(text, title, &keys.join(", "));
                }
            }
        }
        "options" | "keys" => {
            let list = if title == "keys" { &catalogue.keys } else { &catalogue.options };
            for setting in list.iter().filter(|it| it.name == asked) {
                row(text, "of", &setting.of.join(", "));
                for (title, value) in [("takes", &setting.takes), ("default", &setting.default)] {
                    value.iter().for_each(|value| row(text, title, value));
                }
                setting.examples.iter().for_each(|example| row(text, "example", &format!("{asked}: {example}")));
            }
        }
        _ => {}
    }
}

fn valued(option: &Setting) -> String {
    let Setting { about, takes, default, .. } = option;
    let [takes, default] = [takes, default].map(|text| text.as_deref().unwrap_or_default());
    format!("{about}; {takes}; default: {default}")
}

/// Names that share a reason.
type Lacks = Vec<(String, Vec<&'static str>)>;

/// For each stack whom a transport or model fits, and whom it does not, by the reason.
fn by_stack(catalogue: &Catalogue, title: &str, asked: &str) -> Vec<(&'static str, Vec<&'static str>, Lacks)> {
    let of_transport = title == "transports";
    let mut found: Vec<(&'static str, Vec<&'static str>, Lacks)> = Vec::new();
    for paired in &catalogue.pairings {
        let (own, other) =
            if of_transport { (paired.transport, paired.server) } else { (paired.server, paired.transport) };
        // What a driver cannot speak is told where one asks for the driver.
        if own != asked || catalogue.drivers.first().is_none_or(|driver| driver.name != paired.driver) {
            continue;
        }
        if found.iter().all(|(stack, ..)| *stack != paired.stack) {
            found.push((paired.stack, Vec::new(), Vec::new()));
        }
        let Some((_, fits, lacks)) = found.iter_mut().find(|(stack, ..)| *stack == paired.stack) else { continue };
        match &paired.reason {
            None => fits.push(other),
            Some(reason) => match lacks.iter_mut().find(|(known, _)| known == reason) {
                Some((_, whom)) => whom.push(other),
                None => lacks.push((reason.clone(), vec![other])),
            },
        }
    }
    found
}

/// One grid for each stack and driver: `x` where they fit, else the number of the reason below all grids.
fn grids(catalogue: &Catalogue) -> String {
    let (mut text, mut reasons) = (String::new(), Vec::new());
    let _ = writeln!(text, "Who fits whom: x, or the number of the reason why not");
    for stack in &catalogue.stacks {
        for driver in &catalogue.drivers {
            let _ = write!(text, "\n  {} server, {} driver\n  {:<8}", stack.name, driver.name, "");
            for server in &catalogue.servers {
                let _ = write!(text, "  {}", server.name);
            }
            text.push('\n');
            for transport in &catalogue.transports {
                let _ = write!(text, "  {:<8}", transport.name);
                for server in &catalogue.servers {
                    let of = |it: &&Paired| {
                        (it.transport, it.server, it.stack, it.driver)
                            == (transport.name, server.name, stack.name, driver.name)
                    };
                    let reason = catalogue.pairings.iter().find(of).and_then(|it| it.reason.as_deref());
                    let square = reason.map_or_else(|| "x".to_owned(), |it| number(&mut reasons, it).to_string());
                    let _ = write!(text, "  {square:>0$}", server.name.len());
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
    text
}

/// The number of a reason, from 1; a new one is added.
fn number<'a>(reasons: &mut Vec<&'a str>, reason: &'a str) -> usize {
    let index = reasons.iter().position(|other| *other == reason).unwrap_or_else(|| {
        reasons.push(reason);
        reasons.len() - 1
    });
    index + 1
}
