//! What a run keeps secret, as a hash by which one that goes on with it can be told from another.
//!
//! The key lies beside the journal of an unfinished run and nowhere else, so that a hash in results tells nothing.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ring::hmac::{HMAC_SHA256, Key, sign};
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Context, Error, Result};

/// The file of the key.
pub const KEY: &str = "results.key";

/// The hash of a text by the key of that file, which is made where a run begins; none where there is nothing to hide.
pub fn seal(secrets: Option<&str>, key: &Path, begins: bool) -> Result<Option<String>> {
    let Some(secrets) = secrets else { return Ok(None) };
    let bytes = match begins {
        true => fresh(key)?,
        false => fs::read(key).map_err(|error| {
            Error::usage(format!("{} cannot be read: {error}", key.display()))
                .help("without it nobody can tell whether the run to resume had the same secrets; begin another by --replace")
                .because(error)
        })?,
    };
    let hash = sign(&Key::new(HMAC_SHA256, &bytes), secrets.as_bytes());
    Ok(Some(hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// A key that nobody has had before, in a file that nobody else may read.
fn fresh(key: &Path) -> Result<Vec<u8>> {
    let mut bytes = vec![0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::stopped("this system has no random numbers"))?;
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(key)
        .doing(format_args!("{} cannot be written", key.display()))?;
    file.write_all(&bytes).doing(format_args!("{} cannot be written", key.display()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{KEY, seal};

    #[test]
    fn the_same_secrets_have_the_same_hash_by_one_key_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join(KEY);
        assert_eq!(seal(None, &key, true).expect("nothing to hide"), None);
        assert!(!key.exists() && seal(Some("a"), &key, false).is_err(), "there is no key yet");
        let of = |text, begins| seal(Some(text), &key, begins).expect("it can be hashed").expect("a hash");
        let first = of("a", true);
        assert_eq!((of("a", false), of("b", false) == first), (first.clone(), false));
        assert_ne!(of("a", true), first, "another run has another key");
    }
}
