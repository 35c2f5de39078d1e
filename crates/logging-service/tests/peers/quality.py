"""Trains models on data that scikit-learn carries, and computes with scikit-learn what the analysis computes of their rows.

Writes one JSON object to the standard output: for each data set its labelled rows, and the numbers of the rows as they are
and of the rows on the fixed grid.
"""

import json
import sys

import numpy
from sklearn import datasets, ensemble, linear_model, metrics, model_selection, naive_bayes, neighbors, pipeline, preprocessing


def number_bin(value):
    """The grid of numbers: 128 equal bins of each power of two from 2^-20 on, and one of what is below."""
    if value < 2.0**-20:
        return 0, 0.0, 0.0
    fraction, exponent = numpy.frexp(value)
    octave, part = int(exponent) - 1, int(numpy.floor((2 * fraction - 1) * 128))
    edge, width = 2.0**octave * (1 + part / 128), 2.0**octave / 128
    return (octave + 20) * 128 + part + 1, edge + width / 2, edge


def probability_bin(score):
    """The grid of probabilities: that of numbers from both ends."""
    half = 19 * 128
    if score < 0.5:
        return min(number_bin(score)[0], half)
    return 2 * half + 1 - min(number_bin(1 - score)[0], half)


def scaled(model):
    return pipeline.make_pipeline(preprocessing.StandardScaler(), model)


def answers(model, data, method):
    return model_selection.cross_val_predict(model, data.data, data.target, cv=5, method=method)


def classes(truth, predicted):
    names = sorted(set(truth) | set(predicted))
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(truth, predicted, labels=names, zero_division=0)
    return {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "macro_f1": metrics.f1_score(truth, predicted, average="macro", zero_division=0),
        "weighted_f1": metrics.f1_score(truth, predicted, average="weighted", zero_division=0),
        "micro_f1": metrics.f1_score(truth, predicted, average="micro"),
        "classes": {name: [p, r, f] for name, p, r, f in zip(names, precision, recall, f1)},
    }


def classification(name, data, model):
    names = [str(label) for label in data.target_names]
    chances = answers(model, data, "predict_proba")
    predicted = [names[index] for index in chances.argmax(axis=1)]
    truth = [names[index] for index in data.target]
    rows = [
        {"predicted": p, "truth": t, "scores": sorted(zip(names, row.tolist()), key=lambda score: -score[1])}
        for p, t, row in zip(predicted, truth, chances)
    ]
    numbers = classes(truth, predicted)
    numbers["log_loss"] = metrics.log_loss(data.target, chances)
    numbers["top"] = {
        str(k): metrics.top_k_accuracy_score(data.target, chances, k=k) for k in (3, 5) if k < len(names)
    }
    result = {"name": name, "labels": names, "rows": rows, "numbers": numbers}
    if len(names) == 2:
        scores = chances[:, 1]
        binned = [probability_bin(score) for score in scores]
        result["binary"] = {
            "auc": metrics.roc_auc_score(data.target, scores),
            "average_precision": metrics.average_precision_score(data.target, scores),
            "brier": metrics.brier_score_loss(data.target, scores),
            "binned_auc": metrics.roc_auc_score(data.target, binned),
            "binned_average_precision": metrics.average_precision_score(data.target, binned),
        }
    return result


def regression(name, data, model, tolerance):
    predicted = answers(model, data, "predict")
    truth = data.target.astype(float)
    error = numpy.abs(predicted - truth)
    binned = numpy.array([number_bin(value)[1] for value in error])
    shares = [0.5, 0.9, 0.99]
    return {
        "name": name,
        "tolerance": tolerance,
        "rows": [{"predicted": float(p), "truth": float(t)} for p, t in zip(predicted, truth)],
        "numbers": {
            "mae": metrics.mean_absolute_error(truth, predicted),
            "rmse": metrics.root_mean_squared_error(truth, predicted),
            "r2": metrics.r2_score(truth, predicted),
            "bias": float(numpy.mean(predicted - truth)),
        },
        "binned_quantiles": numpy.quantile(binned, shares, method="inverted_cdf").tolist(),
        "quantiles": numpy.quantile(error, shares, method="inverted_cdf").tolist(),
        "binned_within": float(numpy.mean([number_bin(value)[2] <= tolerance for value in error])),
        "within": [float((error <= tolerance * factor).mean()) for factor in (1, 129 / 128)],
    }


def rare_positives():
    """A positive class of 1 in 50, with scores near 0."""
    data, target = datasets.make_classification(4000, 12, weights=[0.98], flip_y=0.01, random_state=3)
    return datasets._base.Bunch(data=data, target=target, target_names=["honest", "fraud"])


diabetes, linnerud = datasets.load_diabetes(), datasets.load_linnerud()
linnerud.target = linnerud.target[:, 0]
json.dump(
    {
        "classifications": [
            classification("breast_cancer", datasets.load_breast_cancer(), scaled(linear_model.LogisticRegression())),
            classification("breast_cancer_bayes", datasets.load_breast_cancer(), naive_bayes.GaussianNB()),
            classification("fraud", rare_positives(), ensemble.RandomForestClassifier(50, random_state=1)),
            classification("digits", datasets.load_digits(), scaled(linear_model.LogisticRegression(max_iter=300))),
            classification("wine", datasets.load_wine(), neighbors.KNeighborsClassifier(7)),
            classification("iris", datasets.load_iris(), naive_bayes.GaussianNB()),
        ],
        "regressions": [
            regression("diabetes", diabetes, linear_model.Ridge(), 40.0),
            regression("diabetes_forest", diabetes, ensemble.RandomForestRegressor(30, random_state=1), 50.0),
            regression("linnerud", linnerud, linear_model.LinearRegression(), 10.0),
        ],
    },
    sys.stdout,
)
