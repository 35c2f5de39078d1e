"""A folder of models as the service takes them, each with requests and the answers that Python gives to them."""

import json
import pathlib

import numpy
import onnxruntime

onnxruntime.set_default_logger_severity(4)


class Shelf:
    """Writes `models/<name>/1/model.onnx`, and what to ask of it into `requests/<name>`."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.random = numpy.random.default_rng(12)

    def put(self, name, model, requests):
        """A model without a model.toml: all of its outputs, as ONNX Runtime gives them for each of the requests."""
        self._write(name, model)
        session = onnxruntime.InferenceSession(model)
        names = [output.name for output in session.get_outputs()]
        for number, inputs in enumerate(requests):
            answers = dict(zip(names, session.run(names, inputs)))
            numpy.savez(self._asked(name) / f"{number}.in.npz", **inputs)
            numpy.savez(self._asked(name) / f"{number}.out.npz", **{name: _plain(a) for name, a in answers.items()})

    def put_classifier(self, name, model, rows, labels, probabilities, table=""):
        """A model of the task classification, and what the library that trained it says of these rows: the classes in
        its order, and a probability for each of them."""
        self._write(name, model, f'task = "classification"\n{table}')
        expected = {"labels": [str(label) for label in labels], "probabilities": probabilities.tolist()}
        self._write_rows(name, rows, expected)

    def put_regressor(self, name, model, rows, values):
        """A model of the task regression, and what the library that trained it says of these rows."""
        self._write(name, model, 'task = "regression"\n')
        self._write_rows(name, rows, {"values": numpy.ravel(values).tolist()})

    def _write(self, name, model, toml=None):
        version = self.folder / "models" / name / "1"
        version.mkdir(parents=True)
        (version / "model.onnx").write_bytes(model)
        if toml is not None:
            (version.parent / "model.toml").write_text(toml)
        self._asked(name).mkdir(parents=True)

    def _write_rows(self, name, rows, expected):
        asked = {"rows": rows.tolist(), **expected}
        (self._asked(name) / "predict.json").write_text(json.dumps(asked))

    def _asked(self, name):
        return self.folder / "requests" / name


def _plain(answer):
    """Texts as text: what is saved must not need pickle."""
    answer = numpy.asarray(answer)
    return answer.astype(str) if answer.dtype == object else answer
