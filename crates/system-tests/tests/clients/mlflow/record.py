"""Makes the models of this folder and records what `mlflow models serve` answers for them, in golden.json.

pip install mlflow==3.17.2 onnx==1.23.2 onnxruntime==1.32.0 scikit-learn==1.9.1 skl2onnx==1.20.0 pandas==3.1.1
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import mlflow
import onnx
from mlflow.models import infer_signature
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge

FOLDER = Path(__file__).parent
ADDRESS = "http://127.0.0.1:18011"
COLUMNS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3], [5.9, 2.8, 4.4, 1.3]]


def save(name, model, signature):
    shutil.rmtree(FOLDER / name, ignore_errors=True)
    mlflow.onnx.save_model(model, FOLDER / name, signature=signature)


def save_models():
    frame, target = load_iris(return_X_y=True, as_frame=True)
    frame.columns = COLUMNS
    values = frame.values.astype("float32")
    classifier = LogisticRegression(max_iter=500).fit(values, target)
    # What skl2onnx makes unless it is told otherwise: maps of probabilities.
    save("iris", to_onnx(classifier, values[:1], target_opset=17), infer_signature(frame, target))
    tensors = to_onnx(classifier, values[:1], options={"zipmap": False}, target_opset=17)
    save("tensors", tensors, infer_signature(values, target.values))
    regression = Ridge().fit(values[:, :3], values[:, 3])
    number = to_onnx(regression, values[:1, :3], target_opset=17)
    save("width", number, infer_signature(frame[COLUMNS[:3]], regression.predict(values[:3, :3])))


def save_half_plus_three():
    """The model of TensorFlow Serving's documentation."""
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["items"])
    constant = lambda name, number: helper.make_tensor(name, TensorProto.FLOAT, [], [number])
    nodes = [helper.make_node("Mul", ["x", "a"], ["ax"]), helper.make_node("Add", ["ax", "b"], ["y"])]
    graph = helper.make_graph(nodes, "half", [value("x")], [value("y")], [constant("a", 0.5), constant("b", 3.0)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (FOLDER / "half_plus_three").mkdir(exist_ok=True)
    onnx.save(model, FOLDER / "half_plus_three/model.onnx")


def requests_to(columns):
    count = len(columns)
    rows = [row[:count] for row in ROWS]
    records = [dict(zip(columns, row)) for row in rows]
    lists = {name: [row[place] for row in rows] for place, name in enumerate(columns)}
    csv = "\n".join([",".join(columns)] + [",".join(map(str, row)) for row in rows]) + "\n"
    backwards = {"columns": columns[::-1], "data": [row[::-1] for row in rows]}
    for body in [
        {"dataframe_split": {"columns": columns, "data": rows}},
        {"dataframe_split": {"index": [0, 1, 2], **backwards}},
        {"dataframe_split": {"data": rows}},
        {"dataframe_records": records},
        {"dataframe_records": [{**records[0], "more": 1}]},
        {"dataframe_records": [{columns[0]: 1.0}]},
        {"dataframe_records": [{**records[0], columns[0]: "long"}]},
        # Numbers as texts, as CSV and forms have them, and truth values in columns of numbers.
        {"dataframe_records": [{**records[0], columns[0]: "5.5"}, {**records[1], columns[1]: " 3e0 "}]},
        {"dataframe_split": {"columns": columns, "data": [[*rows[0][:-1], True], [False, *rows[1][1:]]]}},
        {"instances": [{**records[0], columns[0]: "5.5"}]},
        {"inputs": {**lists, columns[0]: ["5.5", "6", "7"]}},
        {"inputs": lists},
        {"inputs": records},
        {"inputs": records[0]},
        {"inputs": rows},
        {"instances": records},
        {"instances": rows},
        {"inputs": rows, "instances": rows},
        {"rows": rows},
        [1],
    ]:
        yield "application/json", json.dumps(body)
    yield "application/json; charset=utf-8", json.dumps({"dataframe_records": records[:1]})
    yield "application/json; format=pandas-split", json.dumps({"columns": columns, "data": rows})
    yield "application/json", "{"
    yield "text/csv", csv
    yield "application/xml", "<x/>"


def ask(content_type, body):
    request = urllib.request.Request(ADDRESS + "/invocations", body.encode(), {"content-type": content_type})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        return refusal.code, None


def answers_of(name, columns):
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", FOLDER / name, "--env-manager", "local"]
    server = subprocess.Popen([*command, "-p", ADDRESS.rsplit(":")[-1], "-h", "127.0.0.1", "-w", "1"])
    try:
        while True:
            try:
                urllib.request.urlopen(ADDRESS + "/ping")
                break
            except OSError:
                time.sleep(0.2)
        for content_type, body in requests_to(columns):
            status, answer = ask(content_type, body)
            yield {"model": name, "content_type": content_type, "body": body, "status": status, "answer": answer}
    finally:
        server.terminate()
        server.wait()
        time.sleep(1)


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    save_models()
    save_half_plus_three()
    golden = [*answers_of("iris", COLUMNS), *answers_of("tensors", COLUMNS), *answers_of("width", COLUMNS[:3])]
    (FOLDER / "golden.json").write_text("[\n" + ",\n".join(json.dumps(one) for one in golden) + "\n]\n")
