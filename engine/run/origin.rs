//! Where the servers of the user's own come from: their commands, the files that these name, the commit of the folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::place::digest::sha256;
use crate::place::manifest::git;
use crate::plan::Plan;
use crate::results::OwnTarget;
use crate::stack::own::{Own, Who};

/// Of each own target of a plan, by its name.
pub fn origins(plan: &Plan) -> BTreeMap<String, OwnTarget> {
    let mut origins: BTreeMap<String, OwnTarget> = BTreeMap::new();
    let mut hashes: BTreeMap<PathBuf, Option<String>> = BTreeMap::new();
    let mut version = None;
    for cell in &plan.cells {
        let Some(own) = cell.target.pairing.serving().own() else { continue };
        if origins.contains_key(&cell.target.name) {
            continue;
        }
        let mut origin = OwnTarget { command: own.command(), ..OwnTarget::default() };
        if origin.command.is_some() {
            origin.version = version.get_or_insert_with(|| git(&plan.folder)).clone();
        }
        for (word, path) in files(own, &plan.folder) {
            let hash = hashes.entry(path.clone()).or_insert_with(|| sha256(&path).ok());
            origin.sha256.extend(hash.clone().map(|hash| (word, hash)));
        }
        origins.insert(cell.target.name.clone(), origin);
    }
    origins
}

/// The words of a command that name files: each with its path.
fn files(own: &Own, folder: &Path) -> Vec<(String, PathBuf)> {
    let Who::Launch(words) = &own.who else { return Vec::new() };
    let words = words.iter().enumerate().filter_map(|(at, word)| Some((at, word.text().ok()?)));
    let found = |(at, word): (usize, String)| {
        let by_name = at == 0 && !word.contains('/');
        let path = if by_name { program(&word)? } else { folder.join(&word) };
        path.is_file().then_some((word, path))
    };
    words.filter_map(found).collect()
}

/// Where a program is that is named without a folder.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use crate::plan::Plan;
    use crate::run::origin::origins;
    use crate::scenario::read;

    #[test]
    fn a_command_is_told_with_the_hashes_of_its_files_and_without_what_it_is_given() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("shop.py"), "abc").expect("it is written");
        let text = "title: t\nquestion: q\ntargets: [{transport: tcp, name: shop, vary: {n: [1, 2]}, env: {A: secret},\n  \
                    launch: 'sh shop.py --at ${address} ${n} ${env:TOKEN}'}]\nworkloads: [{name: w, call: connect, iterations: 1}]\n";
        let file = folder.path().join("s.yaml");
        let scenario = read(&file.display().to_string(), text, &[]).unwrap_or_else(|it| panic!("{}", it.render(false)));
        let origins = origins(&Plan::of(&scenario));
        assert_eq!(origins.keys().collect::<Vec<_>>(), ["shop-n=1", "shop-n=2"]);
        let shop = &origins["shop-n=2"];
        assert_eq!(shop.command.as_deref(), Some("sh shop.py --at ${address} 2 ${env:TOKEN}"));
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(shop.sha256.get("shop.py").map(String::as_str), Some(hash));
        assert!(shop.sha256.contains_key("sh"), "the program too: {shop:?}");
        assert!(!serde_json::json!(scenario).to_string().contains("secret"));
    }
}
