"""Asks the service at argv[1] over HTTP and the one at argv[3] over gRPC, both with TLS and keys.

argv[4] is the certificate to trust, argv[5] the key. Prints the number of items that were answered.
"""

import sys

import grpc
import numpy
import tritonclient.grpc
import tritonclient.http
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.utils import InferenceServerException

http, folder, over_grpc, authority, key = sys.argv[1:]
tensors = numpy.load(f"{folder}/cifar10_tensors.npy")


def host(address):
    return address.replace("127.0.0.1", "localhost")


def bearer(key):
    """Headers of their own for each call, for the client adds to them."""
    return {"authorization": f"Bearer {key}"}


clients = [
    (
        tritonclient.http,
        tritonclient.http.InferenceServerClient(
            host(http), ssl=True, ssl_options={"ca_certs": authority}
        ),
    ),
    (
        tritonclient.grpc,
        tritonclient.grpc.InferenceServerClient(host(over_grpc), ssl=True, root_certificates=authority),
    ),
]
answered = 0
for library, client in clients:
    assert client.is_server_ready(headers=bearer(key))
    declared = client.get_model_metadata("cifar10", headers=bearer(key))
    declared = declared["inputs"][0]["name"] if isinstance(declared, dict) else declared.inputs[0].name
    tensor = library.InferInput(declared, tensors.shape, "FP32")
    tensor.set_data_from_numpy(tensors)
    client.infer("cifar10", [tensor], headers=bearer(key))
    answered += len(tensors)
    for wrong in [None, bearer(key[:-1])]:
        try:
            client.infer("cifar10", [tensor], headers=wrong)
        except InferenceServerException as refusal:
            assert refusal.status() in ["401", "StatusCode.UNAUTHENTICATED"] and "key" in str(refusal), refusal
        else:
            raise AssertionError("it was not refused")

credentials = grpc.ssl_channel_credentials(open(authority, "rb").read())
health = health_pb2_grpc.HealthStub(grpc.secure_channel(host(over_grpc), credentials))
answer = health.Check(health_pb2.HealthCheckRequest())
assert answer.status == health_pb2.HealthCheckResponse.SERVING, answer

print(answered)
