"""Two predictors of one model: what they say, and that they draw the same images."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from course_utils import codec
from course_utils.models.pixelrnn import diagonal_bilstm, pixel_lstm, row_lstm
from course_utils.sampling import Predictor, draw_images, naive, stateful

MODELS = [pixel_lstm, row_lstm, diagonal_bilstm]
SIZES = [(2, (3, 5)), (4, (5, 2))]  # levels, and height and width
NUM = 200


@functools.cache
def random_model(build, num_layers=1, levels=2):
    """Return a model with weights of order 1, with which the states count."""
    model = build(8, num_layers, levels=levels, rngs=nnx.Rngs(0))
    rng = np.random.default_rng(2)

    def draw(w):
        # Large biases, or the sum of two large layers, would settle many a pixel.
        scale = 1.0 / num_layers if w.ndim > 1 else 0.1
        return jnp.asarray(scale * rng.normal(size=w.shape), w.dtype)

    nnx.update(model, jax.tree.map(draw, nnx.state(model)))
    return model


@functools.cache
def predictor_of(make, build, num_layers=1, levels=2):
    """Return `make(model)`, the same for all tests: it is compiled once."""
    return make(random_model(build, num_layers, levels))


def random_images(b, height, width, levels=2):
    x = np.random.default_rng(2).integers(0, levels, (b, height, width, 1))
    return jnp.asarray(x, jnp.float32 if levels == 2 else jnp.int32)


def uniforms(*shape):
    return jax.random.uniform(jax.random.key(3), shape)


def all_logits(predictor, x):
    """Return the logits of every pixel, [b, h * w, k]."""
    carry, out = predictor.start(x.shape), []
    for i in range(x[0].size):
        carry, logits = predictor.advance(carry, x, i)
        out.append(logits)
    return np.stack(out, axis=1)


def forgetful(build, num_layers, levels):
    """A wrong predictor: every pixel is predicted as if it were the first to come."""
    right = predictor_of(stateful, build, num_layers, levels)

    def advance(carry, x, i):
        return carry, right.advance(right.start(x.shape), x, i)[1]

    return Predictor(right.start, advance, levels)


# --- the same images


@pytest.mark.slow
@pytest.mark.parametrize(("levels", "size"), SIZES)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("build", MODELS)
def test_both_draw_the_same_images_from_the_same_numbers(
    build, num_layers, levels, size
):
    numbers = uniforms(NUM, *size)
    one, other = (
        draw_images(predictor_of(make, build, num_layers, levels), numbers)
        for make in (naive, stateful)
    )
    assert one.shape == (NUM, *size, 1) and one.dtype == other.dtype
    np.testing.assert_array_equal(one, other)
    assert len(np.unique(one, axis=0)) > 50  # equal images are easy if all are black
    # And the states count, or equal images would prove nothing of them.
    wrong = draw_images(forgetful(build, num_layers, levels), numbers)
    assert (wrong != one).any(axis=(1, 2, 3)).mean() > 0.2


def test_a_predictor_can_be_used_again():
    predictor, numbers = predictor_of(stateful, row_lstm), uniforms(20, 3, 4)
    first = draw_images(predictor, numbers)
    assert draw_images(predictor, uniforms(20, 4, 3)).shape == (20, 4, 3, 1)
    np.testing.assert_array_equal(draw_images(predictor, numbers), first)


# --- what they say of a pixel


@pytest.mark.slow
@pytest.mark.parametrize(("levels", "size"), SIZES)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("build", MODELS)
@pytest.mark.parametrize("make", [naive, stateful])
def test_the_logits_are_those_of_the_whole_model(make, build, num_layers, levels, size):
    predictor = predictor_of(make, build, num_layers, levels)
    x = random_images(NUM, *size, levels)
    found = all_logits(predictor, x)
    expected = random_model(build, num_layers, levels)(x)
    assert predictor.levels == levels
    np.testing.assert_allclose(found, expected.reshape(found.shape), atol=2e-5)


@pytest.mark.parametrize("make", [naive, stateful])
@pytest.mark.parametrize("levels", [2, 4])
def test_a_pixel_and_those_after_it_are_not_looked_at(make, levels):
    predictor = predictor_of(make, row_lstm, levels=levels)
    x, carry = random_images(8, 3, 4, levels), predictor.start((8, 3, 4, 1))
    for i in range(12):
        known = (jnp.arange(12) < i).reshape(3, 4, 1)
        after, logits = predictor.advance(carry, x, i)
        _, same = predictor.advance(carry, jnp.where(known, x, 0), i)
        np.testing.assert_allclose(same, logits, atol=1e-5)
        carry = after
    # The last pixel does depend on those before it: on black ones it says otherwise.
    assert abs(predictor.advance(carry, 0 * x, 11)[1] - logits).max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("levels", [2, 4])
@pytest.mark.parametrize("make", [naive, stateful])
def test_a_coder_can_ask_as_well_as_a_sampler(make, levels):
    predictor = predictor_of(make, pixel_lstm, levels=levels)
    assert isinstance(predictor, codec.PixelPredictor)
    images = np.asarray(draw_images(predictor, uniforms(9, 3, 4)))
    data = codec.encode(images, predictor)
    np.testing.assert_array_equal(codec.decode(data, predictor), images)
