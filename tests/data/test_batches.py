"""A batch depends on its number and the seed alone."""

import numpy as np
import pytest

from course_utils.data import (
    batches,
)

ROWS = {"x": np.arange(10)[:, None], "label": np.arange(10)}


def test_every_epoch_is_another_order_of_the_rows_without_replacement():
    batch_at = batches(ROWS, 5, seed=0)
    epochs = [
        np.concatenate([batch_at(2 * e)["label"], batch_at(2 * e + 1)["label"]])
        for e in range(8)
    ]
    for order in epochs:
        assert sorted(order) == list(range(10))
    assert len({tuple(order) for order in [range(10), *epochs]}) == 9


def test_rows_stay_together():
    batch_at = batches(ROWS, 3, seed=1)
    for i in range(20):
        batch = batch_at(i)
        assert batch["x"].shape == (3, 1)
        np.testing.assert_array_equal(batch["x"][:, 0], batch["label"])


def test_a_batch_depends_on_nothing_but_its_number_and_the_seed():
    forwards, backwards = batches(ROWS, 3, seed=1), batches(ROWS, 3, seed=1)
    first = [forwards(i)["label"].tolist() for i in range(20)]
    assert first == [backwards(i)["label"].tolist() for i in range(19, -1, -1)][::-1]
    other = batches(ROWS, 3, seed=2)
    assert first != [other(i)["label"].tolist() for i in range(20)]


def test_the_incomplete_batch_is_left_out():
    """Three of ten rows: each epoch has three batches, and another row is left out."""
    batch_at = batches(ROWS, 3, seed=0)
    left_out = set()
    for e in range(30):
        rows = np.concatenate([batch_at(3 * e + j)["label"] for j in range(3)])
        assert len(set(rows.tolist())) == 9
        left_out |= set(range(10)) - set(rows.tolist())
    assert len(left_out) > 5


def test_a_batch_is_a_copy():
    batch_at = batches(ROWS, 10, seed=0)
    batch_at(0)["x"][:] = 99
    assert ROWS["x"].max() == 9


@pytest.mark.parametrize(
    ("arrays", "size", "words"),
    [
        ({}, 1, "arrays of one length, found {}"),
        ({"x": np.zeros(3), "y": np.zeros(4)}, 1, "'x': 3, 'y': 4"),
        (ROWS, 0, "batch_size from 1 to 10, found 0"),
        (ROWS, 11, "batch_size from 1 to 10, found 11"),
    ],
)
def test_batches_that_cannot_be_made(arrays, size, words):
    with pytest.raises(ValueError, match=words):
        batches(arrays, size, 0)
