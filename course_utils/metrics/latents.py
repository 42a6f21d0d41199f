"""What the codes of a whole data set look like: the aggregate posterior of a VAE."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from course_utils.losses import gaussian_kl

BLOCK = 16  # draws at a time: each is compared with all images, latent by latent


class AggregatePosterior(NamedTuple):
    """Terms of the KL of a VAE, in nats, as means over the images.

    kl = mutual_information + marginal_kl
    marginal_kl = total_correlation + sum_j dimension_kl[j]

    Attributes:
        kl: E_x KL(q(z | x) || p(z)), in closed form; the others are estimates.
        mutual_information: I(x; z) under q: what a code tells about which image it is
            of; at most log n.
        marginal_kl: KL(q(z) || p(z)): what sampling from the prior gets wrong.
        total_correlation: KL(q(z) || prod_j q(z_j)): 0 if the latents are independent
            over the data.
        dimension_kl: KL(q(z_j) || p(z_j)) of each latent.
    """

    kl: float
    mutual_information: float
    marginal_kl: float
    total_correlation: float
    dimension_kl: Float[np.ndarray, " d"]


def aggregate_posterior(
    mean: Float[Array | np.ndarray, "n d"],
    logvar: Float[Array | np.ndarray, "n d"],
    key: Key[Array, ""],
    num_samples: int = 2_000,
) -> AggregatePosterior:
    """Return how far the codes of these images, taken together, are from the prior.

    q(z) = 1/n sum_i q(z | x_i) is the exact mixture over the images given. Expectations
    are means over draws: an image, then a code of it. The images take turns, so that
    none is drawn more than once oftener than another.

    Hoffman and Johnson 2016, "ELBO surgery"; Chen, Li, Grosse and Duvenaud 2018,
    arXiv:1802.04942, section 2.

    Args:
        mean: of q(z | x) for each image.
        logvar: of q(z | x) for each image.
        key: a JAX random key.
        num_samples: draws; each costs n comparisons.

    Raises:
        ValueError: the shapes are not one [n, d], or there is no image or no sample.
    """
    mean, logvar = jnp.asarray(mean), jnp.asarray(logvar)
    if mean.ndim != 2 or mean.shape != logvar.shape or not mean.size:
        raise ValueError(
            "expected mean and logvar of one shape [n, d], found "
            f"{mean.shape} and {logvar.shape}; take what model.encode(x) returns"
        )
    if num_samples < 1:
        raise ValueError(f"expected at least one sample, found {num_samples}")
    image_key, noise_key = jax.random.split(key)
    turns = jax.random.permutation(image_key, len(mean))
    chosen = turns[np.arange(num_samples) % len(mean)]
    noise = jax.random.normal(noise_key, (num_samples, mean.shape[1]))
    z = mean[chosen] + jnp.exp(0.5 * logvar[chosen]) * noise
    log_own = _log_normal(z, mean[chosen], logvar[chosen]).sum(axis=1)
    log_prior = _log_normal(z, 0.0, 0.0)  # [s, d]
    log_joint, log_each = _log_mixture(z, mean, logvar)
    dimension_kl = jnp.mean(log_each - log_prior, axis=0)
    return AggregatePosterior(
        kl=float(gaussian_kl(mean, logvar).mean()),
        mutual_information=float(jnp.mean(log_own - log_joint)),
        marginal_kl=float(jnp.mean(log_joint - log_prior.sum(axis=1))),
        total_correlation=float(jnp.mean(log_joint - log_each.sum(axis=1))),
        dimension_kl=np.asarray(dimension_kl),
    )


def _log_normal(z, mean, logvar):
    return -0.5 * (jnp.log(2 * jnp.pi) + logvar + (z - mean) ** 2 * jnp.exp(-logvar))


@jax.jit
def _log_mixture(z, mean, logvar):
    """Return log q(z) [s] and log q(z_j) [s, d] of draws z under the mixture."""

    def of_draw(z):
        log_each = _log_normal(z[None], mean, logvar)  # [n, d]
        terms = log_each.sum(axis=1), log_each
        return [jax.nn.logsumexp(term, axis=0) - jnp.log(len(mean)) for term in terms]

    return jax.lax.map(of_draw, z, batch_size=BLOCK)
