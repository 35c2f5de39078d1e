"""A runtime of MLServer for the model, as its documentation shows how to write one.

Rule of thumb: a request carries the tensor, and the answer its label and confidence, as the other peers have it.
"""

import os
from pathlib import Path

import numpy
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

MODEL = Path(os.environ["PEER_MODEL"])


class Classifier(MLModel):
    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        file = str(MODEL / "1/model.onnx")
        self.session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        self.labels = (MODEL / "labels.txt").read_text().split()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        tensor = NumpyCodec.decode_input(payload.inputs[0]).astype(numpy.float32, copy=False)
        logits = self.session.run(None, {"input": tensor})[0][0]
        exponentials = numpy.exp(logits - logits.max())
        likeliest = int(exponentials.argmax())
        confidence = exponentials[likeliest : likeliest + 1] / exponentials.sum()
        outputs = [
            StringCodec.encode_output("label", [self.labels[likeliest]]),
            NumpyCodec.encode_output("confidence", confidence),
        ]
        return InferenceResponse(model_name=self.name, outputs=outputs)
