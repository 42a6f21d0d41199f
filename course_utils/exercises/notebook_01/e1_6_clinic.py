"""Exercise 1.6: the bug clinic."""

import numpy as np

from course_utils.data import binarize, load_fashion_mnist
from course_utils.exercises.clinic import Clinic, verdict_exercise
from course_utils.exercises.notebook_01.e1_5_table_nll import table_nll
from course_utils.models.context_table import causal_neighbours, context_index
from course_utils.worlds import all_images


def _by_roll(images, neighbours):
    """The faulty one: what leaves the image on one side comes in on the other."""
    index = np.zeros(images.shape[:3], np.int32)
    for row, column in neighbours:
        index = 2 * index + np.roll(images[..., 0], (-row, -column), axis=(1, 2))
    return index


def _by_copying(images, neighbours):
    """Copy the part of the image that each neighbour can be in."""
    n, height, width, _ = images.shape
    index = np.zeros((n, height, width), np.int32)
    for row, column in neighbours:
        seen = np.zeros((n, height, width), bool)
        down, right = min(-row, height), -column
        rows = slice(down, height)
        here = slice(max(right, 0), width + min(right, 0))
        there = slice(max(-right, 0), width + min(-right, 0))
        seen[:, rows, here] = images[:, : height - down, there, 0]
        index = 2 * index + seen
    return index


_FOUR = causal_neighbours(4)


def _sums_to_one(contexts_of):
    images = all_images(3, 3)
    table = np.random.default_rng(0).uniform(0.1, 0.9, 16)
    nats = table_nll(table, contexts_of(images, _FOUR), images)
    return bool(np.isclose(np.exp(-nats).sum(), 1))


def _lies_on_the_ladder(contexts_of):
    """Fit on 2,000 images, score 500 others: between two and ten neighbours?"""
    data = load_fashion_mnist()
    train, test = binarize(data.train.images[:2000]), binarize(data.test.images[:500])
    cells = 2 * contexts_of(train, _FOUR) + train[..., 0]
    counts = np.bincount(cells.ravel(), minlength=32).reshape(16, 2) + 0.4
    table = counts[:, 1] / counts.sum(axis=1)
    return bool(124 < table_nll(table, contexts_of(test, _FOUR), test).mean() < 155)


def _right_at_the_centre(contexts_of):
    """Make one pixel of a black image white: does it alter the centre's context?"""
    images = np.eye(81, dtype=bool).reshape(81, 9, 9, 1)
    seen = np.flatnonzero(contexts_of(images, _FOUR)[:, 4, 4])
    return {divmod(int(i), 9) for i in seen} == {(4, 3), (3, 4), (3, 3), (3, 5)}


def _right_at_the_edge(contexts_of):
    """Likewise for a pixel at the left edge: only N and NE exist."""
    images = np.eye(81, dtype=bool).reshape(81, 9, 9, 1)
    seen = np.flatnonzero(contexts_of(images, _FOUR)[:, 4, 0])
    return {divmod(int(i), 9) for i in seen} == {(3, 0), (3, 1)}


CLINIC = Clinic(
    id="1.6",
    suspects={"A": _by_roll, "B": context_index, "C": _by_copying},
    guilty="A",
    fault="it rolls the image, so a pixel at the left edge sees the right edge, and "
    "one in the top row sees the bottom row",
    instruments={
        "ladder": _lies_on_the_ladder,
        "change at the centre": _right_at_the_centre,
        "change at the edge": _right_at_the_edge,
        "total": _sums_to_one,
    },
    blind={
        "ladder": "all three lie between the rungs. One differs from the other two, "
        "but nobody knew the right number beforehand, and two can share a mistake.",
        "change at the centre": "it looks at one place only, and there all three do "
        "the same. Look where they can differ.",
    },
    hints=(
        "Where in an image do three ways to fetch a neighbour have to differ?",
        "Change one pixel of a black image and look whose context changes, above all "
        "at the edges. Or add up the probabilities of all 512 images of 3x3.",
    ),
)

EXERCISE = verdict_exercise(CLINIC)
