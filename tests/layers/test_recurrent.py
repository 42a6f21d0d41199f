"""LSTM layers against loops over the pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from lstm_by_hand import (
    by_advancing,
    cell_by_hand,
    gates_of,
    random_images,
    random_layer,
    random_maps,
)
from scipy.special import expit

from course_utils.assertions import influence
from course_utils.layers import DiagonalBiLSTM, RasterLSTM, RowLSTM, lstm_cell
from course_utils.layers.diagonal import DiagonalLSTM

LAYERS = [RasterLSTM, RowLSTM, DiagonalBiLSTM]
SIZES = [(3, 5), (4, 1), (1, 4)]


# --- one step


def test_a_step_agrees_with_numpy():
    gates, memory = 2 * random_maps(2, 3, 4, 12), random_maps(2, 3, 4, 3, seed=5)
    found = lstm_cell(gates, memory)
    hidden, kept = cell_by_hand(np.float64(gates), np.float64(memory))
    np.testing.assert_allclose(found.hidden, hidden, atol=1e-6)
    np.testing.assert_allclose(found.memory, kept, atol=1e-6)


def test_the_gates_are_input_forget_output_proposal():
    """Each wide open or shut: what is kept, written and shown can be read off."""
    memory, on, off = jnp.array([0.7]), 30.0, -30.0
    cases = {  # gates -> hidden, memory
        (off, on, on, 0.5): (np.tanh(0.7), 0.7),  # keep and show
        (on, off, on, 0.5): (np.tanh(np.tanh(0.5)), np.tanh(0.5)),  # overwrite
        (on, on, off, 0.5): (0, 0.7 + np.tanh(0.5)),  # add, and show nothing
    }
    for gates, expected in cases.items():
        np.testing.assert_allclose(
            np.concatenate(lstm_cell(jnp.array(gates), memory)), expected, atol=1e-6
        )


@pytest.mark.parametrize("layer", [RasterLSTM, RowLSTM, DiagonalLSTM])
def test_a_new_layer_keeps_its_memory_and_writes_nothing_of_a_black_image(layer):
    new = nnx.jit(lambda: layer(2, 3, rngs=nnx.Rngs(0)))()
    hidden, memory = lstm_cell(new.input.bias[...], np.float32([1, -2, 3]))
    keep = expit(1) * np.array([1, -2, 3])
    np.testing.assert_allclose(memory, keep, rtol=1e-6)
    np.testing.assert_allclose(hidden, 0.5 * np.tanh(keep), rtol=1e-6)
    black = np.zeros((1, 2, 3, 2), np.float32)
    np.testing.assert_array_equal(jax.jit(new)(black), np.zeros((1, 2, 3, 3)))


# --- whole maps


def raster_by_loop(layer, x):
    out, state = np.zeros((*x.shape[:3], layer.features)), np.zeros(layer.features)
    for i in range(len(x)):
        hidden, memory = state, state
        for row, column in np.ndindex(*x.shape[1:3]):
            gates = gates_of(layer, x[i, row, column], hidden)
            hidden, memory = cell_by_hand(gates, memory)
            out[i, row, column] = hidden
    return out


def row_by_loop(layer, x):
    b, height, width, features = x.shape
    # One row above and one column on either side are outside of the image: zero.
    hidden = np.zeros((b, height + 1, width + 2, layer.features))
    memory = np.zeros_like(hidden)
    for i, row, column in np.ndindex(b, height, width):
        left = x[i, row, column - 1] if column else np.zeros(features)
        pair = np.concatenate([left, x[i, row, column]])
        above = hidden[i, row, column : column + 3]  # NW, N, NE
        here = i, row + 1, column + 1
        hidden[here], memory[here] = cell_by_hand(
            gates_of(layer, pair, *above), memory[i, row, column + 1]
        )
    return hidden[:, 1:, 1:-1]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("layer", "loop"), [(RasterLSTM, raster_by_loop), (RowLSTM, row_by_loop)]
)
def test_a_layer_agrees_with_a_loop_over_the_pixels(layer, loop, size):
    layer, x = random_layer(layer), random_maps(4, *size, 2)
    found = jax.jit(layer)(x)
    assert found.shape == (4, *size, 3)
    np.testing.assert_allclose(found, loop(layer, np.float64(x)), atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layer", LAYERS)
def test_advance_gives_at_each_pixel_what_the_call_gives_there(layer, size):
    layer, x = random_layer(layer), random_maps(4, *size, 2)
    np.testing.assert_allclose(by_advancing(layer, x), jax.jit(layer)(x), atol=1e-5)


# --- what a pixel's output depends on


def test_a_raster_lstm_sees_the_pixel_and_all_before_it():
    layer = random_layer(RasterLSTM, 1, 8, scale=0.5)
    found = influence(jax.jit(layer), random_images(8, 4, 5))
    np.testing.assert_array_equal(found, np.tri(20) == 1)


def test_a_row_lstm_sees_a_triangle_above_and_one_pixel_to_the_left_of_it():
    """k rows up: from k + 1 columns further left to k columns further right."""
    layer = random_layer(RowLSTM, 1, 8, scale=0.5)
    row, column = np.divmod(np.arange(28), 7)
    up, right = row[:, None] - row, column - column[:, None]
    expected = (up >= 0) & (-up - 1 <= right) & (right <= up)
    found = influence(jax.jit(layer), random_images(8, 4, 7))
    np.testing.assert_array_equal(found, expected)
