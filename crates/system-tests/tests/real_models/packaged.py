"""Models that packages of PyPI bring in their wheels."""

import importlib.util
import pathlib

import numpy


def put_all(shelf):
    """Puts all of them on the shelf."""
    optical_characters(shelf)
    file_types(shelf)
    voices(shelf)
    pitches(shelf)


def optical_characters(shelf):
    """RapidOCR: where text is, which way up it is, and what it says; pictures of any size."""
    folder = _package("rapidocr") / "models"

    def pictures(*shapes):
        return [{"x": shelf.random.uniform(-1, 1, shape).astype("float32")} for shape in shapes]

    detection = pictures((1, 3, 64, 96), (1, 3, 160, 128), (2, 3, 96, 64))
    shelf.put("rapidocr_detection", _read(folder / "PP-OCRv6_det_small.onnx"), detection)
    turned = pictures((1, 3, 48, 192), (4, 3, 48, 192), (1, 3, 48, 192))
    shelf.put("rapidocr_orientation", _read(folder / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"), turned)
    lines = pictures((1, 3, 48, 320), (1, 3, 48, 104), (2, 3, 48, 160))
    shelf.put("rapidocr_recognition", _read(folder / "PP-OCRv6_rec_small.onnx"), lines)


def file_types(shelf):
    """Magika: what kind of file these bytes are of; 256 stands for none."""
    files = [shelf.random.integers(0, 257, (items, 2048), dtype="int32") for items in (1, 3, 8)]
    text = numpy.full((1, 2048), 256, dtype="int32")
    text[0, :32] = list(b"import numpy\n\nprint(numpy.zeros(")
    model = _read(_package("magika") / "models/standard_v3_3/model.onnx")
    shelf.put("magika", model, [{"bytes": bytes_} for bytes_ in [*files, text]])


def voices(shelf):
    """Silero's detection of voices: the caller keeps the state; some take the sampling rate as a scalar."""
    folder = _package("silero_vad") / "data"

    def sound(*shape):
        return shelf.random.normal(0, 0.2, shape).astype("float32")

    def request(items, **more):
        return {"input": sound(items, 576), "state": sound(2, items, 128), **more}

    rate, half = numpy.array(16000, dtype="int64"), numpy.array(8000, dtype="int64")
    both = [request(1, sr=rate), request(3, sr=rate), {**request(1, sr=half), "input": sound(1, 288)}]
    shelf.put("silero_vad", _read(folder / "silero_vad.onnx"), both)
    shelf.put("silero_vad_without_if", _read(folder / "silero_vad_op18_ifless.onnx"), both)
    only = [request(1, sr=rate), request(2, sr=rate)]
    shelf.put("silero_vad_16k", _read(folder / "silero_vad_16k_op15.onnx"), only)
    shelf.put("silero_vad_half", _read(folder / "silero_vad_half.onnx"), [request(1), request(2)])
    shelf.put("silero_vad_openvino", _read(folder / "silero_vad_openvino_16k.onnx"), [request(1), request(1)])
    windows = [{"input": sound(n, 576), "h": sound(1, 1, 128), "c": sound(1, 1, 128)} for n in (1, 7, 40)]
    shelf.put("silero_vad_sequence", _read(folder / "silero_vad_16k_sequence.onnx"), windows)


def pitches(shelf):
    """Spotify's Basic Pitch: notes in two seconds of sound; made with Keras."""
    model = _read(_package("basic_pitch") / "saved_models/icassp_2022/nmp.onnx")
    seconds = [shelf.random.normal(0, 0.3, (items, 43844, 1)).astype("float32") for items in (1, 2)]
    shelf.put("basic_pitch", model, [{"serving_default_input_2:0": second} for second in seconds])


def _package(name):
    """Its folder, without running it: what it depends on need not be there."""
    return pathlib.Path(importlib.util.find_spec(name).submodule_search_locations[0])


def _read(path):
    return path.read_bytes()
