"""Asks the service at argv[1] over gRPC as users of tritonclient do, with the golden tensors of the folder argv[2].

Prints the number of items that were answered.
"""

import gzip
import queue
import struct
import sys

import grpc
import numpy
import tritonclient.grpc as triton
from google.protobuf.json_format import MessageToDict
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

address, folder = sys.argv[1:]
client = triton.InferenceServerClient(address)
channel = grpc.insecure_channel(address)
stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
answered = 0

INFER = "/inference.GRPCInferenceService/ModelInfer"
LIMIT = 16 * 1024 * 1024


def named(model):
    metadata = client.get_model_metadata(model)
    (declared,), (output,) = metadata.inputs, metadata.outputs
    return declared, output


def refused(status, says, ask, **metadata):
    """The call is refused so; gives its trailing metadata."""
    try:
        ask()
    except grpc.RpcError as refusal:
        assert refusal.code() == status and says in refusal.details(), refusal
        found = dict(refusal.trailing_metadata() or [])
        assert all(found.get(name.replace("_", "-")) == value for name, value in metadata.items()), found
        assert "x-request-id" in found, found
        return found
    raise AssertionError(f"it was not refused: {says}")


# What there is.
assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready("cifar10") and client.is_model_ready("cifar10", "1")
assert not client.is_model_ready("none") and not client.is_model_ready("cifar10", "2")
server = client.get_server_metadata()
assert server.name == "inference-service" and "classification" in server.extensions, server
config = client.get_model_config("cifar10").config
assert config.max_batch_size >= 8 and config.platform == "onnx_onnxv1" and config.backend, config
assert list(config.input[0].dims) == [3, 32, 32] and list(config.output[0].dims) == [10], config
assert MessageToDict(config.input[0])["dataType"] == "TYPE_FP32", config
index = client.get_model_repository_index().models
assert [(model.name, model.version, model.state) for model in index] == [
    (model, "1", "READY") for model in ["cifar10", "diabetes", "surface", "tumour"]
], index
missing = dict(code="model_not_found")
refused(
    grpc.StatusCode.NOT_FOUND,
    "no model of this name",
    lambda: stub.ModelMetadata(service_pb2.ModelMetadataRequest(name="none")),
    **missing,
)
refused(
    grpc.StatusCode.NOT_FOUND,
    "version 1 only",
    lambda: stub.ModelConfig(service_pb2.ModelConfigRequest(name="cifar10", version="7")),
    **missing,
)
for call, request in [
    (stub.RepositoryModelLoad, service_pb2.RepositoryModelLoadRequest(model_name="cifar10")),
    (stub.RepositoryModelUnload, service_pb2.RepositoryModelUnloadRequest(model_name="cifar10")),
]:
    refused(grpc.StatusCode.UNIMPLEMENTED, "--admin-listen", lambda: call(request), code="method_not_allowed")
refused(
    grpc.StatusCode.UNIMPLEMENTED,
    "",
    lambda: stub.TraceSetting(service_pb2.TraceSettingRequest(model_name="cifar10")),
)

# Golden tensors.
for model in ["cifar10", "surface"]:
    declared, output = named(model)
    tensors = numpy.load(f"{folder}/{model}_tensors.npy")
    golden = numpy.load(f"{folder}/{model}_tensors_logits.npy")
    assert list(declared.shape) == [-1, *tensors.shape[1:]] and declared.datatype == "FP32", declared

    def agree(found, how):
        global answered
        difference = abs(found.reshape(golden.shape) - golden).max()
        assert difference < 1e-3, (model, how, difference)
        answered += len(tensors)

    for packing in [None, "gzip", "deflate"]:
        for outputs in [None, [triton.InferRequestedOutput(output.name)]]:
            tensor = triton.InferInput(declared.name, tensors.shape, declared.datatype)
            tensor.set_data_from_numpy(tensors)
            answer = client.infer(
                model, [tensor], outputs=outputs, request_id="golden", compression_algorithm=packing
            )
            response = answer.get_response()
            assert (response.id, response.model_name, response.model_version) == ("golden", model, "1"), response
            agree(answer.as_numpy(output.name), packing)

    # The same in the fields of the message.
    request = service_pb2.ModelInferRequest(model_name=model, model_version="1")
    given = request.inputs.add(name=declared.name, datatype="FP32", shape=tensors.shape)
    given.contents.fp32_contents.extend(tensors.ravel().tolist())
    response, call = stub.ModelInfer.with_call(request, metadata=[("x-request-id", "visit-1")])
    assert dict(call.initial_metadata())["x-request-id"] == "visit-1"
    agree(numpy.frombuffer(response.raw_output_contents[0], dtype="<f4"), "contents")

