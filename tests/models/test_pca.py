import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from course_utils.models.pca import (
    PCA,
    fit_pca,
    pca_decode,
    pca_encode,
    ppca_log_density,
)

RNG = np.random.default_rng(11)
MIXING = RNG.normal(size=(12, 12)) * np.linspace(2, 0.3, 12)[:, None]
X = (RNG.normal(size=(500, 12)) @ MIXING + np.arange(12)).reshape(500, 2, 3, 2)
FLAT = X.reshape(500, 12)


@pytest.mark.parametrize("k", [1, 4, 11])
def test_components_are_those_of_the_singular_value_decomposition(k):
    pca = fit_pca(X, k)
    _, lengths, directions = np.linalg.svd(FLAT - FLAT.mean(axis=0))
    variances = lengths**2 / 500
    np.testing.assert_allclose(pca.mean, FLAT.mean(axis=0))
    np.testing.assert_allclose(pca.variances, variances[:k])
    np.testing.assert_allclose(pca.noise_variance, variances[k:].mean())
    np.testing.assert_allclose(
        np.abs(directions[:k] @ pca.components), np.eye(k), atol=1e-9
    )
    largest = np.abs(pca.components).argmax(axis=0)
    assert np.all(pca.components[largest, np.arange(k)] > 0)
    assert pca.shape == (2, 3, 2)


def test_covariances_of_several_chunks_add_up():
    many = np.tile(X, (25, 1, 1, 1))  # 12,500 images: three chunks
    once, often = fit_pca(X, 3), fit_pca(many, 3)
    np.testing.assert_allclose(often.variances, once.variances)
    np.testing.assert_allclose(often.components, once.components, atol=1e-9)


def test_codes_are_uncorrelated_and_of_the_stated_variances():
    pca = fit_pca(X, 5)
    z = pca_encode(pca, X)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(z.T @ z / 500, np.diag(pca.variances), atol=1e-8)


def test_the_error_on_the_training_set_is_the_sum_of_the_variances_left_out():
    for k in (0, 2, 7):
        pca = fit_pca(X, k)
        x_hat = pca_decode(pca, pca_encode(pca, X))
        assert x_hat.shape == X.shape
        left_out = (12 - k) * pca.noise_variance
        assert np.sum((x_hat - X) ** 2) / 500 == pytest.approx(left_out)


def test_no_other_projection_of_that_size_is_better():
    pca = fit_pca(X, 3)
    best = np.sum((pca_decode(pca, pca_encode(pca, X)) - X) ** 2)
    for seed in range(5):
        noise = np.random.default_rng(seed).normal(size=(12, 3))
        other = np.linalg.qr(pca.components + 0.1 * noise)[0]
        moved = pca._replace(components=other)
        assert np.sum((pca_decode(moved, pca_encode(moved, X)) - X) ** 2) > best


@pytest.mark.parametrize("k", [0, 1, 4, 11])
def test_the_density_of_all_pixels(k):
    pca = fit_pca(X, k)
    extra = pca.variances - pca.noise_variance
    covariance = pca.components * extra @ pca.components.T
    covariance += pca.noise_variance * np.eye(12)
    new = 1.5 * RNG.normal(size=(40, 2, 3, 2)) + 3  # not the training set
    expected = multivariate_normal(pca.mean, covariance).logpdf(new.reshape(40, 12))
    np.testing.assert_allclose(ppca_log_density(pca, new), expected)


def test_no_other_noise_variance_explains_the_training_set_better():
    pca = fit_pca(X, 4)
    best = ppca_log_density(pca, X).mean()
    for factor in (0.9, 1.1):
        worse = pca._replace(noise_variance=factor * pca.noise_variance)
        assert ppca_log_density(worse, X).mean() < best
        worse = pca._replace(variances=factor * pca.variances)
        assert ppca_log_density(worse, X).mean() < best


def test_float32_and_jax_arrays_are_computed_in_float64():
    pca = fit_pca(jnp.asarray(X, jnp.float32), 3)
    assert pca.components.dtype == np.float64
    np.testing.assert_allclose(pca.variances, fit_pca(X, 3).variances, rtol=1e-5)
    assert pca_encode(pca, jnp.asarray(X, jnp.float32)).dtype == np.float64


@pytest.mark.parametrize(
    ("x", "k", "error", "words"),
    [
        (X.astype(np.uint8), 2, TypeError, r"to_unit\(images\)"),
        (X > 0, 2, TypeError, r"images.astype\(float\)"),
        (FLAT, 2, ValueError, r"\[n, h, w, c\], found shape \(500, 12\)"),
        (X, 12, ValueError, "0 to 11 components, found 500 and 12"),
        (X, -1, ValueError, "found 500 and -1"),
        (X[:1], 0, ValueError, "at least 2 images"),
        (X[:0], 0, ValueError, r"expected images \[n, h, w, c\]"),
    ],
)
def test_what_cannot_be_fitted_is_refused(x, k, error, words):
    with pytest.raises(error, match=words):
        fit_pca(x, k)


def test_images_of_another_shape_have_no_density():
    with pytest.raises(ValueError, match=r"shape \(2, 3, 2\), found \(3, 2, 2\)"):
        ppca_log_density(fit_pca(X, 2), X.reshape(500, 3, 2, 2))
    with pytest.raises(TypeError, match="found uint8"):
        ppca_log_density(fit_pca(X, 2), X.astype(np.uint8))


def test_images_that_lie_in_the_subspace_have_no_density():
    plane = fit_pca(X, 3)
    flat = pca_decode(plane, pca_encode(plane, X))
    assert ppca_log_density(fit_pca(flat, 2), X).shape == (500,)
    for pca in (fit_pca(flat, 3), PCA(*fit_pca(np.ones((9, 2, 3, 2)), 0))):
        with pytest.raises(ValueError, match="noise variance > 0.*fewer components"):
            ppca_log_density(pca, X)
