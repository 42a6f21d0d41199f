"""Two predictors of one model: what they say, and that they draw the same images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from course_utils import codec
from course_utils.models.pixelrnn import diagonal_bilstm, pixel_lstm, row_lstm
from course_utils.sampling import Predictor, draw_images, naive, stateful

MODELS = [pixel_lstm, row_lstm, diagonal_bilstm]
SIZES = [(3, 5), (5, 2)]


def random_model(build, num_layers=1, levels=2):
    """Return a model with weights of order 1, with which the states count."""
    model = build(8, num_layers, levels=levels, rngs=nnx.Rngs(0))
    rng = np.random.default_rng(2)

    def draw(w):
        scale = 1.0 if w.ndim > 1 else 0.1  # large biases would settle many a pixel
        return jnp.asarray(scale * rng.normal(size=w.shape), w.dtype)

    nnx.update(model, jax.tree.map(draw, nnx.state(model)))
    return model


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


def forgetful(model):
    """A wrong predictor: every pixel is predicted as if it were the first to come."""
    right = stateful(model)

    def advance(carry, x, i):
        return carry, right.advance(model.start(x.shape), x, i)[1]

    return Predictor(right.start, advance, right.levels)


# --- the same images


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("levels", [2, 4])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("build", MODELS)
def test_both_draw_the_same_images_from_the_same_numbers(
    build, num_layers, levels, size
):
    model, numbers = random_model(build, num_layers, levels), uniforms(200, *size)
    one = draw_images(naive(model), numbers)
    other = draw_images(stateful(model), numbers)
    assert one.shape == (200, *size, 1) and one.dtype == other.dtype
    np.testing.assert_array_equal(one, other)
    assert len(np.unique(one, axis=0)) > 50  # equal images are easy if all are black


@pytest.mark.parametrize("build", MODELS)
def test_a_predictor_that_forgets_draws_other_images(build):
    """The state counts: without this, the test above might compare nothing."""
    model, numbers = random_model(build), uniforms(200, 3, 5)
    right, wrong = stateful(model), forgetful(model)
    differ = draw_images(right, numbers) != draw_images(wrong, numbers)
    assert differ.any(axis=(1, 2, 3)).mean() > 0.2


def test_a_predictor_can_be_used_again():
    predictor, numbers = stateful(random_model(row_lstm)), uniforms(20, 3, 4)
    first = draw_images(predictor, numbers)
    assert (draw_images(predictor, uniforms(20, 4, 3)).shape) == (20, 4, 3, 1)
    np.testing.assert_array_equal(draw_images(predictor, numbers), first)


# --- what they say of a pixel


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("levels", [2, 4])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("build", MODELS)
@pytest.mark.parametrize("make", [naive, stateful])
def test_the_logits_are_those_of_the_whole_model(make, build, num_layers, levels, size):
    model, x = random_model(build, num_layers, levels), random_images(6, *size, levels)
    predictor, expected = make(model), model(x)
    assert predictor.levels == levels
    found = all_logits(predictor, x)
    np.testing.assert_allclose(found, expected.reshape(found.shape), atol=2e-5)


@pytest.mark.parametrize("make", [naive, stateful])
@pytest.mark.parametrize("levels", [2, 4])
def test_a_pixel_and_those_after_it_are_not_looked_at(make, levels):
    predictor = make(random_model(row_lstm, levels=levels))
    x, carry = random_images(8, 3, 4, levels), predictor.start((8, 3, 4, 1))
    for i in range(12):
        known = (jnp.arange(12) < i).reshape(3, 4, 1)
        after, logits = predictor.advance(carry, x, i)
        _, same = predictor.advance(carry, jnp.where(known, x, 0), i)
        np.testing.assert_allclose(same, logits, atol=1e-5)
        carry = after
    # The last pixel does depend on those before it: on black ones it says otherwise.
    assert abs(predictor.advance(carry, 0 * x, 11)[1] - logits).max() > 0.1


@pytest.mark.parametrize("levels", [2, 4])
@pytest.mark.parametrize("make", [naive, stateful])
def test_a_coder_can_ask_as_well_as_a_sampler(make, levels):
    predictor = make(random_model(pixel_lstm, levels=levels))
    assert isinstance(predictor, codec.Predictor)
    images = np.asarray(draw_images(predictor, uniforms(9, 3, 4)))
    data = codec.encode(images, predictor)
    np.testing.assert_array_equal(codec.decode(data, predictor), images)
