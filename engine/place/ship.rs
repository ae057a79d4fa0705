//! Brings this very program to a host that does not have it, once, under the hash of its bytes.

use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::{Context, Error, Result};
use crate::place::child::{Child, Heard, Kind};
use crate::place::contract::{Host, Prefix};
use crate::place::digest;
use crate::stack::native::ENGINE;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Where it lies on a host, by its hash, as a shell there writes it.
fn folder(sha256: &str) -> String {
    format!("${{XDG_CACHE_HOME:-$HOME/.cache}}/engine/bin/{sha256}")
}

/// The script that becomes an agent where the program with that hash is, and else says what the machine is.
pub fn start(sha256: &str) -> String {
    let folder = folder(sha256);
    format!(
        "f=\"{folder}/engine\"; test -x \"$f\" && exec \"$f\" agent; \
         printf \"{{\\\"absent\\\":{{\\\"machine\\\":\\\"%s\\\"}}}}\\n\" \"$(uname -m)\""
    )
}

/// The exit codes by which the script below says what it could not do.
const NO_GZIP: i32 = 41;
const NO_FOLDER: i32 = 42;
const NO_ROOM: i32 = 43;
const OTHER_BYTES: i32 = 44;
const NO_RUN: i32 = 45;

/// The script that takes it from stdin; it is there whole, under its name, or not at all.
fn take(sha256: &str) -> String {
    let folder = folder(sha256);
    format!(
        "umask 077; d=\"{folder}\"; t=\"$d/engine.$$\"; command -v gzip >/dev/null || exit {NO_GZIP}; \
         mkdir -p \"$d\" || exit {NO_FOLDER}; trap \"rm -f \\\"$t\\\"\" EXIT; gzip -dc > \"$t\" || exit {NO_ROOM}; \
         echo \"{sha256}  $t\" | sha256sum -c - >/dev/null || exit {OTHER_BYTES}; chmod 700 \"$t\" || exit {NO_FOLDER}; \
         \"$t\" --version >/dev/null || exit {NO_RUN}; mv \"$t\" \"$d/engine\" || exit {NO_FOLDER}"
    )
}

/// Brings it to a host whose machine is that.
pub fn ship(host: &Host, prefix: &Prefix, machine: &str) -> Result<()> {
    let ours = std::env::consts::ARCH;
    if machine != ours {
        let what = format!("{host} is a {machine}, and this engine is for {ours}");
        return Err(Error::failed(what).help(elsewhere(&format!("an engine for {machine}"))));
    }
    let doing = format!("cannot copy the engine to {host}");
    let mut file = File::open(ENGINE).doing(&doing)?;
    let mut command =
        Child::start_as(Kind::Prefix, &format!("the copy to {host}"), prefix.script(&take(digest::own()?)))?;
    let stdin = command.take_stdin().ok_or_else(|| Error::stopped("a command without a stdin"))?;
    // Whoever has ended reads no more of it, and says why.
    let sending = thread::spawn(move || -> std::io::Result<()> {
        let mut packed = GzEncoder::new(stdin, Compression::fast());
        std::io::copy(&mut file, &mut packed)?;
        packed.finish().map(drop)
    });
    let deadline = Instant::now() + PATIENCE;
    while command.hear()? != Heard::End {
        if Instant::now() > deadline {
            return Err(Error::failed(format!("{doing}: it took longer than {} s", PATIENCE.as_secs())));
        }
    }
    let (code, said) = (command.code(), command.wrote());
    // It ends its reader, too, where that still runs.
    drop(command);
    // What it could not write has been told by whoever should have read it.
    let _ = sending.join();
    match code {
        Some(0) => Ok(()),
        code => Err(refused(host, code, &said)),
    }
}

