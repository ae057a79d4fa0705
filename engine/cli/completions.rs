//! `engine completions`: a script that has a shell ask this program how a command line goes on, and what it then answers.

use std::ffi::OsString;
use std::path::Path;

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter};
use clap_complete::env::{Bash, EnvCompleter, Fish, Shells, Zsh};

use crate::cli::catalogue::Catalogue;
use crate::cli::{Arguments, say};
use crate::error::{Context, Exit, Result};
use crate::scenario::options::known_options;

/// The program that is completed, and asked.
const PROGRAM: &str = "engine";

/// Where this is in the environment, a shell asks how the words behind `--` go on, and nothing else is done.
const ASKED: &str = "ENGINE_COMPLETE";

/// zsh loads a script from its `fpath` when it first wants a completion, and expects that one of it too.
const LOADED_BY_ZSH: &str = "
if [[ ${funcstack[1]} == _engine ]]; then
    _clap_dynamic_completer_engine \"$@\"
fi
";

/// Prints a script for a shell, which completes commands, options, their words and the scenarios of a folder.
///
/// For bash `source <(engine completions bash)` in ~/.bashrc; for zsh the same behind `compinit` in ~/.zshrc, or the
/// script as `_engine` in a folder of `fpath`; for fish the script as ~/.config/fish/completions/engine.fish.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Exit> {
        let (completer, more): (&dyn EnvCompleter, &str) = match self.shell {
            Shell::Bash => (&Bash, ""),
            Shell::Zsh => (&Zsh, LOADED_BY_ZSH),
            Shell::Fish => (&Fish, ""),
        };
        let mut script = Vec::new();
        completer.write_registration(ASKED, PROGRAM, PROGRAM, PROGRAM, &mut script).doing("writing the script")?;
        say(&(String::from_utf8_lossy(&script).into_owned() + more))?;
        Ok(Exit::Success)
    }
}

/// Answers a shell that asks how a command line goes on; the exit code where one asked.
pub(crate) fn answered(arguments: &[OsString]) -> Option<Exit> {
    let here = std::env::current_dir().ok();
    let asked = CompleteEnv::with_factory(Arguments::command)
        .var(ASKED)
        .bin(PROGRAM)
        .shells(Shells(&[&Bash, &Zsh, &Fish]))
        .try_complete(arguments, here.as_deref());
    match asked {
        Ok(false) => None,
        Ok(true) => Some(Exit::Success),
        Err(error) => {
            // A shell shows nobody what it is told here.
            let _ = error.print();
            Some(Exit::Usage)
        }
    }
}

/// The scenarios of a folder, and the folders on the way to them.
pub(crate) fn scenarios() -> ArgValueCompleter {
    let scenario = |path: &Path| path.is_file() && path.extension().is_some_and(|it| it == "yaml" || it == "yml");
    ArgValueCompleter::new(PathCompleter::any().filter(scenario))
}

/// Every word that `engine list` can tell of, and its lists.
pub(crate) fn listed() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let mut words: Vec<CompletionCandidate> = Vec::new();
        for (title, list) in Catalogue::gathered().lists() {
            words.push(CompletionCandidate::new(title).help(Some("the whole list".into())));
            words
                .extend(list.into_iter().map(|word| CompletionCandidate::new(word.name).help(Some(word.about.into()))));
        }
        words
    })
}

/// The options of transports and server models, up to their value.
pub(crate) fn options() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let option =
            |name: &str, about: &str| CompletionCandidate::new(format!("{name}=")).help(Some(about.to_owned().into()));
        known_options().into_iter().map(|(spec, _)| option(spec.name, spec.about)).collect::<Vec<_>>()
    })
}
