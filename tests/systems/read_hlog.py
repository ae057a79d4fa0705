"""Reads a log of HdrHistogram and prints each line's tag, count, p50, p99 and longest as JSON."""

import json
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

reader = HistogramLogReader(sys.argv[1], HdrHistogram(1, 3_600_000_000_000, 3))
lines = []
while (times := reader.get_next_interval_histogram()) is not None:
    quantiles = [times.get_value_at_percentile(percentile) for percentile in (50, 99, 100)]
    lines.append([times.get_tag(), times.get_total_count(), *quantiles])
print(json.dumps(lines))
