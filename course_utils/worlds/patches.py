"""Joint tables counted from images: of whole small images, or of patches of large ones.

p(x) = (count(x) + smoothing) / (n + smoothing * number of cells)
"""

import math

import jax
import numpy as np
from jaxtyping import Float, Int, Integer

from course_utils.worlds.images import (
    Images,
    as_bits,
    count_pixels,
    patch_index,
    state_index,
)
from course_utils.worlds.tables import Joint

CHUNK = 512  # images cut into patches at a time: a few megabytes of them


def joint_from_images(images: Images, smoothing: float = 0.0) -> Joint:
    """Return the joint of the images, shape (2, ..., 2), by counting.

    p(x) = (count(x) + smoothing) / (n + smoothing * number of cells)

    Raises:
        ValueError: bad images (see `state_index`), nothing to count, or a negative
            smoothing.
    """
    height, width = as_bits(images).shape[1:]  # the one patch is the whole image
    return patch_joint(images, height, width, smoothing)


def labelled_joint(
    images: Images,
    labels: Integer[np.ndarray | jax.Array, " n"],
    num_classes: int,
    smoothing: float = 0.0,
) -> Float[np.ndarray, "k ..."]:
    """Return the joint of label and image, shape (num_classes, 2, ..., 2), by counting.

    p(y, x) = (count(y, x) + smoothing) / (n + smoothing * number of cells)

    Raises:
        ValueError: as `joint_from_images`, or the labels are not one integer from 0 to
            num_classes - 1 for each image.
    """
    index, labels = state_index(images), np.asarray(labels)
    pixels = math.prod(np.shape(images)[1:])
    if labels.shape != index.shape or not np.isin(labels, np.arange(num_classes)).all():
        raise ValueError(
            f"expected {len(index)} labels from 0 to {num_classes - 1}, found shape "
            f"{labels.shape} and values {np.unique(labels)}; check num_classes"
        )
    cells = 2**pixels * labels.astype(np.int64) + index
    counts = np.bincount(cells, minlength=num_classes * 2**pixels)
    return _frequencies(counts.reshape(num_classes, *(2,) * pixels), smoothing)


def patch_joint(
    images: Images, height: int = 3, width: int = 3, smoothing: float = 0.0
) -> Joint:
    """Return the joint of the patches at every position of every image, by counting.

    An H x W image has (H - height + 1) (W - width + 1) overlapping patches. Smoothing
    as in `joint_from_images`. The 40 million 3x3 patches of 60,000 images of 28x28 are
    counted in about half a second.

    Raises:
        ValueError: as `joint_from_images`, or the patch does not fit into the images.
    """
    bits = as_bits(images)
    pixels = count_pixels(height, width)
    counts = np.zeros(2**pixels, np.int64)
    for start in range(0, len(bits), CHUNK):
        index = patch_index(bits[start : start + CHUNK], height, width)
        counts += np.bincount(index.reshape(-1), minlength=2**pixels)
    return _frequencies(counts.reshape((2,) * pixels), smoothing)


def _frequencies(counts: Int[np.ndarray, "..."], smoothing: float) -> Joint:
    """Return additively smoothed relative frequencies."""
    if not 0 <= smoothing < math.inf:
        raise ValueError(
            f"expected smoothing >= 0, found {smoothing}; it is the number of imagined "
            "observations added to each cell"
        )
    smoothed = counts + smoothing
    if smoothed.sum() == 0:
        raise ValueError("found no images to count; pass some, or smoothing > 0")
    return smoothed / smoothed.sum()
