from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, log_softmax
from scipy.stats import bernoulli, logistic, norm

from course_utils.losses import (
    bernoulli_nll,
    categorical_nll,
    classification_loss,
    gaussian_kl,
    gaussian_nll,
    kl_per_latent,
    labelled_nll_loss,
    logistic_mixture_log_probs,
    logistic_mixture_nll,
    nll_loss,
    reconstruction_loss,
    squared_error,
    sum_pixels,
    vae_loss,
)

RNG = np.random.default_rng(6)
KEY = jax.random.key(0)
LOGITS = RNG.normal(size=(5, 2, 3, 1)) * 3
BINARY = (RNG.random((5, 2, 3, 1)) < 0.4).astype(np.float32)
GREY = RNG.random((5, 2, 3, 1))
MEAN, LOGVAR = RNG.normal(size=(5, 4)), RNG.normal(size=(5, 4))
LEVELS = RNG.integers(4, size=(5, 2, 3, 1))
LEVEL_LOGITS = np.float32(RNG.normal(size=(5, 2, 3, 4)) * 3)


# --- terms


def test_pixels_and_channels_are_summed_and_images_are_not():
    x = np.arange(24.0).reshape(2, 2, 2, 3)
    np.testing.assert_array_equal(sum_pixels(x), [66, 210])
    np.testing.assert_array_equal(squared_error(x, x + 2), [48, 48])


def test_terms_refuse_shapes_that_would_be_broadcast():
    x = np.ones((5, 2, 3, 1), np.float32)
    for term in (squared_error, bernoulli_nll):
        for other in (x[..., 0], x[:1], x[:, :1], x.reshape(5, 6)):
            with pytest.raises(ValueError, match="of one shape"):
                term(x, other)
            with pytest.raises(ValueError, match="of one shape"):
                jax.jit(term)(other, x)


def test_bytes_have_no_squared_error():
    a, b = np.array([[250, 3]], np.uint8), np.array([[3, 250]], np.uint8)
    for x in (a, a.astype(np.int32), jnp.asarray(a)):
        with pytest.raises(TypeError, match="to_unit"):
            squared_error(x, b.astype(x.dtype))
    assert squared_error(a.astype(float), b)[0] == 2 * 247**2


def test_bernoulli_nll_agrees_with_scipy():
    expected = -bernoulli(expit(LOGITS)).logpmf(BINARY).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(bernoulli_nll(LOGITS, BINARY), expected, rtol=1e-5)


def test_bernoulli_nll_is_finite_where_a_logarithm_of_a_sigmoid_is_not():
    logits = np.array([[200.0], [200.0], [-200.0]], np.float32)
    found = bernoulli_nll(logits, np.array([[0.0], [1.0], [0.0]], np.float32))
    np.testing.assert_allclose(found, [200, 0, 0], atol=1e-5)
    slope = jax.grad(lambda a: bernoulli_nll(a, jnp.zeros((3, 1))).sum())(logits)
    np.testing.assert_allclose(slope, [[1], [1], [0]], atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_categorical_nll_agrees_with_scipy(dtype):
    log_p = log_softmax(np.float64(LEVEL_LOGITS), axis=-1)
    expected = -np.take_along_axis(log_p, LEVELS, axis=-1).sum(axis=(1, 2, 3))
    found = categorical_nll(LEVEL_LOGITS, LEVELS.astype(dtype))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_two_levels_are_a_bernoulli_whose_log_odds_are_the_difference():
    two = np.float32(np.concatenate([LOGITS, 3 * LOGITS[::-1]], axis=-1))
    np.testing.assert_allclose(
        categorical_nll(two, np.int32(BINARY)),
        bernoulli_nll(two[..., 1:] - two[..., :1], BINARY),
        rtol=1e-5,
    )


def test_categorical_nll_is_finite_where_a_logarithm_of_a_softmax_is_not():
    logits = np.zeros((3, 1, 1, 3), np.float32)
    logits[..., 1] = 200
    levels = np.arange(3).reshape(3, 1, 1, 1)
    np.testing.assert_allclose(categorical_nll(logits, levels), [200, 0, 200])
    slope = jax.grad(lambda a: categorical_nll(a, levels).sum())(logits)
    expected = [[-1, 1, 0], [0, 0, 0], [0, 1, -1]]
    np.testing.assert_allclose(slope[:, 0, 0], expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, bool])
