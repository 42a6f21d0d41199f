"""The Diagonal BiLSTM against a loop over the pixels, and its skewed maps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lstm_by_hand import (
    cell_by_hand,
    gates_of,
    random_images,
    random_layer,
    random_maps,
)

from course_utils.assertions import influence
from course_utils.layers import DiagonalBiLSTM, skew, unskew
from course_utils.layers.diagonal import DiagonalLSTM

SIZES = [(3, 5), (5, 2), (1, 4), (4, 1)]


# --- skewing


@pytest.mark.parametrize("size", SIZES)
def test_a_pixel_goes_as_far_right_as_its_row_is_down(size):
    height, width = size
    x = random_maps(2, *size, 3)
    expected = np.zeros((2, height, height + width - 1, 3))
    for row, column in np.ndindex(*size):
        expected[:, row, row + column] = x[:, row, column]
    np.testing.assert_array_equal(
        jax.jit(skew)(x), expected
    )  # and around them is nothing


def test_left_and_upper_neighbour_are_in_the_column_before():
    x = jnp.arange(1.0, 13).reshape(1, 3, 4, 1)
    skewed = skew(x)[0, ..., 0]
    assert skewed[2, 4] == x[0, 2, 2, 0]
    assert skewed[2, 3] == x[0, 2, 1, 0]
    assert skewed[1, 3] == x[0, 1, 2, 0]


@pytest.mark.parametrize("size", SIZES)
def test_unskew_is_the_inverse(size):
    x = random_maps(2, *size, 3)
    np.testing.assert_array_equal(jax.jit(lambda x: unskew(skew(x), size[1]))(x), x)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("more", [0, 3])
def test_unskew_reads_along_the_diagonals_whatever_stands_around_them(size, more):
    height, width = size
    skewed = random_maps(2, height, height + width - 1 + more, 3)
    found = np.asarray(jax.jit(unskew, static_argnums=1)(skewed, width))
    assert found.shape == (2, height, width, 3)
    for row in range(height):
        np.testing.assert_array_equal(found[:, row], skewed[:, row, row : row + width])


# --- one direction


def diagonal_by_loop(layer, x):
    b, height, width, _ = x.shape
    # A row above and a column to the left are outside of the image: zero.
    hidden = np.zeros((b, height + 1, width + 1, layer.features))
    memory = np.zeros_like(hidden)
    for i, row, column in np.ndindex(b, height, width):
        left, up = hidden[i, row + 1, column], hidden[i, row, column + 1]
        here = i, row + 1, column + 1
        hidden[here], memory[here] = cell_by_hand(
            gates_of(layer, x[i, row, column], left, up), memory[i, row + 1, column]
        )
    return hidden[:, 1:, 1:]


@pytest.mark.parametrize("size", SIZES)
def test_one_direction_agrees_with_a_loop_over_the_pixels(size):
    layer, x = random_layer(DiagonalLSTM), random_maps(4, *size, 2)
    found = jax.jit(layer)(x)
    assert found.shape == (4, *size, 3)
    np.testing.assert_allclose(found, diagonal_by_loop(layer, np.float64(x)), atol=1e-5)


def test_one_direction_sees_what_is_above_and_to_the_left():
    row, column = np.divmod(np.arange(20), 5)
    expected = (row[:, None] >= row) & (column[:, None] >= column)
    layer = random_layer(DiagonalLSTM, 1, 8, scale=0.5)
    found = influence(jax.jit(layer), random_images(8, 4, 5))
    np.testing.assert_array_equal(found, expected)


# --- both


@pytest.mark.parametrize("size", SIZES)
def test_from_right_to_left_a_pixel_gets_the_state_above_it(size):
    layer, x = random_layer(DiagonalBiLSTM), np.float64(random_maps(4, *size, 2))
    expected = diagonal_by_loop(layer.forth, x)
    back = diagonal_by_loop(layer.back, x[:, :, ::-1])[:, :, ::-1]
    expected[:, 1:] += back[:, :-1]
    np.testing.assert_allclose(jax.jit(layer)(jnp.float32(x)), expected, atol=1e-5)


def test_both_together_see_the_pixel_and_all_before_it():
    layer = random_layer(DiagonalBiLSTM, 1, 8, scale=0.5)
    found = influence(jax.jit(layer), random_images(8, 4, 5))
    np.testing.assert_array_equal(found, np.tri(20) == 1)
