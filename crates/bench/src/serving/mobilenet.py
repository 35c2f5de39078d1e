"""Writes a MobileNetV2 for pictures of 224 x 224 with random weights, batch normalisation folded in.

Source of the layers: Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018, table 2.
"""

import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

# Expansion, channels, repetitions, stride of the first.
BLOCKS = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]

RANDOM = numpy.random.default_rng(1)
NODES, WEIGHTS = [], []


def weight(name, values):
    WEIGHTS.append(numpy_helper.from_array(values.astype(numpy.float32), name))
    return name


def conv(source, inputs, outputs, size=1, stride=1, groups=1, clip=True):
    name = f"conv{len(NODES)}"
    fan_in = inputs // groups * size * size
    kernel = weight(f"{name}.w", RANDOM.normal(0, (2 / fan_in) ** 0.5, (outputs, inputs // groups, size, size)))
    bias = weight(f"{name}.b", RANDOM.normal(0, 0.01, outputs))
    attributes = {"kernel_shape": [size] * 2, "strides": [stride] * 2, "pads": [size // 2] * 4, "group": groups}
    NODES.append(helper.make_node("Conv", [source, kernel, bias], [name], **attributes))
    if clip:
        NODES.append(helper.make_node("Clip", [name, "zero", "six"], [f"{name}.relu6"]))
        return f"{name}.relu6"
    return name


def bottleneck(source, inputs, outputs, expansion, stride):
    hidden = inputs * expansion
    inner = conv(source, inputs, hidden) if expansion > 1 else source
    inner = conv(inner, hidden, hidden, size=3, stride=stride, groups=hidden)
    inner = conv(inner, hidden, outputs, clip=False)
    if stride == 1 and inputs == outputs:
        name = f"add{len(NODES)}"
        NODES.append(helper.make_node("Add", [source, inner], [name]))
        return name
    return inner


weight("zero", numpy.array(0.0))
weight("six", numpy.array(6.0))
last, channels = conv("input", 3, 32, size=3, stride=2), 32
for expansion, outputs, repetitions, stride in BLOCKS:
    for repetition in range(repetitions):
        last = bottleneck(last, channels, outputs, expansion, stride if repetition == 0 else 1)
        channels = outputs
last = conv(last, channels, 1280)
NODES.append(helper.make_node("GlobalAveragePool", [last], ["pooled"]))
NODES.append(helper.make_node("Flatten", ["pooled"], ["flat"]))
weight("fc.w", RANDOM.normal(0, 0.03, (1280, 1000)))
weight("fc.b", RANDOM.normal(0, 0.01, 1000))
NODES.append(helper.make_node("Gemm", ["flat", "fc.w", "fc.b"], ["logits"]))

picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 224, 224])
logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 1000])
graph = helper.make_graph(NODES, "mobilenet_v2", [picture], [logits], WEIGHTS)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, sys.argv[1])
