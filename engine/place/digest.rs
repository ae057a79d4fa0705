//! Which bytes a file has, by their SHA-256.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;

use ring::digest::{Context, SHA256};

use crate::error::{Context as _, Result};
use crate::stack::native::ENGINE;

/// The SHA-256 of a file, in hexadecimal.
pub fn sha256(path: &Path) -> io::Result<String> {
    let (mut file, mut context, mut buffer) = (File::open(path)?, Context::new(&SHA256), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => context.update(&buffer[..n]),
        }
    }
    Ok(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// That of this very program, which is read once.
pub fn own() -> Result<&'static str> {
    static OWN: OnceLock<String> = OnceLock::new();
    match OWN.get() {
        Some(known) => Ok(known),
        None => {
            let read = sha256(Path::new(ENGINE)).doing("reading this very program")?;
            Ok(OWN.get_or_init(|| read))
        }
    }
}
