"""The recurrent pixel models: probabilities, what they see, and one pixel at a time."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from scipy.special import log_expit, log_softmax
from tiny_worlds import (
    all_grey_images,
    binary_images,
    cost_of_what_is_not_seen,
    kl_from,
    logits_by_advancing,
    patches,
    random_levels,
    random_model,
    trained,
)

from course_utils.assertions import assert_causal, assert_normalized, influence
from course_utils.layers import (
    DiagonalBiLSTM,
    RasterLSTM,
    RowLSTM,
    earlier_pixels,
)
from course_utils.losses import nll_loss
from course_utils.metrics import log_prob
from course_utils.models.pixelrnn import (
    PixelRNN,
    diagonal_bilstm,
    pixel_lstm,
    row_lstm,
)
from course_utils.models.protocols import TractableModel
from course_utils.training import fit, init_state, make_step
from course_utils.worlds import all_images

MODELS = [pixel_lstm, row_lstm, diagonal_bilstm]
KEY = jax.random.key(0)


def slow(*arguments):
    return pytest.param(*arguments, marks=pytest.mark.slow)


# --- probabilities


@pytest.mark.parametrize(
    ("num_layers", "radius"), [(1, 1), (2, 3), slow(1, 3), slow(2, 1)]
)
@pytest.mark.parametrize("make", MODELS)
def test_the_probabilities_of_all_images_sum_to_one(make, num_layers, radius):
    model = random_model(make, 6, num_layers, radius=radius)
    log_p = functools.partial(log_prob, model)
    assert_normalized(log_p, all_images(3, 3), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("make", MODELS)
def test_the_probabilities_of_65_536_images_sum_to_one(make):
    model = random_model(make, 6, 2, radius=2)
    log_p = functools.partial(log_prob, model, chunk=4096)
    assert_normalized(log_p, all_images(4, 4), atol=1e-5)


@pytest.mark.parametrize("make", MODELS)
def test_the_probabilities_of_all_grey_images_sum_to_one(make):
    model = random_model(make, 6, 2, levels=4)
    log_p = functools.partial(log_prob, model, chunk=256)
    assert_normalized(log_p, all_grey_images(4, 2, 2), atol=1e-5)


@pytest.mark.parametrize("make", MODELS)
def test_an_image_s_probability_does_not_depend_on_its_batch(make):
    model = random_model(make, 6, scale=0.5)
    nll = jax.jit(model.nll)
    x, others = binary_images(5, 3, 4), binary_images(5, 3, 4, seed=2)
    mixed = np.concatenate([others[:2], x[2:3], others[3:]])
    np.testing.assert_allclose(nll(mixed)[2], nll(x)[2], rtol=1e-6)
    np.testing.assert_allclose(nll(x[::-1])[::-1], nll(x), rtol=1e-6)


@pytest.mark.parametrize("levels", [2, 4])
def test_the_nll_is_that_of_the_logits(levels):
    model = random_model(pixel_lstm, 6, levels=levels)
    assert isinstance(model, TractableModel)
    x = random_levels(levels, 5, 2, 3)
    logits = np.float64(jax.jit(model)(x))
    if levels == 2:
        assert logits.shape == (5, 2, 3, 1)
        log_p = log_expit(np.where(x == 1, logits, -logits))
    else:
        assert logits.shape == (5, 2, 3, 4)
        log_p = np.take_along_axis(log_softmax(logits, axis=-1), x, axis=-1)
    np.testing.assert_allclose(model.nll(x), -log_p.sum(axis=(1, 2, 3)), rtol=1e-5)


# --- what a pixel sees


def grid(height, width):
    """Return rows and columns of outputs [n, 1] and of inputs [n]."""
    row, column = np.divmod(np.arange(height * width), width)
    return row[:, None], column[:, None], row, column


def seen_in_raster_order(height, width, num_layers, radius):
    """All earlier pixels, but not the last of the row above while it is out of sight.

    Nothing comes after it in its row. So no pixel of that row hands it on: only a
    window that reaches up and to the right border shows it.
    """
    row, column, r, c = grid(height, width)
    last_above = (r == row - 1) & (c == width - 1) & (column + radius < width - 1)
    return np.tri(height * width, k=-1, dtype=bool) & ~last_above


def seen_by_row_lstm(height, width, num_layers, radius):
    """k rows up, a triangle: a window wider than what the states above can reach.

    Left and right it grows by one column a row. To the left, each layer adds the
    neighbour of its input-to-state convolution; to the right, the window adds less by
    one, for what the state k rows up has seen in its own row ends before it.
    """
    row, column, r, c = grid(height, width)
    up, right = row - r, c - column
    left_end = -(up + num_layers + radius)
    right_end = np.where(up == 0, -1, up - 1 + radius)
    return (up >= 0) & (left_end <= right) & (right <= right_end)


SEEN = {
    pixel_lstm: seen_in_raster_order,
    row_lstm: seen_by_row_lstm,
    diagonal_bilstm: seen_in_raster_order,
}


@pytest.mark.parametrize(("num_layers", "radius"), [(2, 2), slow(1, 1), slow(1, 3)])
@pytest.mark.parametrize("make", MODELS)
def test_what_each_order_sees(make, num_layers, radius):
    model = random_model(make, 16, num_layers, radius=radius, scale=0.4)
    size = (4, 9)
    found = influence(jax.jit(model), binary_images(8, *size))
    np.testing.assert_array_equal(found, SEEN[make](*size, num_layers, radius))


@pytest.mark.parametrize("make", MODELS)
def test_no_grey_pixel_sees_itself_or_a_later_one(make):
    model = random_model(make, 8, 2, levels=4, scale=0.4)
    logits = jax.jit(lambda x: model((3 * x).astype(jnp.int32)))
    assert_causal(logits, binary_images(4, 4, 5))


class NotMovedDown(DiagonalBiLSTM):
    """The fault that section 3.2 of the paper avoids: the future on the right leaks."""

    def __call__(self, x):
        return self.forth(x) + self.back(x[:, :, ::-1])[:, :, ::-1]


class SeesRight(RowLSTM):
    """Its input-to-state convolution has the pixel and its right neighbour."""

    def __call__(self, x):
        return super().__call__(x[:, :, ::-1])[:, :, ::-1]


class ShiftedWindow(PixelRNN):
    """Its window stands one column too far to the right: what should be W is itself."""

    def features(self, x):
        return super().features(jnp.pad(x[:, :, 1:], ((0, 0), (0, 0), (0, 1), (0, 0))))


@pytest.mark.parametrize(
    ("kind", "layer"),
    [(PixelRNN, NotMovedDown), (PixelRNN, SeesRight), (ShiftedWindow, RasterLSTM)],
)
def test_a_planted_leak_is_caught(kind, layer):
    model = random_model(kind, layer, 6)
    with pytest.raises(AssertionError, match=r"pixel \(0, [01]\) .*itself"):
        assert_causal(jax.jit(model), binary_images(4, 3, 4))
    with pytest.raises(AssertionError, match="a pixel sees itself or a later one"):
        assert_normalized(functools.partial(log_prob, model), all_images(3, 3))


# --- the parts


def test_black_and_white_are_0_and_1_for_any_number_of_levels():
    binary, grey = (random_model(pixel_lstm, 6, levels=k) for k in (2, 4))
    binary.out = grey.out
    for part in ("first", "layers", "mix"):
        setattr(binary, part, getattr(grey, part))
    x = random_levels(2, 3, 2, 3)
    np.testing.assert_allclose(jax.jit(grey)(3 * x), jax.jit(binary)(x), rtol=1e-5)


@pytest.mark.parametrize("make", MODELS)
def test_a_layer_is_added_to_what_it_is_given(make):
    """A layer whose weights are zero puts out zero: the others remain."""
    model = random_model(make, 6, 2)
    x = binary_images(3, 2, 3)
    graphdef, state = nnx.split(model.layers[0])
    zero = nnx.merge(graphdef, jax.tree.map(jnp.zeros_like, state))
    call = nnx.jit(lambda model: model(x))  # compiled anew for other layers
    before = call(model)
    model.layers = nnx.List([model.layers[0], zero, model.layers[1]])
    np.testing.assert_allclose(call(model), before, rtol=1e-5)
    model.layers = nnx.List([zero])
    features = nnx.relu(model.first(earlier_pixels(x)))
    expected = model.out(nnx.relu(model.mix(features)))
    np.testing.assert_allclose(call(model), expected, rtol=1e-5)


@pytest.mark.parametrize(("levels", "wrong"), [(2, 2.0), (4, 4), (4, -1)])
def test_fit_refuses_pixels_that_are_none_of_the_levels(levels, wrong):
    model = random_model(pixel_lstm, 3, levels=levels)
    state = init_state(model, optax.sgd(0.1))
    batch = {"x": np.full((1, 2, 2, 1), wrong)}
    with pytest.raises(ValueError, match=f"from 0 to {levels - 1}, as PixelRNN"):
        fit(make_step(nll_loss), state, lambda i: batch, 1, KEY)


# --- one pixel after another


@pytest.mark.parametrize(("levels", "hide"), [(2, np.nan), (2, 7), (4, 7)])
@pytest.mark.parametrize("size", [(3, 5), slow((4, 2)), slow((1, 4)), slow((3, 1))])
@pytest.mark.parametrize("make", MODELS)
def test_advance_gives_what_the_call_gives(make, size, levels, hide):
    model = random_model(make, 5, 2, radius=2, levels=levels)
    x = random_levels(levels, 3, *size)
    x = x.astype(np.float32 if levels == 2 else np.int32)
    found = logits_by_advancing(model, x, hide)
    expected = jax.jit(model)(x)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("make", MODELS)
def test_advance_takes_a_plain_number(make):
    model, x = random_model(make, 5), binary_images(2, 2, 2)
    carry = model.start(x.shape)
    for i in range(4):
        carry, logits = model.advance(carry, x, i)
    np.testing.assert_allclose(logits, model(x)[:, 1, 1], rtol=1e-4, atol=1e-4)


# --- training


@pytest.mark.slow
@pytest.mark.parametrize("make", MODELS)
def test_trained_in_the_world_of_patches_a_model_comes_near(make):
    """Nearer than any could with a smaller window, which hides a corner pixel."""
    model = trained(make(16, radius=3, rngs=nnx.Rngs(0)), patches())
    hidden = cost_of_what_is_not_seen(patches(), SEEN[make](3, 3, 1, 1))
    assert kl_from(patches(), model) < hidden < 0.01
    assert cost_of_what_is_not_seen(patches(), SEEN[make](3, 3, 1, 2)) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("make", MODELS)
def test_what_a_model_does_not_see_costs_it_what_the_world_says(make):
    model = trained(make(16, radius=1, rngs=nnx.Rngs(0)), patches(), num_steps=300)
    hidden = cost_of_what_is_not_seen(patches(), SEEN[make](3, 3, 1, 1))
    assert hidden < kl_from(patches(), model) < 4 * hidden
