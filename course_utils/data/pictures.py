"""A picture of your own, as the course's images are."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from course_utils.data.registry import DataError

_LEVELS = {"I": 65_535, "I;16": 65_535, "I;16B": 65_535, "I;16L": 65_535, "F": 1}


def load_picture(
    path: str | Path, size: int = 28, inverted: bool = False
) -> UInt8[np.ndarray, "1 size size 1"]:
    """Return the middle square of a picture in grey, 0 black and 255 white.

    A picture taken with the camera upside down is turned upright; what is transparent
    becomes white. Any format that Pillow reads will do, with palettes, transparency,
    CMYK or 16 bits.

    Args:
        path: of a file.
        size: pixels along each side of the result.
        inverted: exchange black and white: the garments of Fashion-MNIST are light on
            a dark ground, most photographs of garments are not.

    Raises:
        DataError: the file is missing, no picture, damaged, or far too large.
        ValueError: the size is not positive.
    """
    if size < 1:
        raise ValueError(f"expected a size of at least one pixel, found {size}")
    try:
        with Image.open(path) as file:
            grey = _grey(ImageOps.exif_transpose(file))
    except FileNotFoundError:
        raise DataError(f"{path} is missing: expected a picture") from None
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        SyntaxError,  # what Pillow raises for some damaged PNG files
        ValueError,
    ) as error:
        raise DataError(f"{path} cannot be read as a picture: {error}") from None
    square = ImageOps.fit(grey, (size, size), Image.Resampling.BOX)
    if inverted:
        square = ImageOps.invert(square)
    return np.asarray(square)[None, :, :, None].copy()


def _grey(picture: Image.Image) -> Image.Image:
    """Return a picture of any mode in grey, on white where it is transparent."""
    if picture.mode in _LEVELS:
        levels = np.asarray(picture, float) / _LEVELS[picture.mode]
        return Image.fromarray(np.rint(255 * levels.clip(0, 1)).astype(np.uint8))
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return picture.convert("RGB").convert("L")
