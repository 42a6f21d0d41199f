"""Exercise 1.4: the next pixel, given the past."""

import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer
from course_utils.exercises.notebook_01.e1_2_marginal import THREE, WORLD, marginal


def next_pixel(joint, past):
    """Return the probability that the next pixel is white, given the past.

    joint: a table with one axis of length 2 per pixel, in raster order.
    past: a tuple, the values of the first pixels, with p(past) > 0; it may
    be empty.
    """
    rest = joint[tuple(past)]  # axis 0 is the next pixel now, the others follow
    return rest[1].sum() / rest.sum()


def _blind(joint, past):
    return marginal(joint, (len(past),))[1]


def _only_the_last(joint, past):
    table = marginal(joint, tuple(range(max(len(past) - 1, 0), len(past) + 1)))
    return next_pixel(table, past[-1:])


def _with_future(joint, past, future):
    rest = joint[tuple(past)].reshape(2, -1)[:, future]
    return rest[1] / rest.sum()


def _more(rng):
    """Tables of 1 to 5 pixels with some empty cells, and pasts of every length."""
    for num in (1, 2, 3, 4, 5) * 5:
        joint = rng.gamma(0.4, size=(2,) * num) * (rng.random((2,) * num) < 0.8)
        joint.flat[0] += 0.1
        joint /= joint.sum()
        image = np.unravel_index(rng.choice(joint.size, p=joint.ravel()), joint.shape)
        past = tuple(int(x) for x in image[: rng.integers(0, num)])
        yield Case(f"{num} pixels, after {past}", (joint, past))
    large = rng.dirichlet(np.ones(2**12)).reshape((2,) * 12)
    yield Case("the second of twelve pixels", (large, (1,)), megabytes=10)
    rare = np.where(np.indices((2, 2, 2))[0] == 1, 1e-10, 1.0) * THREE
    yield Case("after a past of one in ten thousand million", (rare / rare.sum(), (1,)))


EXERCISE = Exercise(
    id="1.4",
    title="the next pixel, given the past",
    reference=next_pixel,
    cases=(
        Case("no pixel yet", (WORLD, ())),
        Case("after white, black", (WORLD, (1, 0))),
        Case("the last of four pixels", (WORLD, (0, 1, 1))),
        Case("three pixels, after black", (THREE, (0,))),
    ),
    more=_more,
    then=lambda white: 0.5 * (1 - white),
    wrong=(
        WrongAnswer(
            "the joint, not the conditional",
            lambda joint, past: joint[tuple(past)][1].sum(),
            "You return p(past and white). The conditional asks how often white "
            "follows once the past has happened: divide by p(past).",
        ),
        WrongAnswer(
            "forgets the past",
            _blind,
            "Your answer is the same whatever the past is: that is the marginal of the "
            "next pixel. Keep only the cells that agree with the past.",
        ),
        WrongAnswer(
            "looks at one pixel only",
            _only_the_last,
            "You look at the pixel directly before and forget the others. The chain "
            "rule conditions on all pixels before.",
        ),
        WrongAnswer(
            "the future all black",
            lambda joint, past: _with_future(joint, past, 0),
            "You fixed the pixels that come later as black. Nothing is known about "
            "them: add up all their values.",
        ),
        WrongAnswer(
            "the future all white",
            lambda joint, past: _with_future(joint, past, -1),
            "You fixed the pixels that come later as white. Nothing is known about "
            "them: add up the cells of all their values.",
        ),
        WrongAnswer(
            "the odds",
            lambda joint, past: (
                joint[tuple(past)][1].sum() / joint[tuple(past)][0].sum()
            ),
            "You divided white by black: these are the odds, which may exceed one. "
            "Divide by white and black together, p(past).",
        ),
        WrongAnswer(
            "the probability of black",
            lambda joint, past: 1 - next_pixel(joint, past),
            "This is the probability of black, value 0. Return that of white, value 1.",
        ),
        WrongAnswer(
            "reads the past backwards",
            lambda joint, past: next_pixel(joint, past[::-1]),
            "You read the past backwards: its first value belongs to the first pixel, "
            "axis 0.",
        ),
    ),
    hints=(
        "joint[tuple(past)] keeps the cells that agree with the past. Which pixel is "
        "its first axis?",
        "p(white | past) = p(past, white) / p(past), and both are sums of cells.",
        "rest = joint[tuple(past)]; compare rest[1].sum() with rest.sum().",
    ),
)
