"""Exact likelihoods of models with one or two latents: sums over a grid of z.

The model has `encode(x) -> (mean, logvar)` of q(z | x), `decode(z)`, and `nll(decoded,
x) -> [b]`, which is -log p(x | z) in nats per image; the prior is N(0, I).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Float32, Shaped

from course_utils.losses import gaussian_kl
from course_utils.metrics.chunks import checked_images, in_chunks
from course_utils.models.protocols import LatentVariableModel

IMAGES, POINTS = 64, 128  # at a time: their products with all pixels fit the memory

Images = Shaped[Array | np.ndarray, "n h w c"]


class LatentGrid(NamedTuple):
    """The points of a square grid of z, one for each of its cells.

    Attributes:
        z: the points.
        log_prior: log of N(z; 0, I) times the cell's volume; the sum of exp is 1.
        width: of a cell along each axis.
    """

    z: Float32[Array, "g d"]
    log_prior: Float32[Array, " g"]
    width: float


def latent_grid(num_latents: int, num: int = 201, limit: float = 8.0) -> LatentGrid:
    """Return a grid of num**num_latents points from -limit to limit along each axis.

    For smooth functions the sum over such a grid converges faster than any power of
    the width. A decoder with corners (relu) makes the error proportional to width**2:
    see whether twice the points change the result.

    Args:
        num_latents: 1 or 2.
        num: points along each axis.
        limit: standard deviations of the prior; 8 leave out 1e-15 of its mass.

    Raises:
        ValueError: there are more latents, the grid has no two points or no width, or
            it is so coarse or so small that the prior's mass on it is not 1.
    """
    if num_latents not in (1, 2):
        raise ValueError(
            f"expected 1 or 2 latents, found {num_latents}: a grid over more has too "
            "many points; use importance_bound"
        )
    if num < 2 or not limit > 0:
        raise ValueError(
            f"expected at least 2 points and limit > 0, found {num} and {limit}"
        )
    axis = np.linspace(-limit, limit, num)
    axes = np.meshgrid(*[axis] * num_latents, indexing="ij")
    z = np.stack([coordinate.ravel() for coordinate in axes], axis=1)
    width = float(axis[1] - axis[0])
    log_density = -0.5 * np.sum(z**2 + np.log(2 * np.pi), axis=1)
    log_prior = log_density + num_latents * np.log(width)
    total = np.exp(log_prior).sum()
    if abs(total - 1) > 1e-3:
        raise ValueError(
            f"the cells of {num} points from {-limit} to {limit} hold a prior mass of "
            f"{total:.3g}, not 1; take more points or a larger limit"
        )
    return LatentGrid(
        jnp.asarray(z, jnp.float32), jnp.asarray(log_prior, jnp.float32), width
    )


def log_marginal(
    model: LatentVariableModel, x: Images, grid: LatentGrid
) -> Float32[np.ndarray, " n"]:
    """Return log p(x) = log sum_g p(z_g) p(x | z_g) in nats per image.

    Args:
        model: has `decode` and `nll`.
        x: boolean or float images, as the model was trained on.
        grid: over as many latents as the model has.

    Raises:
        TypeError: the images are integers.
        ValueError: images of another shape.
    """
    return _per_image(_log_marginal, model, x, grid)


def posterior_on_grid(
    model: LatentVariableModel, x: Images, grid: LatentGrid
) -> Float32[np.ndarray, "n g"]:
    """Return p(z | x) for each image: the masses of the grid's cells, which sum to 1.

    Arguments and errors as in `log_marginal`.
    """
    return _per_image(_posterior, model, x, grid)


def grid_tables(
    model: LatentVariableModel, x: Images, grid: LatentGrid
) -> tuple[Float32[np.ndarray, "n g"], Float32[np.ndarray, "n g"]]:
    """Return log p(x | z_g) and the log of q(z | x)'s mass in each cell, in nats.

    With `grid.log_prior` they are all that integrals over z are made of. Arguments and
    errors as in `grid_elbo`.
    """
    _check_grid(model, x, grid)
    log_q = _log_q(*_encode(model, checked_images(x)), grid)
    return _per_image(_likelihood, model, x, grid), np.asarray(log_q)


def grid_elbo(
    model: LatentVariableModel, x: Images, grid: LatentGrid
) -> Float32[np.ndarray, " n"]:
    """Return the ELBO without sampling noise, in nats per image.

    sum_g q(z_g | x) log p(x | z_g) - KL(q(z | x) || p(z)), the KL in closed form.

    Args:
        model: has `encode`, `decode` and `nll`.
        x: boolean or float images, as the model was trained on.
        grid: over as many latents as the model has.

    Raises:
        TypeError: the images are integers.
        ValueError: images of another shape, or a q(z | x) that the grid cannot hold:
            narrower than a cell, or beyond the limit.
    """
    _check_grid(model, x, grid)
    return _per_image(_elbo, model, x, grid)


def posterior_gap(
    model: LatentVariableModel, x: Images, grid: LatentGrid
) -> Float32[np.ndarray, " n"]:
    """Return KL(q(z | x) || p(z | x)) in nats per image: log p(x) minus the ELBO.

    Arguments and errors as in `grid_elbo`.
    """
    _check_grid(model, x, grid)
    return _per_image(_gap, model, x, grid)


def _per_image(function, model, x, grid):
    def of_chunk(x):
        return function(model, x, grid)

    return in_chunks(of_chunk, IMAGES, checked_images(x))


def _log_likelihood(model, x, grid) -> Float[Array, "b g"]:
    """Return log p(x | z) of every image at every point."""

    def at(z):
        decoded = model.decode(z[None])
        return -jax.vmap(lambda image: model.nll(decoded, image[None])[0])(x)

    return jax.lax.map(at, grid.z, batch_size=POINTS).T


@nnx.jit
def _likelihood(model, x, grid):
    return _log_likelihood(model, x, grid)


@nnx.jit
def _log_marginal(model, x, grid):
    log_joint = _log_likelihood(model, x, grid) + grid.log_prior[None]
    return jax.nn.logsumexp(log_joint, axis=1)


@nnx.jit
def _posterior(model, x, grid):
    log_joint = _log_likelihood(model, x, grid) + grid.log_prior[None]
    return jax.nn.softmax(log_joint, axis=1)


@nnx.jit
def _elbo(model, x, grid):
    mean, logvar = model.encode(x)
    q = jnp.exp(_log_q(mean, logvar, grid))
    return jnp.sum(q * _log_likelihood(model, x, grid), axis=1) - gaussian_kl(
        mean, logvar
    )


@nnx.jit
def _gap(model, x, grid):
    log_q = _log_q(*model.encode(x), grid)
    log_joint = _log_likelihood(model, x, grid) + grid.log_prior[None]
    log_posterior = jax.nn.log_softmax(log_joint, axis=1)
    return jnp.sum(jnp.exp(log_q) * (log_q - log_posterior), axis=1)


def _log_q(mean, logvar, grid) -> Float[Array, "b g"]:
    """Return the log of q(z | x) times the cell's volume."""
    log_cell = jnp.log(grid.width) - 0.5 * jnp.log(2 * jnp.pi)
    total = 0.0
    for j in range(mean.shape[1]):  # a sum over an axis of length 2 is slow
        m, v = mean[:, j, None], logvar[:, j, None]
        squares = (grid.z[None, :, j] - m) ** 2 * jnp.exp(-v)
        total = total + log_cell - 0.5 * (v + squares)
    return total


@nnx.jit
def _encode(model, x):
    return model.encode(x)


def _check_grid(model, x, grid: LatentGrid) -> None:
    """Refuse a q(z | x) that is narrower than a cell or lies beyond the grid."""
    mean, logvar = (np.asarray(a) for a in _encode(model, checked_images(x)))
    limit, std = float(grid.z.max()), np.exp(0.5 * logvar)
    if std.min() < grid.width:
        raise ValueError(
            f"expected cells no wider than the narrowest q(z | x), {std.min():.2g}, "
            f"found {grid.width:.2g}; take a finer grid: "
            f"num={int(np.ceil(2 * limit / std.min())) + 1}"
        )
    reach = np.abs(mean) + 4 * std
    if reach.max() > limit:
        raise ValueError(
            f"expected a grid as far as q(z | x) reaches (mean and 4 standard "
            f"deviations), {reach.max():.3g}, found {limit:.3g}; take a larger limit, "
            "and more points"
        )
