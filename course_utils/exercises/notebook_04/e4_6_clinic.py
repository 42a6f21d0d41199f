"""Exercise 4.6: the bug clinic."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from course_utils.exercises.clinic import Clinic, verdict_exercise
from course_utils.exercises.notebook_04.e4_1_gaussian_kl import gaussian_kl
from course_utils.exercises.notebook_04.e4_3_bound_from_weights import (
    bound_from_weights,
)
from course_utils.losses import bernoulli_nll
from course_utils.metrics import latent_grid, log_marginal, posterior_on_grid
from course_utils.models.vae import VAE, LinearDecoder, LinearEncoder
from course_utils.worlds import all_images

_SHAPE = (3, 3, 1)


def _log_likelihoods(model, x, codes):
    """Return log p(x | z) for every draw of codes, [k, b]."""
    decoded = model.decode(codes.reshape(-1, codes.shape[-1]))
    images = jnp.broadcast_to(x, (len(codes), *x.shape)).reshape(decoded.shape)
    return -bernoulli_nll(decoded, images).reshape(codes.shape[:2])


def _log_weights(model, x, key, num_samples):
    """Return log p(x, z) - log q(z | x) for draws of z from q, [k, b]."""
    mean, logvar = model.encode(x)
    noise = jax.random.normal(key, (num_samples, *mean.shape))
    codes = mean + jnp.sqrt(jnp.exp(logvar)) * noise
    log_ratio = 0.5 * jnp.sum(noise**2 + logvar - codes**2, axis=2)
    return _log_likelihoods(model, x, codes) + log_ratio


def _by_weights(model, x, key, num_samples):
    """Average log p(x, z) - log q(z | x) over the draws."""
    return _log_weights(model, x, key, num_samples).mean(axis=0)


def _by_importance(model, x, key, num_samples):
    """Average the weights, then take the logarithm: nearer to log p(x)."""
    return bound_from_weights(_log_weights(model, x, key, num_samples))


def _by_variance(model, x, key, num_samples):
    """The faulty one: it takes the variance for the standard deviation."""
    mean, logvar = model.encode(x)
    noise = jax.random.normal(key, (num_samples, *mean.shape))
    codes = mean + jnp.exp(logvar) * noise
    reconstruction = _log_likelihoods(model, x, codes).mean(axis=0)
    return reconstruction - gaussian_kl(mean, logvar)


def _by_mirrored_draws(model, x, key, num_samples):
    """Use every noise twice, the second time with its sign changed."""
    mean, logvar = model.encode(x)
    noise = jax.random.normal(key, ((num_samples + 1) // 2, *mean.shape))
    noise = jnp.concatenate([noise, -noise])[:num_samples]
    codes = mean + jnp.exp(logvar / 2) * noise
    reconstruction = _log_likelihoods(model, x, codes).mean(axis=0)
    return reconstruction - gaussian_kl(mean, logvar)


def _linear_vae():
    """Return a VAE over 3x3 images with linear maps, its parameters all 0."""
    rngs = nnx.Rngs(0)
    model = VAE(
        LinearEncoder(_SHAPE, 2, rngs=rngs), LinearDecoder(2, _SHAPE, rngs=rngs)
    )
    nnx.update(model, jax.tree.map(jnp.zeros_like, nnx.state(model, nnx.Param)))
    return model


@functools.cache
def _clinic_model():
    """Return (model, all images, log p(x)): a VAE whose encoder fits its decoder.

    The decoder is fixed. The encoder's linear mean is the least-squares fit to the true
    posterior means, found by quadrature; its variance is the mean residual one.
    """
    model, x = _linear_vae(), jnp.asarray(all_images(3, 3), jnp.float32)
    edges = [[1, 1, 1, 0, 0, 0, -1, -1, -1], [1, 0.5, 1, 0.5, 1, 1, 1, 0.5, 1]]
    model.decoder.out.kernel[...] = jnp.array(edges) * jnp.array([[1.2], [1.8]])
    model.decoder.out.bias[...] = jnp.linspace(-0.6, 0.2, 9)
    grid = latent_grid(2, num=41, limit=5.0)
    log_px = log_marginal(model, x, grid)
    posterior = posterior_on_grid(model, x, grid)
    means, squares = posterior @ np.asarray(grid.z), posterior @ np.asarray(grid.z) ** 2
    weights = np.exp(log_px)
    inputs = np.column_stack([np.asarray(x).reshape(512, 9), np.ones(512)])
    root = np.sqrt(weights)[:, None]
    fit = np.linalg.lstsq(root * inputs, root * means, rcond=None)[0]
    variance = weights @ (squares - 2 * means * (inputs @ fit) + (inputs @ fit) ** 2)
    model.encoder.mean.kernel[...] = jnp.asarray(fit[:9], jnp.float32)
    model.encoder.mean.bias[...] = jnp.asarray(fit[9], jnp.float32)
    model.encoder.logvar[...] = jnp.asarray(np.log(variance), jnp.float32)
    return model, x, log_px


def _right_at_blank(estimate):
    """In a model of zeros log p(x) is -9 log 2, and so is every bound."""
    x = jnp.asarray(all_images(3, 3), jnp.float32)
    bound = estimate(_linear_vae(), x, jax.random.key(0), 3)
    return bool(np.allclose(bound, -9 * np.log(2), atol=1e-4))


def _gains_by_draws(estimate):
    """Do more draws raise the mean over all images, or leave it (up to chance)?"""
    model, x, _ = _clinic_model()
    one, many = (estimate(model, x, jax.random.key(1), k).mean() for k in (1, 256))
    return bool(many > one - 0.3)


def _below_log_p(estimate):
    """Is the mean under p(x) of bound - log p(x) not positive (up to chance)?"""
    model, x, log_px = _clinic_model()
    bound = np.asarray(estimate(model, x, jax.random.key(2), 256))
    return bool(np.exp(log_px) @ (bound - log_px) < 0.05)


def _total_at_most_one(estimate):
    """Do the images' masses add up to 1 or less (up to chance)?"""
    model, x, _ = _clinic_model()
    return bool(np.exp(estimate(model, x, jax.random.key(3), 256)).sum() < 1.1)


CLINIC = Clinic(
    id="4.6",
    suspects={
        "A": _by_weights,
        "B": _by_importance,
        "C": _by_variance,
        "D": _by_mirrored_draws,
    },
    guilty="C",
    fault="it draws z with the variance exp(logvar) for a standard deviation, which "
    "is exp(logvar / 2), so its KL belongs to another q than its draws",
    instruments={
        "blank model": _right_at_blank,
        "more draws": _gains_by_draws,
        "exact log p": _below_log_p,
        "total": _total_at_most_one,
    },
    blind={
        "blank model": "where the mean is 0 and logvar is 0, every mistake with mean "
        "or logvar gives the same: variance, deviation and 1 are one number. And this "
        "decoder does not look at z at all.",
        "more draws": "an average settles on its expectation, be it the right one or "
        "not; a log of an average rises with the draws whatever they are.",
    },
    hints=(
        "All four should be lower bounds of log p(x), but not equally tight ones: a "
        "higher value is no fault by itself. What must a lower bound never do?",
        "In this world log p(x) is known exactly for all 512 images. Take the mean of "
        "bound - log p(x) under p(x), with 1,000 draws.",
        'np.exp(bounds["A"](tiny, x, key, 1000)).sum(): below log p(x) for every '
        "image, the total mass cannot pass 1.",
    ),
)

EXERCISE = verdict_exercise(CLINIC)
