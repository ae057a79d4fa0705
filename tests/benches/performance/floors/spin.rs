//! A loop that does nothing but watch the clock until each send is due.

use std::time::Instant;

use engine::error::Result;
use engine::results::distribution;

use crate::floors::{Says, argument};

/// The floor `spin`: sends a second, milliseconds.
pub(crate) fn watch(arguments: &[String]) -> Result<()> {
    let (rate, window_ms): (u64, u64) = (argument(arguments, 0)?, argument(arguments, 1)?);
    let gap_ns = 1_000_000_000 / rate;
    let mut late = distribution::empty();
    late.reset();
    let begun = Instant::now();
    let elapsed_ns = || begun.elapsed().as_nanos() as u64;
    for send in 0..rate * window_ms / 1000 {
        let due = send * gap_ns;
        let now = loop {
            let now = elapsed_ns();
            if now >= due {
                break now;
            }
            std::hint::spin_loop();
        };
        late.saturating_record(now - due);
    }
    let figures = [("p50_ns", late.value_at_quantile(0.5)), ("p99_ns", late.value_at_quantile(0.99))];
    Says::Measured(figures.map(|(name, ns)| (name.to_owned(), ns as f64)).into()).say()
}
