import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from linear_gaussian import (
    exact_model,
    gap,
    images,
    log_density,
    posterior_of,
)
from scipy.integrate import quad
from scipy.stats import norm

from course_utils.metrics import (
    elbo,
    grid_elbo,
    grid_tables,
    latent_grid,
    log_marginal,
    posterior_gap,
    posterior_on_grid,
)
from course_utils.models.vae import dense_vae
from course_utils.worlds import all_images

GRIDS = {1: latent_grid(1), 2: latent_grid(2, num=81)}
WRONG = {"shift": 0.3, "stretch": 1.4}


def random_vae(num_latents, scale=1.0):
    """Return a VAE of 3x3 images with weights of order one: no accident of scales."""
    model = dense_vae(num_latents, 4, (3, 3, 1), rngs=nnx.Rngs(2))
    graph, state = nnx.split(model)
    rng = np.random.default_rng(8)
    state = jax.tree.map(
        lambda a: jnp.asarray(scale * rng.normal(size=a.shape), jnp.float32), state
    )
    model = nnx.merge(graph, state)
    out = model.encoder.out  # q within reach of the grid: means +-2, std .5 to 2
    out.kernel = nnx.Param(0.02 * out.kernel[...])
    return model


# --- the grid


@pytest.mark.parametrize("num_latents", [1, 2])
def test_the_grid_carries_the_prior(num_latents):
    grid = latent_grid(num_latents, num=101)
    assert grid.z.shape == (101**num_latents, num_latents)
    mass = np.exp(np.asarray(grid.log_prior, np.float64))
    assert mass.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(mass @ grid.z, 0, atol=1e-5)
    np.testing.assert_allclose(
        (mass[:, None] * grid.z).T @ grid.z, np.eye(num_latents), atol=1e-5
    )
    assert (grid.z.min(), grid.z.max()) == (-8, 8)
    assert grid.width == pytest.approx(0.16)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((3,), "1 or 2 latents, found 3.*use importance_bound"),
        ((0,), "1 or 2 latents, found 0"),
        ((1, 1), "at least 2 points"),
        ((1, 5, 0.0), "limit > 0"),
        ((2, 2), "prior mass of .*e-2., not 1; take more points"),
        ((1, 101, 1.0), "prior mass of 0.68.*a larger limit"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        latent_grid(*arguments)


# --- the likelihood


@pytest.mark.parametrize("num_latents", [1, 2])
def test_the_density_of_a_linear_model(num_latents):
    x = images(70)  # more than one chunk
    found = log_marginal(exact_model(num_latents), x, GRIDS[num_latents])
    np.testing.assert_allclose(found, log_density(x, num_latents), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("num_latents", [1, 2])
def test_probabilities_of_all_images_sum_to_one(num_latents):
    world = all_images(3, 3)
    found = log_marginal(random_vae(num_latents), world, GRIDS[num_latents])
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-3)
    assert np.exp(found).max() < 0.9  # no point mass


@pytest.mark.slow
def test_a_bernoulli_decoder_agrees_with_adaptive_quadrature():
    model, world = random_vae(1), all_images(3, 3)[[0, 7, 100, 511]]
    flat = world.reshape(4, -1)

    def likelihood(z, i):
        p = jax.nn.sigmoid(model.decode(jnp.full((1, 1), z, jnp.float32)).ravel())
        return np.prod(np.where(flat[i], p, 1 - p)) * norm.pdf(z)

    expected = [
        quad(likelihood, -8, 8, (i,), epsabs=1e-7, limit=40)[0] for i in range(4)
    ]
    found = np.exp(log_marginal(model, world, GRIDS[1]))
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("num_latents", [1, 2])
def test_the_grid_is_fine_enough(num_latents):
    world, model = all_images(3, 3)[::8], random_vae(num_latents)
    coarse, fine = (
        log_marginal(model, world, latent_grid(num_latents, num)) for num in (101, 201)
    )
    np.testing.assert_allclose(coarse, fine, atol=1e-2)
    if num_latents == 1:
        finest = log_marginal(model, world, latent_grid(1, 1001))
        np.testing.assert_allclose(fine, finest, atol=2e-3)


# --- the posterior


@pytest.mark.parametrize("num_latents", [1, 2])
def test_the_posterior_of_a_linear_model(num_latents):
    x, grid = images(5), GRIDS[num_latents]
    mass = posterior_on_grid(exact_model(num_latents), x, grid)
    assert mass.shape == (5, len(grid.z))
    np.testing.assert_allclose(mass.sum(axis=1), 1, atol=1e-5)
    factor, logvar = posterior_of(num_latents)
    flat = x.reshape(5, -1) - exact_model().decoder.out.bias[...]
    np.testing.assert_allclose(mass @ grid.z, flat @ factor, atol=1e-4)
    variance = mass @ grid.z**2 - (mass @ grid.z) ** 2
    expected = np.broadcast_to(np.exp(logvar), variance.shape)
    np.testing.assert_allclose(variance, expected, atol=1e-3)


@pytest.mark.parametrize("num_latents", [1, 2])
def test_the_gap_of_a_linear_model(num_latents):
    """KL(p || q) would be another number: q is wider and moved."""
    x, grid = images(5), GRIDS[num_latents]
    found = posterior_gap(exact_model(num_latents), x, grid)
    np.testing.assert_allclose(found, 0, atol=1e-4)
    wrong = exact_model(num_latents, **WRONG)
    found = posterior_gap(wrong, x, grid)
    np.testing.assert_allclose(found, gap(num_latents, **WRONG), atol=1e-3)
    bound = grid_elbo(wrong, x, grid)
    exact = log_density(x, num_latents) - gap(num_latents, **WRONG)
    np.testing.assert_allclose(bound, exact, atol=1e-3)


@pytest.mark.parametrize("num_latents", [1, 2])
def test_density_minus_elbo_is_the_gap(num_latents):
    world, model, grid = all_images(3, 3), random_vae(num_latents), GRIDS[num_latents]
    below = log_marginal(model, world, grid) - grid_elbo(model, world, grid)
    found = posterior_gap(model, world, grid)
    np.testing.assert_allclose(found, below, atol=1e-3)
    assert found.min() > 0.01 and found.std() > 0.1  # the images differ


def test_the_elbo_of_the_grid_is_the_mean_of_the_sampled_one():
    world, model = all_images(3, 3)[::64], random_vae(1)
    exact = grid_elbo(model, world, GRIDS[1])
    sampled = elbo(model, world, jax.random.key(0), 20_000)
    np.testing.assert_allclose(sampled, exact, atol=0.2)
    assert np.mean(sampled - exact) == pytest.approx(0, abs=0.05)


# --- bad input


@pytest.mark.parametrize("measure", [posterior_gap, grid_elbo])
def test_a_q_that_the_grid_cannot_hold_is_refused(measure):
    x = images(3)
    narrow = exact_model(1, stretch=0.1)  # a standard deviation of 0.038
    with pytest.raises(ValueError, match="take a finer grid: num=") as error:
        measure(narrow, x, GRIDS[1])
    num = int(str(error.value).split("num=")[1])
    fine = latent_grid(1, num)
    np.testing.assert_allclose(
        posterior_gap(narrow, x, fine), gap(1, 0.0, 0.1), atol=1e-3
    )
    with pytest.raises(ValueError, match="take a larger limit"):
        measure(exact_model(1, shift=7.0), x, GRIDS[1])
    with pytest.raises(ValueError, match="take a larger limit"):
        measure(exact_model(1, shift=-7.0), x, GRIDS[1])


@pytest.mark.parametrize(
    "measure", [log_marginal, posterior_on_grid, posterior_gap, grid_elbo]
)
def test_images_of_another_kind_are_refused(measure):
    with pytest.raises(TypeError, match="found uint8"):
        measure(exact_model(1), images(2).astype(np.uint8), GRIDS[1])
    with pytest.raises(ValueError, match=r"\[n, h, w, c\]"):
        measure(exact_model(1), images(2)[0], GRIDS[1])


# --- the tables


@pytest.mark.parametrize("num_latents", [1, 2])
def test_the_tables_are_what_the_integrals_are_made_of(num_latents):
    model, grid = random_vae(num_latents), GRIDS[num_latents]
    x = all_images(3, 3)[::37]
    log_likelihood, log_q = grid_tables(model, x, grid)
    total = np.logaddexp.reduce(log_likelihood + np.asarray(grid.log_prior), axis=1)
    expected = log_marginal(model, x, grid)
    np.testing.assert_allclose(total, expected, atol=1e-4)
    q = np.exp(log_q)
    np.testing.assert_allclose(q.sum(axis=1), 1, atol=1e-4)
    kl = np.sum(q * (log_q - np.asarray(grid.log_prior)), axis=1)
    bound = np.sum(q * log_likelihood, axis=1) - kl
    expected = grid_elbo(model, x, grid)
    np.testing.assert_allclose(bound, expected, atol=1e-3)


def test_the_tables_refuse_a_grid_that_is_too_coarse():
    with pytest.raises(ValueError, match="finer grid"):
        grid_tables(random_vae(1), all_images(3, 3), latent_grid(1, 12))
