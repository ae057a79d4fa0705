//! Numbers as a report prints them: three significant digits and the unit that fits.

/// What stands where there is nothing to print.
pub const NONE: &str = "–";

const TIMES: [(f64, &str); 4] = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
const SIZES: [(f64, &str); 4] =
    [((1 << 30) as f64, "GiB"), ((1 << 20) as f64, "MiB"), ((1 << 10) as f64, "KiB"), (1.0, "B")];

/// A time given in nanoseconds: `141 µs`.
pub fn time(ns: f64) -> String {
    with_unit(ns, &TIMES)
}

/// A number of bytes: `12.3 MiB`.
pub fn size(bytes: u64) -> String {
    with_unit(bytes as f64, &SIZES)
}

/// A number of at least three significant digits, with commas: `0.0123`, `12.3`, `12,345`.
pub fn number(value: f64) -> String {
    let value = rounded(value);
    if value.abs() >= 1000.0 {
        return grouped(value as u64);
    }
    format!("{value:.*}", decimals(value))
}

/// A whole number with commas: `12,345`.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part of a whole as a percentage, rounded so that only all is `100 %` and only nothing is `0 %`.
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return NONE.to_owned();
    }
    let hundredths = (part as f64 / whole as f64 * 10_000.0).floor();
    match part {
        0 => "0 %".to_owned(),
        _ if part == whole => "100 %".to_owned(),
        _ if hundredths < 1.0 => "< 0.01 %".to_owned(),
        _ => format!("{:.2} %", (hundredths / 100.0).min(99.99)),
    }
}

/// How many times: `1.42 ×`.
pub fn factor(value: f64) -> String {
    format!("{} ×", number(value))
}

/// From which factor on a difference would have been seen, where that is a bound at all: none beyond a hundred times.
pub fn seeable(value: f64) -> Option<String> {
    (value <= 100.0).then(|| factor(value))
}

/// A length of time in words, from seconds: `12 min 3 s`.
pub fn lasting(seconds: f64) -> String {
    if seconds < 60.0 {
        return time(seconds * 1e9);
    }
    let seconds = seconds.round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours} h {minutes} min") } else { format!("{minutes} min {seconds} s") }
}

/// So many of a thing: `1 cell`, `12 cells`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count as u64), if count == 1 { one } else { many })
}

/// Words in a row: `a, b and c`.
pub fn listed<S: AsRef<str>>(words: &[S]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The value with three significant digits, or whole where it has more before the point.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() || value.abs() >= 1000.0 {
        return value.round();
    }
    let scale = 10f64.powi(2 - magnitude(value));
    (value * scale).round() / scale
}

fn magnitude(value: f64) -> i32 {
    value.abs().log10().floor() as i32
}

fn decimals(value: f64) -> usize {
    if value == 0.0 { 0 } else { (2 - magnitude(value)).clamp(0, 9) as usize }
}

/// The largest unit of which there is at least one after rounding.
fn with_unit(value: f64, units: &[(f64, &str)]) -> String {
    let fits = units.iter().find(|(factor, _)| rounded(value / factor) >= 1.0);
    let (factor, unit) = fits.or(units.last()).copied().unwrap_or((1.0, ""));
    format!("{} {unit}", if factor == 1.0 { grouped(value.round() as u64) } else { number(value / factor) })
}

#[cfg(test)]
mod tests {
    use super::{counted, factor, lasting, listed, number, share, size, time};

    #[test]
    fn what_could_have_been_seen_is_told_up_to_a_hundred_times() {
        assert_eq!([1.5, 100.0, 1e16].map(super::seeable), [Some("1.50 ×".to_owned()), Some("100 ×".to_owned()), None]);
    }

    #[test]
    fn times_take_the_unit_that_fits_after_rounding() {
        for (ns, text) in [
            (0.0, "0 ns"),
            (999.0, "999 ns"),
            (1_000.0, "1.00 µs"),
            (141_234.0, "141 µs"),
            (999_600.0, "1.00 ms"),
            (12_345_678.0, "12.3 ms"),
            (3.6e12, "3,600 s"),
        ] {
            assert_eq!(time(ns), text);
        }
    }

    #[test]
    fn numbers_keep_three_digits() {
        for (value, text) in
            [(0.0, "0"), (0.01234, "0.0123"), (9.996, "10.0"), (99.96, "100"), (12_345.6, "12,346"), (999.7, "1,000")]
        {
            assert_eq!(number(value), text);
        }
        assert_eq!(size(1_572_864), "1.50 MiB");
        assert_eq!(size(0), "0 B");
        assert_eq!(factor(1.4159), "1.42 ×");
    }

    #[test]
    fn only_all_is_a_hundred_percent() {
        assert_eq!(share(999_999, 1_000_000), "99.99 %");
        assert_eq!(share(7, 7), "100 %");
        assert_eq!(share(1, 1_000_000), "< 0.01 %");
        assert_eq!(share(0, 9), "0 %");
        assert_eq!(share(0, 0), "–");
    }

    #[test]
    fn words_read_like_words() {
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        assert_eq!(counted(1, "cell", "cells"), "1 cell");
        assert_eq!(lasting(723.4), "12 min 3 s");
        assert_eq!(lasting(7_260.0), "2 h 1 min");
        assert_eq!(lasting(59.94), "59.9 s");
    }
}
