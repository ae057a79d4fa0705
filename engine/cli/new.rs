//! `engine new`: a commented scenario to start from.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::cli::create::{absent, create};
use crate::error::{Exit, Result};

/// What stands before each: an editor completes and explains every key then.
const HEADER: &str =
    "# yaml-language-server: $schema=scenario.schema.json\n# (which `engine schema --install .` writes here)\n\n";

/// Writes a commented scenario to start from
#[derive(Debug, Args)]
pub(crate) struct New {
    /// About what
    #[arg(value_enum)]
    kind: Kind,
    /// Where to write it [default: the kind with .yaml behind it; never over another file]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
}

/// What a scenario is about.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Our transports and server models against each other
    Compare,
    /// Two builds of a HTTP service of yours
    Http,
    /// A gRPC service of yours
    Grpc,
    /// An RPyC service of yours beside the same functions over HTTP
    Rpyc,
    /// Any server of lines or frames, such as Redis
    Raw,
    /// Log in once, then steps with a pause, every client its own user
    Steps,
    /// Networks between both ends
    Links,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Compare => "compare",
            Kind::Http => "http",
            Kind::Grpc => "grpc",
            Kind::Rpyc => "rpyc",
            Kind::Raw => "raw",
            Kind::Steps => "steps",
            Kind::Links => "links",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Kind::Compare => include_str!("../../templates/new/compare.yaml"),
            Kind::Http => include_str!("../../templates/new/http.yaml"),
            Kind::Grpc => include_str!("../../templates/new/grpc.yaml"),
            Kind::Rpyc => include_str!("../../templates/new/rpyc.yaml"),
            Kind::Raw => include_str!("../../templates/new/raw.yaml"),
            Kind::Steps => include_str!("../../templates/new/steps.yaml"),
            Kind::Links => include_str!("../../templates/new/links.yaml"),
        }
    }

    /// The files that it names, with their texts.
    fn beside(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Kind::Steps => &[("users.csv", include_str!("../../templates/new/users.csv"))],
            _ => &[],
        }
    }
}

impl New {
    pub(crate) fn run(self) -> Result<Exit> {
        let file = self.out.unwrap_or_else(|| PathBuf::from(format!("{}.yaml", self.kind.name())));
        let beside = self.kind.beside().iter().map(|(name, text)| (file.with_file_name(name), *text));
        let beside: Vec<(PathBuf, &str)> = beside.collect();
        // All of them or none.
        beside.iter().try_for_each(|(file, _)| absent(file))?;
        create(&file, &format!("{HEADER}{}", self.kind.text()))?;
        beside.iter().try_for_each(|(file, text)| create(file, text))?;
        // A closed stderr is the reader's choice.
        let _ = writeln!(
            std::io::stderr(),
            "wrote {0}; `engine check {0}` reads it, `engine run {0}` runs it",
            file.display()
        );
        Ok(Exit::Success)
    }
}
