"""Asks the service at argv[1] as users of tritonclient do, with the golden tensors of the folder argv[2].
argv[3] is its listener for administrators.

Prints the number of items that were answered.
"""

import sys

import numpy
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

address, folder, administration = sys.argv[1:]
client = triton.InferenceServerClient(address)
answered = 0

assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready("cifar10") and client.is_model_ready("cifar10", "1")
admin = triton.InferenceServerClient(administration)
assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
assert client.get_model_config("cifar10")["max_batch_size"] >= 8
assert {model["name"] for model in client.get_model_repository_index()} == {"cifar10", "diabetes", "surface", "tumour"}

for model in ["cifar10", "surface"]:
    metadata = client.get_model_metadata(model)
    (declared,), (output,) = metadata["inputs"], metadata["outputs"]
    tensors = numpy.load(f"{folder}/{model}_tensors.npy")
    golden = numpy.load(f"{folder}/{model}_tensors_logits.npy")
    assert declared["shape"] == [-1, *tensors.shape[1:]], metadata
    for binary_input in [True, False]:
        for binary_output in [True, False]:
            for packing in [None, "gzip", "deflate"]:
                tensor = triton.InferInput(declared["name"], tensors.shape, declared["datatype"])
                tensor.set_data_from_numpy(tensors, binary_data=binary_input)
                wanted = triton.InferRequestedOutput(output["name"], binary_data=binary_output)
                answer = client.infer(
                    model,
                    [tensor],
                    outputs=[wanted],
                    request_id="golden",
                    request_compression_algorithm=packing,
                    response_compression_algorithm=packing,
                )
                assert answer.get_response()["id"] == "golden"
                difference = abs(answer.as_numpy(output["name"]).reshape(golden.shape) - golden).max()
                assert difference < 1e-3, (model, binary_input, binary_output, packing, difference)
                answered += len(tensors)

picture = open(f"{folder}/../../../../deploy/models/cifar10/examples/cat.jpg", "rb").read()
declared = client.get_model_metadata("cifar10")
tensor = triton.InferInput(declared["inputs"][0]["name"], [1], "BYTES")
tensor.set_data_from_numpy(numpy.array([picture], dtype=object))
wanted = triton.InferRequestedOutput(declared["outputs"][0]["name"], class_count=3)
classes = client.infer("cifar10", [tensor], outputs=[wanted]).as_numpy(declared["outputs"][0]["name"])
assert classes.shape == (1, 3) and classes[0][0].endswith(b":3:cat"), classes
# Without any output named, the client takes what comes.
answer = client.infer("cifar10", [tensor])
assert answer.as_numpy(declared["outputs"][0]["name"]).argmax() == 3
answered += 2

asynchronous = [client.async_infer("cifar10", [tensor]) for _ in range(20)]
assert all(waiting.get_result().as_numpy(declared["outputs"][0]["name"]).argmax() == 3 for waiting in asynchronous)
answered += 20

for model, says in [("none", "no model of this name"), ("cifar10", "no input")]:
    wrong = triton.InferInput("wrong", [1], "BYTES")
    wrong.set_data_from_numpy(numpy.array([picture], dtype=object))
    try:
        client.infer(model, [wrong])
    except InferenceServerException as refusal:
        assert says in str(refusal), refusal
    else:
        raise AssertionError("it was not refused")

# Statistics.
assert "statistics" in client.get_server_metadata()["extensions"]
before = client.get_inference_statistics("cifar10", "1")["model_stats"][0]
client.infer("cifar10", [tensor])
answered += 1
after = client.get_inference_statistics("cifar10")["model_stats"][0]
assert after["inference_count"] == before["inference_count"] + 1, (before, after)
for name in ["success", "queue", "compute_input", "compute_infer", "compute_output"]:
    grown = after["inference_stats"][name]["count"] - before["inference_stats"][name]["count"]
    assert grown == 1 and after["inference_stats"][name]["ns"] > 0, (name, before, after)
assert {stats["name"] for stats in client.get_inference_statistics()["model_stats"]} == {"cifar10", "diabetes", "surface", "tumour"}

# Administration.
for ask in [client.load_model, client.unload_model]:
    try:
        ask("surface")
    except InferenceServerException as refusal:
        assert "--admin-listen" in str(refusal), refusal
    else:
        raise AssertionError("anybody may administer")
admin.unload_model("surface")
states = {model["name"]: (model["state"], model["reason"]) for model in admin.get_model_repository_index()}
assert states == {"surface": ("UNAVAILABLE", "unloaded")} | {model: ("READY", "") for model in ["cifar10", "diabetes", "tumour"]}, states
assert not client.is_model_ready("surface") and client.is_model_ready("cifar10")
admin.load_model("surface")
assert client.is_model_ready("surface")
for model, more, says in [("none", {}, "no model of this name"), ("surface", {"config": "{}"}, "as its folder says")]:
    try:
        admin.load_model(model, **more)
    except InferenceServerException as refusal:
        assert says in str(refusal), refusal
    else:
        raise AssertionError("it was not refused")

print(answered)