# Pictures.
picture = open(f"{folder}/../../../../deploy/models/cifar10/examples/cat.jpg", "rb").read()
declared, output = named("cifar10")


def pictures(count):
    tensor = triton.InferInput(declared.name, [count], "BYTES")
    tensor.set_data_from_numpy(numpy.array([picture] * count, dtype=object))
    return tensor


wanted = triton.InferRequestedOutput(output.name, class_count=3)
classes = client.infer("cifar10", [pictures(2)], outputs=[wanted]).as_numpy(output.name)
assert classes.shape == (2, 3) and classes[0][0].endswith(b":3:cat"), classes
answered += 2
request = service_pb2.ModelInferRequest(model_name="cifar10")
given = request.inputs.add(name=declared.name, datatype="BYTES", shape=[1, 1])
given.contents.bytes_contents.append(picture)
assert numpy.frombuffer(stub.ModelInfer(request).raw_output_contents[0], dtype="<f4").argmax() == 3
answered += 1

# Twenty at a time.
answers = queue.Queue()
for _ in range(20):
    client.async_infer("cifar10", [pictures(1)], callback=lambda result, error: answers.put((result, error)))
for _ in range(20):
    result, error = answers.get(timeout=60)
    assert error is None and result.as_numpy(output.name).argmax() == 3, error
answered += 20

# Statistics.
(stats,) = client.get_inference_statistics("cifar10").model_stats
assert (stats.name, stats.version) == ("cifar10", "1") and stats.last_inference > 0, stats
assert stats.inference_count > stats.inference_stats.success.count > 0, "some asked for several items"
counts = [getattr(stats.inference_stats, name).count for name in ["queue", "compute_input", "compute_infer"]]
assert counts == [stats.inference_stats.success.count] * 3 and stats.inference_stats.compute_infer.ns > 0, stats
of_all = [stats.name for stats in client.get_inference_statistics().model_stats]
assert of_all == ["cifar10", "diabetes", "surface", "tumour"], of_all
refused(
    grpc.StatusCode.NOT_FOUND,
    "no model of this name",
    lambda: stub.ModelStatistics(service_pb2.ModelStatisticsRequest(name="none")),
    **missing,
)

# Refusals. What Python's own library makes of a request is left alone here.
invalid = grpc.StatusCode.INVALID_ARGUMENT


def infer(**members):
    shape, raw = members.pop("shape", [1, 3072]), members.pop("raw", [bytes(4 * 3072)])
    tensor = {"name": declared.name, "datatype": "FP32", "shape": shape, **members.pop("tensor", {})}
    asked = {"model_name": "cifar10", "inputs": [tensor], "raw_input_contents": raw, **members}
    return lambda: stub.ModelInfer(service_pb2.ModelInferRequest(**asked))


none = {"classification": {"int64_param": 0}}
values = {"contents": {"fp32_contents": [0.5]}}
for code, says, ask in [
    ("invalid_input", "no input", infer(tensor={"name": "wrong"})),
    ("invalid_input", "no output", infer(outputs=[{"name": "wrong"}])),
    ("invalid_input", "INT32", infer(tensor={"datatype": "INT32"})),
    ("invalid_input", "0 inputs", infer(inputs=[])),
    ("invalid_input", "1 numbers", infer(tensor=values, raw=[])),
    ("invalid_input", "0 numbers", infer(tensor={"contents": {"int_contents": [1]}}, raw=[])),
    ("invalid_request", "not both", infer(tensor=values)),
    ("invalid_request", "neither", infer(raw=[])),
    ("invalid_request", "2 entries", infer(raw=[b"", b""])),
    ("invalid_request", "3 bytes", infer(raw=[b"abc"])),
    ("invalid_request", "sensible size", infer(shape=[-1, 3072])),
    ("invalid_request", "sensible size", infer(shape=[2**62, 2**62])),
    ("invalid_request", "of FP32 have", infer(shape=[2**62])),
    ("invalid_request", "ends early", infer(tensor={"datatype": "BYTES"}, shape=[1], raw=[struct.pack("<I", 9)])),
    ("invalid_request", "classification", infer(outputs=[{"name": output.name, "parameters": none}])),
    ("invalid_request", "18 outputs; at most 17", infer(outputs=[{"name": output.name}] * 18)),
    ("invalid_request", "256 fields", infer(outputs=[{}] * 1_000_000)),
    ("too_large", "65 items", infer(shape=[65, 3072], raw=[bytes(4 * 65 * 3072)])),
]:
    refused(invalid, says, ask, code=code)
