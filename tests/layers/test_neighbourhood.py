"""The pixels before a pixel, against a loop over the window."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course_utils.assertions import influence
from course_utils.layers import earlier_at, earlier_pixels

SIZES = [(3, 5), (5, 2), (1, 1)]


def random_maps(height, width):
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, height, width, 1)).astype(np.float32)


def window_by_loop(image, row, column, radius):
    """Return the window row by row, from its upper left corner up to the pixel."""
    values = []
    for r in range(row - radius, row + 1):
        for c in range(column - radius, column + radius + 1):
            if (r, c) < (row, column):
                inside = 0 <= r < image.shape[0] and 0 <= c < image.shape[1]
                values.append(image[r, c, 0] if inside else 0)
    return values


def test_the_nearest_four_are_nw_n_ne_w():
    x = jnp.arange(1.0, 13).reshape(1, 3, 4, 1)
    found = earlier_pixels(x)
    assert found.shape == (1, 3, 4, 4)
    np.testing.assert_array_equal(found[0, 1, 1], [1, 2, 3, 5])
    np.testing.assert_array_equal(found[0, 1, 0], [0, 1, 2, 0])
    np.testing.assert_array_equal(found[0, 2, 3], [7, 8, 0, 11])
    np.testing.assert_array_equal(found[0, 0, 0], 0)


@pytest.mark.parametrize("radius", [1, 2, 3])
@pytest.mark.parametrize("size", SIZES)
def test_every_pixel_gets_the_earlier_half_of_its_window(size, radius):
    x = random_maps(*size)
    found = np.asarray(jax.jit(earlier_pixels, static_argnums=1)(x, radius))
    assert found.shape == (3, *size, 2 * radius * (radius + 1))
    for i, row, column in np.ndindex(3, *size):
        expected = window_by_loop(x[i], row, column, radius)
        np.testing.assert_array_equal(found[i, row, column], expected)


@pytest.mark.parametrize("radius", [1, 3])
def test_exactly_the_earlier_pixels_of_the_window_are_seen(radius):
    x = np.zeros((1, 4, 5, 1), np.float32)
    rows, columns = np.divmod(np.arange(20), 5)
    down = rows[:, None] - rows
    right = np.abs(columns[:, None] - columns)
    expected = np.tril((down <= radius) & (right <= radius), -1)
    found = influence(jax.jit(lambda x: earlier_pixels(x, radius)), x)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("radius", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_one_pixel_s_are_those_of_all_whatever_comes_later(size, radius):
    x = random_maps(*size)
    expected = np.asarray(earlier_pixels(x, radius))
    at = jax.jit(lambda *arguments: earlier_at(*arguments, radius))
    for i, (row, column) in enumerate(np.ndindex(*size)):
        hidden = x.copy()
        hidden.reshape(3, -1)[:, i:] = np.nan
        found = at(hidden, row, column)
        np.testing.assert_array_equal(found, expected[:, row, column])


def test_one_pixel_may_be_named_by_plain_numbers():
    x = random_maps(2, 3)
    expected = np.asarray(earlier_pixels(x))
    np.testing.assert_array_equal(earlier_at(x, 1, 2), expected[:, 1, 2])
