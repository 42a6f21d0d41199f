import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from linear_gaussian import exact_model, gap, images, log_density

from course_utils.losses import gaussian_nll, vae_loss
from course_utils.metrics import (
    elbo,
    grid_tables,
    importance_bound,
    latent_grid,
    log_marginal,
    log_weights,
    mean_bound,
)
from course_utils.models.vae import VAE, dense_vae
from course_utils.worlds import all_images

KEY = jax.random.key(5)
WRONG = {"shift": 0.3, "stretch": 1.4}  # of q: its gap is 0.65 nats


@pytest.mark.slow
@pytest.mark.parametrize("num_samples", [1, 2, 50])
def test_with_the_exact_posterior_every_sample_gives_the_exact_density(num_samples):
    x = images(9)
    found = importance_bound(exact_model(), x, num_samples, KEY)
    np.testing.assert_allclose(found, log_density(x), rtol=1e-5)
    found = elbo(exact_model(), x, KEY, num_samples)
    np.testing.assert_allclose(found, log_density(x), rtol=1e-5)
    weights = log_weights(exact_model(), jnp.asarray(x), num_samples, KEY)
    assert weights.shape == (num_samples, 9)
    np.testing.assert_allclose(
        weights, np.broadcast_to(log_density(x), weights.shape), rtol=1e-5
    )


@pytest.mark.slow
def test_the_bound_rises_from_the_elbo_to_the_density():
    """The mean of the log-weights would not rise; without - log k it would overtake."""
    x = np.repeat(images(1), 4000, axis=0)
    below = {}
    for k in (1, 4, 32, 1000):
        n = 4000 if k < 100 else 200
        bound = importance_bound(exact_model(**WRONG), x[:n], k, KEY)
        below[k] = np.mean(log_density(x[:1]) - bound)
    assert below[1] == pytest.approx(gap(2, **WRONG), abs=0.06)  # 5 standard errors
    assert below[1] > 1.5 * below[4] > 1.5 * 1.5 * below[32] > 0
    assert abs(below[1000]) < 0.01


def test_the_elbo_stays_a_gap_below_however_many_samples():
    x = images(20)
    found = elbo(exact_model(**WRONG), x, KEY, num_samples=2000)
    difference = log_density(x) - found
    np.testing.assert_allclose(difference, gap(2, **WRONG), atol=0.12)
    assert np.mean(difference) == pytest.approx(gap(2, **WRONG), abs=0.03)


def test_weights_average_to_the_density():
    x = jnp.asarray(images(3))
    weights = log_weights(exact_model(**WRONG), x, 40_000, KEY)
    ratio = np.exp(np.asarray(weights, np.float64) - log_density(x))
    np.testing.assert_allclose(ratio.mean(axis=0), 1, atol=0.05)


def test_the_result_depends_on_the_key_and_not_on_the_chunk():
    model, x = exact_model(**WRONG), images(11)
    whole = importance_bound(model, x, 5000, KEY, chunk=1000)
    parts = importance_bound(model, x, 5000, KEY, chunk=3)
    np.testing.assert_allclose(parts, whole, rtol=1e-6)
    assert whole.shape == (11,) and whole.dtype == np.float32
    one = importance_bound(model, x, 1, KEY)
    other = importance_bound(model, x, 1, jax.random.key(6))
    assert np.all(one != other)


def test_equal_images_have_draws_of_their_own():
    x = np.repeat(images(1), 50, axis=0)
    found = importance_bound(exact_model(**WRONG), x, 1, KEY, chunk=7)
    assert len(set(found.tolist())) == 50


@pytest.mark.slow
def test_memory_does_not_grow_with_the_samples():
    """All draws at once would take 5,000 x 8 x 784 floats, 125 MB, several times."""
    model = dense_vae(20, 16, rngs=nnx.Rngs(0))
    graph, state = nnx.split(model)

    def weights(state, x, key):
        model = nnx.merge(graph, state)
        return log_weights(model, x, 5000, key)

    compiled = jax.jit(weights).lower(state, jnp.zeros((8, 28, 28, 1)), KEY).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 5e6


@pytest.mark.slow
def test_binary_images_may_be_boolean():
    model = dense_vae(3, 8, (2, 2, 1), rngs=nnx.Rngs(1))
    x = np.random.default_rng(0).random((5, 2, 2, 1)) < 0.5
    found = importance_bound(model, x, 10, KEY)
    same = importance_bound(model, x.astype(np.float64), 10, KEY)
    np.testing.assert_array_equal(found, same)
    assert np.all(found < 0)


