"""A prediction service as it is commonly written in Python: FastAPI, and one ONNX Runtime session in each worker.

Rule of thumb: it is written to be fast. What it does for each request is what anyone needs who has to run it: the
body is checked, a counter and a histogram are updated, and one line of JSON goes to the log.
"""

import io
import logging
import os
import time
import tomllib
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import numpy
import onnxruntime
from fastapi import FastAPI, HTTPException, Request, Response
from PIL import Image
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from pydantic import BaseModel
from pythonjsonlogger.json import JsonFormatter

MODEL = Path(os.environ["PEER_MODEL"])
FOLDER = Path(os.environ["PEER_FOLDER"])
WORKERS = int(os.environ["PEER_WORKERS"])

INPUT = tomllib.loads((MODEL / "model.toml").read_text())["input"]
LABELS = (MODEL / "labels.txt").read_text().split()
SIZE = (INPUT["width"], INPUT["height"])
SHAPE = (1, 3, INPUT["height"], INPUT["width"])
MEAN = numpy.array(INPUT["mean"], numpy.float32)
STD = numpy.array(INPUT["std"], numpy.float32)

PREDICTIONS = Counter("predictions", "Predictions by outcome.", ["body", "label"])
SECONDS = Histogram("prediction_seconds", "Seconds of a prediction.", ["body"])


def start_session():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(MODEL / "1/model.onnx"), options, providers=["CPUExecutionProvider"])


def start_log():
    handler = logging.FileHandler(FOLDER / "requests.log")
    handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("peer")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    return log


SESSION = start_session()
LOG = start_log()


@asynccontextmanager
async def lifespan(_):
    (FOLDER / f"ready-{os.getpid()}").touch()
    yield


app = FastAPI(lifespan=lifespan)


class Numbers(BaseModel):
    input: list[float]


class Answer(BaseModel):
    label: str
    confidence: float


def predict(tensor):
    logits = SESSION.run(None, {"input": tensor})[0][0]
    exponentials = numpy.exp(logits - logits.max())
    likeliest = int(exponentials.argmax())
    return Answer(label=LABELS[likeliest], confidence=float(exponentials[likeliest] / exponentials.sum()))


def tell(body, answer, started):
    seconds = time.perf_counter() - started
    PREDICTIONS.labels(body, answer.label).inc()
    SECONDS.labels(body).observe(seconds)
    details = {"body": body, "label": answer.label, "confidence": answer.confidence, "seconds": seconds}
    LOG.info("predicted", extra=details)


@app.post("/predict")
async def predict_numbers(numbers: Numbers) -> Answer:
    started = time.perf_counter()
    tensor = numpy.array(numbers.input, numpy.float32)
    if tensor.size != numpy.prod(SHAPE):
        raise HTTPException(422, "the input has another size")
    answer = predict(tensor.reshape(SHAPE))
    tell("json", answer, started)
    return answer


@app.post("/predict/picture")
async def predict_picture(request: Request) -> Answer:
    started = time.perf_counter()
    try:
        picture = Image.open(io.BytesIO(await request.body())).convert("RGB")
    except OSError:
        raise HTTPException(422, "this is no picture")
    if picture.size != SIZE:
        picture = picture.resize(SIZE, Image.Resampling.BILINEAR)
    pixels = (numpy.asarray(picture, numpy.float32) / 255 - MEAN) / STD
    answer = predict(numpy.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
    tell("picture", answer, started)
    return answer


@app.get("/metrics")
def metrics():
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return Response(generate_latest(registry), media_type="text/plain")


@app.get("/health")
def health():
    if len(list(FOLDER.glob("ready-*"))) < WORKERS:
        raise HTTPException(503, "not all workers are ready")
    return {"status": "ready"}
