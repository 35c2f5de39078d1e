"""Puts ten and more kinds of models into the folder argv[1], and what to ask of them into its file requests.json.

argv[2] is the engine: what no texts come through to is not asked about texts.
"""

import base64
import json
import pathlib
import sys

import numpy
from onnx import TensorProto, helper, numpy_helper, save_model
from onnxruntime.quantization import QuantType, quantize_dynamic
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

FLOAT, DOUBLE, LONG = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64
DATATYPES = {"float32": "FP32", "float64": "FP64", "int64": "INT64"}
# Of each model.
REQUESTS = 20
# Items wait for others, so that there are others to be mixed up with.
TOGETHER = "[batching]\nmax_size = 8\nmax_delay_ms = 2\n"


class Kinds:
    def __init__(self, folder):
        self.folder, self.random, self.requests = pathlib.Path(folder), numpy.random.default_rng(7), []

    def numbers(self, *shape):
        return self.random.normal(0, 1, shape).astype("float32")

    def weight(self, name, *shape):
        return numpy_helper.from_array(self.numbers(*shape), name)

    def put(self, name, model, toml=""):
        version = self.folder / "models" / name / "1"
        version.mkdir(parents=True)
        (version.parent / "model.toml").write_text(toml or 'task = "raw"\n')
        (version / "model.onnx").write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        return version / "model.onnx"

    def ask(self, model, path, body, **headers):
        """Over HTTP at a path; over gRPC where there is none."""
        body = base64.b64encode(body).decode()
        self.requests.append({"model": model, "path": path, "headers": headers, "body": body})

    def predict(self, model, rows):
        """One row or several, through POST /predict."""
        asked = {"model": model, "inputs": rows.tolist(), "top_k": 10}
        self.ask(model, "/predict", json.dumps(asked).encode(), **{"content-type": "application/json"})

    def infer(self, model, binary, **tensors):
        """Over the protocol, in JSON or with the tensors' bytes."""
        inputs, blobs = [], []
        for name, tensor in tensors.items():
            texts = tensor.dtype.kind == "U"
            datatype = "BYTES" if texts else DATATYPES[tensor.dtype.name]
            described = {"name": name, "shape": tensor.shape, "datatype": datatype}
            if binary and not texts:
                blobs.append(tensor.tobytes())
                inputs.append({**described, "parameters": {"binary_data_size": len(blobs[-1])}})
            else:
                inputs.append({**described, "data": tensor.ravel().tolist()})
        head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": binary}}).encode()
        headers = {"content-type": "application/json"}
        if binary:
            headers = {"inference-header-content-length": str(len(head))}
        self.ask(model, f"/v2/models/{model}/infer", b"".join([head, *blobs]), **headers)
        self.ask(model, None, message(model, tensors))

    def ask_rows(self, model, tensor, *item):
        """The rows of a classifier or a regression, in every way."""
        for number in range(REQUESTS):
            scale = numpy.float32(10.0 ** self.random.integers(-2, 3))
            rows = scale * self.numbers(self.random.integers(1, 5), *item)
            if number % 2:
                self.predict(model, rows)
            else:
                self.infer(model, number % 4 == 0, **{tensor: rows})


def number(value):
    """A number as protobuf writes it: seven bits in each byte, the lowest first."""
    low, more = value & 127, value >> 7
    return bytes([low | 128]) + number(more) if more else bytes([low])


def field(tag, value):
    """A member of a message of protobuf that is a text, bytes or a message."""
    value = value.encode() if isinstance(value, str) else value
    return number(tag << 3 | 2) + number(len(value)) + value


def message(model, tensors):
    """A ModelInferRequest with its tensors as bytes."""
    described, blobs = field(1, model), b""
    for name, tensor in tensors.items():
        texts = tensor.dtype.kind == "U"
        shape = field(3, b"".join(number(int(size)) for size in tensor.shape))
        datatype = "BYTES" if texts else DATATYPES[tensor.dtype.name]
        described += field(5, field(1, name) + field(2, datatype) + shape)
        words = [word.encode() for word in tensor.ravel().tolist()] if texts else []
        blobs += field(7, b"".join(len(word).to_bytes(4, "little") + word for word in words) if texts else tensor.tobytes())
    return described + blobs


