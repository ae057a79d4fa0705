# Makes fixture.json, the figures that scipy gives for fixed values: python fixture.py > fixture.json
# (any Python 3 with scipy and numpy; the committed file names the version that made it).
import json
from itertools import combinations

import numpy
import scipy
from scipy import stats

random = numpy.random.default_rng(20)


def values(count, truth, spread=0.05):
    return [float(f"{value:.6g}") for value in truth * numpy.exp(spread * random.standard_normal(count))]


def interval(own):
    logs = numpy.log(own)
    low, high = stats.t.interval(0.95, len(own) - 1, logs.mean(), stats.sem(logs))
    return {"own": own, "value": stats.gmean(own), "low": float(numpy.exp(low)), "high": float(numpy.exp(high))}


def ratio(own, other):
    a, b = numpy.log(own), numpy.log(other)
    between = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    value = stats.gmean(own) / stats.gmean(other)
    return {"own": own, "other": other, "value": value, "low": float(numpy.exp(between.low)), "high": float(numpy.exp(between.high))}


def ranks(own, other, method):
    return {"own": own, "other": other, "chance": stats.mannwhitneyu(own, other, method=method).pvalue}


def ties(own, other):
    # scipy's exact method takes no ties, so every way to share out the values is tried here.
    all_ranks = stats.rankdata(own + other)
    sums = [sum(all_ranks[list(chosen)]) for chosen in combinations(range(len(all_ranks)), len(own))]
    expected, seen = numpy.mean(sums), sum(all_ranks[: len(own)])
    chance = numpy.mean([abs(one - expected) >= abs(seen - expected) - 1e-9 for one in sums])
    return {"own": own, "other": other, "chance": float(chance)}


def rounded(own):
    return [float(round(value)) for value in own]


def kolmogorov(own, name, *arguments):
    result = stats.kstest(own, name, args=arguments)
    return {"own": own, "distance": result.statistic, "chance": result.pvalue}


print(json.dumps({
    "made_by": f"tests/statistics/fixture.py with scipy {scipy.__version__}",
    "interval": [interval(values(count, 100)) for count in (2, 5, 10, 19)],
    "ratio": [ratio(values(a, 100), values(b, 105)) for a, b in ((2, 3), (5, 5), (10, 7), (19, 25))],
    "exact": [ranks(values(a, 100), values(b, truth), "exact") for a, b, truth in ((3, 3, 100), (5, 5, 108), (10, 10, 104), (7, 12, 103), (20, 20, 102))],
    "ties": [ties(rounded(values(a, 20)), rounded(values(b, 21))) for a, b in ((4, 5), (7, 7), (6, 8))],
    "normal": [ranks(own, other, "asymptotic") for own, other in ((values(30, 100), values(25, 103)), (rounded(values(40, 30)), rounded(values(30, 31))))],
    "exponential": [kolmogorov([float(f"{gap:.6g}") for gap in random.exponential(scale, 100)], "expon", 0, 2.0) for scale in (2.0, 2.6)],
    "uniform": [kolmogorov([float(f"{value:.6g}") for value in random.uniform(3, high, 100)], "uniform", 3, 4) for high in (7.0, 6.3)],
}))
