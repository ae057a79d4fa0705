//! From where a target's messages are known: `proto`, which names files or `reflection`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::call::own::grpc::{Descriptors, Proto};
use crate::document::mistake::Mistake;
use crate::document::walk::{Fields, Read, several};
use crate::key::axes::{Axes, OneOrSeveral};
use crate::key::setting::Setting;
use crate::key::word::one_or_several;

/// The word for a server that describes itself.
const REFLECTION: &str = "reflection";

/// The largest file that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// How far above a file the folder may be from which it imports others.
const ABOVE: usize = 16;

/// What is written of `proto` in a target, whose files are looked for in `folder`.
pub(crate) fn read(fields: &mut Fields<'_>, axes: &Axes, folder: &Path, mistakes: &mut Vec<Mistake>) -> Option<Proto> {
    let (key, node) = fields.entry("proto", mistakes)?;
    let words = || axes.get("transport").into_iter().flatten().filter_map(Setting::as_word);
    if !words().any(|word| word == "grpc") {
        let what = format!("`proto` is not used by {}", words().collect::<Vec<_>>().join(", "));
        mistakes.push(Mistake::new(what, key.span).help("it belongs to `transport: grpc`; leave it out"));
    }
    let before = mistakes.len();
    let names = several("proto", node, mistakes, |node, mistakes| String::read("proto", node, mistakes))?;
    if mistakes.len() > before {
        return None;
    }
    if names == [REFLECTION] {
        return Some(Proto::Reflection);
    }
    if names.iter().any(|name| name == REFLECTION) {
        let mistake = Mistake::new("`proto` names files or `reflection`, not both", node.span);
        mistakes.push(mistake.help("keep one of them; files are read as they are, and say more when they are wrong"));
        return None;
    }
    let wrong = |what: String, help: &str| Mistake::new(what, node.span).help(help);
    let mut paths = Vec::new();
    for name in &names {
        let path = folder.join(name);
        if !is_readable(&path) {
            let what = match path.is_file() {
                true => format!("the file `{name}` is larger than {LARGEST} bytes"),
                false => format!("there is no file `{name}`"),
            };
            mistakes.push(wrong(what, "a path is read from the folder of the scenario"));
            return None;
        }
        paths.push(path);
    }
    match descriptors(&paths, &names) {
        Ok(descriptors) => Some(Proto::Files { names, descriptors }),
        Err((what, help)) => {
            let mistake = Mistake::new(what, node.span);
            mistakes.push(help.into_iter().fold(mistake, Mistake::help));
            None
        }
    }
}

/// As a scenario has it.
pub(crate) fn written<S: Serializer>(proto: &Option<Proto>, serializer: S) -> Result<S::Ok, S::Error> {
    match proto {
        Some(Proto::Files { names, .. }) => OneOrSeveral(names).serialize(serializer),
        _ => serializer.serialize_str(REFLECTION),
    }
}

/// The schema of `proto`.
pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    one_or_several(&json_schema!({"type": "string", "pattern": "[^ \t\r\n]", "examples": ["orders.proto", REFLECTION]}))
}

fn is_readable(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| about.is_file() && about.len() <= LARGEST)
}

type Wrong = (String, Option<String>);

/// What those files say together, which are called by those names.
fn descriptors(paths: &[PathBuf], names: &[String]) -> Result<Descriptors, Wrong> {
    let is_source = |path: &Path| path.extension().is_some_and(|extension| extension == "proto");
    let sources: Vec<PathBuf> = paths.iter().filter(|path| is_source(path)).cloned().collect();
    // Sets one behind the other are one set.
    let mut set = compiled(&sources)?;
    for (path, name) in paths.iter().zip(names).filter(|(path, _)| !is_source(path)) {
        let bytes =
            std::fs::read(path).map_err(|error| (format!("the file `{name}` cannot be read: {error}"), None))?;
        // To tell which of several it is.
        if Descriptors::of(Bytes::copy_from_slice(&bytes)).is_err_and(|error| error.is_broken()) {
            let help = "what does not end with `.proto` is read as what `protoc --include_imports -o FILE` writes";
            return Err((format!("`{name}` is no set of descriptors"), Some(help.to_owned())));
        }
        set.extend(bytes);
    }
    Descriptors::of(set.into()).map_err(|error| {
        let help = "a set needs what its files import: `protoc --include_imports -o FILE`";
        (error.to_string(), Some(help.to_owned()))
    })
}

