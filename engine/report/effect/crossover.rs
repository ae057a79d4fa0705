//! Where along an axis of numbers an effect turns into its opposite.

use crate::figures;
use crate::report::effect::found::{Part, Split};
use crate::report::effect::matched::{Unit, number};
use crate::report::effect::told::Crossover;
use crate::statistics::CONFIDENCE;
use crate::statistics::contrast::Contrast;
use crate::statistics::line::crossing;

/// Where along an axis of positive numbers an effect surely turns into its opposite; none where it does not.
pub fn crossover(split: &Split) -> Option<Crossover> {
    let read = |part: &Part| Some((number(&part.value)?, part.difference));
    let mut points: Vec<((Unit, f64), Contrast)> = split.parts.iter().map(read).collect::<Option<_>>()?;
    points.sort_by(|((_, a), _), ((_, b), _)| a.total_cmp(b));
    let unit = points.first()?.0.0;
    let sign = |difference: &Contrast| {
        let (low, high) = difference.range(CONFIDENCE);
        if low > 0.0 { 1 } else { -i32::from(high < 0.0) }
    };
    let turns = points.iter().any(|(_, own)| sign(own) > 0) && points.iter().any(|(_, own)| sign(own) < 0);
    let alike = points.iter().all(|((own, at), _)| *own == unit && *at > 0.0);
    if !turns || !alike {
        return None;
    }
    let drawn: Vec<(f64, Contrast)> = points.iter().map(|((_, at), own)| (at.ln(), *own)).collect();
    let found = crossing(&drawn)?;
    let written = |at: f64| match unit {
        Unit::Bytes => figures::size(at.round() as u64),
        Unit::Times => figures::time(at),
        Unit::One => figures::number(at),
    };
    let (at, low, high) = (found.at.exp(), found.low.exp(), found.high.exp());
    let text = format!("near {} ({} – {})", written(at), written(low), written(high));
    Some(Crossover { at, low, high, text })
}
