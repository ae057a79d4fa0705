//! The window of a trial, as it was seen on every host on which its ends ran.

use crate::error::Result;
use crate::place::messages::Window;
use crate::place::observer::contract::Evidence;
use crate::place::site::{Counting, End, Site};
use crate::results::machine::Interference;

/// A window that is under way.
#[derive(Debug)]
pub struct Windows(Vec<(Site, Counting)>);

/// What was seen of it.
#[derive(Debug)]
pub struct Seen(Vec<(Site, Window)>);

impl Windows {
    /// Begins one on the host of each of these ends.
    pub fn begin<'e>(ends: impl Iterator<Item = &'e End>) -> Result<Self> {
        let mut windows: Vec<(Site, Counting)> = Vec::new();
        for end in ends {
            if !windows.iter().any(|(site, _)| site.is(end.site())) {
                windows.push((end.site().clone(), end.site().begin()?));
            }
        }
        Ok(Windows(windows))
    }

    /// Ends it.
    pub fn end(self) -> Result<Seen> {
        let seen = self.0.into_iter().map(|(site, counting)| Ok((site, counting.end()?)));
        seen.collect::<Result<_>>().map(Seen)
    }
}

impl Seen {
    /// What was seen of one end, which is told once.
    pub fn of(&mut self, end: &End) -> Evidence {
        let window = self.0.iter_mut().find(|(site, _)| site.is(end.site()));
        window.and_then(|(_, window)| window.ends.remove(&end.id())).unwrap_or_default()
    }

    /// The largest share of a host's time that its hypervisor gave to others, where it is known of all.
    pub fn stolen(&self) -> Option<f64> {
        let shares: Option<Vec<f64>> = self.0.iter().map(|(_, window)| window.stolen).collect();
        shares?.into_iter().reduce(f64::max)
    }

    /// What others used of the cores of an end, where they used most.
    pub fn interference(&self) -> Option<Interference> {
        let known = self.0.iter().filter_map(|(_, window)| window.interference.clone());
        known.max_by(|one, other| one.share.total_cmp(&other.share))
    }

    /// From when until when an end was stopped on purpose, in nanoseconds of our clock.
    pub fn stalled(&self) -> Option<(u64, u64)> {
        self.0.iter().find_map(|(site, window)| {
            let (from, until) = window.stalled?;
            Some((site.clock().here(from), site.clock().here(until)))
        })
    }
}

/// A moment on each of several hosts, from which it is looked at what others use there.
#[derive(Debug)]
pub struct Moments(Vec<(Site, u64)>);

impl Moments {
    /// Now; `first` forgets what was seen long before.
    pub fn now<'s>(sites: impl Iterator<Item = &'s Site>, first: bool) -> Result<Self> {
        sites.map(|site| Ok((site.clone(), site.moment(first)?))).collect::<Result<_>>().map(Moments)
    }

    /// What others have used since of the cores of an end, where they used most.
    pub fn since(&self) -> Result<Option<Interference>> {
        let mut most: Option<Interference> = None;
        for (site, moment) in &self.0 {
            let used = site.since(*moment)?;
            if used.as_ref().is_some_and(|used| most.as_ref().is_none_or(|most| used.share > most.share)) {
                most = used;
            }
        }
        Ok(most)
    }
}