refused(grpc.StatusCode.NOT_FOUND, "no model of this name", infer(model_name="none"), **missing)

# Bytes that are no message, and messages that are too large, as they come or unpacked; the connection lives on.
raw = channel.unary_unary(INFER)
refused(invalid, "cannot be read", lambda: raw(b"\x2a\xff"), code="invalid_request")
wide = grpc.insecure_channel(address, options=[("grpc.max_send_message_length", -1)])
wide_raw = wide.unary_unary(INFER)
refused(invalid, f"more than {LIMIT} bytes", lambda: wide_raw(bytes(LIMIT + 1)), code="too_large")
zeros = bytes(8 * LIMIT)
assert len(gzip.compress(zeros)) < LIMIT
for packing in [grpc.Compression.Gzip, grpc.Compression.Deflate]:
    refused(invalid, f"more than {LIMIT} bytes", lambda: wide_raw(zeros, compression=packing), code="too_large")
assert service_pb2_grpc.GRPCInferenceServiceStub(wide).ServerLive(service_pb2.ServerLiveRequest()).live

# Who asks is known.
trace = "4bf92f3577b34da6a3ce929d0e0e4736"
found = refused(invalid, "no input", infer(id="mine", tensor={"name": "wrong"}))
assert found["x-request-id"] == "mine", found
traced = client.infer(
    "cifar10", [pictures(1)], request_id="traced", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
)
assert traced.get_response().id == "traced"
answered += 1

# Deadlines: the client's own, the service's header, and nonsense.
many = numpy.zeros((64, *declared.shape[1:]), dtype=numpy.float32)
slow = triton.InferInput(declared.name, many.shape, "FP32")
slow.set_data_from_numpy(many)
for limits in [{"client_timeout": 0.02}, {"headers": {"x-request-timeout-ms": "20"}}]:
    try:
        client.infer("cifar10", [slow], **limits)
    except InferenceServerException as refusal:
        assert refusal.status() == "StatusCode.DEADLINE_EXCEEDED", refusal
    else:
        raise AssertionError(f"{limits} were not kept")
one = service_pb2.ModelInferRequest(
    model_name="cifar10",
    inputs=[{"name": declared.name, "datatype": "FP32", "shape": [1, 3072]}],
    raw_input_contents=[bytes(4 * 3072)],
)
nonsense = [("x-request-timeout-ms", "soon")]
refused(invalid, "whole number of milliseconds", lambda: stub.ModelInfer(one, metadata=nonsense), code="invalid_request")
assert stub.ModelInfer(one, timeout=30).model_name == "cifar10"
answered += 1

# More than fits into the queue: some are answered, the others told when to try again.
full = service_pb2.ModelInferRequest(
    model_name="cifar10",
    inputs=[{"name": declared.name, "datatype": "FP32", "shape": [64, 3072]}],
    raw_input_contents=[bytes(64 * 4 * 3072)],
)
waiting = [stub.ModelInfer.future(full) for _ in range(8)]
codes = [call.code() for call in waiting]
exhausted = grpc.StatusCode.RESOURCE_EXHAUSTED
assert set(codes) == {grpc.StatusCode.OK, exhausted}, codes
answered += 64 * codes.count(grpc.StatusCode.OK)
for call in waiting:
    if call.code() == exhausted:
        found = dict(call.trailing_metadata())
        assert found["code"] == "overloaded" and int(found["retry-after"]) >= 1, found
        assert int(found["grpc-retry-pushback-ms"]) == 1000 * int(found["retry-after"]), found

# Health, as load balancers ask for it.
health = health_pb2_grpc.HealthStub(channel)
serving = health_pb2.HealthCheckResponse.ServingStatus
for service in ["", "inference.GRPCInferenceService"]:
    assert health.Check(health_pb2.HealthCheckRequest(service=service)).status == serving.SERVING
refused(grpc.StatusCode.NOT_FOUND, "no service", lambda: health.Check(health_pb2.HealthCheckRequest(service="x")))
for service, expected in [("", serving.SERVING), ("x", serving.SERVICE_UNKNOWN)]:
    watching = health.Watch(health_pb2.HealthCheckRequest(service=service))
    assert next(watching).status == expected
    watching.cancel()

print(answered)
