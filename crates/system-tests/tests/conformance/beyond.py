"""Lays out cases that onnx.backend.test does not have: those that tract is known to get wrong, each beside a harmless one.

beyond.py FOLDER: as lay_out.py, one repository, FOLDER/00; prints what has to come of each case with tract, in JSON.
"""

import json
import pathlib
import pickle
import sys

import numpy
import onnx
from lay_out import answers_of_onnx_runtime
from onnx import TensorProto, helper, numpy_helper

AT_LOAD, AT_REQUEST, PASSED = "refused at load", "refused at the request", "passed"
FLOATS = numpy.linspace(-2.0, 2.0, 12, dtype=numpy.float32).reshape(3, 4)
PICTURE = numpy.linspace(-1.0, 1.0, 25, dtype=numpy.float32).reshape(1, 1, 5, 5)
FLOAT, UINT8, INT32, INT64, BOOL, STRING = (
    TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING)
ML = "ai.onnx.ml"


def node(operator, inputs, outputs="y", domain="", **attributes):
    return helper.make_node(operator, inputs.split(" "), outputs.split(" "), domain=domain, **attributes)


def floats(*numbers):
    return numpy.array(numbers, numpy.float32)


def wholes(*numbers):
    return numpy.array(numbers, numpy.int64)


def tree(mode):
    return node("TreeEnsembleClassifier", "x", "y s", ML, nodes_treeids=[0] * 3, nodes_nodeids=[0, 1, 2],
                nodes_featureids=[0] * 3, nodes_values=[0.5, 0.0, 0.0], nodes_modes=[mode, "LEAF", "LEAF"],
                nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0], class_treeids=[0] * 6,
                class_nodeids=[1, 1, 1, 2, 2, 2], class_ids=[0, 1, 2] * 2, class_weights=[3.0, 1.0, 2.0, 1.0, 2.0, 3.0],
                classlabels_int64s=[0, 1, 2], post_transform="NONE")


def resized(scales, **attributes):
    return [node("Resize", "x  s", mode="linear", **attributes)], {"x": PICTURE}, {"s": floats(1, 1, *scales)}


