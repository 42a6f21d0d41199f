"""Exact likelihoods: log p(x) of models that score every pixel, and its units."""

import functools
import math

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float32, Shaped

from course_utils.metrics.chunks import checked_images, in_chunks
from course_utils.models.protocols import TractableModel

Images = Shaped[Array | np.ndarray, "n h w 1"]


def log_prob(
    model: TractableModel, x: Images, chunk: int = 200
) -> Float32[np.ndarray, " n"]:
    """Return log p(x) in nats per image, exact.

    Args:
        model: has `nll` and `levels`.
        x: boolean images or floats 0 and 1; integers from 0 for more than two levels.
        chunk: images at a time.

    Raises:
        TypeError: floats for a model of grey levels, or integers for a binary one.
        ValueError: images of another shape, or a pixel that is none of the levels.
    """
    return in_chunks(functools.partial(_log_prob, model), chunk, levels_of(model, x))


@nnx.jit
def _log_prob(model, x):
    return -model.nll(x)


def levels_of(model: TractableModel, x: Images) -> Array:
    """Return images as a model of pixels with some levels takes them.

    Raises:
        TypeError: floats for a model of grey levels, or integers for a binary one.
        ValueError: images of another shape, or a pixel that is none of the levels.
    """
    x = np.asarray(x)
    if model.levels == 2:
        x = checked_images(x)
        if x.shape[3] != 1 or not np.isin(x, (0, 1)).all():
            raise ValueError(
                f"expected black-and-white images [n, h, w, 1] of 0 and 1, found shape "
                f"{x.shape} and values {x.min():g} to {x.max():g}: binarize(images)"
            )
        return x
    if not np.issubdtype(x.dtype, np.integer):
        raise TypeError(
            f"expected integers from 0 to {model.levels - 1}, for this is a model of "
            f"grey levels, found {x.dtype}: quantize(images, {model.levels})"
        )
    if x.ndim != 4 or x.shape[3] != 1 or not x.size:
        raise ValueError(
            f"expected images [n, h, w, 1] with n >= 1, found shape {x.shape}; take "
            "x[None] for a single image"
        )
    if x.min() < 0 or x.max() >= model.levels:
        raise ValueError(
            f"expected levels from 0 to {model.levels - 1}, found values {x.min()} to "
            f"{x.max()}: quantize(images, {model.levels})"
        )
    return jnp.asarray(x, jnp.int32)


def bits_per_dimension(nats: float, shape: tuple[int, ...]) -> float:
    """Return the bits that one number of an image costs: nats / (ln 2 * size)."""
    return nats / (math.log(2) * math.prod(shape))
