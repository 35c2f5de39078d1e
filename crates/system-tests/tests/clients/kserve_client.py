"""Asks the service at argv[2] as users of KServe's clients do, over argv[1] (rest or grpc), with the golden tensors of
the folder argv[3].

Prints the number of items that were answered.
"""

import asyncio
import sys

import grpc
import httpx
import numpy
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

protocol, address, folder = sys.argv[1:]


class Rest:
    def __init__(self):
        self.client = InferenceRESTClient(RESTConfig(protocol="v2"))
        self.where = (f"http://{address}",)

    async def infer(self, request):
        return await self.client.infer(*self.where, request, model_name=request.model_name)


class Grpc:
    def __init__(self):
        self.client = InferenceGRPCClient(address)
        self.where = ()

    async def infer(self, request):
        return await self.client.infer(request)


async def main():
    asked = Rest() if protocol == "rest" else Grpc()
    client, where = asked.client, asked.where
    answered = 0
    assert await client.is_server_live(*where) and await client.is_server_ready(*where)
    assert await client.is_model_ready(*where, "cifar10")
    for model, name in [("cifar10", "input"), ("surface", "image")]:
        tensors = numpy.load(f"{folder}/{model}_tensors.npy")
        golden = numpy.load(f"{folder}/{model}_tensors_logits.npy")
        for binary_input in [True, False]:
            for binary_output in [True, False]:
                tensor = InferInput(name, list(tensors.shape), "FP32")
                tensor.set_data_from_numpy(tensors, binary_data=binary_input)
                parameters = {"binary_data_output": binary_output}
                answer = await asked.infer(InferRequest(model, [tensor], request_id="golden", parameters=parameters))
                assert answer.id == "golden" and answer.model_name == model, answer
                difference = abs(answer.outputs[0].as_numpy().reshape(golden.shape) - golden).max()
                assert difference < 1e-3, (model, binary_input, binary_output, difference)
                answered += len(tensors)
    tensor = InferInput("input", [1, 2], "FP32")
    tensor.set_data_from_numpy(numpy.zeros((1, 2), dtype=numpy.float32))
    for model in ["none", "cifar10"]:
        try:
            await asked.infer(InferRequest(model, [tensor]))
        except httpx.HTTPStatusError as refusal:
            assert refusal.response.status_code == (404 if model == "none" else 422), refusal
        except grpc.RpcError as refusal:
            expected = grpc.StatusCode.NOT_FOUND if model == "none" else grpc.StatusCode.INVALID_ARGUMENT
            assert refusal.code() == expected, refusal
        else:
            raise AssertionError("it was not refused")
    await client.close()
    print(answered)


asyncio.run(main())