# By its name: what comes of it with tract, nodes, what a request brings, constants, and the version of the operators.
CASES = {
    "cast_in_range": (PASSED, [node("Cast", "x", to=INT64)], {"x": floats(1.5, -1.5)}, {}),
    "cast_out_of_range": (PASSED, [node("Cast", "x", to=INT32)], {"x": floats(3e9, -3e9, numpy.nan)}, {}),
    "cast_to_bytes": (AT_LOAD, [node("Cast", "x", to=UINT8)], {"x": floats(-1, 300, 255)}, {}),
    "cast_of_large_ids": (PASSED, [node("Cast", "x", to=INT64)], {"x": wholes(2**40 + 1)}, {}),
    "cast_to_text": (AT_LOAD, [node("Cast", "x", to=STRING)], {"x": numpy.array([True, False])}, {}),
    "cast_of_a_share": (PASSED, [node("Sigmoid", "x", "a"), node("Cast", "a", to=INT64)], {"x": FLOATS}, {}),
    "cast_of_truths": (PASSED, [node("Greater", "x z", "a"), node("Cast", "a", to=INT64)], {"x": FLOATS}, {"z": floats(0)}),
    "gather_from_the_end": (AT_LOAD, [node("GatherND", "x i")], {"x": FLOATS, "i": wholes([-1, 0])}, {}),
    "gather_constant": (PASSED, [node("GatherND", "x i")], {"x": FLOATS}, {"i": wholes([1, 0])}),
    "gather_constant_from_the_end": (AT_LOAD, [node("GatherND", "x i")], {"x": FLOATS}, {"i": wholes([-1, 0])}),
    "scatter_from_the_end": (AT_LOAD, [node("ScatterND", "x i u")], {"x": FLOATS, "i": wholes([-1, 0]), "u": floats(7)}, {}),
    "one_hot_from_the_end": (AT_LOAD, [node("OneHot", "i d v")], {"i": wholes(-1, 1)}, {"d": wholes(3), "v": floats(0, 1)}),
    "one_hot_of_the_likeliest": (PASSED, [node("ArgMax", "x", "i", axis=1, keepdims=0), node("OneHot", "i d v")],
                                 {"x": FLOATS}, {"d": wholes(4), "v": floats(0, 1)}),
    "pad_away": (AT_LOAD, [node("Pad", "x p")], {"x": FLOATS}, {"p": wholes(0, -1, 0, 0)}),
    "pad": (PASSED, [node("Pad", "x p")], {"x": FLOATS}, {"p": wholes(0, 1, 0, 0)}),
    "pad_away_by_what_is_computed": (AT_LOAD, [node("Neg", "n", "p"), node("Pad", "x p")], {"x": FLOATS}, {"n": wholes(0, 1, 0, 0)}),
    "slice_backwards": (PASSED, [node("Slice", "x s e a t")], {"x": FLOATS},
                        {"s": wholes(-1), "e": wholes(-100), "a": wholes(1), "t": wholes(-2)}),
    "slice_to_an_input": (AT_LOAD, [node("Slice", "x s e a t")], {"x": FLOATS, "e": wholes(0)},
                          {"s": wholes(3), "a": wholes(1), "t": wholes(-1)}),
    "sigmoid_of_nan": (AT_REQUEST, [node("Sigmoid", "x")], {"x": floats(numpy.nan, 1)}, {}),
    "relu_of_nan": (AT_REQUEST, [node("Relu", "x")], {"x": floats(numpy.nan, 1)}, {}),
    "clip_of_nan": (AT_REQUEST, [node("Clip", "x l h")], {"x": floats(numpy.nan, 1)},
                    {"l": numpy.float32(-1).reshape(()), "h": numpy.float32(1).reshape(())}),
    "largest_of_infinities": (AT_REQUEST, [node("ReduceMax", "x")], {"x": floats(-numpy.inf, -numpy.inf)}, {}),
    "largest_position_of_nan": (AT_REQUEST, [node("ArgMax", "x")], {"x": floats(1, numpy.nan, 2)}, {}),
    "nan_replaced": (PASSED, [node("IsNaN", "x", "n"), node("Where", "n z x")], {"x": floats(numpy.nan, 1)}, {"z": floats(0)}),
    "nan_times_zero": (AT_REQUEST, [node("Mul", "x z")], {"x": floats(numpy.nan, 1)}, {"z": floats(0)}),
    "sigmoid_of_double": (AT_LOAD, [node("Sigmoid", "x")], {"x": FLOATS.astype(numpy.float64)}, {}),
    "round_of_double": (AT_LOAD, [node("Round", "x")], {"x": FLOATS.astype(numpy.float64)}, {}),
    "equal_truths": (AT_LOAD, [node("Equal", "x z")], {"x": numpy.array([True, False])}, {"z": numpy.array([True, True])}),
    "softplus": (PASSED, [node("Softplus", "x")], {"x": floats(100, 1)}, {}),
    "log_sum_exp": (PASSED, [node("ReduceLogSumExp", "x")], {"x": floats(500, 501)}, {}),
    "global_lp_pool": (AT_LOAD, [node("GlobalLpPool", "x")], {"x": PICTURE}, {}),
    "mean_of_nothing": (AT_REQUEST, [node("ReduceMean", "x a", keepdims=0)], {"x": numpy.zeros((0, 4), numpy.float32)},
                        {"a": wholes(0)}),
    "mean_of_wholes": (AT_LOAD, [node("ReduceMean", "x")], {"x": wholes(1, 2, 4)}, {}),
    "quantized_zeros": (AT_LOAD, [node("DynamicQuantizeLinear", "x", "y s z")], {"x": floats(0, 0)}, {}),
    "quantized_zeros_multiplied": (
        PASSED, [node("DynamicQuantizeLinear", "x", "q s z"), node("MatMulInteger", "q w z", "p"),
                 node("Cast", "p", "f", to=FLOAT), node("Mul", "f s")],
        {"x": numpy.zeros((1, 2), numpy.float32)}, {"w": numpy.array([[1], [-2]], numpy.int8)}),
    "no_boxes": (AT_LOAD, [node("NonMaxSuppression", "b s")],
                 {"b": numpy.array([[[0, 0, 1, 1]]], numpy.float32), "s": numpy.array([[[0.9]]], numpy.float32)}, {}),
    "smallest_unsorted": (AT_LOAD, [node("TopK", "x k", "v i", sorted=0, largest=0)], {"x": FLOATS}, {"k": wholes(2)}),
    "power_of_wholes": (AT_LOAD, [node("Pow", "x e")], {"x": wholes(2, 3)}, {"e": wholes(2)}),
    "zero_by_zero": (AT_LOAD, [node("Div", "z x")], {"x": floats(0, 1)}, {"z": floats(0)}),
    "ceiling_of_valid": (AT_LOAD, [node("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, auto_pad="VALID")],
                         {"x": PICTURE}, {}),
    "ceiling": (PASSED, [node("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)], {"x": PICTURE}, {}),
    "aligned_by_a_fraction": (AT_LOAD, *resized((1.5, 1.5), coordinate_transformation_mode="align_corners")),
    "aligned_twice_as_large": (PASSED, *resized((2, 2), coordinate_transformation_mode="align_corners")),
    "share_of_the_largest": (AT_LOAD, [node("Normalizer", "x", domain=ML, norm="MAX")], {"x": FLOATS}, {}),
    "tree_at_least": (AT_LOAD, [tree("BRANCH_GTE")], {"x": FLOATS[:, :1]}, {}),
    "tree_at_most": (PASSED, [tree("BRANCH_LEQ")], {"x": FLOATS[:, :1]}, {}),
    "sizes_of_an_open_input": (PASSED, [node("Shape", "x")], {"x": FLOATS}, {}),
}
OPEN = {"mean_of_nothing", "sizes_of_an_open_input"}


def model(name, nodes, inputs, constants):
    def declared(tensor, value):
        shape = [f"{tensor}_{axis}" if name in OPEN else size for axis, size in enumerate(value.shape)]
        return helper.make_tensor_value_info(tensor, helper.np_dtype_to_tensor_dtype(value.dtype), shape)

    outputs = [onnx.ValueInfoProto(name=output) for output in nodes[-1].output]
    graph = helper.make_graph(nodes, name, [declared(*item) for item in inputs.items()], outputs,
                              [numpy_helper.from_array(value, tensor) for tensor, value in constants.items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(ML, 3)], ir_version=9)
    return onnx.shape_inference.infer_shapes(made)


def main():
    folder, asked, expected = pathlib.Path(sys.argv[1]), {}, {}
    for name, (comes, nodes, inputs, constants) in CASES.items():
        made = model(name, nodes, inputs, constants)
        version = folder / "00" / name / "1"
        version.mkdir(parents=True)
        (version.parent / "model.toml").write_text('task = "raw"\n')
        (version / "model.onnx").write_bytes(made.SerializeToString())
        right = answers_of_onnx_runtime(made, inputs)
        assert right is not None, f"ONNX Runtime does not run {name}"
        outputs = dict(zip([output.name for output in made.graph.output], right))
        asked[name] = {"inputs": inputs, "outputs": outputs, "python_runs_it": True, "is_random": False}
        expected[name] = comes
    (folder / "00.pickle").write_bytes(pickle.dumps(asked))
    print(json.dumps(expected))


if __name__ == "__main__":
    main()