@pytest.mark.parametrize("measure", ["importance_bound", "elbo"])
@pytest.mark.parametrize(
    ("x", "change", "error", "words"),
    [
        (images(2).astype(np.uint8), {}, TypeError, "found uint8; convert"),
        (images(2).astype(np.int64), {}, TypeError, "binarize"),
        (images(2)[0], {}, ValueError, r"x\[None\] for a single image"),
        (images(2)[:0], {}, ValueError, "n >= 1, found shape"),
        (images(2), {"num_samples": 0}, ValueError, "at least one sample, found 0"),
        (images(2), {"chunk": 0}, ValueError, "at least one image, found 0"),
    ],
)
def test_bad_input_is_refused(measure, x, change, error, words):
    function = {"importance_bound": importance_bound, "elbo": elbo}[measure]
    settings = {"num_samples": 2, "key": KEY} | change
    with pytest.raises(error, match=words):
        function(exact_model(), x, **settings)


class WhitePixels(VAE):
    """A VAE with a likelihood of its own: the model decides, nobody beside it."""

    def nll(self, decoded, x):
        return gaussian_nll((x + 0 * decoded, jnp.zeros(())), x) + 7 * x.sum((1, 2, 3))


@pytest.mark.slow
def test_a_model_s_own_likelihood_is_used_everywhere():
    small = dense_vae(1, 4, (2, 2, 1), rngs=nnx.Rngs(1), kind=WhitePixels)
    x = all_images(2, 2)
    expected = -2 * np.log(2 * np.pi) - 7 * x.sum(axis=(1, 2, 3))
    grid = latent_grid(1)
    for found in (
        importance_bound(small, x, 400, KEY),
        log_marginal(small, x, grid),
        grid_tables(small, x, grid)[0].mean(axis=1),
    ):
        np.testing.assert_allclose(found, expected, atol=0.3)
    loss, metrics = vae_loss(small, {"x": jnp.asarray(x, jnp.float32)}, KEY)
    assert metrics["reconstruction"] == pytest.approx(-expected.mean(), rel=1e-5)
    gap = log_marginal(small, x, grid) - elbo(small, x, KEY, num_samples=4000)
    assert (gap > -0.1).all()


# --- means over many images


def test_the_mean_bound_of_an_exact_posterior_is_the_exact_mean():
    x = images(700)
    mean, error = mean_bound(exact_model(), x, KEY, num_images=50)
    expected = log_density(x)
    assert mean == pytest.approx(expected.mean(), abs=1e-3)
    assert error == pytest.approx(expected.std() / 700**0.5, rel=0.01)


def test_the_mean_bound_adds_what_more_draws_gain():
    """The ELBO alone would be a gap of 0.65 nats below."""
    x = images(4000)
    model = exact_model(**WRONG)
    mean, error = mean_bound(model, x, KEY, 1000, num_images=400)
    assert mean == pytest.approx(log_density(x).mean(), abs=0.15)
    assert error < 0.1


def test_the_error_of_the_mean_bound_knows_that_images_are_shared():
    """Of all images the error is that of the sum, image by image."""
    x = images(300)
    model = exact_model(**WRONG)
    _, error = mean_bound(model, x, KEY, num_samples=200, num_images=300)
    own, gain_key = jax.random.split(KEY)
    gain = importance_bound(model, x, 200, gain_key) - elbo(model, x, gain_key, 50)
    cheap = elbo(model, x, own)
    assert error == pytest.approx((cheap + gain).std() / 300**0.5, rel=1e-4)
    apart = np.hypot(cheap.std(), gain.std()) / 300**0.5
    assert error != pytest.approx(apart, rel=5e-4)


def test_the_elbo_of_a_linear_model_from_the_covariance():
    x = images(500) - images(500).mean(axis=0)
    flat = x.reshape(500, -1)
    model = exact_model(stretch=1.4)
    model.encoder.mean.bias[...] = jnp.zeros(2)
    model.decoder.out.bias[...] = jnp.zeros(6)
    found = model.mean_elbo(jnp.asarray(flat.T @ flat / 500))
    sampled = elbo(model, x, KEY, num_samples=400)
    assert float(found) == pytest.approx(sampled.mean(), abs=0.02)
