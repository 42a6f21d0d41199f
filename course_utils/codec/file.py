"""The bytes of a file, in order.

4 bytes   b"PIXC"
1         version
8         checksum of all that follows, the first bytes of its SHA-256
8         checksum of the pixels
1, 2      dtype, number of levels
3 x 4     number of images, height, width
1, ...    length of the model's name in UTF-8, the name
...       the coded pixels
"""

import hashlib
import math
import struct
from typing import NamedTuple

import numpy as np

from course_utils.codec.range_coder import MAX_LEVELS, CodecError

MAX_PIXELS = 2**26  # of all images together; the 70,000 of Fashion-MNIST have 2**25.7
DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64")
_MAGIC, _VERSION = b"PIXC", 1
_START = struct.Struct(">4sB8s")
_FIELDS = struct.Struct(">8sBH3IB")


class Header(NamedTuple):
    """What the decoder has to know before the first pixel."""

    checksum: bytes  # of the pixels
    dtype: str
    num_levels: int
    shape: tuple[int, int, int, int]
    model_name: str


def checksum_of(content: bytes | np.ndarray) -> bytes:
    """Return the first 8 bytes of the SHA-256."""
    return hashlib.sha256(content).digest()[:8]


def pack(header: Header, payload: bytes) -> bytes:
    """Return a file: its header and the coded pixels."""
    name, number = header.model_name.encode(), DTYPES.index(header.dtype)
    fields = (header.checksum, number, header.num_levels, *header.shape[:3], len(name))
    rest = _FIELDS.pack(*fields) + name + payload
    return _START.pack(_MAGIC, _VERSION, checksum_of(rest)) + rest


def unpack(data: bytes) -> tuple[Header, bytes]:
    """Return the header and the coded pixels of a file.

    Raises:
        CodecError: the file is of another kind or version, or damaged.
    """
    smallest = _START.size + _FIELDS.size + 1
    if len(data) < smallest or not data.startswith(_MAGIC):
        raise CodecError(
            f"expected at least {smallest} bytes that begin with {_MAGIC}, found "
            f"{len(data)} that begin with {bytes(data[:4])}; this is no such file"
        )
    _, version, expected = _START.unpack_from(data)
    if version != _VERSION:
        raise CodecError(
            f"expected version {_VERSION}, found {version}; decode it with that version"
        )
    found = checksum_of(data[_START.size :])
    if found != expected:
        raise CodecError(
            f"expected the checksum {expected.hex()}, found {found.hex()}: the file is "
            "damaged, cut or continued; encode the images again"
        )
    return _read_fields(data[_START.size :])


def _read_fields(rest: bytes) -> tuple[Header, bytes]:
    checksum, number, num_levels, *shape, length = _FIELDS.unpack_from(rest)
    if (
        number >= len(DTYPES)
        or not 2 <= num_levels <= MAX_LEVELS
        or not 0 < math.prod(shape) <= MAX_PIXELS
    ):
        raise CodecError(
            f"expected one of {len(DTYPES)} dtypes, 2 to {MAX_LEVELS} levels and 1 to "
            f"{MAX_PIXELS} pixels, found dtype {number}, {num_levels} levels and "
            f"images {shape}; encode the images again"
        )
    name, payload = rest[_FIELDS.size :][:length], rest[_FIELDS.size + length :]
    dtype, name = DTYPES[number], name.decode(errors="replace")
    return Header(checksum, dtype, num_levels, (*shape, 1), name), payload
