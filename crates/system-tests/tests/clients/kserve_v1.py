"""Asks the service at argv[1] as users of KServe's client do over its protocol V1.

Prints the number of items that were answered.
"""

import asyncio
import sys

import httpx
from kserve import InferenceRESTClient, RESTConfig

address = f"http://{sys.argv[1]}"


async def main():
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    assert await client.is_server_live(address)
    assert await client.is_model_ready(address, "iris")

    async def predict(model, request):
        return await client.infer(address, request, model_name=model)

    rows = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
    answer = await predict("tensors", {"instances": rows})
    labels = [prediction["label"] for prediction in answer["predictions"]]
    assert labels == [0, 2], answer
    assert all(abs(sum(prediction["probabilities"]) - 1) < 1e-5 for prediction in answer["predictions"]), answer
    columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    answer = await predict("iris", {"instances": [dict(zip(columns, row)) for row in rows]})
    assert [prediction["output_label"] for prediction in answer["predictions"]] == [0, 2], answer
    answer = await predict("half_plus_three", {"inputs": [1.0, 2.0, 5.0]})
    assert answer == {"outputs": [3.5, 4.0, 5.5]}, answer
    for model, request, status in [("none", {"instances": rows}, 404), ("tensors", {"instances": [[1]]}, 400)]:
        try:
            await predict(model, request)
        except httpx.HTTPStatusError as refusal:
            assert refusal.response.status_code == status and refusal.response.json()["error"], refusal
        else:
            raise AssertionError("it was not refused")
    await client.close()
    # A model that takes whole tensors answers a request as one item.
    print(5)


asyncio.run(main())
