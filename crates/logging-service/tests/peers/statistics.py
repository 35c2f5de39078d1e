"""Computes with scipy, numpy and scikit-learn what the analysis computes, from the same counts and rows.

Reads one JSON object from the standard input and writes one to the standard output.
"""

import json
import sys

import numpy
from scipy import special, stats
from scipy.spatial import distance
from sklearn.metrics import accuracy_score, precision_recall_fscore_support


def psi(p_counts, q_counts):
    used = (p_counts + q_counts) > 0
    p, q = p_counts[used] / p_counts.sum(), q_counts[used] / q_counts.sum()
    p[p == 0] = max(1e-4, 0.5 / p_counts.sum())
    q[q == 0] = max(1e-4, 0.5 / q_counts.sum())
    # Both halves are Kullback-Leibler divergences of what need not add up to 1.
    return special.kl_div(p, q).sum() + special.kl_div(q, p).sum()


def compared(case):
    p, q = numpy.array(case["current"]), numpy.array(case["reference"])
    n, m = p.sum(), q.sum()
    used = (p + q) > 0
    result = {
        "psi": psi(p, q),
        "js": distance.jensenshannon(p, q, base=2),
        "linf": numpy.abs(p / n - q / m).max(),
    }
    table = numpy.array([p[used], q[used]])
    if used.sum() > 1:
        test = stats.chi2_contingency(table, correction=False)
        result["chi2_p"] = test.pvalue
        result["chi2"] = stats.contingency.association(table, method="cramer")
    bins = numpy.arange(len(p))
    ks = stats.ks_2samp(numpy.repeat(bins, p), numpy.repeat(bins, q), method="asymp").statistic
    result["ks"] = ks
    result["ks_p"] = special.kolmogorov(ks * numpy.sqrt(n * m / (n + m)))
    freedom = used.sum() - 1
    if freedom > 0:
        critical = stats.chi2.isf(case["alpha"], freedom)
        result["psi_floor"] = (1 / n + 1 / m) * critical
        result["chi2_floor"] = numpy.sqrt(critical / (n + m))
    x = numpy.array(case["positions"])
    fine_p, fine_q = numpy.array(case["fine_current"]), numpy.array(case["fine_reference"])
    sigma = numpy.repeat(x, fine_q).std()
    result["wasserstein"] = stats.wasserstein_distance(x, x, fine_p, fine_q) / max(sigma, 0.001)
    return {name: float(value) for name, value in result.items()}


def quality(rows):
    truth = [row["truth"] for row in rows if row["truth"] is not None]
    predicted = [row["predicted"] for row in rows if row["truth"] is not None]
    confidence = numpy.array([row["confidence"] for row in rows if row["truth"] is not None])
    right = numpy.array([a == b for a, b in zip(truth, predicted)])
    classes = sorted(set(truth) | set(predicted))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=classes, zero_division=0
    )
    bin_of = numpy.minimum(numpy.digitize(confidence, numpy.arange(1, 11) / 10), 9)
    gaps, shift = 0.0, numpy.zeros(10)
    for index in range(10):
        inside = bin_of == index
        if inside.any():
            gap = right[inside].mean() - confidence[inside].mean()
            gaps += inside.mean() * abs(gap)
            shift[index] = gap if inside.sum() >= 30 else 0.0
    everything = numpy.array([row["confidence"] for row in rows])
    bins = numpy.minimum(numpy.digitize(everything, numpy.arange(1, 11) / 10), 9)
    promised = 0.0
    for index in range(10):
        inside = bins == index
        if inside.any():
            promised += inside.mean() * min(max(everything[inside].mean() + shift[index], 0.0), 1.0)
    return {
        "classes": classes,
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "macro_f1": float(f1.mean()),
        "accuracy": float(accuracy_score(truth, predicted)),
        "coverage": len(truth) / len(rows),
        "calibration_error": float(gaps),
        "expected_accuracy": float(promised),
        "lag_mean_seconds": float(numpy.mean([row["lag"] for row in rows if row["truth"] is not None])),
    }


work = json.load(sys.stdin)
json.dump({"compared": [compared(case) for case in work["cases"]], "quality": quality(work["rows"])}, sys.stdout)
