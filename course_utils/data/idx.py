"""The IDX format of the MNIST family: one array a file, plain or gzipped."""

import math
import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from course_utils.data.registry import check_size, read_file, refusal

_GZIP_MAGIC = b"\x1f\x8b"
_IDX_DTYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_REMAKE = "Make or download the file again."


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
        raise refusal(name, "truncated", f"a header of {start} bytes", found, _REMAKE)
    shape = struct.unpack_from(f">{num_dims}I", content, offset=4)
    if 0 in shape:
        raise refusal(name, "empty", "sizes of at least 1", shape, _REMAKE)
    # math.prod: NumPy's product of absurd sizes would wrap around at 2 ** 64.
    size = start + math.prod(shape) * dtype.itemsize
    check_size(name, size, len(content), _REMAKE, shape)
    elements = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return elements.astype(dtype.newbyteorder("="))


def read_idx(path: str | Path) -> Shaped[np.ndarray, "..."]:
    """Return the array in an IDX file of your own; see `parse_idx`.

    Raises:
        DataError: the file cannot be read, or is not a whole IDX file.
    """
    path = Path(path).absolute()
    return parse_idx(read_file(path, "Check the path."), path)


def _idx_kind(content: bytes, name: str | Path) -> tuple[np.dtype, int]:
    """Return the element type and the number of dimensions that an IDX file states."""
    magic = content[:4]
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_DTYPES:
        kinds = " ".join(f"{kind:02x}" for kind in _IDX_DTYPES)
        expected = f"bytes 00 00, a type among {kinds}, the number of dimensions"
        found = magic.hex(" ") or "an empty file"
        raise refusal(name, "not an IDX file", expected, found, _REMAKE)
    if not 1 <= magic[3] <= 64:  # 64 is NumPy's limit
        raise refusal(name, "not an array", "1 to 64 dimensions", magic[3], _REMAKE)
    return np.dtype(_IDX_DTYPES[magic[2]]), magic[3]


def _gunzip(content: bytes, name: str | Path) -> bytes:
    """Return what one gzip stream holds; `gzip.decompress` would let padding pass."""
    stream, expected = zlib.decompressobj(16 + zlib.MAX_WBITS), "one gzip stream"
    try:
        plain = stream.decompress(content)
    except zlib.error as error:
        raise refusal(name, "damaged", expected, error, _REMAKE) from None
    if not stream.eof:
        raise refusal(name, "truncated", expected, "one that breaks off", _REMAKE)
    if stream.unused_data:
        rest = f"{len(stream.unused_data)} more bytes after it"
        raise refusal(name, "too long", expected, rest, _REMAKE)
    return plain
