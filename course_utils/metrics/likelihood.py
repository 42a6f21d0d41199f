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


def mean_bound(
    model,
    x: Images,
    key: Key[Array, ""],
    nll: Callable,
    num_samples: int = 500,
    num_images: int = 500,
) -> tuple[float, float]:
    """Return the mean importance-weighted bound of many images, and its standard error.

    What more samples gain over the ELBO varies little from image to image, and it alone
    is expensive. So the ELBO is taken of all images and the gain of about `num_images`
    of them, evenly spread. The squares of the two errors are added.

    Raises:
        TypeError: the images are integers.
        ValueError: images of another shape, or no sample.
    """
    own, gain_key = jax.random.split(key)
    cheap = elbo(model, x, own, nll)
    some = x[:: max(1, len(x) // num_images)]
    gain = importance_bound(model, some, num_samples, gain_key, nll)
    gain = gain - elbo(model, some, gain_key, nll, num_samples=50)
    error = np.hypot(cheap.std() / len(x) ** 0.5, gain.std() / len(some) ** 0.5)
    return float(cheap.mean() + gain.mean()), float(error)


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


def linear_elbo(model, covariance: Float[Array, "p p"]) -> Float[Array, ""]:
    r"""Return the mean ELBO of a linear VAE over centred images of this covariance.

    Every average is one of squares, so nothing is sampled and no image is needed. With
    an encoder z = x A + noise of variances v and a decoder z W of variance s^2,

        E |x - z W|^2 = tr S - 2 tr(S A W) + tr(A^T S A W W^T) + sum_j v_j |W_j|^2
        E KL = 1/2 sum_j [(A^T S A)_jj + v_j - 1 - log v_j].

    The biases are taken to be 0, as they are for centred images.

    Args:
        model: `models.vae.linear_vae`.
        covariance: S, the mean of x^T x over the images.
    """
    a, w = model.encoder.mean.kernel[...], model.decoder.out.kernel[...]
    logvar, x_logvar = model.encoder.logvar[...], model.x_logvar[...]
    seen = covariance @ a
    codes = a.T @ seen  # the covariance of the means of q
    error = jnp.trace(covariance) - 2 * jnp.sum(seen * w.T) + jnp.sum(codes * (w @ w.T))
    error = error + jnp.exp(logvar) @ jnp.sum(w**2, axis=1)
    nll = len(covariance) * (jnp.log(2 * jnp.pi) + x_logvar) + error * jnp.exp(
        -x_logvar
    )
    kl = jnp.sum(jnp.diag(codes) + jnp.exp(logvar) - 1 - logvar)
    return -0.5 * (nll + kl)