def file(nodes, inputs, outputs, weights):
    def declared(tensors):
        return [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in tensors]

    graph = helper.make_graph(nodes, "graph", declared(inputs), declared(outputs), weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def layers(kinds, last, classes):
    """Two layers for rows of 16 numbers."""
    node = helper.make_node
    nodes = [
        node("Gemm", ["x", "w1", "b1"], ["h"]),
        node("Relu", ["h"], ["r"]),
        node("Gemm", ["r", "w2", "b2"], ["logits" if last else "y"]),
    ]
    if last:
        nodes.append(node(last, ["logits"], ["y"]))
    shapes = {"w1": (16, 32), "b1": (32,), "w2": (32, classes), "b2": (classes,)}
    weights = [kinds.weight(name, *shape) for name, shape in shapes.items()]
    return file(nodes, [("x", FLOAT, ["n", 16])], [("y", FLOAT, ["n", classes])], weights)


def rows(kinds):
    for name, last, classes, task in [
        ("softmax", "Softmax", 5, "classification"),
        ("sigmoid", "Sigmoid", 1, "classification"),
        ("logits", None, 7, "classification"),
        ("regression", None, 1, "regression"),
    ]:
        kinds.put(name, layers(kinds, last, classes), f'task = "{task}"\n{TOGETHER}')
        kinds.ask_rows(name, "x", 16)


def several_inputs(kinds):
    nodes = [
        helper.make_node("Cast", ["count"], ["c"], to=FLOAT),
        helper.make_node("Cast", ["price"], ["p"], to=FLOAT),
        helper.make_node("Mul", ["c", "p"], ["cost"]),
        helper.make_node("MatMul", ["features", "w"], ["score"]),
    ]
    inputs = [("count", LONG, ["n", 1]), ("price", DOUBLE, ["n", 1]), ("features", FLOAT, ["n", 4])]
    outputs = [("cost", FLOAT, ["n", 1]), ("score", FLOAT, ["n", 3])]
    kinds.put("several", file(nodes, inputs, outputs, [kinds.weight("w", 4, 3)]))
    for number in range(REQUESTS):
        n = kinds.random.integers(1, 6)
        count, price = kinds.random.integers(0, 9, (n, 1)), kinds.random.normal(0, 9, (n, 1))
        kinds.infer("several", number % 2 == 0, count=count, price=price, features=kinds.numbers(n, 4))


def state(kinds):
    """An LSTM, a GRU and a sum that runs: what one run leaves behind must not be found by the next."""
    body = helper.make_graph(
        [helper.make_node("Add", ["sum_in", "step"], ["sum_out"]), helper.make_node("Identity", ["sum_out"], ["seen"])],
        "body",
        [helper.make_tensor_value_info(name, FLOAT, [1, 4]) for name in ("sum_in", "step")],
        [helper.make_tensor_value_info(name, FLOAT, [1, 4]) for name in ("sum_out", "seen")],
    )
    nodes = [
        helper.make_node("LSTM", ["x", "w", "r", "b"], ["", "lstm"], hidden_size=6),
        helper.make_node("GRU", ["x", "gw", "gr"], ["", "gru"], hidden_size=6),
        helper.make_node("Scan", ["zeros", "x"], ["sum", "sums"], body=body, num_scan_inputs=1),
    ]
    zeros = numpy_helper.from_array(numpy.zeros((1, 4), dtype="float32"), "zeros")
    weights = [kinds.weight("w", 1, 24, 4), kinds.weight("r", 1, 24, 6), kinds.weight("b", 1, 48), zeros]
    weights += [kinds.weight("gw", 1, 18, 4), kinds.weight("gr", 1, 18, 6)]
    outputs = [("lstm", FLOAT, [1, 1, 6]), ("gru", FLOAT, [1, 1, 6])]
    outputs += [("sum", FLOAT, [1, 4]), ("sums", FLOAT, ["t", 1, 4])]
    kinds.put("state", file(nodes, [("x", FLOAT, ["t", 1, 4])], outputs, weights))
    for number in range(REQUESTS):
        kinds.infer("state", number % 2 == 0, x=kinds.numbers(kinds.random.integers(1, 9), 1, 4))


def quantized(kinds):
    """Dynamic INT8: one scale for all that runs together, so nothing may."""
    plain = kinds.put("int8", layers(kinds, "Softmax", 6), f'task = "classification"\n{TOGETHER}')
    quantize_dynamic(plain, plain, weight_type=QuantType.QUInt8)
    kinds.ask_rows("int8", "x", 16)
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["e"]),
        helper.make_node("ReduceMean", ["e"], ["m"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["m", "w"], ["s"]),
        helper.make_node("Softmax", ["s"], ["y"]),
    ]
    # Words that are asked for are rare, and far from those that nobody asks for: a look at some of them shows nothing.
    table = kinds.numbers(1000, 64) * numpy.where(numpy.arange(1000) < 990, 0.01, 3)[:, None].astype("float32")
    weights = [numpy_helper.from_array(table, "table"), kinds.weight("w", 64, 4)]
    model = file(nodes, [("ids", LONG, ["n", 4])], [("y", FLOAT, ["n", 4])], weights)
    plain = kinds.put("int8_words", model, f'task = "classification"\n{TOGETHER}')
    quantize_dynamic(plain, plain, op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8)
    for number in range(REQUESTS):
        ids = kinds.random.integers(900, 1000, (kinds.random.integers(1, 3), 4))
        kinds.infer("int8_words", number % 2 == 0, ids=ids)


