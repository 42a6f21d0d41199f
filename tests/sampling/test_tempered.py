"""Colder and hotter predictors."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from by_listing import dtype_of, listing, p_value
from flax import nnx
from scipy.special import softmax

from course_utils.models.pixelcnn import GatedPixelCNN
from course_utils.sampling import Predictor, draw_images, naive, stateful
from course_utils.sampling.predictors import tempered

HEADS = [(2, 0), (4, 0), (16, 2)]  # levels and components of a mixture


@functools.cache
def random_model(levels, num_mixtures=0):
    options = {"size": 3, "levels": levels, "num_mixtures": num_mixtures}
    model = GatedPixelCNN(8, 1, **options, rngs=nnx.Rngs(0))
    rng = np.random.default_rng(2)

    def draw(w):
        return jnp.asarray(0.5 * rng.normal(size=w.shape), w.dtype)

    nnx.update(model, jax.tree.map(draw, nnx.state(model)))
    return model


@functools.cache
def predictor_of(make, *head):
    return make(random_model(*head))


def uniforms(*shape, seed=3):
    return jax.random.uniform(jax.random.key(seed), shape)


def constant(*logits):
    """Return a predictor that says the same of every pixel."""
    return Predictor(
        lambda shape: (),
        lambda kept, x, i: (kept, jnp.tile(jnp.array(logits), (len(x), 1))),
        max(2, len(logits)),
    )


def log_odds_of_all(levels, logits):
    """Return logits of all levels, of binary pixels too."""
    return np.concatenate([0 * logits, logits], axis=-1) if levels == 2 else logits


@pytest.mark.parametrize("head", [(2, 0), pytest.param((4, 0), marks=pytest.mark.slow)])
def test_at_one_the_images_are_the_same(head):
    predictor, numbers = predictor_of(stateful, *head), uniforms(100, 3, 4)
    same, colder = (draw_images(tempered(predictor, t), numbers) for t in (1, 0.5))
    expected = draw_images(predictor, numbers)
    np.testing.assert_array_equal(same, expected)
    assert (colder != expected).any()  # and the predictor itself stays as it was


def test_a_power_of_the_probabilities_is_a_fraction_of_the_logits():
    p = np.array([0.1, 0.2, 0.3, 0.4])
    for temperature in (0.5, 2.0, 3):
        cooled = tempered(constant(*np.log(p)), temperature)
        _, logits = cooled.advance((), jnp.zeros((1, 2, 2, 1)), 0)
        expected = p ** (1 / temperature)
        np.testing.assert_allclose(softmax(logits[0]), expected / expected.sum(), 1e-5)
        assert cooled.levels == 4 and cooled.start(None) == ()
    binary = tempered(constant(np.log(0.3 / 0.7)), 0.5)
    _, logits = binary.advance((), jnp.zeros((1, 2, 2, 1)), 0)
    np.testing.assert_allclose(logits, 2 * np.log(0.3 / 0.7), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("make", [naive, stateful])
def test_near_zero_every_pixel_has_its_likeliest_level(make, head):
    predictor, numbers = predictor_of(make, *head), uniforms(50, 3, 4)
    x = draw_images(tempered(predictor, 1e-6), numbers)
    logits = log_odds_of_all(head[0], np.asarray(jax.jit(random_model(*head))(x)))
    np.testing.assert_array_equal(logits.argmax(axis=-1), x[..., 0])
    np.testing.assert_array_equal(x, x[:1].repeat(50, axis=0))  # chance is out of it


@pytest.mark.parametrize("levels", [2, 4])
def test_near_infinity_all_levels_are_equally_likely(levels):
    logits = (3.0,) if levels == 2 else (0.1, 5.0, -2.0, 1.0)
    numbers = uniforms(50, 3, 4)
    x = draw_images(tempered(constant(*logits), 1e6), numbers)[..., 0]
    expected = numbers < 0.5 if levels == 2 else (4 * numbers).astype(int)
    np.testing.assert_array_equal(x, expected)


def p_of_all(levels, size, temperature):
    """Return p of all images by the chain rule, every factor tempered by hand."""
    model, images = random_model(levels), listing(levels, size)
    logits = nnx.jit(lambda model, x: model(x))(
        model, jnp.asarray(images, dtype_of(levels))
    )
    logits = log_odds_of_all(levels, np.float64(logits))
    factors = softmax(logits / temperature, axis=-1)
    return np.take_along_axis(factors, images, axis=-1).prod(axis=(1, 2, 3))


@pytest.mark.slow
@pytest.mark.parametrize(("levels", "size"), [(2, (3, 3)), (4, (2, 2))])
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_it_is_a_distribution_and_no_power_of_the_first(levels, size, temperature):
    p = p_of_all(levels, size, temperature)
    power = p_of_all(levels, size, 1) ** (1 / temperature)
    assert p.sum() == pytest.approx(1, abs=1e-6)
    predictor = tempered(predictor_of(stateful, levels), temperature)
    images = [
        draw_images(predictor, uniforms(20_000, *size, seed=seed))
        for seed in (10, 11, 12)
    ]
    assert min(p_value(some, p, levels) for some in images) > 1e-3
    images = np.concatenate(images)
    assert p_value(images, power / power.sum(), levels) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("levels", [2, 4])
def test_in_compiled_rows_and_pixel_by_pixel_it_is_the_same(levels):
    predictor, numbers = predictor_of(stateful, levels), uniforms(100, 3, 4)
    compiled = draw_images(tempered(predictor, 0.6), numbers)
    slowly = tempered(predictor._replace(traceable=None), 0.6)
    assert slowly.traceable is None
    np.testing.assert_array_equal(draw_images(slowly, numbers), compiled)


@pytest.mark.parametrize("temperature", [0, -1.0, np.inf, -np.inf, np.nan])
def test_no_other_temperature_is_taken(temperature):
    with pytest.raises(
        ValueError, match=f"a positive temperature, found {temperature}"
    ):
        tempered(constant(0.0), temperature)
