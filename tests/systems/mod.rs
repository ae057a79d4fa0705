//! The Python systems that tests talk to, installed once under the target folder.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A Python with the pinned systems, or none where this machine has no Python. In CI it must be there.
pub(crate) fn python() -> Option<PathBuf> {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/stack/requirements.txt");
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let python = home.join("bin/python");
    let stamp = home.join("requirements.txt");
    std::fs::create_dir_all(home.parent()?).ok()?;
    let lock = File::create(home.with_extension("lock")).ok()?;
    lock.lock().ok()?;
    let wanted = std::fs::read(&requirements).expect("requirements.txt is part of the project");
    if std::fs::read(&stamp).ok().as_ref() != Some(&wanted) {
        let run = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
        let made = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))
            && run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(&requirements))
            && std::fs::write(&stamp, &wanted).is_ok();
        if !made {
            assert!(std::env::var_os("CI").is_none(), "in CI the pinned Python systems must install");
            return None;
        }
    }
    Some(python)
}
