"""Exercises 1.2 and 1.3: marginals and independence of a joint table."""

import numpy as np

from course_utils import worlds
from course_utils.exercises.judge import Case, Exercise, WrongAnswer

WORLD = worlds.asymmetric_world()
THREE = np.reshape([3, 1, 4, 1, 5, 9, 2, 6], (2, 2, 2)) / 31


def marginal(joint, keep):
    """Return the joint of the pixels in `keep` alone, one axis for each of them.

    joint: one axis of length 2 per pixel, axis 0 the first. keep: increasing axes.
    """
    others = tuple(axis for axis in range(joint.ndim) if axis not in keep)
    return joint.sum(axis=others)


def _by_einsum(joint, keep):
    return np.einsum(joint, list(range(joint.ndim)), list(keep))


def _one_by_one(joint, keep):
    for axis in reversed(range(joint.ndim)):
        if axis not in keep:
            joint = joint[(slice(None),) * axis + (0,)] + np.take(joint, 1, axis)
    return joint


def _at(joint, keep, value):
    """Return the slice in which every other pixel has one value."""
    return joint[tuple(slice(None) if i in keep else value for i in range(joint.ndim))]


def _given_the_first(joint, keep):
    table = marginal(joint, keep)
    return table / table.sum(axis=-1, keepdims=True)


def _shifting_axes(joint, keep):
    for axis in range(joint.ndim):
        if axis not in keep:
            joint = joint.sum(axis=axis)
    return joint


def _from_one(joint, keep):
    return marginal(joint, tuple((axis - 1) % joint.ndim for axis in keep))


MARGINAL = Exercise(
    id="1.2",
    title="the marginal of a joint table",
    reference=marginal,
    cases=(
        Case("the first of four pixels", (WORLD, (0,))),
        Case("the second and the fourth pixel", (WORLD, (1, 3))),
        Case("the first and the third of three pixels", (THREE, (0, 2))),
    ),
    alternatives=(_by_einsum, _one_by_one, worlds.marginal),
    wrong=(
        WrongAnswer(
            "sums over the pixels to keep",
            lambda joint, keep: joint.sum(axis=tuple(keep)),
            "You summed over the pixels that should stay. An axis that is summed over "
            "disappears: sum over all the others.",
        ),
        WrongAnswer(
            "the others black",
            lambda joint, keep: _at(joint, keep, 0),
            "You took the cells in which all other pixels are black. A marginal does "
            "not care what the others are: add up all their values.",
        ),
        WrongAnswer(
            "the others white",
            lambda joint, keep: _at(joint, keep, 1),
            "You took the cells in which all other pixels are white. A marginal does "
            "not care what the others are: add up all their values.",
        ),
        WrongAnswer(
            "a mean instead of a sum",
            lambda joint, keep: (
                marginal(joint, keep) / 2 ** (joint.ndim - len(tuple(keep)))
            ),
            "The result does not sum to one, because you averaged. Probabilities of "
            "different cases add up.",
        ),
        WrongAnswer(
            "axes counted from 1",
            _from_one,
            "You counted the axes from 1. The first pixel is axis 0.",
        ),
        WrongAnswer(
            "one axis after the other",
            _shifting_axes,
            "When an axis has been summed over, those behind it move up by one, so the "
            "next number names another axis, or none (AxisError). Name all axes in one "
            "tuple, or go from the last to the first.",
        ),
        WrongAnswer(
            "a conditional",
            _given_the_first,
            "You divided by a sum, so each row sums to one: that is a conditional. The "
            "marginal of a joint sums to one already; nothing is left to divide by.",
        ),
    ),
    hints=(
        "The sum rule: p(x1) is the sum of p(x1, x2, x3, x4) over x2, x3 and x4.",
        "`joint.sum(axis=...)` removes the axes you name; a tuple names several.",
        "others = tuple(axis for axis in range(joint.ndim) if axis not in keep)",
    ),
)


# 1.3 ---------------------------------------------------------------------------------
def independent(joint):
    """Return whether the pixels of a joint table are independent, as a bool.

    joint: a table with one axis of length 2 per pixel; two pixels or more.
    """
    product = np.ones(())
    for axis in range(joint.ndim):
        others = tuple(i for i in range(joint.ndim) if i != axis)
        product = np.multiply.outer(product, joint.sum(axis=others))
    return bool(np.allclose(product, joint))


def _cell_by_cell(joint):
    singles = [worlds.marginal(joint, (axis,)) for axis in range(joint.ndim)]
    for cell in np.ndindex(joint.shape):
        expected = np.prod([p[value] for p, value in zip(singles, cell, strict=True)])
        if abs(expected - joint[cell]) > 1e-9:
            return False
    return True


def _first_from_the_rest(joint):
    if joint.ndim == 1:
        return np.True_
    rest = joint.sum(axis=0)
    split = np.multiply.outer(joint.reshape(2, -1).sum(axis=1), rest)
    return np.allclose(joint, split) and _first_from_the_rest(rest)


