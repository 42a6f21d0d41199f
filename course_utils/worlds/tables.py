"""Joint tables: marginals, conditionals, entropy, divergences and sampling, all exact.

A *joint table* holds the probability of each image, `joint[x1, x2, ..., xn]`: one axis
of length 2 per pixel, in raster order, float64. A labelled world has the label as its
first axis, `joint[y, x1, ..., xn]`. Axes and cells count from 0; entropies and
divergences are in nats. Tables given may be float32, whose sum is one only roughly (up
to `SUM_TOLERANCE`): they are divided by it, in float64, before use.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import SupportsInt

import jax
import numpy as np
from jaxtyping import Array, Float, Float64, Int, Key, UInt64

SUM_TOLERANCE = 1e-5  # rounding; a float32 softmax over 65,536 cells misses 2e-7

# What functions take: tables in any precision.
Table = Float[np.ndarray | jax.Array, "..."]
SameShape = Float[np.ndarray | jax.Array, "*s"]
# What they return.
Joint = Float64[np.ndarray, "..."]
Ints = Int[np.ndarray, " n"]


def marginal(joint: Table, keep: Sequence[int]) -> Joint:
    """Return the joint of the axes in `keep` alone, summed over all others.

    The axes of the result are in the order of `keep`: axis 0 of
    `marginal(joint, (2, 0))` is axis 2 of the joint.

    Raises:
        ValueError: the joint is no distribution, or `keep` names an axis that is not
            there or names one twice.
    """
    joint = _as_table(joint)
    _check_axes(joint, keep)
    kept_first = np.moveaxis(joint, keep, range(len(keep)))
    others = tuple(range(len(keep), joint.ndim))
    return np.asarray(kept_first.sum(axis=others))


def conditional(joint: Table, given: Mapping[int, SupportsInt]) -> Joint:
    """Return the distribution of the other axes, given the values of some.

    p(x_other | x_given) = p(x_other, x_given) / p(x_given)

    Args:
        joint: the joint table.
        given: axis -> value; `{0: 1}` is "x1 is white", or "y = 1" in a labelled world.

    Raises:
        ValueError: the joint is no distribution, an axis or a value is not there, or
            the condition has probability zero.
    """
    joint = _as_table(joint)
    _check_axes(joint, given)
    place = [slice(None)] * joint.ndim
    for axis, value in given.items():
        if value not in range(joint.shape[axis]):
            raise ValueError(
                f"axis {axis} has {joint.shape[axis]} values from 0, found {value}"
            )
        place[axis] = int(value)
    table = joint[tuple(place)]
    if table.sum() == 0:
        raise ValueError(
            f"the condition {given} has probability zero, so nothing has a probability "
            "given it; condition on something possible, or smooth the joint"
        )
    return np.asarray(table / table.sum())


def join_label(
    prior: Float[np.ndarray | jax.Array, " k"],
    tables: Float[np.ndarray | jax.Array, "k ..."],
) -> Float[np.ndarray, "k ..."]:
    """Return the labelled joint p(y, x) = p(y) p(x|y).

    Args:
        prior: p(y), one probability a class.
        tables: p(x|y), one table a class, each of which sums to one.

    Raises:
        ValueError: the prior or a table is no distribution, or their numbers differ.
    """
    prior = _as_table(prior)
    if prior.shape != (len(tables),):
        raise ValueError(
            f"expected one table for each class, found {len(tables)} tables and a "
            f"prior of shape {prior.shape}"
        )
    pairs = zip(prior, tables, strict=True)
    return np.stack([p_y * _as_table(table) for p_y, table in pairs])


def entropy(p: Table) -> float:
    """Return H(p) = -sum p log p, in nats (Shannon 1948); 0 log 0 = 0.

    Raises:
        ValueError: p is no distribution.
    """
    p = _as_table(p)
    p = p[p > 0]
    return float(0.0 - np.sum(p * np.log(p)))  # 0 - 0 is 0 where -0 would be -0


def kl_divergence(p: SameShape, q: SameShape) -> float:
    """Return KL(p || q) = sum p log(p / q), in nats (Kullback and Leibler 1951).

    Infinite where q is 0 and p is not; 0 log 0 = 0.

    Raises:
        ValueError: p or q is no distribution, or their shapes differ.
    """
    p, q = _as_pair(p, q)
    p, q = p[p > 0], q[p > 0]
    with np.errstate(divide="ignore"):  # log 0 = -inf is the right answer here
        return float(np.sum(p * (np.log(p) - np.log(q))))


def jensen_shannon(p: SameShape, q: SameShape) -> float:
    """Return JSD(p, q) = (KL(p || m) + KL(q || m)) / 2 with m = (p + q) / 2, in nats.

    From 0 (equal) to log 2 (nowhere both positive); Lin 1991. Its square root is a
    distance (SciPy's jensenshannon). The optimum of the discriminator in a GAN is worth
    2 JSD - log 4 (Goodfellow et al. 2014, arXiv:1406.2661, section 4.1).

    Raises:
        ValueError: p or q is no distribution, or their shapes differ.
    """
    p, q = _as_pair(p, q)
    m = (p + q) / 2
    return (kl_divergence(p, m) + kl_divergence(q, m)) / 2


def total_variation(p: SameShape, q: SameShape) -> float:
    """Return max |p(A) - q(A)| over all events A, which is sum |p - q| / 2.

    Raises:
        ValueError: p or q is no distribution, or their shapes differ.
    """
    p, q = _as_pair(p, q)
    return float(np.sum(np.abs(p - q)) / 2)


def sample_states(joint: Table, num: int, key: Key[Array, ""]) -> Ints:
    """Draw cells of a joint: their places in the flattened table, int [num].

    `all_images(h, w)[sample_states(joint, num, key)]` are images; in a labelled world
    `np.divmod(states, 2**pixels)` are the labels and the places of the images. Exact to
    float64, and the same draws on every machine.

    Raises:
        ValueError: the joint is no distribution.
    """
    # uniform float32 numbers have only 2**23 values: rare images would never come up
    words = np.asarray(jax.random.bits(key, (num, 2), "uint32")).astype(np.uint64)
    return _invert_cdf(_as_table(joint), words[:, 0] << 32 | words[:, 1])


def _invert_cdf(joint: Joint, bits: UInt64[np.ndarray, " n"]) -> Ints:
    """Return the first cell whose cumulative probability exceeds bits / 2**64."""
    cdf = np.cumsum(joint)
    uniform = (bits >> 11) * 2.0**-53  # the 53 bits of a float64, always below 1
    return np.searchsorted(cdf / cdf[-1], uniform, side="right")


def _as_table(table: Table) -> Joint:
    """Return a distribution in float64, divided by its sum.

    Otherwise a divergence could be negative, because float32 tables sum to one roughly.

    Raises:
        ValueError: a probability is negative or NaN, or they do not sum to one.
    """
    table = np.asarray(table, dtype=np.float64)
    if not np.all(table >= 0):
        raise ValueError(
            f"expected probabilities, found {table.min()}; take exp of log-"
            "probabilities and the softmax of logits"
        )
    total = table.sum()
    if not abs(total - 1) <= SUM_TOLERANCE:
        raise ValueError(
            f"expected a joint that sums to 1, but this table sums to {total:.9g}; "
            "divide counts by their total; flatten logits before a softmax. A table of "
            "conditionals is not a joint: multiply each by its condition's probability"
        )
    return np.asarray(table / total)


def _as_pair(p: Table, q: Table) -> tuple[Joint, Joint]:
    """Return two distributions over the same cells, in float64."""
    p, q = _as_table(p), _as_table(q)
    if p.shape != q.shape:
        raise ValueError(
            f"expected tables of one shape, found {p.shape} and {q.shape}; flatten "
            "both or neither"
        )
    return p, q


def _check_axes(joint: Joint, axes: Collection[int]) -> None:
    """Refuse what is not a collection of distinct axes of the joint."""
    known = set(range(joint.ndim))
    if isinstance(axes, int) or not set(axes) <= known or len(set(axes)) < len(axes):
        raise ValueError(
            f"expected axes from 0 to {joint.ndim - 1}, each once, found {axes}; the "
            "first pixel of an unlabelled joint is axis 0, and one axis is (0,)"
        )