/// The encoded set of what those sources say and import. Their imports are looked for in their own folder, and where one
/// is not found there, in the folders above, each as the root of all.
fn compiled(sources: &[PathBuf]) -> Result<Vec<u8>, Wrong> {
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let mut first = None;
    for above in 1..=ABOVE {
        let roots: BTreeSet<&Path> = sources.iter().filter_map(|source| source.ancestors().nth(above)).collect();
        if roots.is_empty() {
            break;
        }
        match compiled_in(sources, &roots) {
            Ok(set) => return Ok(set),
            // Where nothing is found, the nearest folder tells what is missed.
            Err(error) if error.is_file_not_found() => first = first.or(Some(error)),
            Err(error) => return Err((told(&error), None)),
        }
    }
    let what = first.map_or_else(|| "it cannot be compiled".to_owned(), |error| told(&error));
    Err((what, Some("what a file imports is looked for from its own folder, or from one above it".to_owned())))
}

fn compiled_in(sources: &[PathBuf], roots: &BTreeSet<&Path>) -> Result<Vec<u8>, protox::Error> {
    let mut resolver = ChainFileResolver::new();
    roots
        .iter()
        .for_each(|root| resolver.add(Careful(IncludeFileResolver::new(root.to_path_buf()), root.to_path_buf())));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    for source in sources {
        compiler.open_file(source)?;
    }
    Ok(compiler.encode_file_descriptor_set())
}

/// What the compiler says, with the place in the file.
fn told(error: &protox::Error) -> String {
    format!("{error:?}").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Opens what is a file of a reasonable size, and nothing else.
struct Careful(IncludeFileResolver, PathBuf);

impl FileResolver for Careful {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        self.0.resolve_path(path)
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if is_readable(&self.1.join(name)) { self.0.open_file(name) } else { Err(protox::Error::file_not_found(name)) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::descriptors;

    fn shop(file: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems/proto/shop/v1").join(file)
    }

    fn services(paths: &[PathBuf]) -> Result<Vec<String>, String> {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        descriptors(paths, &names).map(|known| known.services()).map_err(|(what, _)| what)
    }

    #[test]
    fn files_and_sets_say_the_same_alone_and_together() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems/proto");
        let mut compiler = protox::Compiler::new([&root]).expect("a folder of sources");
        compiler.open_file(shop("orders.proto")).expect("it compiles");
        let alone = folder.path().join("alone.binpb");
        fs::write(&alone, compiler.encode_file_descriptor_set()).expect("a file");
        compiler.include_imports(true);
        let whole = folder.path().join("whole.binpb");
        fs::write(&whole, compiler.encode_file_descriptor_set()).expect("a file");
        let orders = Ok(vec!["shop.v1.Orders".to_owned()]);
        assert_eq!(services(&[shop("orders.proto")]), orders, "its imports are found from the folder two above");
        assert_eq!(services(&[shop("items.proto"), shop("orders.proto")]), orders);
        assert_eq!(services(std::slice::from_ref(&whole)), orders);
        assert_eq!(services(&[whole.clone(), whole.clone()]), orders, "what is said twice is one");
        assert_eq!(services(&[shop("orders.proto"), whole]), orders);
        let lacking = services(&[alone]).expect_err("its imports lack");
        assert!(lacking.contains("shop/v1/items.proto"), "{lacking}");
    }

    #[test]
    fn an_edition_is_told_as_what_cannot_be_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("new.proto");
        fs::write(&file, "edition = \"2023\";\nmessage A { string a = 1; }\n").expect("a file");
        let told = services(&[file]).expect_err("it cannot be read");
        assert!(told.contains("new.proto:1:1"), "{told}");
    }
}
