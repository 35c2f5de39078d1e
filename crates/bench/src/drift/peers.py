"""What one peer finds of the data sets: scipy on the raw numbers, Evidently or NannyML.

Reads one JSON object from the standard input and writes one list to the standard output: for each data set its first
feature, and its classes where it has some.
"""

import json
import sys
import warnings

import numpy
try:
    import pandas
except ImportError:
    pandas = None

warnings.filterwarnings("ignore")
work = json.load(sys.stdin)


def scipy(now, then, kind):
    from scipy import stats

    if kind == "num":
        test = stats.ks_2samp(now, then)
        sigma = max(float(numpy.std(then)), 0.001)
        return {
            "ks": test.statistic,
            "ks_p": test.pvalue,
            "wasserstein": stats.wasserstein_distance(now, then) / sigma,
        }
    names = sorted(set(now) | set(then))
    table = numpy.array([[list(side).count(name) for name in names] for side in (now, then)])
    return {
        "chi2": stats.contingency.association(table, method="cramer"),
        "chi2_p": stats.chi2_contingency(table, correction=False).pvalue,
    }


def evidently(now, then, kind):
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType

    kind = ColumnType(kind)
    reference, current = pandas.Series(then), pandas.Series(now)
    score = lambda name: get_stattest(reference, current, kind, name)(reference, current, kind, None).drift_score
    # Evidently's score of a test is its p-value.
    if kind == ColumnType.Numerical:
        return {"psi": score("psi"), "js": score("jensenshannon"), "ks_p": score("ks"), "wasserstein": score("wasserstein")}
    return {"psi": score("psi"), "js": score("jensenshannon"), "chi2_p": score("chisquare")}


def nannyml(now, then, kind):
    import nannyml

    numbers = ["jensen_shannon", "kolmogorov_smirnov", "wasserstein"]
    names = ["jensen_shannon", "chi2", "l_infinity"]
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=["x"],
        treat_as_categorical=["x"] if kind == "cat" else [],
        continuous_methods=numbers,
        categorical_methods=names,
        chunk_number=1,
    )
    calculator.fit(pandas.DataFrame({"x": then}))
    found = calculator.calculate(pandas.DataFrame({"x": now})).filter(period="analysis").to_df()
    value = lambda method: float(found[("x", method, "value")].iloc[0])
    if kind == "num":
        return {"js": value("jensen_shannon"), "ks": value("kolmogorov_smirnov"), "wasserstein": value("wasserstein")}
    return {"js": value("jensen_shannon"), "linf": value("l_infinity")}


def plain(found):
    return {name: float(value) for name, value in found.items()}


peer = {"scipy": scipy, "evidently": evidently, "nannyml": nannyml}[work["peer"]]
answer = []
for of in work["sets"]:
    first = of["features"][0]
    found = [plain(peer(first["current"], first["reference"], "num"))]
    if "classes" in of:
        found.append(plain(peer(of["classes"]["current"], of["classes"]["reference"], "cat")))
    answer.append(found)
print()
print(json.dumps(answer))
