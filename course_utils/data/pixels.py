"""The ranges of pixels. They are decided by a function's name, never guessed.

uint8 0 to 255 on disk;  to_unit [0, 1];  to_signed [-1, 1];  binarize False, True;
quantize 0, 1, ..., levels - 1
"""

import numpy as np
from jaxtyping import Bool, Float32, UInt8


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
    images: UInt8[np.ndarray, "*shape"],
    threshold: int = 128,
) -> Bool[np.ndarray, "*shape"]:
    """Return black-and-white images: True, for white, if a pixel >= threshold.

    Args:
        images: grey levels from 0 to 255.
        threshold: a grey level too, from 1 to 255.
    """
    require_levels(images, threshold)
    return images >= threshold


def quantize(
    images: UInt8[np.ndarray, "*shape"], levels: int
) -> UInt8[np.ndarray, "*shape"]:
    """Return the images with fewer grey levels, as integers from 0 to levels - 1.

    The 256 levels are cut into equal parts; with 2 levels, 1 is what `binarize` calls
    white.

    Raises:
        TypeError: the images are not uint8.
        ValueError: `levels` is not from 2 to 256.
    """
    images = _require_uint8(images, "quantize")
    if levels not in range(2, 257):
        raise ValueError(f"expected 2 to 256 grey levels, found {levels}")
    return (images.astype(np.uint32) * levels // 256).astype(np.uint8)


def require_levels(images: object, threshold: int) -> None:
    """Refuse what cannot be compared with a threshold of grey levels.

    Raises:
        TypeError: the images are not uint8.
        ValueError: the threshold is not from 1 to 255.
    """
    _require_uint8(images, "binarize")
    if threshold not in range(1, 256):
        raise ValueError(f"expected a threshold from 1 to 255, found {threshold}")


def _require_uint8(images: object, caller: str) -> UInt8[np.ndarray, "..."]:
    """Return the images as a NumPy array, or raise a TypeError if not uint8."""
    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise TypeError(
            f"{caller} expects uint8 images (0 to 255), found {images.dtype}; "
            "convert once, from the uint8 images that the loader returns"
        )
    return images
