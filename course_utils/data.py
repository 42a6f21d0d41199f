"""Fashion-MNIST, one photograph, IDX files, and the ranges of pixels.

The course's own files lie in ``data/`` (datasheet and licences: ``data/README.md``).
Each is checked against ``data/registry.json`` whenever it is read: a damaged file is an
error that names the repair, never a strange picture three notebooks later. Nothing is
downloaded and nothing is written. Arrays are NumPy's; this module does not import JAX.
"""

import functools
import hashlib
import io
import json
import math
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int32, Shaped, UInt8
from PIL import Image

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
_GZIP_MAGIC = b"\x1f\x8b"
_IDX_DTYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_REMAKE = "Make or download the file again."


class DataError(Exception):
    """A data file is missing, damaged, or not of the kind expected."""


class Split(NamedTuple):
    """Images and their labels, in the publisher's order; both arrays are read-only."""

    images: UInt8[np.ndarray, "n 28 28 1"]
    labels: Int32[np.ndarray, " n"]


class FashionMNIST(NamedTuple):
    """The three splits of Fashion-MNIST; no image is in two of them."""

    train: Split
    validation: Split
    test: Split


def data_dir() -> Path:
    """Return the folder of the data files.

    It is ``data`` beside the package's folder, or what the environment variable
    ``COURSE_DATA`` names, if that is set and not empty.
    """
    folder = os.environ.get("COURSE_DATA")
    if folder:
        return Path(folder).expanduser().resolve()
    return Path(__file__).resolve().parent.parent / "data"


def read_verified(name: str) -> bytes:
    """Return the content of a registered file, after checking its size and SHA-256.

    Args:
        name: path inside the data folder, as ``registry.json`` spells it, for example
            ``"photos/chelsea.png"``.

    Raises:
        DataError: the name is not registered, or the file is missing, truncated, too
            long or altered.
    """
    registry = _registry()
    if name not in registry:
        known = ", ".join(registry)
        raise _refusal(name, "not registered", f"one of {known}", "another name", "")
    path, repair = data_dir() / name, _repair(name)
    content = _read(path, repair)
    _check_size(path, registry[name]["bytes"], len(content), repair)
    expected, found = registry[name]["sha256"], hashlib.sha256(content).hexdigest()
    if found != expected:
        raise _refusal(
            path, "altered", f"SHA-256 {expected[:16]}...", f"{found[:16]}...", repair
        )
    return content


def parse_idx(content: bytes, name: str | Path) -> Shaped[np.ndarray, "..."]:
    """Return the array that the bytes of an IDX file hold, plain or gzipped.

    The layout, big-endian throughout: two zero bytes, one byte for the type, one for
    the number of dimensions d, d sizes of four bytes, then the elements in C order. It
    is the format of the MNIST database (LeCun, Cortes and Burges).

    Args:
        content: the whole file; gzip is recognised by its first two bytes.
        name: what to call the file in an error message.

    Returns:
        A new array in the machine's byte order, of type uint8, int8, int16, int32,
        float32 or float64.

    Raises:
        DataError: a damaged gzip stream, a header that is not IDX's, or too few or too
            many bytes for the sizes in the header.
    """
    if content.startswith(_GZIP_MAGIC):
        content = _gunzip(content, name)
    dtype, num_dims = _idx_kind(content, name)
    start = 4 + 4 * num_dims
    if len(content) < start:
        found = f"{len(content)} bytes"
        raise _refusal(name, "truncated", f"a header of {start} bytes", found, _REMAKE)
    shape = struct.unpack_from(f">{num_dims}I", content, offset=4)
    if 0 in shape:
        raise _refusal(name, "empty", "sizes of at least 1", shape, _REMAKE)
    # math.prod: NumPy's product of absurd sizes would wrap around at 2 ** 64.
    size = start + math.prod(shape) * dtype.itemsize
    _check_size(name, size, len(content), _REMAKE, shape)
    elements = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return elements.astype(dtype.newbyteorder("="))


def read_idx(path: str | Path) -> Shaped[np.ndarray, "..."]:
    """Return the array in an IDX file of your own; see `parse_idx`.

    Raises:
        DataError: the file cannot be read, or is not a whole IDX file.
    """
    path = Path(path).absolute()
    return parse_idx(_read(path, "Check the path."), path)


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


