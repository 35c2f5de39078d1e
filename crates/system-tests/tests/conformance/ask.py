"""Asks every model of a repository that lay_out.py made, and compares.

ask.py ADDRESS FILE: prints a line of JSON for each case: its name, what came of it, and what was said.
"""

import http.client
import json
import pathlib
import pickle
import struct
import sys
import time

import ml_dtypes
import numpy

DATATYPES = {
    "bool": "BOOL", "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64", "int8": "INT8",
    "int16": "INT16", "int32": "INT32", "int64": "INT64", "float16": "FP16", "bfloat16": "BF16", "float32": "FP32",
    "float64": "FP64",
}
TYPES = {name: numpy.dtype(ml_dtypes.bfloat16 if kind == "bfloat16" else kind) for kind, name in DATATYPES.items()}
PATIENCE_SECONDS = 120
# How far an answer may be from the right one: as a part of the number itself, of the largest one, and at all.
RELATIVE, OF_LARGEST, ABSOLUTE = 1e-3, 1e-6, 1e-5
LOOSER = {"float16": 1e-2, "bfloat16": 2e-2}


class Service:
    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=60)

    def post(self, path, body, headers):
        self.connection.request("POST", path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def states(self):
        """The models' lines in the index, once each of them was loaded or refused."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            try:
                _, _, body = self.post("/v2/repository/index", b"", {})
                entries = json.loads(body)
                if all(entry["reason"] != "it is loading" for entry in entries):
                    return {entry["name"]: entry for entry in entries}
            except OSError:
                self.connection.close()
            time.sleep(0.05)
        raise TimeoutError("the service did not load its models")

    def infer(self, model, inputs):
        described, behind = [], b""
        for name, value in inputs.items():
            datatype, data = packed(value)
            described.append({"name": name, "datatype": datatype, "shape": list(value.shape),
                              "parameters": {"binary_data_size": len(data)}})
            behind += data
        head = json.dumps({"inputs": described, "parameters": {"binary_data_output": True}}).encode()
        headers = {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"}
        return self.post(f"/v2/models/{model}/infer", head + behind, headers)


def packed(value):
    if value.dtype.kind in "OSU":
        texts = [text if isinstance(text, bytes) else str(text).encode() for text in value.flatten()]
        return "BYTES", b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return DATATYPES.get(value.dtype.name, value.dtype.name), numpy.ascontiguousarray(value).tobytes()


def unpacked(headers, body):
    length = int(headers.get("Inference-Header-Content-Length") or len(body))
    answer, behind = json.loads(body[:length]), body[length:]
    outputs = {}
    for output in answer["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size", 0)
        data, behind = behind[:size], behind[size:]
        if output["datatype"] == "BYTES":
            texts = []
            while data:
                (count,) = struct.unpack("<I", data[:4])
                texts.append(data[4:4 + count].decode())
                data = data[4 + count:]
            outputs[output["name"]] = numpy.array(texts, dtype=object).reshape(output["shape"])
        else:
            outputs[output["name"]] = numpy.frombuffer(data, TYPES[output["datatype"]]).reshape(output["shape"])
    return outputs


def difference(right, found, only_shape):
    """How an answer differs from the right one; None where it does not."""
    if right is None:
        return "it is answered, and is no tensor"
    right = numpy.asarray(right)
    is_text = right.dtype.kind in "OSU"
    if right.shape != found.shape or (not is_text and right.dtype != found.dtype):
        return f"{found.dtype}{list(found.shape)} for {right.dtype}{list(right.shape)}"
    if only_shape:
        return None
    if is_text or right.dtype.kind in "bui":
        texts = lambda array: [text.decode() if isinstance(text, bytes) else text for text in array.flatten().tolist()]
        same = texts(right) == texts(found)
    else:
        loose = LOOSER.get(right.dtype.name, RELATIVE)
        numbers = [array.astype(numpy.float64) for array in (found, right)]
        finite = numpy.abs(numbers[1][numpy.isfinite(numbers[1])])
        near_zero = ABSOLUTE * loose / RELATIVE + OF_LARGEST * finite.max(initial=0.0)
        same = numpy.allclose(*numbers, rtol=loose, atol=near_zero, equal_nan=True)
    return None if same else f"{found.flatten()[:6].tolist()} for {right.flatten()[:6].tolist()}"


def outcome(service, state, name, case):
    """What came of a case, and what was said."""
    if state is None or state["state"] != "READY":
        return "refused at load", (state or {"reason": "it is not listed"})["reason"]
    if any(value is None for value in case["inputs"].values()):
        return "wrong", "it is served, and takes what the protocol does not have"
    status, headers, body = service.infer(name, case["inputs"])
    if status != 200:
        told = body.decode(errors="replace")
        return ("refused at the request" if 400 <= status < 500 else "failed"), f"{status} {told}"
    found = unpacked(headers, body)
    if set(found) != set(case["outputs"]):
        return "wrong", f"outputs {sorted(found)} for {sorted(case['outputs'])}"
    for output, right in case["outputs"].items():
        differs = difference(right, found[output], case["is_random"])
        if differs:
            return "wrong", f"{output}: {differs}"
    return "passed", ""


def main():
    service, cases = Service(sys.argv[1]), pickle.loads(pathlib.Path(sys.argv[2]).read_bytes())
    states = service.states()
    for name, case in cases.items():
        came, told = outcome(service, states.get(name), name, case)
        print(json.dumps({"case": name, "came": came, "told": told, "python_runs_it": case["python_runs_it"]}))


if __name__ == "__main__":
    main()
