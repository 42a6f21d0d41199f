"""How likely images are under a latent-variable model: bounds by sampling.

The model has `encode(x) -> (mean, logvar)` of q(z | x), `decode(z)`, and `nll(decoded,
x) -> [b]`, which is -log p(x | z) in nats per image; the prior is N(0, I).
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Float32, Key, Shaped

from course_utils.metrics.chunks import checked_images, in_chunks
from course_utils.models.protocols import LatentVariableModel

Images = Shaped[Array | np.ndarray, "n h w c"]


def log_weights(
    model: LatentVariableModel,
    x: Float[Array, "b h w c"],
    num_samples: int,
    key: Key[Array, ""],
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
        return log_ratio - model.nll(model.decode(z), x)

    return jax.lax.map(one_draw, jax.random.split(key, num_samples))


def importance_bound(
    model: LatentVariableModel,
    x: Images,
    num_samples: int,
    key: Key[Array, ""],
    chunk: int = 250,
) -> Float32[np.ndarray, " n"]:
    """Return a lower bound of log p(x) in nats per image, tighter with more samples.

    log 1/k sum_s w_s,  w_s = p(x, z_s) / q(z_s | x),  z_s from q(z | x)

    Its expectation rises with k from the ELBO (k = 1) to log p(x). Every image has
    draws of its own, so that the result does not depend on `chunk`.

    Burda, Grosse and Salakhutdinov 2016, arXiv:1509.00519, section 3.

    Args:
        model: has `encode`, `decode` and `nll`.
        x: boolean or float images, as the model was trained on.
        num_samples: k, draws for each image.
        key: a JAX random key.
        chunk: images at a time.

    Raises:
        TypeError: the images are integers.
        ValueError: images of another shape, or no sample.
    """
    return _per_image(model, x, num_samples, key, _log_mean_exp, chunk)


def elbo(
    model: LatentVariableModel,
    x: Images,
    key: Key[Array, ""],
    num_samples: int = 1,
    chunk: int = 250,
) -> Float32[np.ndarray, " n"]:
    """Return an unbiased estimate of the ELBO in nats per image.

    1/k sum_s [log p(x, z_s) - log q(z_s | x)],  z_s from q(z | x)

    The arguments and errors are those of `importance_bound`. More samples make the
    estimate less noisy, but no tighter.
    """
    return _per_image(model, x, num_samples, key, jnp.mean, chunk)


def mean_bound(
    model: LatentVariableModel,
    x: Images,
    key: Key[Array, ""],
    num_samples: int = 500,
    num_images: int = 500,
) -> tuple[float, float]:
    """Return the mean importance-weighted bound of many images, and its standard error.

    What more samples gain over the ELBO varies little from image to image, and it alone
    is expensive. So the ELBO is taken of all images and the gain of about `num_images`
    of them, evenly spread. The error takes into account that these are among all
    images: an image with a low ELBO may gain more than others.

    Raises:
        TypeError: the images are integers.
        ValueError: images of another shape, or no sample.
    """
    own, gain_key = jax.random.split(key)
    cheap = elbo(model, x, own)
    every = max(1, len(x) // num_images)
    some = x[::every]
    gain = importance_bound(model, some, num_samples, gain_key)
    gain = gain - elbo(model, some, gain_key, num_samples=50)
    together = np.mean((cheap[::every] - cheap[::every].mean()) * (gain - gain.mean()))
    variance = (cheap.var() + 2 * together) / len(x) + gain.var() / len(some)
    return float(cheap.mean() + gain.mean()), float(max(variance, 0.0)) ** 0.5


def _log_mean_exp(log_w: Float[Array, " k"]) -> Float[Array, ""]:
    return jax.nn.logsumexp(log_w) - jnp.log(len(log_w))


def _per_image(model, x, num_samples, key, average, chunk):
    """Return an average of the log-weights of each image."""
    x = checked_images(x)
    if num_samples < 1:
        raise ValueError(f"expected at least one sample, found {num_samples}")

    def averages(x, keys):
        return _averages(model, x, keys, num_samples, average)

    return in_chunks(averages, chunk, x, jax.random.split(key, len(x)))


@functools.partial(nnx.jit, static_argnames=("num_samples", "average"))
def _averages(model, x, keys, num_samples, average):
    def of_image(image, key):
        return average(log_weights(model, image[None], num_samples, key)[:, 0])

    return jax.vmap(of_image)(x, keys)
