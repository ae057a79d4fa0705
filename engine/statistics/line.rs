//! Straight lines through means that know how sure they are: a slope, what is left beside it, and where a line meets none.

use crate::statistics::CONFIDENCE;
use crate::statistics::contrast::Contrast;

/// The slope of the line through points, and how far each is from that line; none where all have the same place.
///
/// Each point counts alike, so that both are sums of the points' means with factors and as sure as these.
pub fn line(points: &[(f64, Contrast)]) -> Option<(Contrast, Vec<Contrast>)> {
    let count = points.len() as f64;
    let middle = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|(x, _)| (x - middle).powi(2)).sum();
    if points.len() < 2 || spread == 0.0 {
        return None;
    }
    let slope: Vec<(f64, Contrast)> = points.iter().map(|(x, y)| ((x - middle) / spread, *y)).collect();
    let beside = (0..points.len()).map(|own| {
        let terms: Vec<(f64, Contrast)> = points
            .iter()
            .enumerate()
            .map(|(at, (x, y))| {
                let on_line = 1.0 / count + (points[own].0 - middle) * (x - middle) / spread;
                (f64::from(u8::from(at == own)) - on_line, *y)
            })
            .collect();
        Contrast::sum(&terms)
    });
    Some((Contrast::sum(&slope), beside.collect()))
}

/// Where something that changes its sign is nothing, with the interval of 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crossing {
    /// About there.
    pub at: f64,
    /// Not before.
    pub low: f64,
    /// Not after.
    pub high: f64,
}

/// Where points, drawn straight from each to the next, first change their sign. The interval is where nothing lies within
/// 95 % of what is drawn (Fieller); it ends with the points where they do not bound it.
pub fn crossing(points: &[(f64, Contrast)]) -> Option<Crossing> {
    /// Into how many pieces each stretch is cut.
    const PIECES: u32 = 1_000;
    let mut drawn: Vec<(f64, Contrast)> = Vec::new();
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        drawn.extend((0..=PIECES).map(|piece| {
            let share = f64::from(piece) / f64::from(PIECES);
            (x0 + (x1 - x0) * share, Contrast::sum(&[(1.0 - share, y0), (share, y1)]))
        }));
    }
    let from = drawn.windows(2).position(|pair| (pair[0].1.value >= 0.0) != (pair[1].1.value >= 0.0))?;
    let holds = |(_, y): &(f64, Contrast)| {
        let (low, high) = y.range(CONFIDENCE);
        low <= 0.0 && high >= 0.0
    };
    let before = drawn[..=from].iter().rev().take_while(|point| holds(point)).last();
    let after = drawn[from + 1..].iter().take_while(|point| holds(point)).last();
    let at = drawn[from].0;
    Some(Crossing {
        at,
        low: before.map_or(at, |point| point.0),
        high: after.map_or(drawn[from + 1].0, |point| point.0),
    })
}

#[cfg(test)]
mod tests {
    use super::{Crossing, crossing, line};
    use crate::statistics::contrast::Contrast;

    fn at(value: f64) -> Contrast {
        Contrast { value, variance: 0.01, freedom: 9.0 }
    }

    #[test]
    fn points_on_a_line_give_its_slope_and_nothing_beside_it() {
        let (slope, beside) = line(&[0.0, 1.0, 5.0].map(|x| (x, at(3.0 + 2.0 * x)))).expect("three places");
        assert!((slope.value - 2.0).abs() < 1e-12 && slope.variance > 0.0, "{slope:?}");
        assert!(beside.iter().all(|it| it.value.abs() < 1e-12), "{beside:?}");
        let (_, beside) = line(&[(0.0, at(0.0)), (1.0, at(3.0)), (2.0, at(0.0))]).expect("three places");
        assert!((beside[1].value - 2.0).abs() < 1e-12, "{beside:?}");
        assert_eq!(line(&[(1.0, at(1.0)), (1.0, at(2.0))]), None);
    }

    #[test]
    fn a_crossing_lies_within_its_interval_and_what_does_not_cross_has_none() {
        let Crossing { at: place, low, high } =
            crossing(&[(0.0, at(-1.0)), (4.0, at(1.0)), (8.0, at(3.0))]).expect("it crosses");
        assert!((place - 2.0).abs() < 0.01 && low < 2.0 && high > 2.0, "{place} {low} {high}");
        // Half way the variance is half: 2.1 times 0.0707 up or down, on a line that rises by 0.5 for each step.
        assert!((1.65..1.75).contains(&low) && (2.25..2.35).contains(&high), "{low} {high}");
        assert_eq!(crossing(&[(0.0, at(1.0)), (4.0, at(2.0))]), None);
    }
}
