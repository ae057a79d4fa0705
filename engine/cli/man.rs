//! `engine man`: the manual, made of what help says of the commands.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory, ValueHint};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::cli::{Arguments, say};
use crate::error::{Context, Error, Exit, Result};

/// Writes the pages of the manual into DIR, one for each command; without DIR, prints the first.
///
/// `engine man ~/.local/share/man/man1` puts them where `man engine` and `man engine-run` look.
#[derive(Debug, Args)]
pub(crate) struct Manual {
    /// The folder, which is made where it is missing
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

impl Manual {
    pub(crate) fn run(self) -> Result<Exit> {
        let engine = built();
        let Some(dir) = self.dir else {
            say(&page(&engine, true).doing("writing the manual")?)?;
            return Ok(Exit::Success);
        };
        fs::create_dir_all(&dir).map_err(|error| Error::unwritable(&dir, error))?;
        put(&dir, "engine", &page(&engine, true).doing("writing the manual")?)?;
        for command in engine.get_subcommands().filter(|command| !command.is_hide_set()) {
            let name = format!("engine-{}", command.get_name());
            put(&dir, &name, &page(command, false).doing("writing the manual")?)?;
        }
        Ok(Exit::Success)
    }
}

/// The commands, each knowing its whole name.
fn built() -> Command {
    let mut engine = Arguments::command().disable_help_subcommand(true);
    engine.build();
    engine
}

/// Writes one page and tells where.
fn put(dir: &Path, name: &str, text: &str) -> Result<()> {
    let path = dir.join(format!("{name}.1"));
    fs::write(&path, text).map_err(|error| Error::unwritable(&path, error))?;
    say(&format!("{}\n", path.display()))
}

/// The page of a command, in the language of `man`.
fn page(command: &Command, first: bool) -> io::Result<String> {
    let man = Man::new(command.clone()).source(concat!("engine ", env!("CARGO_PKG_VERSION"))).manual("engine");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if first {
        man.render_subcommands_section(&mut text)?;
    }
    let mut rest = Roff::new();
    if let Some(exits) = command.get_after_long_help() {
        rest.control("SH", ["EXIT STATUS"]);
        for line in exits.to_string().lines().skip(1) {
            rest.control("PP", []);
            rest.text([roman(line.trim())]);
        }
    }
    if !first {
        rest.control("SH", ["SEE ALSO"]);
        rest.text([roman("engine(1)")]);
    }
    rest.to_writer(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
