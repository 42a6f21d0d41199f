"""An arithmetic coder: any model of p(next pixel) is a file format for images.

    size of the file = -sum log2 p(pixel | pixels before it) bits, and a few bytes

The coded pixels are the digits of one number in [0, 1). The encoder begins with this
interval. Each pixel cuts it into pieces, one for each grey level and as long as the
level is probable, and the piece of the level that is there is the interval for the
next pixel. In the end its length is the product of all p, so that about -log2 of the
product binary digits name a number in it. The decoder gets the same pieces from the
same predictor, and the piece that holds the number tells it the level.

All images share the number: pixel 0 of each image, then pixel 1 of each, and so on, in
raster order. Witten, Neal and Cleary 1987, doi:10.1145/214762.214771; with bytes for
digits it is called a range coder.

A file is
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
import itertools
import math
import struct
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

MAX_PIXELS = 2**26  # of all images together; the 70,000 of Fashion-MNIST have 2**25.7
MAX_LEVELS = 256
BITS = 24
TOTAL = 2**BITS  # the frequencies of the levels of a pixel sum to this
SHORTEST = 2**48  # of an interval; a shorter one is made 256 times as long

_MAGIC, _VERSION = b"PIXC", 1
_START = struct.Struct(">4sB8s")
_FIELDS = struct.Struct(">8sBH3IB")
_DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64")


class CodecError(ValueError):
    """Images that cannot be coded, or a file that cannot be decoded."""


@runtime_checkable
class PixelPredictor(Protocol):
    """p(pixel i | pixels before i), for i = 0, 1, 2, ... in raster order.

    The encoder shows the whole images, the decoder has zeros from pixel i on. Both must
    get the same logits, to the last bit. If the predictor looks at pixel i, no one can
    decode its file; nor can a machine or a version that rounds its logits differently.
    """

    def start(self, shape: tuple[int, ...]) -> Any:
        """Return what is kept before the first pixel; shape: (n, h, w, 1)."""

    def advance(self, carry: Any, x: Any, i: Any) -> tuple[Any, Any]:
        """Return what is kept after pixel i, and the logits of pixel i of each image.

        The logits are [n, 1], the log-odds of white, or [n, k], the log-probabilities
        of k grey levels up to a constant.
        """


def encode(
    images: np.ndarray, predictor: PixelPredictor, model_name: str = ""
) -> bytes:
    """Return the images as a file.

    The coded pixels take at most -sum log2 p + 8 + (k + 1) num_pixels / 2**23 bits with
    k levels. Beside the 8 that is one bit in 2.8 million binary pixels, whatever p is.

    Args:
        images: [n, h, w, 1], black and white (bool, or 0 and 1) or of the grey levels
            0 to k - 1 of the predictor.
        predictor: gives the probabilities.
        model_name: what the decoder says is needed; up to 255 bytes.

    Raises:
        CodecError: the images or the name are of another kind, or the logits have
            another shape or are not finite.
    """
    images = np.asarray(images)
    pixels, dtype = _check_images(images), images.dtype.name
    name_size = len(model_name.encode())
    if name_size > 255:
        raise CodecError(f"expected a name of up to 255 bytes, found {name_size}")
    encoder = RangeEncoder()
    x, columns = pixels.astype(dtype), pixels.reshape(len(pixels), -1).T
    for column, bounds in zip(columns, _all_bounds(predictor, x), strict=True):
        num_levels = bounds.shape[1] - 1
        if column.max() >= num_levels:
            raise CodecError(
                f"expected the predictor's levels 0 to {num_levels - 1}, found "
                f"{column.max()}; quantise the images or take another predictor"
            )
        encoder.put(bounds, column)
    header = _Header(_checksum(pixels), dtype, num_levels, x.shape, model_name)
    return _pack(header, encoder.finish())


def decode(data: bytes, predictor: PixelPredictor) -> np.ndarray:
    """Return the images of a file, bit for bit: [n, h, w, 1] in the dtype of `encode`.

    Args:
        data: what `encode` returned.
        predictor: the one the file was written with.

    Raises:
        CodecError: the file is damaged, or written with another predictor.
    """
    header, payload = _unpack(data)
    decoder = RangeDecoder(payload)
    x = np.zeros(header.shape, header.dtype)
    columns = x.reshape(len(x), -1).T  # a view: what is decoded shows in x
    all_bounds = _all_bounds(predictor, x, header.num_levels)
    for column, bounds in zip(columns, all_bounds, strict=True):
        column[:] = decoder.get(bounds)
    found = _checksum(x.astype(np.uint8))
    if found != header.checksum:
        raise CodecError(
            f"expected pixels with the checksum {header.checksum.hex()}, found "
            f"{found.hex()}: these are not the probabilities of the encoder. Decode "
            "with the model that wrote the file ("
            f"{header.model_name or 'that model has no name'}). If this is the same "
            "model, it looks at pixels that have not been decoded yet, or its logits "
            "are rounded differently by this machine or version"
        )
    return x


def payload_size(data: bytes) -> int:
    """Return the number of bytes of the coded pixels alone, without the header.

    Raises:
        CodecError: the file is damaged.
    """
    return len(_unpack(data)[1])


def quantise(logits: np.ndarray) -> np.ndarray:
    """Return where the levels of each pixel begin and end in 0 ... `TOTAL`.

    Level j gets bounds[j] to bounds[j + 1]: one, so that no level is impossible, and
    its share of the other TOTAL - k, with both ends rounded. So it gets no less than
    p (TOTAL - k), and costs at most log2(TOTAL / (TOTAL - k)) bits too much: with two
    levels 0.00000017 bits, however near p is to 0 or 1.

    Args:
        logits: [n, 1], the log-odds of level 1, or [n, k].

    Returns:
        int64 [n, k + 1], increasing from 0 to `TOTAL`.

    Raises:
        CodecError: the logits have another shape or are not finite.
    """
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 2 or not 1 <= logits.shape[1] <= MAX_LEVELS:
        raise CodecError(
            f"expected logits [n, 1] or [n, k] of up to {MAX_LEVELS} levels, found "
            f"shape {logits.shape}; a predictor returns (carry, logits)"
        )
    if not np.isfinite(logits).all():
        wrong = logits[~np.isfinite(logits)][0]
        raise CodecError(
            f"expected finite logits, found {wrong}; a probability of exactly 0 or 1 "
            "cannot be coded, and nan is a fault of the model"
        )
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    num_levels = p.shape[1]
    ends = np.cumsum(p, axis=1)
    ends = np.rint(ends / ends[:, -1:] * (TOTAL - num_levels)).astype(np.int64)
    return np.pad(ends, ((0, 0), (1, 0))) + np.arange(num_levels + 1)


class RangeEncoder:
    """Writes levels as the digits, to base 256, of a number.

    What the digits so far leave open is the interval from `low`, `length` long, in
    units of the seventh digit after them. The length is kept between 2**48 and 2**56,
    so that a piece of it is at most a 2**24th shorter than its share.
    """

    def __init__(self):
        self.low, self.length = 0, 256 * SHORTEST
        self.digits = []  # up to 511: what exceeds 255 is carried at the end

    def put(self, bounds: np.ndarray, levels: np.ndarray) -> None:
        """Append levels [n]; bounds [n, k + 1] are those that `quantise` returns."""
        low, length, rows = self.low, self.length, np.arange(len(levels))
        begins = bounds[rows, levels].tolist()
        ends = bounds[rows, levels.astype(int) + 1].tolist()
        for begin, end in zip(begins, ends, strict=True):
            below = length * begin >> BITS
            low += below
            length = (length * end >> BITS) - below
            while length < SHORTEST:
                self.digits.append(low // SHORTEST)
                low = low % SHORTEST << 8
                length <<= 8
        self.low, self.length = low, length

    def finish(self) -> bytes:
        """Return the digits of a number in the interval; all further ones are zero."""
        digits = [*self.digits, -(-self.low // SHORTEST)]  # rounded up
        number = int.from_bytes(bytes(digit % 256 for digit in digits))
        carries = int.from_bytes(bytes(digit // 256 for digit in digits))
        return (number + 256 * carries).to_bytes(len(digits))


class RangeDecoder:
    """Reads levels from the digits that a `RangeEncoder` wrote.

    `code` is the number minus the encoder's `low`: it lies in 0 ... `length` - 1. Any
    digits are the code of some levels, so wrong ones are not seen here.
    """

    def __init__(self, payload: bytes):
        self.digits = itertools.chain(payload, itertools.repeat(0))
        first = bytes(itertools.islice(self.digits, 7))
        self.code, self.length = int.from_bytes(first), 256 * SHORTEST

    def get(self, bounds: np.ndarray) -> list[int]:
        """Return the next n levels; bounds [n, k + 1] are those of the encoder."""
        code, length, levels = self.code, self.length, []
        # zip(*columns), not rows.tolist(): the garbage collector would go through
        # thousands of short lists again and again, and take most of the time.
        for row in zip(*bounds.T.tolist(), strict=True):
            # bound <= place exactly if (length * bound >> BITS) <= code
            place = ((code + 1 << BITS) - 1) // length
            level = bisect_right(row, place) - 1
            below = length * row[level] >> BITS
            code -= below
            length = (length * row[level + 1] >> BITS) - below
            while length < SHORTEST:
                code = code << 8 | next(self.digits)
                length <<= 8
            levels.append(level)
        self.code, self.length = code, length
        return levels


class _Header(NamedTuple):
    checksum: bytes  # of the pixels
    dtype: str
    num_levels: int
    shape: tuple[int, int, int, int]
    model_name: str


def _all_bounds(predictor, x, num_levels: int | None = None) -> Iterator[np.ndarray]:
    """Yield the bounds of pixel 0, 1, 2, ...; the decoder fills `x` in meanwhile."""
    carry = predictor.start(x.shape)
    for i in range(x.shape[1] * x.shape[2]):
        carry, logits = predictor.advance(carry, x, i)
        bounds = quantise(logits)
        num_levels = num_levels or bounds.shape[1] - 1
        if bounds.shape != (len(x), num_levels + 1):
            raise CodecError(
                f"expected logits of {len(x)} images and {num_levels} levels, found "
                f"{np.shape(logits)} for pixel {i}; take the model that wrote the file"
            )
        yield bounds


def _check_images(images) -> np.ndarray:
    """Return the levels as uint8."""
    if images.dtype.name not in _DTYPES:
        raise CodecError(
            f"expected {', '.join(_DTYPES)}, found {images.dtype}; convert with astype"
        )
    if images.ndim != 4 or images.shape[3] != 1:
        raise CodecError(f"expected images [n, h, w, 1], found {images.shape}")
    if not 0 < images.size <= MAX_PIXELS:
        raise CodecError(
            f"expected 1 to {MAX_PIXELS} pixels, found {images.size}; use several files"
        )
    low, high = images.min(), images.max()
    if not (0 <= low and high < MAX_LEVELS and (images == np.floor(images)).all()):
        raise CodecError(
            f"expected whole levels 0 to {MAX_LEVELS - 1}, found values from {low} to "
            f"{high}; threshold or quantise the images"
        )
    return images.astype(np.uint8)


def _checksum(content) -> bytes:
    return hashlib.sha256(content).digest()[:8]


def _pack(header: _Header, payload: bytes) -> bytes:
    name, number = header.model_name.encode(), _DTYPES.index(header.dtype)
    fields = (header.checksum, number, header.num_levels, *header.shape[:3], len(name))
    rest = _FIELDS.pack(*fields) + name + payload
    return _START.pack(_MAGIC, _VERSION, _checksum(rest)) + rest


def _unpack(data: bytes) -> tuple[_Header, bytes]:
    """Return the header and the coded pixels of a file that is whole."""
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
    found = _checksum(data[_START.size :])
    if found != expected:
        raise CodecError(
            f"expected the checksum {expected.hex()}, found {found.hex()}: the file is "
            "damaged, cut or continued; encode the images again"
        )
    return _read_fields(data[_START.size :])


def _read_fields(rest: bytes) -> tuple[_Header, bytes]:
    checksum, number, num_levels, *shape, length = _FIELDS.unpack_from(rest)
    if (
        number >= len(_DTYPES)
        or not 2 <= num_levels <= MAX_LEVELS
        or not 0 < math.prod(shape) <= MAX_PIXELS
    ):
        raise CodecError(
            f"expected one of {len(_DTYPES)} dtypes, 2 to {MAX_LEVELS} levels and 1 to "
            f"{MAX_PIXELS} pixels, found dtype {number}, {num_levels} levels and "
            f"images {shape}; encode the images again"
        )
    name, payload = rest[_FIELDS.size :][:length], rest[_FIELDS.size + length :]
    dtype, name = _DTYPES[number], name.decode(errors="replace")
    return _Header(checksum, dtype, num_levels, (*shape, 1), name), payload
