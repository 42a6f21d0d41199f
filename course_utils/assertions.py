"""Instruments that expose a faulty model.

Lessons, exercises and tests call the same functions. What an instrument cannot see
is part of its docstring, because a silent instrument proves nothing.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PyTree, Shaped

_ROUNDING = 1e-6  # relative to the largest logit; convolutions on a GPU leak this much


def assert_finite(tree: PyTree, name: str = "tree") -> None:
    """Check that no number in a tree of arrays is NaN or infinite.

    Leaves that cannot be either (integers, booleans, random keys) pass.

    Args:
        tree: arrays in any nesting: a loss, a dictionary, `nnx.state(model)`.
        name: what the message calls the tree.

    Raises:
        AssertionError: naming the first offending leaf, and how many of its entries
            are NaN and how many infinite.
        TypeError: a leaf is no array, or there is none: nothing was checked.
    """
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    if not leaves:
        raise TypeError(f"{name} holds no arrays; pass for instance nnx.state(model)")
    for path, leaf in leaves:
        where = name + jax.tree_util.keystr(path)
        dtype = getattr(leaf, "dtype", None) or np.asarray(leaf).dtype
        if dtype in (np.dtype(object), np.dtype(str)) or isinstance(leaf, str):
            raise TypeError(f"{where} is a {type(leaf).__name__}, not an array")
        if not jnp.issubdtype(dtype, jnp.inexact):
            continue
        values = np.asarray(leaf)
        nans, infs = int(np.isnan(values).sum()), int(np.isinf(values).sum())
        if nans or infs:
            raise AssertionError(
                f"{where} is not finite: {nans} NaN and {infs} infinite of "
                f"{values.size} entries"
            )


def assert_normalized(
    log_prob: Callable,
    images: Shaped[Array | np.ndarray, "s ..."],
    atol: float = 1e-4,
) -> float:
    """Check that the probabilities of all images of a tiny world sum to one.

    The sum does not see over-masking, bad training or a wrong sampler, and with output
    weights near zero not even a leak: test at weights of order 1.

    Args:
        log_prob: maps the images to log-probabilities [s] in nats.
        images: every image of the world, each once.
        atol: how far from one the sum may be.

    Returns:
        The total mass, summed in float64.

    Raises:
        AssertionError: the mass is not one.
        ValueError: `log_prob` did not return [s] numbers below +inf.
    """
    nats = np.asarray(log_prob(images), np.float64)
    if nats.shape != (len(images),):
        raise ValueError(
            f"log_prob must return one number an image, shape ({len(images)},); "
            f"found {nats.shape}. Sum over the pixels, not over the images"
        )
    if np.isnan(nats).any() or np.isposinf(nats).any():
        raise ValueError("log_prob returned NaN or +inf: not a log-probability")
    total = float(np.exp(np.logaddexp.reduce(nats)))
    if abs(total - 1) > atol:
        raise AssertionError(
            f"the {len(nats)} images hold a total mass of {total:.6g}, not 1: either "
            "a pixel sees itself or a later one (that may push the mass either way), "
            "or the factors are no probabilities, or the list "
            + ("repeats images" if total > 1 else "lacks images")
        )
    return total


def influence(
    logits: Callable, x: Shaped[Array | np.ndarray, "b h w c"]
) -> Bool[np.ndarray, "outputs inputs"]:
    """Return which input pixels change which output pixels.

    Every pixel of `x` is flipped in turn, all its channels together. These are finite
    changes: a gradient would miss what a step function or a saturated unit lets
    through. Not seen are dependences that the given images do not wake (take several
    random ones), anything below a millionth of the largest logit, and every fault
    behind output weights of zero.

    Args:
        logits: maps images to [b,h,w,...]; called with (w + 1) b images at a time.
        x: some binary images in {0, 1}.

    Returns:
        [h*w, h*w]; entry [i, j] says whether output pixel i depends on input pixel j,
        both counted in raster order.

    Raises:
        ValueError: `x` is not binary, or the logits are not finite [b,h,w,...].
    """
    x = np.asarray(x)
    if x.ndim != 4 or 0 in x.shape or not np.isin(x, (0, 1)).all():
        raise ValueError(
            f"expected images [b,h,w,c] of zeros and ones, found shape {x.shape}; draw "
            "some: jax.random.bernoulli(key, 0.5, (4, 5, 5, 1)).astype(jnp.float32)"
        )
    _, height, width, _ = x.shape
    depends = np.zeros((height * width, height * width), bool)
    for row in range(height):
        batch = np.repeat(x[None], width + 1, axis=0)  # the last one stays as it is
        for column in range(width):
            batch[column, :, row, column] = x[:, row, column] == 0
        out = _finite_logits(logits, batch)
        change = np.abs(out[:-1] - out[-1]).max(axis=(1, 3))  # [inputs, outputs]
        inputs = slice(row * width, (row + 1) * width)
        depends[:, inputs] = (change > _ROUNDING * np.abs(out[-1]).max()).T
    return depends


def _finite_logits(logits: Callable, batch: np.ndarray) -> np.ndarray:
    """Return the logits of [variants,b,h,w,c] as [variants,b,h*w,channels]."""
    variants, b, height, width, _ = batch.shape
    out = np.asarray(logits(jnp.asarray(batch.reshape(-1, *batch.shape[2:]))))
    if out.shape[:3] != (variants * b, height, width):
        raise ValueError(
            f"expected logits [b,h,w,...] = [{variants * b},{height},{width},...], "
            f"found shape {out.shape}"
        )
    if not np.isfinite(out).all():
        raise ValueError("the logits are not finite, so nothing can be compared")
    return out.reshape(variants, b, height * width, -1)


def assert_causal(logits: Callable, x: Shaped[Array | np.ndarray, "b h w c"]) -> None:
    """Check that no output pixel sees itself or a later pixel in raster order.

    Over-masking passes: ask `influence` whether what should be read is read. The limits
    stated there hold here too; output weights of zero pass whatever the masks do.

    Args:
        logits: maps images to [b,h,w,...], the logits of each pixel's distribution.
        x: some binary images in {0, 1}; a few random ones are best.

    Raises:
        AssertionError: naming the first output pixel that sees too much, and what.
        ValueError: as `influence`.
    """
    offending = np.argwhere(np.triu(influence(logits, x)))
    if len(offending):
        out, seen = (divmod(int(i), np.shape(x)[2]) for i in offending[0])
        raise AssertionError(
            f"the logits at pixel {out} change with "
            + (
                "that pixel itself: the first layer has to hide it (mask A)"
                if out == seen
                else f"the later pixel {seen}: a mask, a shift or a padding is wrong"
            )
        )
