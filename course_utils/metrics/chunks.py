"""Bounded memory: images in chunks of one size, so that a chunk is compiled once."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, Shaped


def checked_images(x: Shaped[Array | np.ndarray, "..."]) -> Float32[Array, "n h w c"]:
    """Return images as float32, or say what is wrong with them.

    Raises:
        TypeError: the images are integers: their range is for the caller to decide.
        ValueError: the shape is not [n, h, w, c], there is no image, or a pixel is not
            finite.
    """
    if not (x.dtype == bool or jnp.issubdtype(x.dtype, jnp.floating)):
        raise TypeError(
            f"expected boolean or float images, found {x.dtype}; convert them as for "
            "training: binarize(images) or to_unit(images)"
        )
    if x.ndim != 4 or not len(x):
        raise ValueError(
            f"expected images [n, h, w, c] with n >= 1, found shape {x.shape}; take "
            "x[None] for a single image"
        )
    x = jnp.asarray(x, jnp.float32)
    require_finite(x, "images")
    return x


def require_finite(x: Array | np.ndarray, what: str) -> None:
    """Raise if there is a nan or an infinity: no measure of them means anything.

    Raises:
        ValueError: says how many rows are spoilt, and where the first is.
    """
    spoilt = ~np.isfinite(np.asarray(x)).reshape(len(x), -1).all(axis=1)
    if spoilt.any():
        raise ValueError(
            f"expected finite {what}, found nan or infinity in {spoilt.sum()} of "
            f"{len(x)}, first in number {spoilt.argmax()}: has a training diverged?"
        )


def in_chunks(function: Callable, chunk: int, *arrays) -> np.ndarray:
    """Return function(*arrays), row for row, computed `chunk` rows at a time.

    The last chunk is filled up with copies of the last row, which are dropped again.

    Raises:
        ValueError: the chunk has no row.
    """
    if chunk < 1:
        raise ValueError(f"expected a chunk of at least one image, found {chunk}")
    n = len(arrays[0])
    chunk = min(chunk, n)
    parts = []
    for start in range(0, n, chunk):
        rows = np.minimum(np.arange(start, start + chunk), n - 1)
        parts.append(np.asarray(function(*(array[rows] for array in arrays))))
    return np.concatenate(parts)[:n]
