"""A classifier of two classes, with as many inputs as the second argument says: as little work as a model can be."""

import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

features = int(sys.argv[2])
weight = np.linspace(-1, 1, features * 2, dtype=np.float32).reshape(features, 2) / 1e4
nodes = [
    helper.make_node("IsNaN", ["features"], ["is_missing"]),
    helper.make_node("Where", ["is_missing", "zero", "features"], ["filled"]),
    helper.make_node("MatMul", ["filled", "weight"], ["logits"]),
    helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
]
graph = helper.make_graph(
    nodes,
    "table",
    [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", features])],
    [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])],
    [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(np.zeros((1, 1), np.float32), "zero")],
)
save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), sys.argv[1])
