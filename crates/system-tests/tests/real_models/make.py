"""Puts real models, and what Python's ONNX Runtime and the libraries that trained them answer, into the folder argv[1]."""

import sys

import packaged
import trained
import transformer
from shelf import Shelf

shelf = Shelf(sys.argv[1])
packaged.put_all(shelf)
transformer.put_all(shelf)
trained.put_all(shelf)
