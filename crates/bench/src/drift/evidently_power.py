"""How often Evidently, by its defaults, finds a shift of a normal feature.

Reads one JSON object from the standard input and writes one list to the standard output: for each size of the window,
for each size of the reference, for each shift, the share of windows with drift.
"""

import json
import sys

import numpy
import pandas
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType

work = json.load(sys.stdin)
random = numpy.random.default_rng(1)


def share(size, references, shift):
    seen = 0
    for number in range(work["windows"]):
        reference = references[number % len(references)]
        current = pandas.Series(random.normal(shift, 1, size))
        # Without a name of a test, Evidently chooses the test and its threshold by itself.
        test = get_stattest(reference, current, ColumnType.Numerical, None)
        seen += bool(test(reference, current, ColumnType.Numerical, None).drifted)
    return seen / work["windows"]


answer = []
for size in work["sizes"]:
    answer.append([])
    for rows in work["references"]:
        references = [pandas.Series(random.normal(0, 1, rows)) for _ in range(40)]
        answer[-1].append([share(size, references, shift) for shift in work["shifts"]])
json.dump(answer, sys.stdout)
