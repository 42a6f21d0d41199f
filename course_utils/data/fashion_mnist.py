"""Fashion-MNIST in three splits, and one photograph in colour.

Datasheet and licences: ``data/README.md``.
"""

import functools
import io
from typing import NamedTuple

import numpy as np
from jaxtyping import Int32, UInt8
from PIL import Image

from course_utils.data.idx import parse_idx
from course_utils.data.registry import read_verified

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
"""Name of each label 0 to 9 of Fashion-MNIST, in the publisher's order."""

_NUM_VALIDATION = 5_000


class Split(NamedTuple):
    """Images and their labels, in the publisher's order; both arrays are read-only."""

    images: UInt8[np.ndarray, "n 28 28 1"]
    labels: Int32[np.ndarray, " n"]


class FashionMNIST(NamedTuple):
    """The three splits of Fashion-MNIST; no image is in two of them."""

    train: Split
    validation: Split
    test: Split


@functools.cache
def load_fashion_mnist() -> FashionMNIST:
    """Return Fashion-MNIST: 55,000 training, 5,000 validation and 10,000 test images.

    The validation split is the end of the publisher's training file, which is shuffled:
    it holds between 450 and 527 images of each class. The test split, 1,000 images of
    each class, is the publisher's. The files are read and verified once in a process;
    the arrays are read-only, so that an edit in place fails instead of changing the
    data of every later cell.

    Source: Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747.

    Raises:
        DataError: a file is missing or differs from the publisher's.
    """
    images, labels = _read_split("train")
    return FashionMNIST(
        train=Split(images[:-_NUM_VALIDATION], labels[:-_NUM_VALIDATION]),
        validation=Split(images[-_NUM_VALIDATION:], labels[-_NUM_VALIDATION:]),
        test=_read_split("t10k"),
    )


def load_photo() -> UInt8[np.ndarray, "300 451 3"]:
    """Return a photograph of a cat, in red, green and blue: "Chelsea", CC0.

    Photographer: Stefan van der Walt; distributed with scikit-image.

    Raises:
        DataError: the file is missing or differs from the photographer's.
    """
    with Image.open(io.BytesIO(read_verified("photos/chelsea.png"))) as photo:
        return np.array(photo)


def _read_split(prefix: str) -> Split:
    """Return one of the publisher's two splits, verified and read-only."""
    names = [
        f"fashion-mnist/{prefix}-{kind}-ubyte.gz"
        for kind in ("images-idx3", "labels-idx1")
    ]
    images, labels = (parse_idx(read_verified(name), name) for name in names)
    split = Split(images[..., np.newaxis], labels.astype(np.int32))
    for array in split:
        array.flags.writeable = False
    return split
