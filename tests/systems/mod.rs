//! The systems in Python and JavaScript that tests talk to, installed once under the target folder.
#![allow(dead_code, reason = "not every test file needs everything")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use engine::stack::environment::Environment;

/// Where they are kept from one run of the tests to the next.
pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("systems")
}

/// The pinned Python systems, or none where this machine cannot have them. In CI they must be there.
pub(crate) fn environment() -> Option<Environment> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    match Environment::ready_in(&cache(), &path, false, &mut |_| {}, &|| false) {
        Ok(environment) => Some(environment),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "in CI the pinned Python systems must install: {error}");
            eprintln!("skipped for want of the Python systems: {error}");
            None
        }
    }
}

/// A Python with the pinned systems, or none where this machine cannot have it.
pub(crate) fn python() -> Option<PathBuf> {
    environment().map(|environment| environment.python().to_owned())
}

/// A file next to this one.
pub(crate) fn system(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems").join(name)
}

/// A Python that can import `module` from the packages of the file `requirements`, installed once under the target
/// folder, or none where this machine cannot have it. In CI it must.
pub(crate) fn venv(name: &str, requirements: &str, module: &str) -> Option<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let python = folder.join("bin/python");
    let run = |command: &mut Command| match command.output() {
        Ok(Output { status, .. }) if status.success() => Ok(()),
        Ok(Output { stderr, .. }) => Err(String::from_utf8_lossy(&stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    };
    let installed = run(Command::new(&python).args(["-c", &format!("import {module}")])).or_else(|_| {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(system(requirements)))
    });
    match installed {
        Ok(()) => Some(python),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "in CI {name} must install: {error}");
            eprintln!("not run for want of {name}: {error}");
            None
        }
    }
}

/// A folder with the packages of `npm.txt`, whose programs `node` runs, or none where this machine cannot have them. In CI
/// it must.
pub(crate) fn node_modules() -> Option<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let wanted = std::fs::read_to_string(system("npm.txt")).expect("the list of packages");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm");
    let (modules, there) = (folder.join("node_modules"), folder.join("installed.txt"));
    if std::fs::read_to_string(&there).is_ok_and(|known| known == wanted) {
        return Some(modules);
    }
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]);
    let installed = match npm.arg(&folder).args(wanted.split_whitespace()).output() {
        Ok(Output { status, .. }) if status.success() => {
            std::fs::write(&there, &wanted).map_err(|error| error.to_string())
        }
        Ok(Output { stderr, .. }) => Err(String::from_utf8_lossy(&stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    };
    match installed {
        Ok(()) => Some(modules),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "in CI the packages of npm.txt must install: {error}");
            eprintln!("not run for want of the packages of npm.txt: {error}");
            None
        }
    }
}

/// A program of the distribution: where it lies, and where the libraries that came with it do.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) libraries: Option<PathBuf>,
}

impl Program {
    /// Lets a command find it by its name, with its libraries.
    pub(crate) fn found_by(&self, command: &mut Command) {
        let joined = |name: &str, folder: &Path| {
            let known = std::env::var_os(name).unwrap_or_default();
            let all = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&known));
            std::env::join_paths(all.filter(|path| !path.as_os_str().is_empty())).expect("no colons in it")
        };
        command.env("PATH", joined("PATH", self.path.parent().expect("it lies in a folder")));
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", joined("LD_LIBRARY_PATH", libraries));
        }
    }
}

/// A program of the distribution's `package`: the one that is installed, else unpacked once under the target folder with what
/// it needs and this machine has not, or none where it cannot be had. In CI it must.
pub(crate) fn program(name: &str, package: &str) -> Option<Program> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let known = std::env::var_os("PATH").unwrap_or_default();
    if let Some(path) = std::env::split_paths(&known).map(|folder| folder.join(name)).find(|path| path.is_file()) {
        return Some(Program { path, libraries: None });
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian").join(package);
    let root = folder.join("root");
    let unpacked = || {
        let path =
            ["usr/bin", "usr/sbin"].map(|folder| root.join(folder).join(name)).into_iter().find(|it| it.exists())?;
        Some(Program { path, libraries: Some(root.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH))) })
    };
    if let Some(there) = unpacked() {
        return Some(there);
    }
    let run = |command: &mut Command| match command.output() {
        Ok(Output { status, .. }) if status.success() => Ok(()),
        Ok(Output { stderr, .. }) => Err(String::from_utf8_lossy(&stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    };
    std::fs::create_dir_all(folder.join("partial")).expect("a folder");
    let fetch = || {
        let mut apt = Command::new("apt-get");
        apt.args(["install", "--yes", "--download-only", "--no-install-recommends", "-o", "Debug::NoLocking=1", "-o"]);
        run(apt.arg(format!("Dir::Cache::archives={}", folder.display())).arg(package))
    };
    let unpack = || {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "deb") {
                run(Command::new("dpkg-deb").arg("-x").arg(entry.path()).arg(&root))?;
            }
        }
        Ok(())
    };
    // A list that is old names packages that are there no more.
    let fetched = fetch().or_else(|_| run(Command::new("apt-get").arg("update")).and_then(|()| fetch()));
    let error = fetched.and_then(|()| unpack()).err().unwrap_or_else(|| format!("{package} has no `{name}`"));
    let there = unpacked();
    if there.is_none() {
        assert!(std::env::var_os("CI").is_none(), "in CI {name} must be there: {error}");
        eprintln!("not run for want of {name}: {error}");
    }
    there
}
