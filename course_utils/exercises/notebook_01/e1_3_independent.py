"""Exercise 1.3: independence, read off the joint."""

import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer
from course_utils.exercises.notebook_01.e1_2_marginal import marginal


def independent(joint):
    """Return whether the pixels of a joint table are independent, as a bool.

    joint: a table with one axis of length 2 per pixel; two pixels or more.
    """
    product = np.ones(())
    for axis in range(joint.ndim):
        others = tuple(i for i in range(joint.ndim) if i != axis)
        product = np.multiply.outer(product, joint.sum(axis=others))
    return bool(np.allclose(product, joint))


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


_BINARY = np.multiply.outer(np.multiply.outer([0.25, 0.75], [0.5, 0.5]), [0.125, 0.875])


def _coins(rng, num):
    """Return the table of independent pixels."""
    table = np.ones(())
    for white in rng.uniform(0.1, 0.9, num):
        table = np.multiply.outer(table, [1 - white, white])
    return table


def _more(rng):
    """Independent pixels; any pair of them tied; all of them tied by their parity."""
    for num in (2, 3, 4) * 3:
        yield Case(f"{num} pixels drawn one by one", (_coins(rng, num),))
    for num, i, j in [(2, 0, 1), (3, 0, 1), (3, 0, 2), (3, 1, 2), (4, 0, 1), (4, 1, 3)]:
        place = np.indices((2,) * num)
        table = _coins(rng, num) * np.where(place[i] == place[j], 1.5, 0.5)
        name = f"{num} pixels of which numbers {i} and {j} are often equal"
        yield Case(name, (table / table.sum(),))
        tied = _coins(rng, num) * (place[i] == place[j])
        name = f"{num} pixels of which numbers {i} and {j} are always equal"
        yield Case(name, (tied / tied.sum(),))
    for num in (4, 8):
        even = np.indices((2,) * num).sum(axis=0) % 2 == 0
        yield Case(f"{num} pixels with an even number of whites", (even / even.sum(),))
    hardly = 1 / 4 + np.array([[1, -1], [-1, 1]]) / 1_000
    yield Case("two pixels that are equal in 50.2 % of the images", (hardly,))
    yield Case("twelve pixels drawn one by one", (_coins(rng, 12),), megabytes=60)
    yield Case("two pixels that never change", (np.array([[0.0, 1.0], [0.0, 0.0]]),))


EXERCISE = Exercise(
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
        Case("three coins, exact in binary", (_BINARY,)),
    ),
    more=_more,
    then=lambda found: [found] == [1] or [found] == [0],
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
            "A zero in the table counts as dependence with you, directly or because "
            "0 / 0 and 0 log 0 are nan. A pixel that never changes has a zero there, "
            "and it is independent of everything.",
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
            "You did not compare all cells. Some may fit by chance, while others do "
            "not: the product must agree with the joint in every cell.",
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