def test_grey_levels_are_integers(dtype):
    with pytest.raises(TypeError, match=r"from 0 to 3, found .*quantize\(images"):
        categorical_nll(LEVEL_LOGITS, LEVELS.astype(dtype))


def test_categorical_nll_refuses_shapes_that_would_be_broadcast():
    short = (LEVELS[..., 0], LEVELS[:1], LEVELS[:, :1], np.repeat(LEVELS, 4, axis=-1))
    for levels in short:
        with pytest.raises(ValueError, match="of one shape"):
            categorical_nll(LEVEL_LOGITS, levels)


def mixtures(num=500, m=3, seed=0):
    """Return outputs [num, 3 m]: log-weights, means, log-scales of order 1."""
    rng = np.random.default_rng(seed)
    return np.float32(rng.normal(size=(num, 3 * m)) + np.repeat([0, 0, -2], m))


def extreme_mixtures():
    """Return mixtures of two, far out, far too narrow or far too wide."""
    means, log_scales = (-50, -1, 0.03, 1, 50), (-20, -6, 0, 10)
    one = np.array(np.meshgrid((-30, 0, 30), means, log_scales)).reshape(3, -1).T
    other = np.random.default_rng(1).permutation(one)
    return np.float32(np.stack([one, other], axis=-1).reshape(len(one), -1))


@pytest.mark.parametrize("levels", [2, 4, 16, 256])
def test_the_levels_of_a_mixture_sum_to_one(levels):
    for outputs, atol in ((mixtures(), 2e-6), (extreme_mixtures(), 5e-5)):
        log_p = np.float64(logistic_mixture_log_probs(outputs, levels))
        assert log_p.shape == (len(outputs), levels)
        np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, atol=atol)


def mixture_by_scipy(outputs, levels):
    """Return p of every level: differences of the distribution function, in float64.

    Of the upper tail beyond the mean, where the function itself is 1.
    """
    weights, mean, log_scale = np.split(np.float64(outputs)[:, None], 3, axis=-1)
    weights = np.exp(log_softmax(weights, axis=-1))
    edges = (2 * np.arange(1, levels) - 1) / (levels - 1) - 1
    edges = np.concatenate([[-np.inf], edges, [np.inf]])[:, None]
    normal = logistic(mean, np.exp(np.maximum(log_scale, -7)))
    below, above = normal.cdf(edges), normal.sf(edges)
    lower = edges[:-1] + edges[1:] < 2 * mean
    mass = np.where(lower, np.diff(below, axis=1), -np.diff(above, axis=1))
    return (weights * mass).sum(axis=-1)


@pytest.mark.parametrize("levels", [2, 4, 16, 256])
def test_a_mixture_agrees_with_scipy(levels):
    for outputs, atol in ((mixtures(), 1e-4), (extreme_mixtures(), 1e-2)):
        found = np.asarray(logistic_mixture_log_probs(outputs, levels))
        expected = mixture_by_scipy(outputs, levels)
        accurate = expected > 1e-30
        assert accurate.any(axis=1).all()
        expected = np.log(expected[accurate])
        np.testing.assert_allclose(found[accurate], expected, rtol=1e-5, atol=atol)


def test_a_narrow_component_is_its_level_and_outer_ones_are_the_border_s():
    means = np.array([-50, -1, -0.4, 0.3, 1, 50])
    outputs = np.stack([0 * means, means, -20 + 0 * means], axis=1)
    found = np.exp(logistic_mixture_log_probs(np.float32(outputs), 4))
    np.testing.assert_allclose(found, np.eye(4)[[0, 0, 1, 2, 3, 3]], atol=1e-6)


