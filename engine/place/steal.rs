//! How much of the machine's time its hypervisor gave to others.

use std::fs;

/// The clock ticks of all cores at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticks {
    all: u64,
    stolen: u64,
}

impl Ticks {
    /// Now; none where this kernel does not tell.
    pub fn now() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// user, nice, system, idle, iowait, irq, softirq, steal (proc_stat(5)).
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.lines().next()?.split_ascii_whitespace().skip(1);
        let ticks: Vec<u64> = words.by_ref().take(8).map_while(|word| word.parse().ok()).collect();
        (ticks.len() == 8).then(|| Ticks { all: ticks.iter().sum(), stolen: ticks[7] })
    }

    /// The share that was stolen since `before`; none where too few ticks have passed to tell.
    pub fn stolen_since(&self, before: &Ticks) -> Option<f64> {
        let all = self.all.checked_sub(before.all).filter(|ticks| *ticks >= 100)?;
        Some(self.stolen.saturating_sub(before.stolen) as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::Ticks;

    #[test]
    fn the_share_that_was_stolen_is_that_of_the_ticks_between() {
        let parse = |text: &str| Ticks::parse(text).expect("a line of /proc/stat");
        let before = parse("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 1");
        let after = parse("cpu  150 0 120 900 0 0 0 30 0 0\n");
        assert_eq!(after.stolen_since(&before), Some(0.15));
        assert_eq!(after.stolen_since(&after), None, "no tick has passed");
        assert_eq!(Ticks::parse("cpu 1 2 3"), None);
        assert!(Ticks::now().is_some());
    }
}
