"""A linear VAE whose likelihood and posterior are known exactly: an oracle for tests.

x = z W + mean + noise of variance S2, with orthogonal rows of W, so that the posterior
has a diagonal covariance, the same for every image (Tipping and Bishop 1999).
"""

import numpy as np
from flax import nnx
from scipy.stats import multivariate_normal

from course_utils.models.vae import LinearVAE

SHAPE, S2 = (2, 3, 1), 0.3
MEAN = np.array([0.5, -0.2, 0.1, 0.9, 0.0, 0.3])
ROTATION = np.linalg.qr(np.random.default_rng(4).normal(size=(6, 6)))[0]
SCALE = np.array([1.3, 0.6])  # of the two latents: away from every symmetry


def exact_model(num_latents=2, shift=0.0, stretch=1.0):
    """Return the model; q is the posterior, moved by `shift`, its std `stretch`ed."""
    w = SCALE[:num_latents, None] * ROTATION[:num_latents]
    mean, logvar = posterior_of(num_latents)
    model = LinearVAE(num_latents, SHAPE, rngs=nnx.Rngs(0))
    model.decoder.out.kernel = nnx.Param(np.float32(w))
    model.decoder.out.bias = nnx.Param(np.float32(MEAN))
    model.x_logvar = nnx.Param(np.float32(np.log(S2)))
    model.encoder.mean.kernel = nnx.Param(np.float32(mean))
    model.encoder.mean.bias = nnx.Param(np.float32(-MEAN @ mean + shift))
    model.encoder.logvar = nnx.Param(np.float32(logvar + 2 * np.log(stretch)))
    return model


def posterior_of(num_latents):
    """Return A [6, d] with E[z | x] = (x - MEAN) A, and the log-variances of z | x."""
    w = SCALE[:num_latents, None] * ROTATION[:num_latents]
    precision = SCALE[:num_latents] ** 2 + S2
    return w.T / precision, np.log(S2 / precision)


def log_density(x, num_latents=2):
    """Return log p(x) from the covariance of all pixels, by SciPy."""
    w = SCALE[:num_latents, None] * ROTATION[:num_latents]
    flat = np.asarray(x, np.float64).reshape(len(x), -1)
    return multivariate_normal(MEAN, w.T @ w + S2 * np.eye(6)).logpdf(flat)


def gap(num_latents, shift, stretch):
    """Return KL(q || posterior), the same for every image."""
    _, logvar = posterior_of(num_latents)
    moved = shift**2 / np.exp(logvar)
    return 0.5 * np.sum(stretch**2 + moved - 1 - 2 * np.log(stretch))


def images(n, seed=0):
    """Return images that the model finds neither typical nor impossible."""
    noise = np.random.default_rng(seed).normal(size=(n, *SHAPE))
    return (MEAN.reshape(SHAPE) + noise).astype(np.float32)
