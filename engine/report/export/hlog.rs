//! The response times of each trial as a log of HdrHistogram, format 1.3.
//!
//! A line is tagged with its cell, and stands for one trial: the times at which trials began are not kept, so each
//! begins where the one before ended. Times in the histograms are nanoseconds; the log's maximum is in milliseconds.

use std::fmt::Write;

use crate::results::Results;

/// Every trial that counts and has times.
pub fn text(results: &Results) -> String {
    let mut text = String::from(
        "#[Histogram log format version 1.3]\n#[StartTime: 0.000 (seconds since epoch), 1970-01-01T00:00:00Z]\n\
         \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
    );
    let mut begins = 0.0;
    for record in results.counting() {
        let Some(measured) = record.measured.as_ref().filter(|measured| measured.response_time.count > 0) else {
            continue;
        };
        let lasted = measured.elapsed_ns as f64 / 1e9;
        let most = measured.response_time.max_ns as f64 / 1e6;
        let (tag, histogram) = (tag(results.id(record)), &measured.response_time.histogram);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "Tag={tag},{begins:.3},{lasted:.3},{most:.3},{histogram}");
        begins += lasted;
    }
    text
}

/// A cell as a tag, which can hold neither commas nor blanks.
fn tag(id: &str) -> String {
    id.chars().map(|c| if c == ',' || c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
}
