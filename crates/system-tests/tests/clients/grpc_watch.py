"""Watches the health of the service at argv[1] over gRPC, and prints each state that it is told."""

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

states = health_pb2.HealthCheckResponse.ServingStatus
with grpc.insecure_channel(sys.argv[1]) as channel:
    for answer in health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()):
        print(states.Name(answer.status), flush=True)
