"""Lays the cases of onnx.backend.test out as models, with the answers that ONNX Runtime gives in Python.

lay_out.py FOLDER: in repositories FOLDER/00, FOLDER/01 and so on; beside each of them, the requests and the answers.
"""

import pickle
import pathlib
import re
import sys
import warnings

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

KINDS = ["node", "simple", "pytorch-converted", "pytorch-operator"]
# Of one repository.
MOST_MODELS = 100
MOST_NAME = 56
# What is drawn differs from run to run; of these, types and shapes are compared.
RANDOM = {
    "Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
}


def value(item):
    """A value of a case as an array; None where it is no tensor."""
    if isinstance(item, numpy.ndarray | numpy.generic):
        return numpy.asarray(item)
    if isinstance(item, onnx.TensorProto):
        return numpy_helper.to_array(item)
    return None


def of_files(case):
    """The model of a case and its inputs and outputs, which lie in files or were made by the package."""
    if case.model is not None:
        inputs, outputs = case.data_sets[0]
        return case.model, list(inputs), list(outputs)
    folder = pathlib.Path(case.model_dir)
    model = onnx.load(folder / "model.onnx")
    data = folder / "test_data_set_0"

    def read(kind, declared):
        files = sorted(data.glob(f"{kind}_*.pb"), key=lambda path: int(path.stem.split("_")[1]))
        return [tensor(path, at.type) for path, at in zip(files, declared)]

    return model, read("input", model.graph.input), read("output", model.graph.output)


def tensor(path, declared):
    if declared.WhichOneof("value") != "tensor_type":
        return None
    return onnx.TensorProto.FromString(path.read_bytes())


def inputs_by_name(model, found):
    declared = model.graph.input
    if len(found) < len(declared):
        initialised = {tensor.name for tensor in model.graph.initializer}
        declared = [item for item in declared if item.name not in initialised]
    return dict(zip([item.name for item in declared], map(value, found)))


def answers_of_onnx_runtime(model, inputs):
    """What ONNX Runtime answers in Python; None where it refuses."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        if not any(value is not None and value.dtype.name == "bfloat16" for value in inputs.values()):
            return session.run(None, inputs)
        told = {name: ort_value(value) for name, value in inputs.items()}
        names = [output.name for output in session.get_outputs()]
        return [output.numpy() for output in session.run_with_ort_values(names, told)]
    except Exception:
        return None


def ort_value(value):
    make = onnxruntime.OrtValue
    if value.dtype.name == "bfloat16":
        return make.ortvalue_from_numpy_with_onnx_type(value.view(numpy.uint16), onnx.TensorProto.BFLOAT16)
    return make.ortvalue_from_numpy(value)


def all_nodes(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                yield from all_nodes(inner)


def is_random(node):
    # A Dropout that is not told to train drops nothing.
    return node.op_type in RANDOM and (node.op_type != "Dropout" or len(node.input) > 2)


def main():
    folder = pathlib.Path(sys.argv[1])
    warnings.simplefilter("ignore")
    cases = sorted((case for kind in KINDS for case in load_model_tests(kind=kind)), key=lambda case: case.name)
    for first in range(0, len(cases), MOST_MODELS):
        repository = folder / f"{first // MOST_MODELS:02}"
        asked = {}
        for number, case in enumerate(cases[first:first + MOST_MODELS]):
            model, inputs, outputs = of_files(case)
            name = f"{re.sub('[^A-Za-z0-9_]', '_', case.name)[:MOST_NAME]}-{number}"
            version = repository / name / "1"
            version.mkdir(parents=True)
            (version.parent / "model.toml").write_text('task = "raw"\n')
            (version / "model.onnx").write_bytes(model.SerializeToString())
            inputs = inputs_by_name(model, inputs)
            right = answers_of_onnx_runtime(model, inputs)
            by_reference = right is None
            if by_reference:
                right = [value(output) for output in outputs]
            asked[name] = {
                "inputs": inputs,
                "outputs": dict(zip([output.name for output in model.graph.output], right)),
                "python_runs_it": not by_reference,
                "is_random": any(is_random(node) for node in all_nodes(model.graph)),
            }
        (folder / f"{repository.name}.pickle").write_bytes(pickle.dumps(asked))


if __name__ == "__main__":
    main()
