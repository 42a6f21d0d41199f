"""The table pixel by pixel against the table in one go."""

import jax
import numpy as np
import pytest
import scipy.special

from course_utils.models.context_table import (
    causal_neighbours,
    context_nll,
    sample_context_table,
)
from course_utils.models.table_predictor import TablePredictor
from course_utils.sampling import draw_images


def random_images(num, height, width):
    return np.random.default_rng(0).random((num, height, width, 1)) < 0.4


def random_table(k):
    return np.random.default_rng(1).uniform(0.01, 0.99, 2**k)


def all_logits(predictor, x):
    carry, columns = predictor.start(x.shape), []
    for i in range(x[0].size):
        carry, logits = predictor.advance(carry, x, i)
        assert logits.shape == (len(x), 1)
        columns.append(logits)
    return np.concatenate(columns, axis=1).reshape(x.shape)


@pytest.mark.parametrize("k", [0, 1, 2, 4, 10, 14])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (5, 2)])
@pytest.mark.parametrize("dtype", [bool, np.float32, np.int32])
def test_the_logits_add_up_to_the_nll(k, size, dtype):
    images, table = random_images(6, *size), random_table(k)
    neighbours = causal_neighbours(k)
    logits = all_logits(TablePredictor(table, neighbours), images.astype(dtype))
    nats = -scipy.special.log_expit(np.where(images, logits, -logits))
    expected = context_nll(table, images, neighbours)
    np.testing.assert_allclose(nats.sum(axis=(1, 2, 3)), expected, rtol=1e-12)


def test_a_pixel_and_those_after_it_are_not_looked_at():
    x, predictor = random_images(4, 3, 4), TablePredictor(*ten())
    for i in range(12):
        other = x.copy()
        other.reshape(4, -1)[:, i:] ^= True
        np.testing.assert_array_equal(
            predictor.advance((), x, i)[1], predictor.advance((), other, i)[1]
        )


@pytest.mark.slow
def test_the_sampler_draws_the_images_of_the_table():
    key = jax.random.key(0)
    uniforms = jax.random.uniform(key, (50, 5, 6))
    drawn = draw_images(TablePredictor(*ten()), uniforms)
    expected = sample_context_table(*ten(), (5, 6), 50, key)
    np.testing.assert_array_equal(drawn, expected)


def ten():
    return random_table(10), causal_neighbours(10)


@pytest.mark.parametrize("entries", [2, 8])
def test_the_table_must_fit_the_neighbours(entries):
    with pytest.raises(ValueError, match=r"expected a table of 2\*\*2 contexts"):
        TablePredictor(np.full(entries, 0.5), causal_neighbours(2))


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, np.nan])
def test_what_is_impossible_cannot_be_coded(value):
    with pytest.raises(ValueError, match="between 0 and 1.*smoothing"):
        TablePredictor(np.array([0.5, value]), causal_neighbours(1))


@pytest.mark.parametrize("later", [(0, 0), (0, 1), (1, -1)])
def test_a_neighbour_that_comes_later_is_refused(later):
    with pytest.raises(ValueError, match="expected causal neighbours"):
        TablePredictor(random_table(2), ((0, -1), later))
