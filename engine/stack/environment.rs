//! The Python systems, installed once into a cache of the engine's own.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};
use crate::stack::installer::{self, Ended};

const LOCK: &str = include_str!("requirements.txt");

/// Our programs, which run in the environment; written beside it so that a traceback can show their lines.
const PROGRAMS: &[(&str, &str)] = &[
    ("clients.py", include_str!("python/clients.py")),
    ("drive.py", include_str!("python/drive.py")),
    ("fill.py", include_str!("python/fill.py")),
    ("launch.py", include_str!("python/launch.py")),
    ("serve_http.py", include_str!("python/serve_http.py")),
    ("serve_rpyc.py", include_str!("python/serve_rpyc.py")),
];

/// The oldest Python that every pinned package supports.
const OLDEST: (u32, u32) = (3, 10);

/// How often a run that waits for another's installation looks whether it is done.
const TICK: Duration = Duration::from_millis(50);

/// A Python in which every pinned package is installed, and our programs for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    python: PathBuf,
    programs: PathBuf,
}

impl Environment {
    /// The environment in the user's cache, installed first where it is not there yet.
    ///
    /// The cache is `$ENGINE_CACHE`, else `engine` under `$XDG_CACHE_HOME`, else under `~/.cache`. `say` is told
    /// what takes long, and `stop` is asked all the time whether to give up. With `offline` nothing is downloaded. An
    /// error says what is missing and what to do.
    pub fn ready(offline: bool, say: &mut dyn FnMut(&str), stop: &dyn Fn() -> bool) -> Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self::ready_in(&cache()?, &path, offline, say, stop)
    }

    /// The same in the folder `cache`, with the programs found on `path`.
    pub fn ready_in(
        cache: &Path,
        path: &OsStr,
        offline: bool,
        say: &mut dyn FnMut(&str),
        stop: &dyn Fn() -> bool,
    ) -> Result<Self> {
        let home = cache.join(format!("python-{:016x}", hash([LOCK])));
        let doing = format!("cannot keep Python systems in {}", cache.display());
        fs::create_dir_all(cache).doing(&doing)?;
        let lock = File::create(home.with_extension("lock")).doing(&doing)?;
        if lock.try_lock().is_err() {
            say("waiting for another run that installs the Python systems");
            while lock.try_lock().is_err() {
                if stop() {
                    return Err(Error::failed("interrupted while another run installs the Python systems"));
                }
                std::thread::sleep(TICK);
            }
        }
        let python = home.join("bin/python");
        let installed = home.join("installed");
        // The interpreter is a link to one that may have been removed since.
        if !(installed.exists() && python.exists()) {
            if offline {
                return Err(Error::failed("the Python systems are not installed, and offline they cannot be")
                    .help("run once without `--offline` to install them"));
            }
            say("installing the Python systems (rpyc, Flask, gunicorn, requests); this happens once");
            install(&home, path, stop)?;
            fs::write(&installed, LOCK).doing(&doing)?;
            say("the Python systems are installed");
        }
        let programs = home.join(format!("programs-{:016x}", hash(PROGRAMS.iter().map(|(_, text)| *text))));
        write_programs(&programs).doing(&doing)?;
        Ok(Environment { python, programs })
    }

    /// The interpreter that has every pinned package.
    pub fn python(&self) -> &Path {
        &self.python
    }

    /// The process that runs one of our programs.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(&self.python);
        // Neither the user's own packages and settings nor a proxy take part in a measurement.
        command.args(["-E", "-s", "-W", "ignore"]).arg(self.programs.join(program));
        for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command
    }
}

fn cache() -> Result<PathBuf> {
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    given("ENGINE_CACHE")
        .or_else(|| given("XDG_CACHE_HOME").map(|cache| cache.join("engine")))
        .or_else(|| given("HOME").map(|home| home.join(".cache/engine")))
        .ok_or_else(|| {
            Error::failed("there is no folder for the Python systems: HOME is not set")
                .help("set ENGINE_CACHE to a folder that can be written")
        })
}

