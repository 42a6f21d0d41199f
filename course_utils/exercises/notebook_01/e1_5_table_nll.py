"""Exercise 1.5: score images with a context table."""

import math

import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def table_nll(table, contexts, images):
    """Return -log p(x) of each image, in nats, shape [n].

    table: p(white | context), one number for each context. contexts: integers,
    [n, h, w], the context of each pixel. images: [n, h, w, 1], True is white.
    """
    white = table[contexts]
    seen = np.where(images[..., 0], white, 1 - white)
    return -np.log(seen).sum(axis=(1, 2))


def _batch(seed, shape, contexts):
    rng = np.random.default_rng(seed)
    table = rng.uniform(0.1, 0.9, contexts)
    return table, rng.integers(0, contexts, shape), rng.random((*shape, 1)) < 0.4


def _more(rng):
    """Other sizes; probabilities close to 0 and 1; few contexts and many."""
    for n, h, w, num in [(4, 3, 3, 16), (1, 5, 2, 3), (6, 1, 1, 2), (2, 28, 28, 1024)]:
        for extreme in (1e-2, 1e-9):
            table = np.where(rng.random(num) < 0.5, extreme, 1 - extreme)
            table[0] = rng.uniform(0.2, 0.8)
            contexts = rng.integers(0, num, (n, h, w)).astype(np.int32)
            images = rng.random((n, h, w, 1)) < table[contexts][..., None]
            images.flat[0] = not images.flat[0]
            name = f"{n} images of {h}x{w}, probabilities down to {extreme:g}"
            yield Case(name, (table, contexts, images))
    table = rng.uniform(0.1, 0.9, 2**20)
    contexts = rng.integers(0, 2**20, (2, 5, 5)).astype(np.int32)
    name = "a million contexts, those of 20 neighbours"
    yield Case(name, (table, contexts, images[:2, :5, :5]), megabytes=120)


EXERCISE = Exercise(
    id="1.5",
    title="score images with a context table",
    reference=table_nll,
    cases=(
        Case("three images of 2x3, four contexts", _batch(1, (3, 2, 3), 4)),
        Case("one image of 4x2, one context", _batch(2, (1, 4, 2), 1)),
        Case("a large, improbable image of 40x50", _batch(3, (1, 40, 50), 4)),
    ),
    more=_more,
    then=lambda nats: nats.mean(),
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
            "This is log p(x), which is negative. Return -log p(x).",
        ),
        WrongAnswer(
            "one number for the batch",
            lambda *args: table_nll(*args).mean(),
            "You averaged over the images. Return one number per image: sum over "
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
            "`images` has a channel axis at its end, [n, h, w, 1], and `contexts` has "
            "none, so they do not fit together: use images[..., 0].",
        ),
    ),
    hints=(
        "table[contexts] looks up p(white | context) for all pixels at once.",
        "np.where(images[..., 0], a, b) takes a where a pixel is white, b elsewhere.",
        "The probability of what is seen is p where white, 1 - p where black; take its "
        "log, sum over axes 1 and 2, change the sign.",
    ),
)
