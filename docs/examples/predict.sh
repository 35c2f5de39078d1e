#!/bin/sh
# Predicts a picture, and asks the prediction log for it: docs/examples/predict.sh picture.jpg
set -eu
picture=$1
inference=${INFERENCE_URL:-http://127.0.0.1:8000}
logging=${LOGGING_URL:-http://127.0.0.1:8001}
# The id is ours, so that the record can be found by it. It may be any text without spaces.
id=example-$(date +%s)-$$

curl --silent --show-error --fail-with-body --data-binary "@$picture" \
  -H 'content-type: image/jpeg' -H "x-request-id: $id" "$inference/predict" | grep -o '"label":"[^"]*"' | head -n 1

# The record is delivered after the answer: usually within some milliseconds.
for _ in 1 2 3 4 5 6 7 8 9 10; do
  logged=$(curl --silent --show-error --fail-with-body "$logging/predictions?request_id=$id" | grep -o '"label":"[^"]*"' | head -n 1)
  [ -z "$logged" ] || break
  sleep 1
done
echo "logged: $logged"
