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
