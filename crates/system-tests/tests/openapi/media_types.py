"""Bodies that schemathesis does not know how to make, and answers that it does not know how to read."""

import json

import schemathesis
from hypothesis import strategies
from schemathesis.specs.openapi.checks import negative_data_rejection

# What one route takes, the other refuses: records of a prediction, and its true labels.
records = strategies.fixed_dictionaries(
    {"model": strategies.just("cifar10"), "label": strategies.text("abc", min_size=1), "confidence": strategies.floats(0, 1)}
)
labels = strategies.fixed_dictionaries(
    {"request_id": strategies.text("abc", min_size=1), "label": strategies.text("abc", min_size=1)}
)
lines = strategies.lists(strategies.one_of(records, labels).map(json.dumps), min_size=1, max_size=5)
schemathesis.openapi.format("ndjson", lines.map("\n".join))


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def filter_body(_context, body):
    """No line at all is no record, which is taken."""
    return not isinstance(body, str) or bool(body.strip())


@schemathesis.deserializer(
    "application/octet-stream",
    "application/x-ndjson",
    "application/vnd.apache.arrow.file",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.parquet",
)
def octets(_context, response):
    return response.content.decode("latin-1")


@schemathesis.check
def what_the_description_of_predict_forbids_is_refused(context, response, case):
    """Parts of a form may have any name, of which the description can allow only those that their head holds as they are."""
    if case.operation.path == "/predict" and case.media_type != "multipart/form-data":
        return negative_data_rejection(context, response, case)
    return None