/// Why it could not be brought there, and what helps.
fn refused(host: &Host, code: Option<i32>, said: &str) -> Error {
    let said = if said.is_empty() { "it did not say why" } else { said };
    let (what, help) = match code {
        Some(NO_GZIP) => (format!("{host} has no gzip, by which the engine is unpacked there"), elsewhere("an engine")),
        Some(NO_FOLDER | NO_ROOM) => (
            format!("the engine cannot be written to ~/.cache on {host}: {said}"),
            format!("make room there, or {}", elsewhere("an engine")),
        ),
        Some(OTHER_BYTES) => (
            format!("what arrived on {host} is not what was sent: {said}"),
            format!("let it have `sha256sum`, or {}", elsewhere("an engine")),
        ),
        Some(NO_RUN) => (
            format!("the engine that was copied to {host} cannot run there: {said}"),
            format!(
                "a file system that is mounted `noexec` runs nothing, and a build of one's own needs the C library of this \
                 machine, which the static build of a release does not; or {}",
                elsewhere("an engine that runs there")
            ),
        ),
        _ => (
            format!("cannot copy the engine to {host}: {said}"),
            format!("put it right, or {}", elsewhere("an engine")),
        ),
    };
    Error::failed(what).help(help)
}

/// What helps wherever nothing can be copied.
fn elsewhere(what: &str) -> String {
    format!("put {what} of this version there, and say where: `engine: /path/to/engine` in the place")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::{refused, ship, start};
    use crate::place::contract::{Host, Prefix};
    use crate::place::digest;

    fn host() -> Host {
        Host { place: "web".to_owned(), name: "web-1".to_owned(), ..Host::here() }
    }

    /// A host whose home is that folder, with only these programs.
    fn prefix(home: &std::path::Path, path: &str) -> Prefix {
        let words = ["env", "-i", &format!("HOME={}", home.display()), &format!("PATH={path}")];
        Prefix { words: words.map(str::to_owned).into(), shell: false }
    }

    #[test]
    fn a_program_arrives_once_and_whole_and_what_is_not_there_says_what_the_machine_is() {
        let home = tempfile::tempdir().expect("a folder");
        let prefix = prefix(home.path(), &std::env::var("PATH").expect("there is one"));
        let own = digest::own().expect("it can be read");
        let said = prefix.script(&start(own)).output().expect("there is a shell").stdout;
        let absent = format!("{{\"absent\":{{\"machine\":\"{}\"}}}}\n", std::env::consts::ARCH);
        assert_eq!(String::from_utf8_lossy(&said), absent);
        // This very program is one of tests, which takes no `--version`: so far all went well, and nothing is left.
        let error = ship(&host(), &prefix, std::env::consts::ARCH).expect_err("it is no engine");
        assert!(
            error.message().starts_with("the engine that was copied to web-1 of the place `web` cannot run"),
            "{error}"
        );
        assert!(
            error.remedy().is_some_and(|help| help.contains("noexec") && help.contains("engine: /path")),
            "{error}"
        );
        let folder = home.path().join(".cache/engine/bin").join(own);
        assert_eq!(fs::read_dir(&folder).expect("it was made").count(), 0, "nothing half of it is left");
        let other = ship(&host(), &prefix, "sparc").expect_err("it is another");
        assert!(other.message().contains("is a sparc, and this engine is for"), "{other}");
    }

    #[test]
    fn each_way_in_which_it_cannot_be_brought_there_has_a_remedy() {
        let home = tempfile::tempdir().expect("a folder");
        let programs = tempfile::tempdir().expect("a folder");
        let machine = std::env::consts::ARCH;
        let of = |path: &str| ship(&host(), &prefix(home.path(), path), machine).expect_err("it cannot be").to_string();
        let program = |name: &str, script: &str| {
            let file = programs.path().join(name);
            fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("it is written");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it can be run");
        };
        // A shell alone, by its path, as a container may have it.
        for tool in ["sh", "mkdir", "rm", "cat"] {
            let path = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().expect("a shell").stdout;
            program(tool, &format!("exec {} \"$@\"", String::from_utf8_lossy(&path).trim()));
        }
        let path = programs.path().display().to_string();
        let told = of(&path);
        assert!(told.contains("has no gzip"), "{told}");
        program("gzip", "cat > /dev/null; echo 'gzip: stdout: No space left on device' >&2; exit 1");
        let told = of(&path);
        assert!(told.contains("No space left on device") && told.contains("make room there"), "{told}");
        program("gzip", "cat > /dev/null; echo other");
        let told = of(&path);
        assert!(told.contains("is not what was sent") && told.contains("sha256sum"), "{told}");
        assert!(refused(&host(), None, "").to_string().contains("it did not say why"));
    }
}
