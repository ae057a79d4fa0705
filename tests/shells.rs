//! What shells complete and the manual tells: all commands and options, words of lists, and scenarios, in the real programs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use engine::server::MODELS;
use engine::transport::TRANSPORTS;

/// What the engine writes to stdout.
fn engine(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_engine")).args(arguments).output().expect("the engine starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it is text")
}

/// Whether a program is on this machine; in CI it must be.
fn have(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdin(Stdio::null()).output().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "in CI {program} must be there");
    if !found {
        eprintln!("not run for want of {program}");
    }
    found
}

/// The visible commands that `--help` lists.
fn commands() -> Vec<String> {
    let help = engine(&["--help"]);
    let (_, rest) = help.split_once("Commands:\n").expect("help lists commands");
    let names = rest.lines().take_while(|line| !line.is_empty()).map(|line| {
        let name = line.split_whitespace().next().expect("a name");
        (line.starts_with("  ") && !line.starts_with("   ")).then(|| name.to_owned())
    });
    names.flatten().filter(|name| name != "help").collect()
}

/// The options that the help of a command lists.
fn options(command: &str) -> BTreeSet<String> {
    let help = engine(&[command, "--help"]);
    let words = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let options: BTreeSet<String> = words
        .flat_map(|line| line.split([' ', ',', '[', '=']))
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .map(str::to_owned)
        .collect();
    assert!(options.contains("--help"), "{command}: {help}");
    options
}

/// What the engine answers a shell that asks how these words go on; the last is the one at the cursor.
fn offered(folder: &Path, words: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_engine"))
        .arg("--")
        .arg("engine")
        .args(words)
        .current_dir(folder)
        .env("ENGINE_COMPLETE", "fish")
        .output()
        .expect("the engine starts");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("it is text");
    text.lines().map(|line| line.split('\t').next().unwrap_or(line).to_owned()).collect()
}

/// A folder with two scenarios, one of them in a folder of its own, and what is none.
fn scenarios() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("deeper")).expect("a folder");
    for file in ["orders.yaml", "orders.json", "deeper/returns.yml"] {
        fs::write(folder.path().join(file), "").expect("a file");
    }
    folder
}

#[test]
fn every_command_and_option_is_completed_and_has_its_page() {
    let folder = scenarios();
    let (commands, pages) = (commands(), folder.path().join("man"));
    assert!(commands.iter().any(|name| name == "completions") && commands.len() >= 13, "{commands:?}");
    let written = engine(&["man", pages.to_str().expect("a path")]);
    let completed: BTreeSet<String> = offered(folder.path(), &[""]).into_iter().collect();
    let main = fs::read_to_string(pages.join("engine.1")).expect("the first page");
    for command in &commands {
        assert!(completed.contains(command), "{command} is not completed: {completed:?}");
        assert!(main.contains(&format!("engine\\-{command}(1)")), "{command} is not in the manual:\n{main}");
        let page = fs::read_to_string(pages.join(format!("engine-{command}.1"))).expect(command);
        let completed: BTreeSet<String> = offered(folder.path(), &[command, "--"]).into_iter().collect();
        for option in options(command) {
            assert!(completed.contains(&option), "{command} {option} is not completed: {completed:?}");
            let escaped = option.replace('-', "\\-");
            assert!(page.contains(&escaped), "{command} {option} is not in the manual:\n{page}");
        }
    }
    let files: BTreeSet<PathBuf> = fs::read_dir(&pages).expect("a folder").flatten().map(|file| file.path()).collect();
    assert_eq!(files.len(), commands.len() + 1, "hidden commands have no page: {files:?}");
    assert_eq!(written.lines().map(PathBuf::from).collect::<BTreeSet<_>>(), files);
    for hidden in ["agent", "keep", "link"] {
        assert!(!completed.contains(hidden), "{hidden} is for programs");
    }
    assert!(main.contains(".SH \"EXIT STATUS\"") && main.contains("130"), "{main}");
    assert_eq!(engine(&["man"]), main);
}

