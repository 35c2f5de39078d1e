"""Watches the health of the service at argv[1] over gRPC, and prints each state that it is told.

Told that the service stops, it asks for what takes longer than the service keeps its port open.
"""

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

states = health_pb2.HealthCheckResponse.ServingStatus
items = 64
request = service_pb2.ModelInferRequest(
    model_name="cifar10",
    inputs=[{"name": "input", "datatype": "FP32", "shape": [items, 3, 32, 32]}],
    raw_input_contents=[bytes(items * 4 * 3 * 32 * 32)],
)
with grpc.insecure_channel(sys.argv[1]) as channel:
    stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
    asked = []
    for answer in health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()):
        print(states.Name(answer.status), flush=True)
        if answer.status == states.NOT_SERVING:
            asked = [stub.ModelInfer.future(request) for _ in range(2)]
    print(sum(waiting.result().outputs[0].shape[0] for waiting in asked), "answered", flush=True)
