"""Exact likelihoods of models that score every pixel, and which images they take."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy.special import log_expit, log_softmax

from course_utils.losses import bernoulli_nll, categorical_nll
from course_utils.metrics import bits_per_dimension, levels_of, log_prob
from course_utils.models.protocols import TractableModel

RNG = np.random.default_rng(3)
SIZE = (2, 3)
BITS = RNG.random((7, *SIZE, 1)) < 0.4
GREYS = RNG.integers(4, size=(7, *SIZE, 1))


class Independent(nnx.Module):
    """Pixels that know nothing of each other: their logits are the parameters."""

    def __init__(self, levels, scale=1.0):
        self.levels = levels
        k = 1 if levels == 2 else levels
        self.logits = nnx.Param(np.float32(scale * RNG.normal(size=(*SIZE, k))))

    def __call__(self, x):
        return jnp.broadcast_to(self.logits[...], (len(x), *self.logits.shape))

    def nll(self, x):
        term = bernoulli_nll if self.levels == 2 else categorical_nll
        return term(self(x), x)


# --- log p(x)


@pytest.mark.parametrize("chunk", [1, 3, 7, 200])
def test_log_p_of_binary_images_is_exact_in_chunks_of_any_size(chunk):
    model = Independent(2)
    logits = np.float64(model.logits[...])
    expected = log_expit(np.where(BITS, logits, -logits)).sum(axis=(1, 2, 3))
    for x in (BITS, BITS.astype(np.float32), jnp.asarray(BITS), BITS.astype(float)):
        found = log_prob(model, x, chunk)
        assert type(found) is np.ndarray and found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
@pytest.mark.parametrize("chunk", [3, 200])
def test_log_p_of_grey_images_is_exact(chunk, dtype):
    model = Independent(4)
    assert isinstance(model, TractableModel)
    levels = log_softmax(np.float64(model.logits[...]), axis=-1)
    expected = [
        sum(levels[r, c, image[r, c, 0]] for r, c in np.ndindex(SIZE))
        for image in GREYS
    ]
    found = log_prob(model, GREYS.astype(dtype), chunk)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_log_p_is_that_of_the_model_as_it_is_now():
    """Compiled once for a model, and not with its parameters inside."""
    model = Independent(2)
    before = log_prob(model, BITS)
    model.logits[...] = jnp.zeros((*SIZE, 1))
    assert np.all(log_prob(model, BITS) != before)
    np.testing.assert_allclose(log_prob(model, BITS), -6 * math.log(2), rtol=1e-6)


# --- images a model can score


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (BITS.astype(np.uint8), TypeError, "boolean or float images, found uint8"),
        (GREYS, TypeError, "found int64.*binarize"),
        (BITS * 0.5, ValueError, r"of 0 and 1, found .* values 0 to 0.5: binarize"),
        (BITS - 1.0, ValueError, r"of 0 and 1, found .* values -1 to 0: binarize"),
        (BITS * np.nan, ValueError, "finite images, found nan"),
        (BITS[..., 0], ValueError, r"\[n, h, w, c\] .*found shape \(7, 2, 3\)"),
        (BITS[0], ValueError, "for a single image"),
        (BITS[:0], ValueError, "n >= 1"),
        (np.repeat(BITS, 3, -1), ValueError, r"1\] .*found shape \(7, 2, 3, 3\)"),
    ],
)
def test_a_binary_model_takes_boolean_images_or_floats_0_and_1(x, error, message):
    for function in (log_prob, levels_of):
        with pytest.raises(error, match=message):
            function(Independent(2), x)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (BITS, TypeError, r"integers from 0 to 3.*found bool: quantize\(images, 4\)"),
        (GREYS / 3, TypeError, "integers from 0 to 3.*found float64: quantize"),
        (GREYS * 1.0, TypeError, "integers from 0 to 3.*found float64: quantize"),
        (GREYS + 1, ValueError, "from 0 to 3, found values 1 to 4: quantize"),
        (GREYS - 1, ValueError, "from 0 to 3, found values -1 to 2: quantize"),
        (np.uint8(GREYS * 85), ValueError, r"values 0 to 255: quantize\(images, 4\)"),
        (GREYS[..., 0], ValueError, r"\[n, h, w, 1\].*found shape \(7, 2, 3\)"),
        (np.repeat(GREYS, 3, -1), ValueError, r"found shape \(7, 2, 3, 3\)"),
        (GREYS[0], ValueError, "for a single image"),
        (GREYS[:0], ValueError, r"n >= 1, found shape \(0, 2, 3, 1\)"),
    ],
)
def test_a_grey_model_takes_integers_of_its_levels(x, error, message):
    for function in (log_prob, levels_of):
        with pytest.raises(error, match=message):
            function(Independent(4), x)


def test_the_levels_stay_what_they_are():
    for model, x in [(Independent(2), BITS), (Independent(4), np.uint8(GREYS))]:
        np.testing.assert_array_equal(levels_of(model, x), x)


# --- bits


@pytest.mark.parametrize(("levels", "bits"), [(2, 1), (4, 2), (256, 8)])
def test_a_uniform_model_needs_as_many_bits_as_the_levels_are_written_with(
    levels, bits
):
    model = Independent(levels, scale=0.0)
    x = BITS if levels == 2 else RNG.integers(levels, size=(3, *SIZE, 1))
    nats = -log_prob(model, x).mean()
    found = bits_per_dimension(float(nats), x.shape[1:])
    assert found == pytest.approx(bits, rel=1e-6)


def test_bits_per_dimension_counts_every_number_of_an_image():
    assert bits_per_dimension(784 * math.log(2), (28, 28, 1)) == pytest.approx(1)
    assert bits_per_dimension(8 * 3072 * math.log(2), (32, 32, 3)) == pytest.approx(8)
    assert bits_per_dimension(100.0, (2, 5, 1)) == pytest.approx(10 / math.log(2))
