"""Makes the references of the shipped models for rows: what they say of their own example rows is normal.

    cargo xtask up                     # in one terminal, with an empty prediction log
    python docs/examples/table_references.py deploy/models http://127.0.0.1:8000 http://127.0.0.1:8001

Each row is sent as often as any other, as the
demo draws them in normal times, so that a value that many rows share is as frequent in the reference as in the traffic.
"""

import csv
import json
import pathlib
import sys
import time
import urllib.request

TIMES = 8
AT_ONCE = 50


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def example_rows(folder):
    """The rows, and what was true of them, which is the last column."""
    with (folder / "examples/rows.csv").open() as file:
        table = list(csv.reader(file))
    names = table[0][:-1]
    # A category is a text, also where it looks like a number.
    rows = [{name: cell if name == "sex" else float(cell) for name, cell in zip(names, row)} for row in table[1:]]
    return rows, [row[-1] for row in table[1:]]


def reference_of(model, folder, inference, log):
    rows, truths = (column * TIMES for column in example_rows(folder))
    for start in range(0, len(rows), AT_ONCE):
        answer = post(f"{inference}/predict", {"model": model, "rows": rows[start:start + AT_ONCE]})
        labels = [{"request_id": answer["request_id"], "row_index": place, "label": truth}
                  for place, truth in enumerate(truths[start:start + AT_ONCE])]
        post(f"{log}/feedback", labels)
    while True:
        with urllib.request.urlopen(f"{log}/quality?model={model}&window=1h") as answer:
            quality = json.load(answer)["models"]
        if quality and quality[0]["quality"]["labelled"] == len(rows):
            break
        time.sleep(0.5)
    reference = post(f"{log}/drift/reference", {"model": model})
    # The range of time that it was made of says nothing to others.
    reference.pop("until", None)
    (folder / "1/profile.json").write_text(json.dumps(reference) + "\n")
    print(f"{model}: {len(rows)} predictions")


if __name__ == "__main__":
    models, inference, log = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    for model in ["tumour", "diabetes"]:
        reference_of(model, models / model, inference, log)