#[test]
fn words_of_lists_are_completed_as_the_lists_have_them() {
    let folder = scenarios();
    let offered = |words: &[&str]| offered(folder.path(), words);
    let transports: Vec<&str> = TRANSPORTS.iter().map(|it| it.name()).collect();
    assert_eq!(offered(&["serve", "--transport", ""]), transports);
    assert_eq!(
        offered(&["serve", "--transport=ht"]),
        ["http1", "http2", "http3"].map(|it| format!("--transport={it}"))
    );
    assert_eq!(offered(&["serve", "--server", ""]), MODELS.iter().map(|it| it.name()).collect::<Vec<_>>());
    assert_eq!(offered(&["serve", "--fill", ""]), ["zeros", "text", "random"]);
    assert!(offered(&["serve", "--option", "no"]).contains(&"nodelay=".to_owned()));
    assert_eq!(offered(&["list", "pre"]), ["preforked"]);
    assert_eq!(offered(&["completions", ""])[..3], ["bash", "zsh", "fish"]);
    assert_eq!(offered(&["run", "o"]), ["orders.yaml"]);
    assert_eq!(offered(&["plan", "deeper/"]), ["deeper/returns.yml"]);
    assert_eq!(offered(&["check", "orders.yaml", "d"]), ["deeper/"]);
}

/// A word that is unknown is told as before, with what was meant.
#[test]
fn a_word_that_is_in_no_list_is_told_with_what_was_meant() {
    for (arguments, wanted) in [
        (
            ["--transport", "htpp1", "--server", "async"],
            "error: unknown transport `htpp1`\n  = help: did you mean `http1`?\n",
        ),
        (["--transport", "tcp", "--server", "zzz"], "error: unknown server model `zzz`\n  = help: known: `threaded`"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_engine"))
            .arg("serve")
            .args(arguments)
            .output()
            .expect("the engine starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && told.starts_with(wanted), "{told}");
    }
}

/// What a shell shows once a key is pressed, told by a program that sits at its terminal.
fn typed(shell: &str, folder: &Path, line: &str, wanted: &[&str]) {
    let program = Path::new(env!("CARGO_BIN_EXE_engine")).parent().expect("a folder");
    let path = std::env::join_paths(
        std::iter::once(program.to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems/type_tab.py"))
        .args([shell, line])
        .args(wanted)
        .current_dir(folder)
        .env("PATH", path.expect("a path"))
        .env("HOME", folder)
        .stdin(Stdio::null())
        .output()
        .expect("python3 starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shell}: {line}: {said}{}", String::from_utf8_lossy(&output.stderr));
}

/// Where each shell looks for scripts by itself, the script of the engine.
fn installed(shell: &str, folder: &Path) {
    let file = match shell {
        "bash" => "engine.bash",
        "zsh" => "functions/_engine",
        _ => ".config/fish/completions/engine.fish",
    };
    let file = folder.join(file);
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(file, engine(&["completions", shell])).expect("a file");
}

#[test]
fn bash_zsh_and_fish_complete_words_of_lists_and_scenarios() {
    for shell in ["bash", "zsh", "fish"] {
        if !have(shell) {
            continue;
        }
        let folder = scenarios();
        installed(shell, folder.path());
        // The first completion has a shell load its script, and must be one.
        typed(shell, folder.path(), "engine serve --transport ", &["tcp", "unix", "rpyc", "http1", "quic"]);
        typed(shell, folder.path(), "engine run o", &["orders.yaml"]);
        typed(shell, folder.path(), "engine check deeper/", &["deeper/returns.yml"]);
        typed(shell, folder.path(), "engine comp", &["compare", "completions"]);
        typed(shell, folder.path(), "engine report --exp", &["--export"]);
    }
}

#[test]
fn man_shows_the_pages_without_a_complaint() {
    if !have("man") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man1");
    engine(&["man", pages.to_str().expect("a path")]);
    for (page, wanted) in [("engine", "EXIT STATUS"), ("engine-run", "--resume"), ("engine-compare", "--tolerance")] {
        let output = Command::new("man")
            .args(["--warnings=w", "-E", "UTF-8", "-l"])
            .arg(pages.join(format!("{page}.1")))
            .env("MANWIDTH", "100")
            .env("MAN_KEEP_FORMATTING", "")
            .env("MANPAGER", "cat")
            .output()
            .expect("man starts");
        let text = String::from_utf8_lossy(&output.stdout).replace('\u{2010}', "-");
        assert!(output.status.success() && text.contains(wanted), "{page}: {text}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{page}");
    }
}
