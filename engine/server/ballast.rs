//! The option `ballast`: memory that a server holds from before it serves, since what a fork costs grows with it.

use std::fs;

use crate::call::SplitMix;
use crate::error::{Error, Result};
use crate::transport::option::{OptionKind, OptionSpec, Options};
use crate::units::Size;

/// How much memory a server holds beside what it needs.
pub const BALLAST: OptionSpec = OptionSpec {
    name: "ballast",
    about: "memory that is written page by page before the server says that it is ready, and held; a fork inherits it",
    // More than machines have; which of them has how much, a launch says.
    kind: OptionKind::Size(Size(1 << 40)),
    default: "none",
};

/// The smallest page of any machine here.
const PAGE: usize = 4096;

/// Memory that is resident for as long as this lives.
#[derive(Debug)]
pub struct Ballast(Vec<u8>);

impl Ballast {
    /// As much as `options` ask for, every page of it written with bytes that no other page has.
    pub fn of(options: &Options) -> Result<Self> {
        let wanted = options.size(BALLAST.name).unwrap_or(0);
        let short = |has: &str| {
            Error::failed(format!("a ballast of {} is more than {has}", Size(wanted)))
                .help("set `ballast` to less than what the machine has free")
        };
        if let Some(available) = available().filter(|available| wanted > *available) {
            return Err(short(&format!("the {} that are free", Size(available))));
        }
        let len = usize::try_from(wanted).map_err(|_| short("a process can have"))?;
        let mut bytes: Vec<u8> = Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| short("a process can have"))?;
        in_small_pages(&mut bytes);
        bytes.resize(len, 1);
        let mut random = SplitMix::new(wanted);
        for page in bytes.chunks_mut(PAGE) {
            let word = (random.next() | 1).to_le_bytes();
            page.iter_mut().zip(word).for_each(|(byte, random)| *byte = random);
        }
        Ok(Ballast(bytes))
    }

    /// How many bytes it is.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True where none was asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How many bytes `options` have any server hold; none where it holds nothing.
pub fn held(options: &Options) -> Option<u64> {
    options.size(BALLAST.name).filter(|bytes| *bytes > 0)
}

/// The memory that can be had without swapping, in bytes, where the kernel tells.
pub fn available() -> Option<u64> {
    let told = fs::read_to_string("/proc/meminfo").ok()?;
    let line = told.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Asks for pages of the usual size: a heap that has grown bit by bit is seldom in huge ones, and a fork copies
/// the table of its pages, of which huge ones would need five hundred times fewer.
fn in_small_pages(memory: &mut Vec<u8>) {
    let from = memory.spare_capacity_mut().as_mut_ptr() as usize;
    let (first, end) = (from.next_multiple_of(PAGE), (from + memory.capacity()) / PAGE * PAGE);
    if first < end {
        // SAFETY: whole pages inside an allocation of ours; the advice changes no byte. A kernel without huge
        // pages refuses it, and then there is nothing to refuse.
        unsafe { libc::madvise(first as *mut libc::c_void, end - first, libc::MADV_NOHUGEPAGE) };
    }
}

#[cfg(test)]
mod tests {
    use super::{Ballast, held};
    use crate::transport::option::{OptionValue, Options};

    fn asking(size: &str) -> Options {
        Options([("ballast".to_owned(), OptionValue::Word(size.to_owned()))].into())
    }

    #[test]
    fn no_page_is_zero_or_like_another() {
        let ballast = Ballast::of(&asking("1MiB")).expect("there is so much memory");
        assert_eq!(ballast.len(), 1 << 20);
        let pages: std::collections::BTreeSet<&[u8]> = ballast.0.chunks(4096).collect();
        assert!(pages.len() == 256 && ballast.0.chunks(4096).all(|page| page[0] & 1 == 1));
        assert!(Ballast::of(&Options::default()).expect("nothing is asked for").is_empty());
    }

    #[test]
    fn more_than_there_is_is_an_error_that_says_so() {
        let error = Ballast::of(&asking("4000000GiB")).expect_err("no machine has that");
        assert!(error.message().starts_with("a ballast of 4000000GiB is more than"), "{error}");
    }

    #[test]
    fn it_is_said_only_where_there_is_some() {
        assert_eq!(
            [held(&Options::default()), held(&asking("0B")), held(&asking("150MiB"))],
            [None, None, Some(150 << 20)]
        );
    }
}
