"""Layers that Flax lacks: what several models of the course are put together from."""

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


def upsample(x: Float[Array, "b h w c"]) -> Float[Array, "b 2*h 2*w c"]:
    """Double height and width: every pixel becomes four equal ones.

    A convolution after it does what a transposed convolution does, without its
    checkerboards (Odena, Dumoulin and Olah 2016, doi:10.23915/distill.00003) and
    without its weight gradient, which is several times slower on a CPU.
    """
    b, h, w, c = x.shape
    x = jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c))
    return x.reshape(b, 2 * h, 2 * w, c)
