//! How much of what clients send a server holds at a time: all of its connections and processes together.

use std::fmt;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::units::Size;

/// How many bytes a server holds where nothing else is said.
pub const HELD: u64 = 2 << 30;
/// By how many places what processes hold is told apart, by the last digits of their ids.
const PLACES: usize = 1 << 15;

/// The bound, and what is held now: in memory that the forks of a server share.
#[derive(Clone)]
pub struct Hold(Arc<Shared>);

/// What all share: how much is held in all, and by each process.
struct Shared {
    limit: u64,
    counts: NonNull<AtomicU64>,
}

// SAFETY: what is mapped are atomic numbers, which any thread may use.
unsafe impl Send for Shared {}
// SAFETY: the same.
unsafe impl Sync for Shared {}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing refers to it any more.
        unsafe { libc::munmap(self.counts.as_ptr().cast(), MAPPED) };
    }
}

const MAPPED: usize = (PLACES + 1) * size_of::<AtomicU64>();

impl Shared {
    fn count(&self, place: usize) -> &AtomicU64 {
        // SAFETY: there are so many, zeroed by the kernel and aligned to a page; they live as long as this.
        unsafe { self.counts.add(place.min(PLACES)).as_ref() }
    }

    fn of(&self, process: u32) -> &AtomicU64 {
        self.count(1 + process as usize % PLACES)
    }
}

impl Hold {
    /// Room for `limit` bytes; an error where there is no memory for the counts.
    pub fn new(limit: u64) -> io::Result<Self> {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: the kernel chooses where, so that nothing else is mapped over.
        let mapped = unsafe { libc::mmap(ptr::null_mut(), MAPPED, access, kind, -1, 0) };
        if mapped == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let counts = NonNull::new(mapped.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Hold(Arc::new(Shared { limit, counts })))
    }

    /// The part of one connection, or of one call, that holds nothing yet.
    pub fn share(&self) -> Share {
        Share { hold: self.clone(), bytes: 0 }
    }

    /// How many bytes are held.
    pub fn held(&self) -> u64 {
        self.0.count(0).load(Ordering::Relaxed)
    }

    /// Forgets what a process held that was killed, and so could not give it back.
    pub fn forget(&self, process: u32) {
        let lost = self.0.of(process).swap(0, Ordering::Relaxed);
        self.0.count(0).fetch_sub(lost, Ordering::Relaxed);
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hold({} of {})", Size(self.held()), Size(self.0.limit))
    }
}

/// What one connection holds; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    hold: Hold,
    bytes: u64,
}

impl Share {
    /// Holds so many bytes in all from now on; false, and as many as before, where that is more than there is room for.
    pub fn hold(&mut self, bytes: u64) -> bool {
        let (all, own) = (self.hold.0.count(0), self.hold.0.of(std::process::id()));
        if let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) {
            let before = all.fetch_add(more, Ordering::Relaxed);
            if before.saturating_add(more) > self.hold.0.limit {
                all.fetch_sub(more, Ordering::Relaxed);
                return false;
            }
            own.fetch_add(more, Ordering::Relaxed);
        } else if bytes < self.bytes {
            all.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
            own.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.hold(0);
    }
}

#[cfg(test)]
mod tests {
    use super::Hold;

    #[test]
    fn shares_hold_no_more_than_the_whole_and_give_it_back() {
        let hold = Hold::new(100).expect("a page");
        let (mut one, mut other) = (hold.share(), hold.share());
        assert!(one.hold(60) && other.hold(40) && !other.hold(41));
        assert_eq!(hold.held(), 100);
        assert!(one.hold(10) && other.hold(90) && !one.hold(11));
        drop(other);
        assert_eq!(hold.held(), 10);
        assert!(one.hold(100) && !one.hold(u64::MAX));
    }

    #[test]
    fn what_a_killed_process_held_is_forgotten() {
        let hold = Hold::new(100).expect("a page");
        let mut share = hold.share();
        assert!(share.hold(70));
        hold.forget(std::process::id());
        assert_eq!(hold.held(), 0);
        assert!(hold.share().hold(100));
        // It cannot give back what is forgotten; only a process that lives on would.
        std::mem::forget(share);
    }
}