def labels(kinds):
    rows, kind = load_iris(return_X_y=True)
    names = numpy.array(["setosa", "versicolor", "virginica"])[kind]
    model = LogisticRegression(max_iter=500).fit(rows, names)
    inputs = [("X", FloatTensorType([None, 4]))]
    converted = convert_sklearn(model, initial_types=inputs, options={"zipmap": False})
    kinds.put("labels", converted, f'task = "classification"\n{TOGETHER}')
    kinds.ask_rows("labels", "X", 4)


def texts(kinds):
    sentences = ["the cell divides", "a flower blooms", "cells grow", "flowers in spring"]
    model = make_pipeline(CountVectorizer(lowercase=False), LogisticRegression()).fit(sentences, [0, 1, 0, 1])
    options = {id(model): {"zipmap": False}}
    kinds.put("texts", convert_sklearn(model, initial_types=[("text", StringTensorType([None, 1]))], options=options))
    for number in range(REQUESTS):
        chosen = kinds.random.choice(sentences, (kinds.random.integers(1, 4), 1))
        kinds.infer("texts", number % 2 == 0, text=chosen)


def words(kinds):
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["e"]),
        helper.make_node("ReduceMean", ["e"], ["m"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["m", "w"], ["y"]),
    ]
    weights = [kinds.weight("table", 100, 8), kinds.weight("w", 8, 3)]
    kinds.put("words", file(nodes, [("ids", LONG, ["n", "length"])], [("y", FLOAT, ["n", 3])], weights))
    for number in range(REQUESTS):
        shape = kinds.random.integers(1, 4), kinds.random.integers(1, 12)
        kinds.infer("words", number % 2 == 0, ids=kinds.random.integers(0, 100, shape))


def weights_beside(kinds):
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    model = file([node], [("x", FLOAT, ["n", 64])], [("y", FLOAT, ["n", 32])], [kinds.weight("w", 64, 32)])
    path = kinds.put("beside", model)
    save_model(model, path, save_as_external_data=True, location="model.onnx.data", size_threshold=0)
    for number in range(REQUESTS):
        kinds.infer("beside", number % 2 == 0, x=kinds.numbers(kinds.random.integers(1, 4), 64))


def scalar(kinds):
    nodes = [
        helper.make_node("Cast", ["rate"], ["r"], to=FLOAT),
        helper.make_node("Div", ["sound", "r"], ["scaled"]),
        helper.make_node("MatMul", ["scaled", "w"], ["y"]),
    ]
    inputs = [("sound", FLOAT, ["n", 8]), ("rate", LONG, [])]
    kinds.put("scalar", file(nodes, inputs, [("y", FLOAT, ["n", 2])], [kinds.weight("w", 8, 2)]))
    for number in range(REQUESTS):
        rate = numpy.array(kinds.random.choice([8000, 16000]), dtype="int64")
        kinds.infer("scalar", number % 2 == 0, sound=kinds.numbers(2, 8), rate=rate)


def main(folder, engine):
    kinds = Kinds(folder)
    for put in [rows, several_inputs, state, quantized, labels, words, weights_beside, scalar]:
        put(kinds)
    if engine == "onnxruntime":
        texts(kinds)
    (kinds.folder / "requests.json").write_text(json.dumps(kinds.requests))


main(*sys.argv[1:])