/// FNV-1a: the name of a cached folder has to change with its content, nothing more.
fn hash<'a>(texts: impl IntoIterator<Item = &'a str>) -> u64 {
    texts
        .into_iter()
        .flat_map(str::bytes)
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Writes our programs into `folder`, all or none, while the cache is locked.
fn write_programs(folder: &Path) -> std::io::Result<()> {
    if folder.exists() {
        return Ok(());
    }
    let unfinished = folder.with_extension("unfinished");
    fs::create_dir_all(&unfinished)?;
    for (name, text) in PROGRAMS {
        fs::write(unfinished.join(name), text)?;
    }
    fs::rename(unfinished, folder)
}

/// Makes a virtual environment in `home` with every package of the lock, by `uv` where it is found, else by pip.
fn install(home: &Path, path: &OsStr, stop: &dyn Fn() -> bool) -> Result<()> {
    let output = |command: &mut Command| installer::run(command.env("PATH", path), stop);
    let python = found("python3", path).ok_or_else(|| {
        Error::failed("no `python3` on the PATH, which the Python systems need")
            .help(format!("install Python {}.{} or newer, or take `python` out of the scenario", OLDEST.0, OLDEST.1))
    })?;
    let probe = format!("import sys; sys.exit(sys.version_info < ({}, {}))", OLDEST.0, OLDEST.1);
    if !output(Command::new(&python).args(["-c", &probe]))?.status.success() {
        return Err(Error::failed(format!("{} is too old for the Python systems", python.display()))
            .help(format!("put a `python3` of {}.{} or newer first on the PATH", OLDEST.0, OLDEST.1)));
    }
    let _ = fs::remove_dir_all(home);
    let doing = format!("cannot write to {}", home.display());
    fs::create_dir_all(home).doing(&doing)?;
    let lock = home.join("requirements.txt");
    fs::write(&lock, LOCK).doing(&doing)?;
    let inside = home.join("bin/python");
    let (mut make, mut fill) = match found("uv", path) {
        Some(uv) => {
            let (mut make, mut fill) = (Command::new(&uv), Command::new(&uv));
            make.args(["venv", "--quiet", "--allow-existing", "--no-python-downloads", "--python"]).arg(&python);
            fill.args(["pip", "install", "--quiet", "--require-hashes", "--python"]).arg(&inside);
            (make, fill)
        }
        None => {
            let (mut make, mut fill) = (Command::new(&python), Command::new(&inside));
            make.args(["-m", "venv"]);
            fill.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
            fill.args(["--retries", "2", "--require-hashes"]);
            (make, fill)
        }
    };
    let made = output(make.arg(home))?;
    if !made.status.success() {
        return Err(Error::failed(format!("no virtual environment can be made: {}", last_lines(&made)))
            .help("install Python's `venv` (on Debian and Ubuntu the package python3-venv) or `uv`"));
    }
    let filled = output(fill.arg("-r").arg(&lock))?;
    if !filled.status.success() {
        return Err(failed_install(&last_lines(&filled)));
    }
    Ok(())
}

/// The file of that name that can be run, in the folders of `path`.
fn found(program: &str, path: &OsStr) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|file| {
        fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    })
}

/// The end of what a program complained of, where the reason stands.
fn last_lines(ended: &Ended) -> String {
    // pip warns of each retry at length before it says what failed.
    let said = |line: &&str| !line.is_empty() && !line.starts_with("WARNING");
    let lines: Vec<&str> = ended.text.lines().map(str::trim).filter(said).collect();
    lines[lines.len().saturating_sub(4)..].join("; ")
}

fn failed_install(reason: &str) -> Error {
    // What pip and uv say when they cannot reach a registry at all.
    const UNREACHED: [&str; 7] = [
        "Could not find a version",
        "No matching distribution",
        "Failed to fetch",
        "error sending request",
        "Connection",
        "Name or service not known",
        "Network is unreachable",
    ];
    if UNREACHED.iter().any(|sign| reason.contains(sign)) {
        Error::failed(format!("the pinned Python packages cannot be had from the package registry: {reason}"))
            .help("check the network and the index that pip or uv is set to, then run again")
    } else {
        Error::failed(format!("the pinned Python packages do not install: {reason}"))
            .help("put right what is said there, then run again; only complete installs are kept")
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, failed_install};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn program(folder: &Path, name: &str, script: &str) {
        let file = folder.join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("a script can be written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("and be made executable");
    }

    fn refusal(cache: &Path, path: &Path, offline: bool) -> (String, String) {
        let error = Environment::ready_in(cache, path.as_os_str(), offline, &mut |_| {}, &|| false)
            .expect_err("cannot be ready");
        (error.message().to_owned(), error.remedy().unwrap_or_default().to_owned())
    }

    #[test]
    fn without_python_it_says_so() {
        let (cache, path) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
        let (message, remedy) = refusal(cache.path(), path.path(), false);
        assert!(message.contains("no `python3` on the PATH"), "{message}");
        assert!(remedy.contains("install Python 3.10 or newer"), "{remedy}");
    }

    #[test]
    fn an_old_python_is_named() {
        let (cache, path) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
        program(path.path(), "python3", "exit 1");
        let (message, remedy) = refusal(cache.path(), path.path(), false);
        assert!(message.contains("too old") && remedy.contains("3.10"), "{message} {remedy}");
    }

    #[test]
    fn offline_an_empty_cache_stays_empty() {
        let cache = tempfile::tempdir().expect("folder");
        let (message, remedy) = refusal(cache.path(), Path::new("/nowhere"), true);
        assert!(message.contains("not installed"), "{message}");
        assert!(remedy.contains("without `--offline`"), "{remedy}");
    }

    #[test]
    fn a_failed_install_shows_its_reason_and_is_not_taken_for_a_whole_one() {
        let (cache, path) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
        program(path.path(), "python3", "exit 0");
        program(path.path(), "uv", "test \"$1\" = venv && exit 0; echo 'no space left on device' >&2; exit 1");
        for _ in 0..2 {
            let (message, _) = refusal(cache.path(), path.path(), false);
            assert!(message.contains("do not install: no space left on device"), "{message}");
        }
        let (message, _) = refusal(cache.path(), path.path(), true);
        assert!(message.contains("not installed"), "{message}");
    }

    #[test]
    fn no_registry_is_told_from_a_broken_package() {
        let unreached = failed_install("ERROR: No matching distribution found for rpyc==6.0.2");
        assert!(unreached.message().contains("registry"), "{unreached}");
        assert!(!failed_install("hash mismatch").message().contains("registry"));
    }
}
