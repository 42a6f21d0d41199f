"""Tiny worlds: binary images so small that every image there is can be listed.

A *joint table* holds the probability of each image, `joint[x1, x2, ..., xn]`: one axis
of length 2 per pixel, in raster order, float64. A labelled world has the label as its
first axis, `joint[y, x1, ..., xn]`. Flattened, a joint follows the *listing*: cell i
belongs to `all_images(height, width)[i]`. Axes and cells count from 0; entropies and
divergences are in nats. Tables given may be float32, whose sum is one only roughly (up
to `SUM_TOLERANCE`): they are divided by it, in float64, before use.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import SupportsInt

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Float64, Int, Integer, Key, Shaped, UInt64

MAX_PIXELS = 20  # 2**20 images are listed in a fraction of a second, 2**30 never
SUM_TOLERANCE = 1e-5  # rounding; a float32 softmax over 65,536 cells misses 2e-7
CHUNK = 512  # images cut into patches at a time: a few megabytes of them

# What functions take: images of 0 and 1 in any dtype, tables in any precision.
Images = Shaped[np.ndarray | jax.Array, "n h w 1"]
Table = Float[np.ndarray | jax.Array, "..."]
SameShape = Float[np.ndarray | jax.Array, "*s"]
# What they return.
Joint = Float64[np.ndarray, "..."]
Ints = Int[np.ndarray, " n"]


# The listing


def all_images(height: int, width: int) -> Bool[np.ndarray, "n h w 1"]:
    """Return all 2**(height * width) binary images, in the order of the listing.

    The pixels of image i are the binary digits of i, the first pixel leading.

    Raises:
        ValueError: there is no pixel, or there are more than `MAX_PIXELS`.
    """
    pixels = _count_pixels(height, width)
    # the coordinates of every cell of a joint table, in the order it is stored in
    cells = np.indices((2,) * pixels, dtype=bool)
    return cells.reshape(pixels, -1).T.reshape(-1, height, width, 1)


def state_index(images: Images) -> Ints:
    """Return the place of each image in the listing: the inverse of `all_images`.

    Raises:
        ValueError: the shape is not [n, h, w, 1], a value is neither 0 nor 1, or there
            are more than `MAX_PIXELS` pixels.
    """
    bits = _as_bits(images)
    return _patch_index(bits, *bits.shape[1:]).reshape(-1)


def _patch_index(
    bits: Bool[np.ndarray, "n h w"], height: int, width: int
) -> Int[np.ndarray, "n rows cols"]:
    """Return the place in the listing of the patch at every position."""
    _count_pixels(height, width)
    rows, cols = bits.shape[1] - height + 1, bits.shape[2] - width + 1
    if min(rows, cols) < 1:
        raise ValueError(f"a {height}x{width} patch does not fit into {bits.shape[1:]}")
    index = np.zeros((len(bits), rows, cols), np.int64)
    for i, j in np.ndindex(height, width):  # each pixel appends its binary digit
        index = 2 * index + bits[:, i : i + rows, j : j + cols]
    return index


# Joints


def joint_from_images(images: Images, smoothing: float = 0.0) -> Joint:
    """Return the joint of the images, shape (2, ..., 2), by counting.

    p(x) = (count(x) + smoothing) / (n + smoothing * number of cells)

    Raises:
        ValueError: bad images (see `state_index`), nothing to count, or a negative
            smoothing.
    """
    height, width = _as_bits(images).shape[1:]  # the one patch is the whole image
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
    bits = _as_bits(images)
    pixels = _count_pixels(height, width)
    counts = np.zeros(2**pixels, np.int64)
    for start in range(0, len(bits), CHUNK):
        index = _patch_index(bits[start : start + CHUNK], height, width)
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


# Marginals and conditionals


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


# Entropy and divergences, in nats


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


# Sampling


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


# Worlds


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
    bits = _as_bits(images)
    if bits.shape[1:] != (4, 4):
        raise ValueError(f"expected 4x4 images, found shape {bits.shape}")
    return np.sum(bits[:, None] != designed_patterns()[..., 0], axis=(2, 3))


def asymmetric_world() -> Float64[np.ndarray, "2 2 2 2"]:
    """Return a fixed 2x2 joint without symmetry: wrong axes and orders show in it.

    The cells are the first 16 decimals of pi, divided by their sum.
    """
    decimals = [1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2]
    return np.reshape(decimals, (2, 2, 2, 2)) / sum(decimals)


# Checks


def _count_pixels(height: int, width: int) -> int:
    """Return the number of pixels; refuse images that cannot be listed."""
    if min(height, width) < 1 or height * width > MAX_PIXELS:
        raise ValueError(
            f"expected 1 to {MAX_PIXELS} pixels, found {height}x{width}; n pixels make "
            "2**n images to list. patch_joint cuts larger images into patches"
        )
    return height * width


def _as_bits(images: Images) -> Bool[np.ndarray, "n h w"]:
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
