"""How likely images are under a latent variable model: bounds by sampling.

The model has `encode(x) -> (mean, logvar)` of q(z | x) and `decode(z)`; `nll(decoded,
x) -> [b]` is -log p(x | z) in nats per image; the prior is N(0, I).
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Float32, Key, Shaped

from course_utils.metrics.chunks import checked_images, in_chunks

Images = Shaped[Array | np.ndarray, "n h w c"]


def log_weights(
    model,
    x: Float[Array, "b h w c"],
    num_samples: int,
    key: Key[Array, ""],
    nll: Callable,
) -> Float[Array, "num_samples b"]:
    """Return log p(x, z) - log q(z | x) for draws z from q(z | x).

    The mean of the weights is an unbiased estimate of p(x), and the mean of their
    logarithms one of the ELBO. One draw for each image is decoded at a time.
    """
    mean, logvar = model.encode(x)

    def one_draw(key):
        noise = jax.random.normal(key, mean.shape)
        z = mean + jnp.exp(0.5 * logvar) * noise
        # log p(z) - log q(z | x); the constants cancel
        log_ratio = 0.5 * jnp.sum(noise**2 + logvar - z**2, axis=1)
        return log_ratio - nll(model.decode(z), x)

    return jax.lax.map(one_draw, jax.random.split(key, num_samples))


def importance_bound(
    model,
    x: Images,
    num_samples: int,
    key: Key[Array, ""],
    nll: Callable,
    chunk: int = 250,
) -> Float32[np.ndarray, " n"]:
    """Return a lower bound of log p(x) in nats per image, tighter with more samples.

    log 1/k sum_s w_s,  w_s = p(x, z_s) / q(z_s | x),  z_s from q(z | x)

    Its expectation rises with k from the ELBO (k = 1) to log p(x). Every image has
    draws of its own, so that the result does not depend on `chunk`.

    Burda, Grosse and Salakhutdinov 2016, arXiv:1509.00519, section 3.

    Args:
        model: has `encode` and `decode`.
        x: boolean or float images, as the model was trained on.
        num_samples: k, draws for each image.
        key: a JAX random key.
        nll: -log p(x | z) of what `decode` returns: `bernoulli_nll`, `gaussian_nll`.
        chunk: images at a time.

    Raises:
        TypeError: the images are integers.
        ValueError: images of another shape, or no sample.
    """
    return _per_image(model, x, num_samples, key, nll, _log_mean_exp, chunk)


def elbo(
    model,
    x: Images,
    key: Key[Array, ""],
    nll: Callable,
    num_samples: int = 1,
    chunk: int = 250,
) -> Float32[np.ndarray, " n"]:
    """Return an unbiased estimate of the ELBO in nats per image.

    1/k sum_s [log p(x, z_s) - log q(z_s | x)],  z_s from q(z | x)

    The arguments and errors are those of `importance_bound`. More samples make the
    estimate less noisy, but no tighter.
    """
    return _per_image(model, x, num_samples, key, nll, jnp.mean, chunk)


def _log_mean_exp(log_w: Float[Array, " k"]) -> Float[Array, ""]:
    return jax.nn.logsumexp(log_w) - jnp.log(len(log_w))


def _per_image(model, x, num_samples, key, nll, average, chunk):
    """Return an average of the log-weights of each image."""
    x = checked_images(x)
    if num_samples < 1:
        raise ValueError(f"expected at least one sample, found {num_samples}")

    def averages(x, keys):
        return _averages(model, x, keys, num_samples, nll, average)

    return in_chunks(averages, chunk, x, jax.random.split(key, len(x)))


@functools.partial(nnx.jit, static_argnames=("num_samples", "nll", "average"))
def _averages(model, x, keys, num_samples, nll, average):
    def of_image(image, key):
        return average(log_weights(model, image[None], num_samples, key, nll)[:, 0])

    return jax.vmap(of_image)(x, keys)
