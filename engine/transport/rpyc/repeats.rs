//! Requests of objects that are there for good, known again by their bytes.

use crate::transport::rpyc::handler;

/// The longest request that is kept, in bytes; those of a call without arguments are shorter.
const LONGEST: usize = 256;

/// What a request comes to whenever it comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Known {
    /// A reference to the object in slot `given`, an attribute of the one in slot `of`.
    Attribute { of: usize, given: usize },
    /// A call of `ping`, which is in slot `of`.
    Ping { of: usize },
    /// So many references to the object in slot `of` are given up.
    Release { of: usize, count: u64 },
}

impl Known {
    /// The slot of the object that is asked, which the peer has to hold.
    pub(crate) fn of(&self) -> usize {
        match self {
            Known::Attribute { of, .. } | Known::Ping { of } | Known::Release { of, .. } => *of,
        }
    }
}

/// The last request of each kind that a plain call consists of: its arguments as they came, and what it comes to.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    last: [Option<(Vec<u8>, Known)>; 3],
}

impl Repeats {
    /// What a request with these arguments comes to, where the last one of its kind had the same.
    pub(crate) fn find(&self, asked: i64, args: &[u8]) -> Option<Known> {
        let (last, known) = self.last[place(asked)?].as_ref()?;
        (last == args).then_some(*known)
    }

    /// Keeps what a request comes to, as far as `foresee` can tell.
    pub(crate) fn keep(&mut self, asked: i64, args: &[u8], foresee: impl FnOnce() -> Option<Known>) {
        if let Some(place) = place(asked)
            && args.len() <= LONGEST
            && let Some(known) = foresee()
        {
            let (last, what) = self.last[place].get_or_insert_with(|| (Vec::with_capacity(LONGEST), known));
            last.clear();
            last.extend_from_slice(args);
            *what = known;
        }
    }
}

fn place(asked: i64) -> Option<usize> {
    match asked {
        handler::GETATTR => Some(0),
        handler::CALL => Some(1),
        handler::DEL => Some(2),
        _ => None,
    }
}
