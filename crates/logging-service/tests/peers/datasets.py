"""Data sets that scikit-learn carries, each with a drift that is made, and what scipy finds of them.

Reads one JSON object from the standard input and writes one to the standard output. Without "grids" it answers the
values; with the grids and ranges on which they were counted, it answers the statistics of the raw values, and of the
values after each was moved to the middle of its bin.
"""

import json
import sys

import numpy
from scipy import special, stats
from scipy.spatial import distance
from sklearn import datasets


def halves(name, drift):
    """Two halves of the rows in a random order; the second one has a drift."""
    bunch = getattr(datasets, "load_" + name)()
    random = numpy.random.default_rng(len(name))
    order = random.permutation(len(bunch.data))
    middle = len(order) // 2
    then, now = order[:middle], drift(random, order[middle:], bunch)
    # The most varied columns are the most telling ones.
    columns = sorted(numpy.argsort(-bunch.data.std(axis=0))[:4].tolist())
    names = getattr(bunch, "feature_names", None)
    features = []
    for column in columns:
        title = str(names[column]) if names is not None else "column " + str(column)
        reference, current = bunch.data[then, column], now["data"][:, column]
        features.append({"name": title, "reference": reference.tolist(), "current": current.tolist()})
    result = {"name": name, "features": features}
    if hasattr(bunch, "target_names"):
        classes = [str(target) for target in bunch.target]
        result["classes"] = {
            "reference": [classes[row] for row in then],
            "current": [classes[row] for row in now["rows"]],
        }
    return result


def shifted(by):
    """All columns larger by a share of their standard deviation."""
    return lambda random, rows, bunch: {"rows": rows, "data": bunch.data[rows] + by * bunch.data.std(axis=0)}


def scaled(by):
    """All columns in another unit, a little."""
    return lambda random, rows, bunch: {"rows": rows, "data": bunch.data[rows] * by}


def selected(random, rows, bunch):
    """Rows with a larger first column come more often."""
    rank = stats.rankdata(bunch.data[rows, 0])
    chosen = random.choice(rows, size=len(rows), p=rank / rank.sum())
    return {"rows": chosen, "data": bunch.data[chosen]}


def noisy(random, rows, bunch):
    """Every value is measured with an error of half a standard deviation."""
    sigma = bunch.data.std(axis=0)
    return {"rows": rows, "data": bunch.data[rows] + random.normal(0, 0.5, bunch.data[rows].shape) * sigma}


DRIFTS = {
    "iris": shifted(0.5),
    "wine": scaled(1.1),
    "breast_cancer": selected,
    "diabetes": noisy,
    "digits": scaled(1.5),
}


def filled(p, count):
    p = p.copy()
    p[p == 0] = max(1e-4, 0.5 / count)
    return p


def of_counts(now, then):
    used = (now + then) > 0
    now, then = now[used], then[used]
    p, q = now / now.sum(), then / then.sum()
    floored = filled(p, now.sum()), filled(q, then.sum())
    result = {
        "psi": special.kl_div(*floored).sum() + special.kl_div(*reversed(floored)).sum(),
        "js": distance.jensenshannon(p, q, base=2),
        "linf": numpy.abs(p - q).max(),
    }
    if len(now) > 1:
        result["chi2"] = stats.contingency.association(numpy.array([now, then]), method="cramer")
    return result


def of_order(now, then):
    sigma = max(then.std(), 0.001)
    return {
        "ks": stats.ks_2samp(now, then, method="asymp").statistic,
        "wasserstein": stats.wasserstein_distance(now, then) / sigma,
    }


def statistics(feature, grid):
    now, then = numpy.array(feature["current"]), numpy.array(feature["reference"])
    # Ranges reach as far as numbers do.
    edges = numpy.array([-numpy.inf, *grid["ranges"], numpy.inf])
    count = lambda values: numpy.bincount(numpy.digitize(values, edges) - 1, minlength=len(edges) - 1)
    middles, lower = numpy.array(grid["middles"]), numpy.array(grid["lower"])
    moved = lambda values: middles[numpy.digitize(values, lower) - 1]
    binned = of_counts(count(now), count(then)) | of_order(moved(now), moved(then))
    return {"binned": plain(binned), "raw": plain(of_order(now, then))}


def classes(sides):
    names = sorted(set(sides["reference"]))
    count = lambda values: numpy.array([values.count(name) for name in names])
    return {"binned": plain(of_counts(count(sides["current"]), count(sides["reference"])))}


def plain(result):
    return {name: float(value) for name, value in result.items()}


work = json.load(sys.stdin)
sets = [halves(name, drift) for name, drift in DRIFTS.items()]
if "grids" in work:
    sets = [
        {
            "name": of["name"],
            "features": [statistics(*pair) for pair in zip(of["features"], grids)],
            **({"classes": classes(of["classes"])} if "classes" in of else {}),
        }
        for of, grids in zip(sets, work["grids"])
    ]
json.dump({"sets": sets}, sys.stdout)
