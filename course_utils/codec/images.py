"""An arithmetic coder: any model of p(next pixel) is a file format for images.

    size of the file = -sum log2 p(pixel | pixels before it) bits, and a few bytes

The coded pixels are the digits of one number in [0, 1). The encoder begins with this
interval. Each pixel cuts it into pieces, one for each grey level and as long as the
level is probable, and the piece of the level that is there is the interval for the
next pixel. In the end its length is the product of all p, so that about -log2 of the
product binary digits name a number in it. The decoder gets the same pieces from the
same predictor, and the piece that holds the number tells it the level.

All images share the number: pixel 0 of each image, then pixel 1 of each, and so on, in
raster order.
"""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np

from course_utils.codec.file import (
    DTYPES,
    MAX_PIXELS,
    Header,
    checksum_of,
    pack,
    unpack,
)
from course_utils.codec.range_coder import (
    MAX_LEVELS,
    CodecError,
    RangeDecoder,
    RangeEncoder,
    quantise,
)


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
    header = Header(checksum_of(pixels), dtype, num_levels, x.shape, model_name)
    return pack(header, encoder.finish())


def decode(data: bytes, predictor: PixelPredictor) -> np.ndarray:
    """Return the images of a file, bit for bit: [n, h, w, 1] in the dtype of `encode`.

    Args:
        data: what `encode` returned.
        predictor: the one the file was written with.

    Raises:
        CodecError: the file is damaged, or written with another predictor.
    """
    header, payload = unpack(data)
    decoder = RangeDecoder(payload)
    x = np.zeros(header.shape, header.dtype)
    columns = x.reshape(len(x), -1).T  # a view: what is decoded shows in x
    all_bounds = _all_bounds(predictor, x, header.num_levels)
    for column, bounds in zip(columns, all_bounds, strict=True):
        column[:] = decoder.get(bounds)
    found = checksum_of(x.astype(np.uint8))
    if found != header.checksum:
        raise CodecError(
            f"expected pixels with the checksum {header.checksum.hex()}, found "
            f"{found.hex()}: these are not the probabilities of the encoder. Take the "
            f"model that wrote the file ({header.model_name or 'it has no name'}). If "
            "this is the same model, it looks at pixels that have not been decoded "
            "yet, or its logits are rounded differently by this machine or version"
        )
    return x


def payload_size(data: bytes) -> int:
    """Return the number of bytes of the coded pixels alone, without the header.

    Raises:
        CodecError: the file is damaged.
    """
    return len(unpack(data)[1])


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
    if images.dtype.name not in DTYPES:
        raise CodecError(
            f"expected {', '.join(DTYPES)}, found {images.dtype}; convert with astype"
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
