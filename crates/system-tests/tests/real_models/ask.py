"""Asks the service at argv[1] about every model of the folder argv[2] that make.py has filled.

Prints one object in JSON: what became of each model, as {"refused": why} where the service did not load it, else as
{"requests": how many were answered, "difference": the largest one from Python's answer, relative to the largest
magnitude of the tensor}, with {"problem": a sentence} where an answer was missing or of another form.
"""

import http.client
import json
import pathlib
import sys

import numpy

DATATYPES = {"float32": "FP32", "float64": "FP64", "int64": "INT64", "int32": "INT32", "bool": "BOOL"}
NUMPY = {datatype: name for name, datatype in DATATYPES.items()}


class Problem(Exception):
    """The answer is not what was to be answered, in a sentence."""


class Service:
    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=60)

    def send(self, path, body, headers):
        try:
            self.connection.request("POST", path, body, headers)
        except BrokenPipeError:
            pass  # Refused before all of it was read; the answer says why.
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def ask(self, path, asked):
        status, _, body = self.send(path, json.dumps(asked), {"content-type": "application/json"})
        if status != 200:
            raise Problem(f"{path}: {status} {body.decode()}")
        return json.loads(body)

    def infer(self, model, tensors):
        """The outputs, over the protocol with the tensors' bytes."""
        inputs, blobs = [], []
        for name, tensor in tensors.items():
            blobs.append(_bytes(tensor))
            size = {"binary_data_size": len(blobs[-1])}
            inputs.append({"name": name, "shape": tensor.shape, "datatype": _datatype(tensor), "parameters": size})
        head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
        headers = {"inference-header-content-length": str(len(head))}
        status, headers, body = self.send(f"/v2/models/{model}/infer", b"".join([head, *blobs]), headers)
        if status != 200:
            raise Problem(f"infer: {status} {body.decode()}")
        length = int(headers["inference-header-content-length"])
        answered, rest, outputs = json.loads(body[:length]), body[length:], {}
        for output in answered["outputs"]:
            size = output["parameters"]["binary_data_size"]
            outputs[output["name"]] = _tensor(output, rest[:size])
            rest = rest[size:]
        return outputs


def _datatype(tensor):
    return "BYTES" if tensor.dtype.kind == "U" else DATATYPES[tensor.dtype.name]


def _bytes(tensor):
    if tensor.dtype.kind != "U":
        return tensor.tobytes()
    texts = [text.encode() for text in tensor.ravel()]
    return b"".join(len(text).to_bytes(4, "little") + text for text in texts)


def _tensor(output, data):
    if output["datatype"] != "BYTES":
        return numpy.frombuffer(data, NUMPY[output["datatype"]]).reshape(output["shape"])
    texts = []
    while data:
        length = 4 + int.from_bytes(data[:4], "little")
        texts.append(data[4:length].decode())
        data = data[length:]
    return numpy.array(texts).reshape(output["shape"])


def compare(what, expected, found):
    """How much they differ, relative to the largest magnitude."""
    if expected.shape != found.shape or expected.dtype.kind != found.dtype.kind:
        raise Problem(f"{what}: {found.dtype} {found.shape} for {expected.dtype} {expected.shape}")
    if expected.dtype.kind in "Ub":
        return 0.0 if (expected == found).all() else 1.0
    expected, found = expected.astype("float64"), found.astype("float64")
    if not (numpy.isfinite(expected) == numpy.isfinite(found)).all():
        return float("inf")
    magnitude = numpy.abs(expected).max(initial=0) or 1.0
    return float(numpy.abs(expected - found).max(initial=0) / magnitude)


def infer_all(service, model, folder):
    """The differences of the model's outputs from those of Python's ONNX Runtime."""
    for asked in sorted(folder.glob("*.in.npz")):
        expected = numpy.load(str(asked).replace(".in.npz", ".out.npz"))
        inputs = numpy.load(asked)
        outputs = service.infer(model, {name: inputs[name] for name in inputs.files})
        if outputs.keys() != set(expected.files):
            raise Problem(f"outputs {sorted(outputs)} for {sorted(expected.files)}")
        yield max(compare(name, expected[name], output) for name, output in outputs.items())


def predict_all(service, model, folder):
    """The differences of the predictions from those of the library that trained the model, all rows at once."""
    expected = json.loads((folder / "predict.json").read_text())
    asked = {"model": model, "inputs": expected["rows"], "top_k": len(expected.get("labels", [1]))}
    predictions = service.ask("/predict", asked)["predictions"]
    if "values" in expected:
        values = numpy.array([prediction["value"] for prediction in predictions])
        yield compare("values", numpy.array(expected["values"]), values)
        return
    for probabilities, prediction in zip(expected["probabilities"], predictions, strict=True):
        best = expected["labels"][int(numpy.argmax(probabilities))]
        if prediction["label"] != best:
            raise Problem(f"{prediction['label']} for {best}: {prediction}")
        found = {score["label"]: score["confidence"] for score in prediction["top"]}
        if found.keys() != set(expected["labels"]):
            raise Problem(f"classes {sorted(found)} for {sorted(expected['labels'])}")
        yield compare(best, numpy.array(probabilities), numpy.array([found[label] for label in expected["labels"]]))


def main(address, folder):
    service = Service(address)
    reasons = {}
    for version in service.ask("/v2/repository/index", {}):
        if version["state"] != "READY":
            reasons[version["name"]] = version["reason"]
    found = {}
    for asked in sorted(pathlib.Path(folder, "requests").iterdir()):
        model, differences, problem = asked.name, [], {}
        if model in reasons:
            found[model] = {"refused": reasons[model]}
            continue
        try:
            every = predict_all if (asked / "predict.json").exists() else infer_all
            differences.extend(every(service, model, asked))
        except Problem as told:
            problem = {"problem": str(told)}
        found[model] = {"requests": len(differences), "difference": max(differences, default=0.0), **problem}
    print(json.dumps(found))


main(*sys.argv[1:])
