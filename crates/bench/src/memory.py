"""Writes a model of 200 MB: twelve products with matrices of 2048 x 2048, each behind a Relu."""

import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, LAYERS = 2048, 12
RANDOM = numpy.random.default_rng(1)
NODES, WEIGHTS = [], []
last = "x"
for layer in range(LAYERS):
    values = RANDOM.normal(0, SIZE**-0.5, (SIZE, SIZE)).astype(numpy.float32)
    WEIGHTS.append(numpy_helper.from_array(values, f"w{layer}"))
    NODES.append(helper.make_node("MatMul", [last, f"w{layer}"], [f"product{layer}"]))
    last = f"relu{layer}" if layer + 1 < LAYERS else "y"
    NODES.append(helper.make_node("Relu", [f"product{layer}"], [last]))

ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", SIZE]) for name in ("x", "y")]
graph = helper.make_graph(NODES, "products", ends[:1], ends[1:], WEIGHTS)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), sys.argv[1])
