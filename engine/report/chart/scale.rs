//! Where a value stands along an axis, and which values an axis names.

/// A straight or logarithmic way from values to pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
    begin: f64,
    end: f64,
}

impl Scale {
    /// From nothing to a little more than the largest value.
    pub fn linear(largest: f64, begin: f64, end: f64) -> Self {
        let largest = if largest > 0.0 { largest } else { 1.0 };
        let step = step(largest);
        Scale { low: 0.0, high: (largest * 1.02 / step).ceil() * step, logarithmic: false, begin, end }
    }

    /// From nothing to exactly this value.
    pub fn until(end_value: f64, begin: f64, end: f64) -> Self {
        Scale { low: 0.0, high: if end_value > 0.0 { end_value } else { 1.0 }, logarithmic: false, begin, end }
    }

    /// A little beyond both ends of values above nothing.
    pub fn logarithmic(least: f64, largest: f64, begin: f64, end: f64) -> Self {
        let (least, largest) = if least > 0.0 && largest >= least { (least, largest) } else { (1.0, 10.0) };
        let (low, high) = (below(least), above(largest));
        Scale { low, high: if high > low { high } else { low * 10.0 }, logarithmic: true, begin, end }
    }

    /// Exactly these bounds, whose logarithms are drawn.
    pub fn between(low: f64, high: f64, begin: f64, end: f64) -> Self {
        let (low, high) = if high > low { (low, high) } else { (low / 2.0, low * 2.0) };
        Scale { low, high, logarithmic: true, begin, end }
    }

    /// Where a value stands; one beyond an end stands there.
    pub fn at(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.begin + share.clamp(0.0, 1.0) * (self.end - self.begin)
    }

    /// The values that the axis names.
    pub fn ticks(&self) -> Vec<f64> {
        if !self.logarithmic {
            let step = step(self.high);
            return (0..=(self.high / step + 0.001).floor() as u32).map(|count| f64::from(count) * step).collect();
        }
        let decades = (self.high / self.low).log10();
        let multiples: &[f64] = if decades > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        (first..=last)
            .flat_map(|power| multiples.iter().map(move |multiple| multiple * 10f64.powi(power)))
            .filter(|tick| *tick >= self.low * 0.999 && *tick <= self.high * 1.001)
            .collect()
    }
}

/// A step of 1, 2 or 5 times a power of ten, of which four or five reach the value.
fn step(largest: f64) -> f64 {
    let rough = largest / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|multiple| multiple * power);
    steps.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(10.0 * power)
}

/// The largest of 1, 2, 5 times a power of ten that is not above the value.
fn below(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|multiple| multiple * power).find(|low| *low <= value).unwrap_or(power)
}

/// The least of 1, 2, 5 times a power of ten that is not below the value.
fn above(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|multiple| multiple * power).find(|high| *high >= value).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::Scale;

    #[test]
    fn a_linear_axis_begins_at_nothing_and_has_round_ticks() {
        let scale = Scale::linear(87.0, 0.0, 100.0);
        assert_eq!(scale.ticks(), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert!((scale.at(50.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn an_axis_until_a_value_ends_there_and_names_nothing_beyond() {
        let scale = Scale::until(14.2, 0.0, 71.0);
        assert_eq!(scale.ticks(), [0.0, 5.0, 10.0]);
        assert!((scale.at(14.2) - 71.0).abs() < 1e-9);
    }

    #[test]
    fn a_logarithmic_axis_gives_each_decade_the_same_room() {
        let scale = Scale::logarithmic(1.0, 10_000.0, 0.0, 400.0);
        assert_eq!(scale.ticks(), [1.0, 10.0, 100.0, 1_000.0, 10_000.0]);
        assert!((scale.at(100.0) - 200.0).abs() < 1e-9);
        assert_eq!(Scale::logarithmic(30.0, 70.0, 0.0, 1.0).ticks(), [20.0, 50.0, 100.0]);
        assert_eq!(scale.at(0.0), 0.0);
    }

    #[test]
    fn nothing_breaks_an_axis() {
        for scale in
            [Scale::linear(0.0, 0.0, 1.0), Scale::logarithmic(0.0, 0.0, 0.0, 1.0), Scale::between(3.0, 3.0, 0.0, 1.0)]
        {
            assert!(scale.at(3.0).is_finite());
            assert!(scale.ticks().len() < 10);
        }
    }
}
