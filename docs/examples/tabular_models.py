"""Trains the two shipped models for rows, and writes their files: tumour (a classifier) and diabetes (a regression).

    pip install scikit-learn==1.9.1 onnx==1.23.2
    python docs/examples/tabular_models.py deploy/models

The data are those that scikit-learn carries. Every number is made from a fixed seed.
"""

import csv
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor

SEED = 7
TUMOUR = ["radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave_points",
          "symmetry", "fractal_dimension"]
DIABETES = ["age", "sex", "bmi", "blood_pressure", "cholesterol", "ldl", "hdl", "cholesterol_hdl_ratio",
            "log_triglycerides", "glucose"]


def layers(network, last):
    """The nodes and weights of a multi-layer perceptron, from `scaled` to `last`."""
    nodes, weights, name = [], [], "scaled"
    for index, (matrix, bias) in enumerate(zip(network.coefs_, network.intercepts_)):
        is_last = index == len(network.coefs_) - 1
        out = last if is_last else f"hidden_{index}"
        weights += [numpy_helper.from_array(matrix.astype(np.float32), f"weight_{index}"),
                    numpy_helper.from_array(bias.astype(np.float32), f"bias_{index}")]
        nodes.append(helper.make_node("Gemm", [name, f"weight_{index}", f"bias_{index}"], [out if is_last else f"sum_{index}"]))
        if not is_last:
            nodes.append(helper.make_node("Relu", [f"sum_{index}"], [out]))
        name = out
    return nodes, weights


def write(path, features, mean, deviation, nodes, weights, output):
    """A graph that scales and runs the nodes. What stands for a missing value, its mean, is printed for model.toml."""
    print(path.parent.parent.name, {name: float(f"{value:.4g}") for name, value in zip(features, mean)})
    head = [helper.make_node("Sub", ["features", "mean"], ["centred"]),
            helper.make_node("Div", ["centred", "deviation"], ["scaled"])]
    constants = [numpy_helper.from_array(mean.astype(np.float32)[None], "mean"),
                 numpy_helper.from_array(deviation.astype(np.float32)[None], "deviation")]
    graph = helper.make_graph(
        head + nodes, path.parent.parent.name,
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", len(features)])],
        [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, ["batch", output[1]])],
        constants + weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())


def examples(path, features, rows, truth, name):
    """The rows that no model was trained on, with what is true of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(features + [name])
        for row, true in zip(rows, truth):
            table.writerow([f"{value:.6g}" for value in row] + [true])


def tumour(models):
    data = load_breast_cancer()
    is_malignant = (data.target == 0).astype(int)
    x, held, y, truth = train_test_split(data.data[:, :10], is_malignant, test_size=0.4, random_state=SEED, stratify=is_malignant)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    scale = lambda rows: (rows - mean) / deviation
    network = MLPClassifier(hidden_layer_sizes=(16,), alpha=1.0, max_iter=2000, random_state=SEED).fit(scale(x), y)
    # One logit, and that of the other class is 0: the softmax of both is the sigmoid.
    network.coefs_[-1] = np.hstack([np.zeros_like(network.coefs_[-1]), network.coefs_[-1]])
    network.intercepts_[-1] = np.concatenate([[0.0], network.intercepts_[-1]])
    nodes, weights = layers(network, "logits")
    nodes.append(helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1))
    write(models / "tumour/1/model.onnx", TUMOUR, mean, deviation, nodes, weights, ("probabilities", 2))
    hidden = np.maximum(scale(held) @ network.coefs_[0] + network.intercepts_[0], 0)
    logit = (hidden @ network.coefs_[1] + network.intercepts_[1])[:, 1]
    score = 1 / (1 + np.exp(-logit))
    print(f"tumour: {len(x)} rows of training, {len(held)} held back; accuracy {accuracy_score(truth, score > 0.5):.4f}, "
          f"AUC {roc_auc_score(truth, score):.4f}, log loss {log_loss(truth, score):.4f}")
    names = np.array(["benign", "malignant"])
    examples(models / "tumour/examples/rows.csv", TUMOUR, held, names[truth], "diagnosis")
    return x, score, held


def diabetes(models):
    data = load_diabetes(scaled=False)
    rows = data.data.copy()
    rows[:, 1] -= 1  # The category "1" is given to the model as 0, "2" as 1.
    x, held, y, truth = train_test_split(rows, data.target, test_size=0.4, random_state=SEED)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    scale = lambda rows: (rows - mean) / deviation
    network = MLPRegressor(hidden_layer_sizes=(8,), alpha=30.0, solver="lbfgs", max_iter=5000, random_state=SEED).fit(scale(x), y)
    nodes, weights = layers(network, "progression")
    write(models / "diabetes/1/model.onnx", DIABETES, mean, deviation, nodes, weights, ("progression", 1))
    guess = network.predict(scale(held))
    print(f"diabetes: {len(x)} rows of training, {len(held)} held back; MAE {mean_absolute_error(truth, guess):.2f}, "
          f"R2 {r2_score(truth, guess):.3f}, always the mean: MAE {mean_absolute_error(truth, np.full(len(truth), y.mean())):.2f}")
    shown = held.copy()
    shown[:, 1] += 1
    examples(models / "diabetes/examples/rows.csv", DIABETES, shown, [f"{value:g}" for value in truth], "progression")


if __name__ == "__main__":
    models = pathlib.Path(sys.argv[1])
    tumour(models)
    diabetes(models)