def to_unit(images: UInt8[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    """Return the images as float32 in [0, 1]: x / 255.

    Raises:
        TypeError: the images are not uint8.
    """
    return _require_uint8(images, "to_unit").astype(np.float32) / 255


def to_signed(images: UInt8[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    """Return the images as float32 in [-1, 1]: x / 127.5 - 1.

    Raises:
        TypeError: the images are not uint8.
    """
    return _require_uint8(images, "to_signed").astype(np.float32) / 127.5 - 1


def binarize(
    images: UInt8[np.ndarray, "*shape"], threshold: int = 128
) -> Bool[np.ndarray, "*shape"]:
    """Return black-and-white images: True, for white, where a pixel >= threshold.

    Args:
        images: grey levels 0 to 255.
        threshold: a grey level too, from 1 to 255.

    Raises:
        TypeError: the images are not uint8.
        ValueError: the threshold is no such grey level.
    """
    if images.dtype != np.uint8:
        raise TypeError(
            f"binarize expects uint8 images (0 to 255), found {images.dtype}; convert "
            "once, from the images that the loader returns"
        )
    if threshold not in range(1, 256):
        raise ValueError(f"expected a threshold from 1 to 255, found {threshold}")
    return images >= threshold


def batches(
    arrays: dict[str, Shaped[np.ndarray, "n ..."]], batch_size: int, seed: int
) -> Callable[[int], dict[str, Shaped[np.ndarray, "b ..."]]]:
    """Return `batch_at(i)`: the batch of step i, the same whenever it is asked for.

    Every epoch is a new order of all rows without replacement. What is left of it after
    its last whole batch, fewer than `batch_size` rows, is left out of that epoch.

    Args:
        arrays: by name, for example `{"x": images, "label": labels}`: row j of each
            belongs to row j of the others.
        batch_size: rows in a batch.
        seed: of the orders.

    Raises:
        ValueError: there are no arrays, their lengths differ, or not even one batch
            fits.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"expected arrays of one length, found {lengths}")
    n = min(lengths.values())
    if not 1 <= batch_size <= n:
        raise ValueError(f"expected a batch_size from 1 to {n}, found {batch_size}")

    @functools.lru_cache(maxsize=1)  # an epoch's order is asked for once a batch
    def order(epoch):
        return np.random.default_rng([seed, epoch]).permutation(n)

    def batch_at(i):
        epoch, place = divmod(i, n // batch_size)
        rows = order(epoch)[place * batch_size : (place + 1) * batch_size]
        return {name: array[rows] for name, array in arrays.items()}

    return batch_at


def _registry() -> dict:
    """Return registry.json: what each of the course's files must be."""
    path, repair = data_dir() / "registry.json", _repair("registry.json")
    try:
        return json.loads(_read(path, repair))
    except ValueError as error:
        raise _refusal(path, "damaged", "JSON", error, repair) from None


def _require_uint8(images: object, caller: str) -> UInt8[np.ndarray, "..."]:
    """Return the images as a NumPy array, or raise a TypeError if not uint8."""
    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise TypeError(
            f"{caller} expects uint8 images (0 to 255), found {images.dtype}; "
            "convert once, from the uint8 images that the loader returns"
        )
    return images


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


def _idx_kind(content: bytes, name: str | Path) -> tuple[np.dtype, int]:
    """Return the element type and the number of dimensions that an IDX file states."""
    magic = content[:4]
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_DTYPES:
        kinds = " ".join(f"{kind:02x}" for kind in _IDX_DTYPES)
        expected = f"bytes 00 00, a type among {kinds}, the number of dimensions"
        found = magic.hex(" ") or "an empty file"
        raise _refusal(name, "not an IDX file", expected, found, _REMAKE)
    if not 1 <= magic[3] <= 64:  # 64 is NumPy's limit
        raise _refusal(name, "not an array", "1 to 64 dimensions", magic[3], _REMAKE)
    return np.dtype(_IDX_DTYPES[magic[2]]), magic[3]


def _gunzip(content: bytes, name: str | Path) -> bytes:
    """Return what one gzip stream holds; `gzip.decompress` would let padding pass."""
    stream, expected = zlib.decompressobj(16 + zlib.MAX_WBITS), "one gzip stream"
    try:
        plain = stream.decompress(content)
    except zlib.error as error:
        raise _refusal(name, "damaged", expected, error, _REMAKE) from None
    if not stream.eof:
        raise _refusal(name, "truncated", expected, "one that breaks off", _REMAKE)
    if stream.unused_data:
        rest = f"{len(stream.unused_data)} more bytes after it"
        raise _refusal(name, "too long", expected, rest, _REMAKE)
    return plain


def _read(path: Path, repair: str) -> bytes:
    """Return a file's content, or raise a DataError that says why not."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise _refusal(path, "missing", "a file", "none", repair) from None
    except OSError as error:
        found = error.strerror
        raise _refusal(path, "unreadable", "a file", found, repair) from error


def _check_size(
    name: str | Path, expected: int, found: int, repair: str, shape: tuple = ()
) -> None:
    """Raise a DataError unless a file has exactly the expected number of bytes."""
    if found != expected:
        problem = "truncated" if found < expected else "too long"
        declared = f" for the shape {shape} in its header" if shape else ""
        raise _refusal(
            name, problem, f"{expected} bytes{declared}", f"{found} bytes", repair
        )


def _repair(name: str) -> str:
    """Return how to repair one of the course's own files."""
    if os.environ.get("COURSE_DATA"):
        return (
            f"COURSE_DATA points to {data_dir()}: unset it to use the course's own "
            "files, or put the right file there."
        )
    return (
        f"At the top of your clone, run: git restore data/{name} "
        "(without a clone, download the course again)."
    )


def _refusal(
    name: str | Path, problem: str, expected: object, found: object, repair: str
) -> DataError:
    """Return the error in the one form that all of this module's errors have."""
    return DataError(
        f"{name} is {problem}: expected {expected}, found {found}. {repair}".rstrip()
    )
