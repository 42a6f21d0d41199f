"""Exercise 2.5: draws of one class from a model of all."""

import numpy as np

from course_utils import worlds
from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def draw_to_order(states, weights, num_states):
    """Return p(x | y) of one class y, estimated from draws of p(x).

    The estimate has shape [num_states].
    states: the images drawn, ints [n].
    weights: p(y | x) for each of them, [n].
    """
    totals = np.bincount(states, weights=weights, minlength=num_states)
    return totals / weights.sum()


def _mean_weight(states, weights, num_states):
    totals = np.bincount(states, weights, num_states)
    return totals / np.maximum(np.bincount(states, minlength=num_states), 1)


def _each_image_once(states, weights, num_states):
    table = _mean_weight(states, weights, num_states)
    return table / table.sum()


def _count_kept(states, weights, num_states):
    kept = states[weights > 0.5]
    return np.bincount(kept, minlength=num_states) / len(kept)


def _more(rng):
    """Images that are never drawn, weights of 0, many draws and few."""
    for n, num_states in [(1, 3), (20, 4), (60, 512), (2_000, 16)] * 2:
        states = rng.integers(0, num_states, n)
        weights = (
            rng.random(num_states)[states] * (rng.random(num_states) < 0.8)[states]
        )
        weights[0] = 0.5
        name = f"{n} draws of {num_states} images"
        yield Case(name, (states, weights, num_states))
    yield Case("a rare class", (states, 1e-6 * weights, num_states))


EXERCISE = Exercise(
    id="2.5",
    title="draws of one class from a model of all",
    reference=draw_to_order,
    cases=(
        Case(
            "eight draws of four images",
            (
                np.array([0, 2, 2, 3, 0, 0, 2, 3]),
                np.array([0.9, 0.4, 0.4, 0.7, 0.9, 0.9, 0.4, 0.7]),
                4,
            ),
        ),
        Case(
            "six draws of sixteen images",
            (
                np.array([5, 1, 14, 1, 5, 5]),
                np.array([0.05, 0.8, 0.6, 0.8, 0.05, 0.05]),
                16,
            ),
        ),
    ),
    more=_more,
    then=lambda table: worlds.total_variation(table, np.eye(1, len(table))[0]),
    wrong=(
        WrongAnswer(
            "the weights ignored",
            lambda states, weights, num: (
                np.bincount(states, minlength=num) / len(states)
            ),
            "You counted every draw as one: that is p(x), all classes together. Let "
            "each draw count for its weight.",
        ),
        WrongAnswer(
            "divided by the number of draws",
            lambda states, weights, num: (
                np.bincount(states, weights, num) / len(states)
            ),
            "You divided by the number of draws, and got p(x, y): its total is p(y). "
            "Divide by the sum of the weights, so that the table sums to one.",
        ),
        WrongAnswer(
            "not divided at all",
            lambda states, weights, num: np.bincount(states, weights, num),
            "You added up the weights of each image and stopped there. A distribution "
            "sums to one: divide by the sum of all weights.",
        ),
        WrongAnswer(
            "the mean weight of each image",
            _mean_weight,
            "You averaged the weights of each image: that gives p(y | x) back. How "
            "often the image was drawn has to count too.",
        ),
        WrongAnswer(
            "keeps the draws above one half",
            _count_kept,
            "You kept the draws that the classifier would call y, each in full, and "
            "dropped the others. An image of which 4 in 10 are y must count for 4 in "
            "10, not for none.",
        ),
        WrongAnswer(
            "each image once",
            _each_image_once,
            "Each image counts once, however often it was drawn. The draws carry p(x): "
            "let every one of them count.",
        ),
    ),
    hints=(
        "Bayes' rule: p(x | y) = p(y | x) p(x) / p(y). The draws take care of p(x), "
        "the weights of p(y | x).",
        "Add up the weights of the draws of each image. What must you divide by, so "
        "that the table sums to one?",
        "`np.bincount(states, weights=weights, minlength=num_states)` adds them up; "
        "divide by weights.sum().",
    ),
)
