"""Worlds made by hand: modes that can be counted, and a table without symmetry."""

import numpy as np
from jaxtyping import Bool, Float64, Int

from course_utils.worlds.images import Images, Ints, all_images, as_bits
from course_utils.worlds.tables import Joint


def designed_patterns() -> Bool[np.ndarray, "16 4 4 1"]:
    """Return the 16 Walsh patterns: the rows of a Hadamard matrix as 4x4 images.

    Pixel j of pattern k is the parity of the binary digits that j and k have in common.
    Any two patterns differ in exactly 8 of the 16 pixels.
    """
    digits = all_images(2, 2).reshape(16, 4).astype(int)
    return (digits @ digits.T % 2 == 1).reshape(16, 4, 4, 1)


def designed_world(flip: float = 0.01) -> Joint:
    """Return the 4x4 joint of 16 equally likely patterns with rare pixel flips.

    p(x) = 1/16 sum_k flip^d_k (1 - flip)^(16 - d_k),

    where d_k is the number of pixels in which x differs from pattern k.

    Args:
        flip: the probability that a pixel changes, each on its own.

    Raises:
        ValueError: flip is not from 0 to 0.5.
    """
    if not 0 <= flip <= 0.5:
        raise ValueError(
            f"expected flip from 0 to 0.5, found {flip}; beyond, patterns are no modes"
        )
    flips = _pattern_distances(all_images(4, 4))
    return np.mean(flip**flips * (1 - flip) ** (16 - flips), axis=1).reshape((2,) * 16)


def nearest_pattern(images: Images) -> tuple[Ints, Ints]:
    """Return the pattern nearest to each image and the number of differing pixels.

    The first is the mode the image belongs to in the designed world. Up to 3 differing
    pixels no other pattern is as near; of equally near ones the first is returned.

    Raises:
        ValueError: the images are not binary 4x4 images.
    """
    flips = _pattern_distances(images)
    return flips.argmin(axis=1), flips.min(axis=1)


def _pattern_distances(images: Images) -> Int[np.ndarray, "n 16"]:
    """Return the Hamming distance of each image to each of the designed patterns."""
    bits = as_bits(images)
    if bits.shape[1:] != (4, 4):
        raise ValueError(f"expected 4x4 images, found shape {bits.shape}")
    return np.sum(bits[:, None] != designed_patterns()[..., 0], axis=(2, 3))


def asymmetric_world() -> Float64[np.ndarray, "2 2 2 2"]:
    """Return a fixed 2x2 joint without symmetry: wrong axes and orders show in it.

    The cells are the first 16 decimals of pi, divided by their sum.
    """
    decimals = [1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2]
    return np.reshape(decimals, (2, 2, 2, 2)) / sum(decimals)
