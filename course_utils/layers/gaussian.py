"""Draws that gradients pass through."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key


def sample_gaussian(
    mean: Float[Array, "*b d"],
    logvar: Float[Array, "*b d"],
    key: Key[Array, ""],
) -> Float[Array, "*b d"]:
    """Draw z from N(mean, exp(logvar)), differentiable in both.

    z = mean + exp(logvar / 2) * noise. The noise does not depend on the
    parameters, so the gradient of an average over z is the average of the
    gradients (Kingma and Welling 2014, arXiv:1312.6114, section 2.4).
    """
    noise = jax.random.normal(key, mean.shape)
    return mean + jnp.exp(0.5 * logvar) * noise