def _pairs_only(joint):
    pairs = [(i, j) for i in range(joint.ndim) for j in range(i)]
    return all(independent(marginal(joint, pair[::-1])) for pair in pairs)


def _first_pair_only(joint):
    return independent(marginal(joint, (0, 1)))


def _product(joint):
    product = np.ones(())
    for axis in range(joint.ndim):
        product = np.multiply.outer(product, marginal(joint, (axis,)))
    return product


def _exactly(joint):
    return bool((_product(joint) == joint).all())


def _one_cell_only(joint):
    return bool(np.isclose(_product(joint).flat[-1], joint.flat[-1]))


def _roughly(joint):
    return bool(np.allclose(_product(joint), joint, atol=0.05))


def _same_marginals(joint):
    singles = [marginal(joint, (axis,)) for axis in range(joint.ndim)]
    return bool(np.allclose(singles, singles[0]))


_PUBLISHED = np.array([[1, 0], [2, 0]]) / 3
_TIED = np.diag([0.5, 0.5])
_LAST_TWO_TIED = np.multiply.outer([0.3, 0.7], _TIED)
_PARITY = (np.indices((2, 2, 2)).sum(axis=0) % 2 == 0) / 4
_SIGNS = 2 * np.indices((2, 2, 2)) - 1  # -1 is black; fair pixels, tied to the second
_LOOSE = 1 / 8 + (_SIGNS[0] - _SIGNS[2]) * _SIGNS[1] / 20  # all white, all black: 1/8
_HARDLY = 1 / 4 + np.array([[1, -1], [-1, 1]]) / 200
_COINS = np.full((2, 2), 1 / 4)
_PRODUCT = np.multiply.outer(np.multiply.outer([0.3, 0.7], [0.8, 0.2]), [0.4, 0.6])

INDEPENDENT = Exercise(
    id="1.3",
    title="independence, read off the joint",
    reference=independent,
    cases=(
        Case("a second pixel that is always black", (_PUBLISHED,)),
        Case("two pixels that are always equal", (_TIED,)),
        Case("three pixels drawn one by one", (_PRODUCT,)),
        Case("three pixels with an even number of whites", (_PARITY,)),
        Case("three pixels, the last two tied", (_LAST_TWO_TIED,)),
        Case("two fair coins", (_COINS,)),
        Case("three fair pixels that prefer certain patterns", (_LOOSE,)),
        Case("two pixels that are equal in 51 % of the images", (_HARDLY,)),
    ),
    alternatives=(_cell_by_cell, _first_from_the_rest),
    wrong=(
        WrongAnswer(
            "always",
            lambda joint: True,
            "Your function says True for two pixels that are always equal. That each "
            "marginal can be computed on its own says nothing: it always can.",
        ),
        WrongAnswer(
            "pairs only",
            _pairs_only,
            "You tested pairs. In the case with an even number of whites any two "
            "pixels are independent, and yet two of them fix the third.",
        ),
        WrongAnswer(
            "the first pair only",
            _first_pair_only,
            "You looked at the first two pixels only. Independence of all pixels means "
            "that the whole table is the product of all marginals.",
        ),
        WrongAnswer(
            "a zero means dependence",
            lambda joint: independent(joint) and bool((joint > 0).all()),
            "You count a zero in the table as dependence. A pixel that never changes "
            "has a zero there, and it is independent of everything.",
        ),
        WrongAnswer(
            "equal marginals",
            _same_marginals,
            "You asked whether the pixels have the same marginal. Two pixels may be "
            "white equally often and tied, or unequally often and independent.",
        ),
        WrongAnswer(
            "a uniform table",
            lambda joint: bool(np.allclose(joint, 1 / joint.size)),
            "You asked whether all images are equally likely. That is one independent "
            "table; any product of marginals is another.",
        ),
        WrongAnswer(
            "never",
            lambda joint: False,
            "Your function says False even for two fair coins. Compare the table with "
            "the product of its marginals: if they agree, the answer is True.",
        ),
        WrongAnswer(
            "exactly equal",
            _exactly,
            "You compared floats by ==. The three pixels drawn one by one differ from "
            "their product in the last digit, by rounding. np.allclose allows for it.",
        ),
        WrongAnswer(
            "one cell only",
            _one_cell_only,
            "You compared a single cell. It may fit by chance, while others do not: "
            "the product must agree with the joint in every cell.",
        ),
        WrongAnswer(
            "roughly equal",
            _roughly,
            "Your tolerance is too wide: two pixels that are equal in 51 % of the "
            "images pass as independent. Leave room for rounding and no more; the "
            "default of np.allclose will do.",
        ),
    ),
    hints=(
        "Independent: every cell is the product of the single-pixel marginals.",
        "Build the product as a table: np.multiply.outer(p1, p2) has p1[i] * p2[j].",
        "Start with np.ones(()), take np.multiply.outer with each pixel's marginal in "
        "turn, and compare with the joint by np.allclose.",
    ),
)
