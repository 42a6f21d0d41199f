"""Data: files that are verified when they are read, ranges of pixels, and batches.

Arrays are NumPy's; nothing in this folder imports JAX.
"""

from course_utils.data.batches import batches
from course_utils.data.fashion_mnist import (
    CLASS_NAMES,
    FashionMNIST,
    Split,
    load_fashion_mnist,
    load_photo,
)
from course_utils.data.idx import parse_idx, read_idx
from course_utils.data.pictures import load_picture
from course_utils.data.pixels import binarize, quantize, to_signed, to_unit
from course_utils.data.registry import DataError, data_dir, read_verified, register

__all__ = [
    "CLASS_NAMES",
    "DataError",
    "FashionMNIST",
    "Split",
    "batches",
    "binarize",
    "data_dir",
    "load_fashion_mnist",
    "load_photo",
    "load_picture",
    "parse_idx",
    "quantize",
    "read_idx",
    "read_verified",
    "register",
    "to_signed",
    "to_unit",
]
