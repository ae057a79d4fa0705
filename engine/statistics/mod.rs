//! What may be concluded from trials: intervals, differences, and what too few trials cannot show.
//!
//! The trial is the unit: one value for each trial and figure, however many calls a trial made. Figures of times and
//! rates spread by factors rather than by amounts, so all of it is done on logarithms.

pub mod change;
pub mod contrast;
pub mod fit;
pub mod interval;
pub mod line;
pub mod power;
pub mod rank;
pub mod steady;

/// The confidence of every interval.
pub const CONFIDENCE: f64 = 0.95;

/// The chance of calling alike what is alike different that is allowed in one family of comparisons.
pub const SIGNIFICANCE: f64 = 0.05;

/// A number in 0..1 from 64 random bits.
#[cfg(test)]
fn unit(random: &mut crate::call::SplitMix) -> f64 {
    (random.next() >> 11) as f64 / (1u64 << 53) as f64
}

/// A number of the standard normal distribution (Box and Muller).
#[cfg(test)]
fn normal(random: &mut crate::call::SplitMix) -> f64 {
    let radius = (-2.0 * (1.0 - unit(random)).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit(random)).cos()
}

/// The value in the middle, or between the two there; none of none.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    Some(if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[sorted.len() / 2 - 1], upper) } else { upper })
}

/// The geometric mean, zero where one of the values is; none of none.
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    let first = *values.first()?;
    if values.iter().all(|value| *value == first) {
        // Their logarithm and back would not be the same in the last digit.
        return Some(first);
    }
    Some(mean(&values.iter().map(|value| value.ln()).collect::<Vec<f64>>()).exp())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The variance of what `values` were drawn from; zero where there is but one.
fn variance(values: &[f64]) -> f64 {
    let centre = mean(values);
    let sum = values.iter().map(|value| (value - centre).powi(2)).sum::<f64>();
    if values.len() < 2 { 0.0 } else { sum / (values.len() - 1) as f64 }
}
