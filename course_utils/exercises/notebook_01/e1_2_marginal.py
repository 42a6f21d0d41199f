"""Exercise 1.2: the marginal of a joint table."""

import numpy as np

from course_utils import worlds
from course_utils.exercises.exercise import Case, Exercise, WrongAnswer

WORLD = worlds.asymmetric_world()


THREE = np.reshape([3, 1, 4, 1, 5, 9, 2, 6], (2, 2, 2)) / 31


def marginal(joint, keep):
    """Return the joint of the pixels in `keep` alone, one axis for each.

    joint: one axis of length 2 per pixel, axis 0 the first.
    keep: increasing axes.
    """
    others = tuple(axis for axis in range(joint.ndim) if axis not in keep)
    return joint.sum(axis=others)


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


def _more(rng):
    """Tables of 2 to 5 pixels, and any of the pixels to keep."""
    for num in (2, 3, 4, 5) * 6:
        joint = rng.gamma(0.5, size=(2,) * num)
        size = int(rng.integers(1, num + 1))
        keep = tuple(sorted(rng.choice(num, size, replace=False).tolist()))
        yield Case(f"the pixels {keep} of {num}", (joint / joint.sum(), keep))
    large = rng.dirichlet(np.ones(2**12)).reshape((2,) * 12)
    yield Case("ten of twelve pixels", (large, (0, *range(2, 11))), megabytes=10)


EXERCISE = Exercise(
    id="1.2",
    title="the marginal of a joint table",
    reference=marginal,
    cases=(
        Case("the first of four pixels", (WORLD, (0,))),
        Case("the second and the fourth pixel", (WORLD, (1, 3))),
        Case("the first and the third of three pixels", (THREE, (0, 2))),
    ),
    more=_more,
    then=lambda table: np.ones(2) / table[0],
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