def test_a_level_far_out_is_improbable_and_not_impossible():
    """Where differences of the distribution function are 0, its tail is exp(-t)."""
    outputs = np.float32([[0, 0, -6]])
    found = logistic_mixture_log_probs(outputs, 16)[0]
    edges = (2 * np.arange(8, 16) - 1) / 15 - 1
    np.testing.assert_allclose(found[9:], -edges[1:] * np.exp(6), rtol=1e-3)
    np.testing.assert_allclose(found[::-1], found, rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
@pytest.mark.parametrize("levels", [4, 256])
def test_the_nll_of_a_mixture_is_that_of_the_levels_that_are_there(levels, dtype):
    outputs = mixtures(30).reshape(5, 2, 3, 9)
    x = np.random.default_rng(3).integers(levels, size=(5, 2, 3, 1))
    log_p = np.float64(logistic_mixture_log_probs(outputs, levels))
    expected = -np.take_along_axis(log_p, x, axis=-1).sum(axis=(1, 2, 3))
    for kind in (np.asarray, jnp.asarray):
        found = logistic_mixture_nll(outputs, kind(x.astype(dtype)), levels)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("levels", [2, 16, 256])
def test_a_mixture_has_a_finite_gradient_wherever_it_is(levels):
    outputs = np.concatenate([extreme_mixtures(), mixtures(20, 2)])

    def nats(outputs):
        return logistic_mixture_log_probs(outputs, levels)

    assert np.isfinite(nats(outputs)).all()
    for cotangent in np.eye(levels, dtype=np.float32)[[0, levels // 2, levels - 1]]:
        slope = jax.grad(lambda outputs, c=cotangent: (nats(outputs) @ c).sum())
        assert np.isfinite(slope(outputs)).all()


def test_gaussian_nll_agrees_with_scipy():
    for logvar in (np.float32(-1.3), RNG.normal(size=GREY.shape)):
        density = norm(LOGITS, np.exp(0.5 * logvar)).logpdf(GREY)
        found = gaussian_nll((LOGITS, logvar), GREY)
        np.testing.assert_allclose(found, -density.sum(axis=(1, 2, 3)), rtol=1e-5)


def test_a_density_can_exceed_one():
    assert gaussian_nll((GREY, np.float32(-12)), GREY).max() < 0


def test_the_kl_is_zero_at_the_prior_only():
    np.testing.assert_array_equal(gaussian_kl(np.zeros((2, 3)), np.zeros((2, 3))), 0)
    assert np.all(np.asarray(kl_per_latent(MEAN, LOGVAR)) > 0)


def test_the_kl_agrees_with_monte_carlo():
    """Off the symmetric points: neither direction nor sign of logvar can be wrong."""
    q, prior = norm(MEAN, np.exp(0.5 * LOGVAR)), norm(0, 1)
    z = q.rvs((40_000, *MEAN.shape), random_state=RNG)
    ratios = q.logpdf(z) - prior.logpdf(z)
    error = ratios.std(axis=0) / 200
    off = np.abs(ratios.mean(axis=0) - kl_per_latent(MEAN, LOGVAR))
    assert np.all(off < 5 * error)
    np.testing.assert_allclose(
        gaussian_kl(MEAN, LOGVAR), kl_per_latent(MEAN, LOGVAR).sum(axis=1), rtol=1e-5
    )


# --- objectives


class AVAE:
    """Fixed outputs: one latent far from the prior, one at it."""

    def __init__(self, nll=bernoulli_nll, mean=((2.0, 0.0), (1.0, 0.0), (3.0, 0.0))):
        self.nll = nll
        self.mean = jnp.array(mean)

    def __call__(self, x, key):
        zeros = jnp.zeros((3, 2))
        return SimpleNamespace(decoded=0.5 + 0 * x, mean=self.mean, logvar=zeros)


X = jnp.asarray(BINARY[:3])
NLL = float(np.mean(bernoulli_nll(np.full(X.shape, 0.5), X)))
KL = 0.5 * (4 + 1 + 9) / 3


def test_the_vae_loss_is_the_batch_mean_of_the_negative_elbo():
    loss, metrics = vae_loss(AVAE(), {"x": X}, KEY)
    assert loss == pytest.approx(NLL + KL)
    assert metrics["reconstruction"] == pytest.approx(NLL)
    assert metrics["kl"] == pytest.approx(KL)


def test_beta_weighs_the_kl_alone_and_is_not_in_the_metrics():
    loss, metrics = vae_loss(AVAE(), {"x": X}, KEY, beta=4.0)
    assert loss == pytest.approx(NLL + 4 * KL)
    assert metrics["kl"] == pytest.approx(KL)


def test_free_bits_are_given_to_each_latent_on_average_over_the_batch():
    """Per image, max(.5, .5 m^2) would change; summed first, nothing would."""
    loss, metrics = vae_loss(AVAE(), {"x": X}, KEY, free_bits=0.8)
    assert loss == pytest.approx(NLL + KL + 0.8)  # only the unused latent is raised
    assert metrics["kl"] == pytest.approx(KL)
    loss, _ = vae_loss(AVAE(), {"x": X}, KEY, beta=2.0, free_bits=3.0)
    assert loss == pytest.approx(NLL + 2 * 6)


def test_free_bits_leave_an_unused_latent_alone():
    def loss(mean):
        return vae_loss(AVAE(mean=mean), {"x": X}, KEY, free_bits=0.8)[0]

    slope = jax.grad(loss)(jnp.array([[2.0, 0.1], [1.0, 0.1], [3.0, 0.1]]))
    np.testing.assert_array_equal(slope[:, 1], 0)
    np.testing.assert_allclose(slope[:, 0], np.array([2, 1, 3]) / 3, rtol=1e-5)


def test_the_nll_is_the_model_s_own():
    model = AVAE(nll=lambda decoded, x: gaussian_nll((decoded, 0.3), x))
    loss, _ = vae_loss(model, {"x": X}, KEY)
    nll = gaussian_nll((np.full(X.shape, 0.5), 0.3), X).mean()
    assert loss == pytest.approx(float(nll) + KL, rel=1e-5)


def test_the_nll_loss_is_the_batch_mean_of_the_model_s_own_nll():
    model = SimpleNamespace(nll=lambda x: 2 * sum_pixels(x))
    loss, metrics = nll_loss(model, {"x": X}, None)
    assert loss == pytest.approx(2 * X.sum() / 3)
    assert metrics == {}


def test_the_labelled_nll_loss_hands_the_model_the_labels():
    model = SimpleNamespace(nll=lambda x, label: label * sum_pixels(x))
    batch = {"x": X, "label": jnp.array([1, 0, 3])}
    loss, metrics = labelled_nll_loss(model, batch, None)
    assert loss == pytest.approx(float(X[0].sum() + 3 * X[2].sum()) / 3)
    assert metrics == {}


def test_reconstruction_is_summed_over_pixels_and_mse_is_their_mean():
    def model(x):
        return SimpleNamespace(x_hat=x + 0.5)

    loss, metrics = reconstruction_loss(model, {"x": X}, KEY)
    assert loss == pytest.approx(6 * 0.25)
    assert metrics["mse"] == pytest.approx(0.25)


def test_a_denoiser_is_asked_for_the_clean_image():
    def model(x):
        return SimpleNamespace(x_hat=x)

    batch = {"x": X + 2.0, "target": X}
    loss, metrics = reconstruction_loss(model, batch, KEY)
    assert (loss, metrics["mse"]) == (pytest.approx(24), pytest.approx(4))


def test_classification_is_the_cross_entropy_of_the_right_class():
    logits = jnp.asarray(RNG.normal(size=(4, 3)), jnp.float32)
    labels = jnp.array([2, 0, 1, 1])
    loss, metrics = classification_loss(
        lambda x: logits, {"x": X, "label": labels}, KEY
    )
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert loss == pytest.approx(-np.log(p[np.arange(4), labels]).mean(), rel=1e-5)
    assert metrics["accuracy"] == np.mean(p.argmax(axis=1) == labels)


@pytest.mark.slow
def test_the_gradient_of_the_sampled_loss_is_the_gradient_of_the_elbo():
    """A linear decoder and Gaussian pixels: E_q[-log p(x|z)] is known exactly."""
    x = jnp.array([[0.7, -0.4]])
    w = jnp.array([[1.1, 0.3], [-0.2, 0.8]])
    start = {"mean": jnp.array([[0.4, -0.9]]), "logvar": jnp.array([[-0.5, 0.2]])}

    def sampled(q, key):
        class Linear:
            nll = staticmethod(gaussian_nll)

            def __call__(self, x, key):
                noise = jax.random.normal(key, (1, 2))
                z = q["mean"] + jnp.exp(0.5 * q["logvar"]) * noise
                return SimpleNamespace(decoded=(z @ w, jnp.zeros(())), **q)

        return vae_loss(Linear(), {"x": x}, key)[0]

    def exact(q):
        spread = jnp.sum((w**2).sum(axis=1) * jnp.exp(q["logvar"][0]))
        squares = jnp.sum((x - q["mean"] @ w) ** 2) + spread
        return 0.5 * squares + gaussian_kl(q["mean"], q["logvar"])[0]

    keys = jax.random.split(KEY, 50_000)
    slopes = jax.vmap(jax.grad(sampled), (None, 0))(start, keys)
    found = jax.tree.map(lambda a: a.mean(axis=0), slopes)
    for name, slope in jax.grad(exact)(start).items():
        np.testing.assert_allclose(found[name], slope, atol=0.03)
