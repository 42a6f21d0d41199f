"""Exercise 1.5 and the bug clinic: scores and contexts of a context table."""

import math

import numpy as np

from course_utils.data import binarize, load_fashion_mnist
from course_utils.exercises.clinic import Clinic
from course_utils.exercises.judge import Case, Exercise, WrongAnswer
from course_utils.models.context_table import causal_neighbours, context_index
from course_utils.worlds import all_images


# 1.5 ---------------------------------------------------------------------------------
def table_nll(table, contexts, images):
    """Return -log p(x) of each image, in nats, shape [n].

    table: p(white | context), one number for each context. contexts: integers,
    [n, h, w], the context of each pixel. images: [n, h, w, 1], True is white.
    """
    white = table[contexts]
    seen = np.where(images[..., 0], white, 1 - white)
    return -np.log(seen).sum(axis=(1, 2))


def _by_cross_entropy(table, contexts, images):
    x = images[..., 0].astype(float)
    p = np.take(table, contexts)
    return -(x * np.log(p) + (1 - x) * np.log1p(-p)).reshape(len(x), -1).sum(axis=1)


def _by_loop(table, contexts, images):
    nats = []
    for context, image in zip(contexts, images, strict=True):
        pairs = zip(context.ravel(), image.ravel(), strict=True)
        nats.append(-sum(math.log(table[c] if x else 1 - table[c]) for c, x in pairs))
    return nats


def _batch(seed, shape, contexts):
    rng = np.random.default_rng(seed)
    table = rng.uniform(0.1, 0.9, contexts)
    return table, rng.integers(0, contexts, shape), rng.random((*shape, 1)) < 0.4


TABLE_NLL = Exercise(
    id="1.5",
    title="score images with a context table",
    reference=table_nll,
    cases=(
        Case("three images of 2x3, four contexts", _batch(1, (3, 2, 3), 4)),
        Case("one image of 4x2, one context", _batch(2, (1, 4, 2), 1)),
        Case("a large, improbable image of 40x50", _batch(3, (1, 40, 50), 4)),
    ),
    alternatives=(_by_cross_entropy, _by_loop),
    wrong=(
        WrongAnswer(
            "a mean over the pixels",
            lambda *args: table_nll(*args) / args[1][0].size,
            "You took the mean over the pixels. The logarithm of a product is a sum, "
            "and a nat in this course always refers to a whole image.",
        ),
        WrongAnswer(
            "bits",
            lambda *args: table_nll(*args) / math.log(2),
            "These are bits: you used log2. Nats come from the natural logarithm.",
        ),
        WrongAnswer(
            "white everywhere",
            lambda table, contexts, images: -np.log(table[contexts]).sum(axis=(1, 2)),
            "You scored every pixel as if it were white. A black pixel has the "
            "probability 1 - p(white | context).",
        ),
        WrongAnswer(
            "the white pixels alone",
            lambda table, contexts, images: (
                -np.sum(images[..., 0] * np.log(table[contexts]), axis=(1, 2))
            ),
            "You left the black pixels out. Each of them has a probability as well, "
            "1 - p(white | context), and its logarithm belongs in the sum.",
        ),
        WrongAnswer(
            "the wrong sign",
            lambda *args: -table_nll(*args),
            "This is log p(x), which is negative. Asked is -log p(x).",
        ),
        WrongAnswer(
            "one number for the batch",
            lambda *args: table_nll(*args).mean(),
            "You averaged over the images. Asked is one number an image, so sum over "
            "the axes 1 and 2 and leave axis 0.",
        ),
        WrongAnswer(
            "black and white swapped",
            lambda table, *args: table_nll(1 - table, *args),
            "You swapped the colours: table[contexts] is the probability of white, so "
            "it belongs to the pixels where images is True.",
        ),
        WrongAnswer(
            "the log of the product",
            lambda table, contexts, images: (
                -np.log(
                    np.where(images[..., 0], table[contexts], 1 - table[contexts]).prod(
                        axis=(1, 2)
                    )
                )
            ),
            "You multiply first. On a large image the product of the factors is too "
            "small for a float: it becomes 0, and the nats infinite. Take the "
            "logarithm of each factor and add.",
        ),
        WrongAnswer(
            "the channel axis forgotten",
            lambda table, contexts, images: (
                -np.log(np.where(images, table[contexts], 1 - table[contexts])).sum(
                    axis=(1, 2)
                )
            ),
            "Your code raised ValueError. `images` has a channel axis at its end, "
            "[n, h, w, 1], and `contexts` has none, so they do not fit together: use "
            "images[..., 0]. (If it was an `if` on a whole array: use np.where.)",
        ),
    ),
    hints=(
        "table[contexts] looks up p(white | context) for all pixels at once.",
        "np.where(images[..., 0], a, b) takes a where a pixel is white, b elsewhere.",
        "The probability of what is seen is p where white, 1 - p where black; take its "
        "log, sum over axes 1 and 2, change the sign.",
    ),
)


# 1.6 ---------------------------------------------------------------------------------
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
