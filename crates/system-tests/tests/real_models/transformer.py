"""A text classifier in the shape in which Hugging Face's are exported: three inputs of open sizes, two logits."""

import numpy
from onnx import TensorProto, helper, numpy_helper

WORDS, LONGEST, WIDTH, HEADS, LAYERS, CLASSES = 1000, 64, 32, 4, 2, 2
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


def put_all(shelf):
    """Puts it on the shelf, as tensors and as a classifier without names of classes."""
    model = Transformer(shelf.random).file()
    requests = [_request(shelf.random, *size) for size in [(1, 8), (1, 23), (4, 16), (3, 64)]]
    shelf.put("bert", model, requests)


def _request(random, items, length):
    lengths = random.integers(1, length + 1, items)
    mask = (numpy.arange(length) < lengths[:, None]).astype("int64")
    words = random.integers(0, WORDS, (items, length)) * mask
    types = (numpy.arange(length) >= (lengths // 2)[:, None]).astype("int64") * mask
    return dict(zip(INPUTS, [words, mask, types]))


class Transformer:
    """The graph, node by node."""

    def __init__(self, random):
        self.random, self.nodes, self.weights = random, [], []

    def file(self):
        words, mask, types = INPUTS
        hidden = self.embed(words, types)
        bias = self.mask(mask)
        for _ in range(LAYERS):
            hidden = self.norm(self.add("Add", hidden, self.attention(hidden, bias)))
            wide = self.dense(hidden, WIDTH, 2 * WIDTH)
            erf = self.add("Add", self.add("Erf", self.add("Div", wide, self.number(2**0.5))), self.number(1))
            gelu = self.add("Mul", self.add("Mul", wide, erf), self.number(0.5))
            hidden = self.norm(self.add("Add", hidden, self.dense(gelu, 2 * WIDTH, WIDTH)))
        first = self.add("Gather", hidden, self.integers(0, scalar=True), axis=1)
        pooled = self.add("Tanh", self.gemm(first, WIDTH))
        self.nodes.append(helper.make_node("Identity", [self.gemm(pooled, CLASSES)], ["logits"]))
        sizes = ["batch_size", "sequence_length"]
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, sizes) for name in INPUTS]
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch_size", CLASSES])
        graph = helper.make_graph(self.nodes, "main_graph", inputs, [logits], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
        return model.SerializeToString()

    def embed(self, words, types):
        length = self.add("Gather", self.add("Shape", words), self.integers(1, scalar=True))
        end = self.add("Unsqueeze", length, self.integers(0))
        positions = self.weight(numpy.arange(LONGEST).reshape(1, -1))
        positions = self.add("Slice", positions, self.integers(0), end, self.integers(1), self.integers(1))
        words = self.add("Gather", self.random_weight(WORDS, WIDTH), words)
        types = self.add("Gather", self.random_weight(2, WIDTH), types)
        positions = self.add("Gather", self.random_weight(LONGEST, WIDTH), positions)
        return self.norm(self.add("Add", self.add("Add", words, types), positions))

    def mask(self, mask):
        """Far below zero where there is no word."""
        wide = self.add("Unsqueeze", self.add("Unsqueeze", mask, self.integers(1)), self.integers(2))
        missing = self.add("Sub", self.number(1), self.add("Cast", wide, to=TensorProto.FLOAT))
        return self.add("Mul", missing, self.number(numpy.finfo("float32").min))

    def attention(self, hidden, bias):
        query, key, value = (
            self.heads(self.dense(hidden, WIDTH, WIDTH), hidden, turned)
            for turned in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])
        )
        scores = self.add("Div", self.add("MatMul", query, key), self.number((WIDTH / HEADS) ** 0.5))
        shares = self.add("Softmax", self.add("Add", scores, bias), axis=-1)
        joined = self.add("Transpose", self.add("MatMul", shares, value), perm=[0, 2, 1, 3])
        return self.dense(self.reshape(joined, hidden, [WIDTH]), WIDTH, WIDTH)

    def heads(self, values, like, turned):
        return self.add("Transpose", self.reshape(values, like, [HEADS, WIDTH // HEADS]), perm=turned)

    def reshape(self, values, like, last):
        """To the first two dimensions of another tensor and these."""
        shape = self.add("Shape", like)
        sizes = [self.add("Gather", shape, self.integers(axis, scalar=True)) for axis in (0, 1)]
        sizes = [self.add("Unsqueeze", size, self.integers(0)) for size in sizes]
        return self.add("Reshape", values, self.add("Concat", *sizes, self.integers(*last), axis=0))

    def norm(self, values):
        centred = self.add("Sub", values, self.add("ReduceMean", values, axes=[-1]))
        variance = self.add("ReduceMean", self.add("Pow", centred, self.number(2)), axes=[-1])
        deviation = self.add("Sqrt", self.add("Add", variance, self.number(1e-12)))
        scaled = self.add("Mul", self.add("Div", centred, deviation), self.random_weight(WIDTH))
        return self.add("Add", scaled, self.random_weight(WIDTH))

    def dense(self, values, width, out):
        return self.add("Add", self.random_weight(out), self.add("MatMul", values, self.random_weight(width, out)))

    def gemm(self, values, out):
        return self.add("Gemm", values, self.random_weight(out, WIDTH), self.random_weight(out), transB=1)

    def add(self, operator, *inputs, **attributes):
        output = f"/{operator}_{len(self.nodes)}_output_0"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def number(self, value):
        return self.weight(numpy.array(value, dtype="float32"))

    def integers(self, *values, scalar=False):
        return self.weight(numpy.array(values[0] if scalar else values, dtype="int64"))

    def random_weight(self, *shape):
        return self.weight(self.random.normal(0, 0.3, shape).astype("float32"))

    def weight(self, values):
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name
