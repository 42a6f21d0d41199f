"""All images of a tiny world, in one order: the listing.

The pixels of image i are the binary digits of i, in raster order, the first leading. A
flattened joint table follows the listing: cell i belongs to `all_images(h, w)[i]`.
"""

import jax
import numpy as np
from jaxtyping import Bool, Int, Shaped

MAX_PIXELS = 20  # 2**20 images are listed in a fraction of a second, 2**30 never

Images = Shaped[np.ndarray | jax.Array, "n h w 1"]  # of 0 and 1, in any dtype
Ints = Int[np.ndarray, " n"]


def all_images(height: int, width: int) -> Bool[np.ndarray, "n h w 1"]:
    """Return all 2**(height * width) binary images, in the order of the listing.

    The pixels of image i are the binary digits of i, the first pixel leading.

    Raises:
        ValueError: there is no pixel, or there are more than `MAX_PIXELS`.
    """
    pixels = count_pixels(height, width)
    # the coordinates of every cell of a joint table, in the order it is stored in
    cells = np.indices((2,) * pixels, dtype=bool)
    return cells.reshape(pixels, -1).T.reshape(-1, height, width, 1)


def state_index(images: Images) -> Ints:
    """Return the place of each image in the listing: the inverse of `all_images`.

    Raises:
        ValueError: the shape is not [n, h, w, 1], a value is neither 0 nor 1, or there
            are more than `MAX_PIXELS` pixels.
    """
    bits = as_bits(images)
    return patch_index(bits, *bits.shape[1:]).reshape(-1)


def patch_index(
    bits: Bool[np.ndarray, "n h w"], height: int, width: int
) -> Int[np.ndarray, "n rows cols"]:
    """Return the place in the listing of the patch at every position."""
    count_pixels(height, width)
    rows, cols = bits.shape[1] - height + 1, bits.shape[2] - width + 1
    if min(rows, cols) < 1:
        raise ValueError(f"a {height}x{width} patch does not fit into {bits.shape[1:]}")
    index = np.zeros((len(bits), rows, cols), np.int64)
    for i, j in np.ndindex(height, width):  # each pixel appends its binary digit
        index = 2 * index + bits[:, i : i + rows, j : j + cols]
    return index


def count_pixels(height: int, width: int) -> int:
    """Return the number of pixels; refuse images that cannot be listed."""
    if min(height, width) < 1 or height * width > MAX_PIXELS:
        raise ValueError(
            f"expected 1 to {MAX_PIXELS} pixels, found {height}x{width}; n pixels make "
            "2**n images to list. patch_joint cuts larger images into patches"
        )
    return height * width


def as_bits(images: Images) -> Bool[np.ndarray, "n h w"]:
    """Return binary images as bool, without the channel axis."""
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 1:
        raise ValueError(
            f"expected images of shape [n, h, w, 1], found {images.shape}; reshape "
            "them (one image is a batch of one)"
        )
    if not np.all((images == 0) | (images == 1)):
        raise ValueError(
            f"expected pixels 0 and 1, found values from {images.min()} to "
            f"{images.max()}; threshold the images (course_utils.data.binarize)"
        )
    return images[..., 0] == 1
