"""Predicts a picture, and asks what was logged of it, with clients that openapi-python-client has made."""

import base64
import json
import sys
import time
from pathlib import Path

from glasshouse_inference_service_client import Client as InferenceClient
from glasshouse_inference_service_client.api.predictions import predict
from glasshouse_inference_service_client.models import PredictJson
from glasshouse_logging_service_client import Client as LoggingClient
from glasshouse_logging_service_client.api.questions import predictions

inference_url, logging_url, picture = sys.argv[1:]
inference, logging = InferenceClient(base_url=inference_url), LoggingClient(base_url=logging_url)

image = base64.b64encode(Path(picture).read_bytes()).decode()
body = PredictJson.from_dict({"model": "cifar10", "image": image, "top_k": 3})
answer = predict.sync(client=inference, body=body)

# The record is delivered after the answer.
labels = []
while not labels:
    time.sleep(0.1)
    labels = [stored.label for stored in predictions.sync(client=logging, request_id=answer.request_id).predictions]
print(json.dumps({"predicted": answer.predictions[0].label, "logged": labels}))
