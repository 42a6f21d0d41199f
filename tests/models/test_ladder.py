"""The likelihood ladder on Fashion-MNIST, recounted without the package's code."""

import numpy as np
import pytest

from course_utils.data import binarize, load_fashion_mnist

pytestmark = pytest.mark.slow  # a recount of all images

# Test nats per image, thresholded at 128, fitted on the publisher's 60,000 images.
LADDER = {0: 488.7, 1: 249.4, 2: 155.3, 4: 136.0, 10: 124.1, 20: 118.4, 22: 118.5}
# The causal neighbours as (row, column), nearest first, read off the drawing in 01.
DRAWING = """
 .  21  17  14  18  22   .
19  11   9   6  10  12  20
15   7   3   2   4   8  16
13   5   1   ?   .   .   .
"""


def neighbours_of_the_drawing():
    rows = [line.split() for line in DRAWING.strip().split("\n")]
    places = {
        int(cell): (i - 3, j - 3)
        for i, row in enumerate(rows)
        for j, cell in enumerate(row)
        if cell.isdigit()
    }
    return [places[i] for i in range(1, 23)]


def contexts(white):
    """Yield (k, contexts) for every rung; a frame of three black pixels all around."""
    n, height, width = white.shape
    framed = np.pad(white, ((0, 0), (3, 3), (3, 3))).astype(np.int32)
    index = np.zeros(white.shape, np.int32)
    yield 0, index
    for k, (i, j) in enumerate(neighbours_of_the_drawing(), start=1):
        seen = framed[:, 3 + i : 3 + i + height, 3 + j : 3 + j + width]
        index = index + (seen << (k - 1))  # the first neighbour is the last digit here
        if k in LADDER:
            yield k, index


@pytest.fixture(scope="module")
def recount():
    data = load_fashion_mnist()
    images = np.concatenate([data.train.images, data.validation.images])
    seen, new = binarize(images)[..., 0], binarize(data.test.images)[..., 0]
    nats = {}
    for (k, old_index), (_, index) in zip(contexts(seen), contexts(new), strict=True):
        total = np.bincount(old_index.ravel(), minlength=2**k)
        whites = np.bincount(old_index.ravel(), seen.ravel(), minlength=2**k)
        p = ((whites + 0.4) / (total + 0.8))[index]
        nats[k] = -np.log(np.where(new, p, 1 - p)).sum() / len(new)
    return nats


@pytest.mark.parametrize("k", LADDER)
def test_a_rung(recount, k):
    assert recount[k] == pytest.approx(LADDER[k], abs=0.1)


def test_the_package_agrees(recount):
    from course_utils.models.context_table import (
        causal_neighbours,
        context_nll,
        fit_context_table,
    )

    data = load_fashion_mnist()
    images = np.concatenate([data.train.images, data.validation.images])
    near = causal_neighbours(10)
    table = fit_context_table(binarize(images), near)
    nats = context_nll(table, binarize(data.test.images), near).mean()
    assert nats == pytest.approx(recount[10], abs=1e-6)
