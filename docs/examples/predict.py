"""Predicts a picture, and asks the prediction log for it: python3 docs/examples/predict.py picture.jpg"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

INFERENCE = os.environ.get("INFERENCE_URL", "http://127.0.0.1:8000")
LOGGING = os.environ.get("LOGGING_URL", "http://127.0.0.1:8001")


def ask(request):
    """The JSON of an answer; a refusal says in its JSON what was wrong, and whether to try again."""
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            refusal = json.load(error)
            # overloaded and not_ready say when there will be room.
            if "retry-after" not in error.headers:
                raise SystemExit(f"{refusal['code']}: {refusal['error']} ({refusal['request_id']})")
            time.sleep(float(error.headers["retry-after"]))


def main(picture):
    with open(picture, "rb") as file:
        headers = {"content-type": "image/jpeg", "x-request-timeout-ms": "5000"}
        answer = ask(urllib.request.Request(f"{INFERENCE}/predict", file.read(), headers))
    best = answer["predictions"][0]
    print(f"predicted: {best['label']} ({best['confidence']:.1%})")

    # The record is delivered after the answer: usually within some milliseconds.
    for _ in range(100):
        page = ask(f"{LOGGING}/predictions?request_id={answer['request_id']}")
        if page["predictions"]:
            break
        time.sleep(0.1)
    for stored in page["predictions"]:
        print(f"logged: {stored['label']} at {stored['recorded_at']}")


if __name__ == "__main__":
    main(sys.argv[1])
