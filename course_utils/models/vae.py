"""Variational autoencoders (Kingma and Welling 2014, arXiv:1312.6114).

    prior p(z) = N(0, I),  encoder q(z | x) = N(mean(x), diag exp(logvar(x))),
    decoder p(x | z): Bernoulli pixels (logits), or Gaussian pixels (mean and logvar)

What `decode` returns is called `decoded`: the logits of a Bernoulli decoder, a
`Gaussian` of a Gaussian one. The method `nll` knows which of the two it is.
"""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Key

from course_utils.layers import sample_gaussian
from course_utils.losses import bernoulli_nll, gaussian_nll, kl_per_latent
from course_utils.models.networks import (
    IMAGE,
    ConvDecoder,
    ConvEncoder,
    DenseDecoder,
    DenseEncoder,
    Shape,
)


class Gaussian(NamedTuple):
    """Independent normal distributions, by mean and log-variance (broadcastable)."""

    mean: Float[Array, "..."]
    logvar: Float[Array, "..."]


class VAEOutput(NamedTuple):
    """What a VAE computes for images.

    Attributes:
        decoded: the parameters of p(x | z): logits, or a `Gaussian`.
        mean: of q(z | x).
        logvar: of q(z | x).
        z: one draw from q(z | x).
    """

    decoded: Float[Array, "b h w c"] | Gaussian
    mean: Float[Array, "b d"]
    logvar: Float[Array, "b d"]
    z: Float[Array, "b d"]


class VAE(nnx.Module):
    """An encoder [b,h,w,c] -> [b,2d], a decoder [b,d] -> logits [b,h,w,c]."""

    support = (0, 1)  # the pixels that nll can score

    def __init__(self, encoder: nnx.Module, decoder: nnx.Module):
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, x: Float[Array, "b h w c"]) -> Gaussian:
        """Return q(z | x): half of the encoder's outputs are means."""
        mean, logvar = jnp.split(self.encoder(x), 2, axis=-1)
        return Gaussian(mean, logvar)

    def decode(self, z: Float[Array, "b d"]) -> Float[Array, "b h w c"]:
        """Return the logits of p(x | z)."""
        return self.decoder(z)

    def nll(
        self,
        decoded: Float[Array, "b h w c"],
        x: Float[Array, "b h w c"],
    ) -> Float[Array, " b"]:
        """Return -log p(x | z) in nats per image, of what `decode` returned."""
        return bernoulli_nll(decoded, x)

    def __call__(
        self,
        x: Float[Array, "b h w c"],
        key: Key[Array, ""],
    ) -> VAEOutput:
        """Return p(x | z) at one draw z from q(z | x) for each image."""
        mean, logvar = self.encode(x)
        z = sample_gaussian(mean, logvar, key)
        return VAEOutput(self.decode(z), mean, logvar, z)


class GaussianVAE(VAE):
    """A VAE whose pixels are normal, with one variance for all of them, learned."""

    support = (-jnp.inf, jnp.inf)

    def __init__(self, encoder: nnx.Module, decoder: nnx.Module):
        super().__init__(encoder, decoder)
        self.x_logvar = nnx.Param(jnp.zeros(()))

    def decode(self, z: Float[Array, "b d"]) -> Gaussian:
        """Return p(x | z)."""
        return Gaussian(self.decoder(z), self.x_logvar[...])

    def nll(self, decoded: Gaussian, x: Float[Array, "b h w c"]) -> Float[Array, " b"]:
        """Return -log p(x | z) in nats per image: a density, so it can be negative."""
        return gaussian_nll(decoded, x)


class LinearEncoder(nnx.Module):
    """A linear mean, and a log-variance that is the same for every image."""

    def __init__(self, shape: Shape, num_latents: int, *, rngs: nnx.Rngs):
        size = shape[0] * shape[1] * shape[2]
        self.mean = nnx.Linear(size, num_latents, rngs=rngs)
        self.logvar = nnx.Param(jnp.zeros(num_latents))

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b 2*d"]:
        """Return means and log-variances side by side."""
        mean = self.mean(x.reshape(len(x), -1))
        logvar = jnp.broadcast_to(self.logvar[...], mean.shape)
        return jnp.concatenate([mean, logvar], axis=-1)


class LinearDecoder(nnx.Module):
    """A linear map from a code to an image."""

    def __init__(self, num_latents: int, shape: Shape, *, rngs: nnx.Rngs):
        self.shape = tuple(shape)
        self.out = nnx.Linear(num_latents, shape[0] * shape[1] * shape[2], rngs=rngs)

    def __call__(self, z: Float[Array, "b d"]) -> Float[Array, "b h w c"]:
        """Return the means of the pixels."""
        return self.out(z).reshape(-1, *self.shape)


class LinearVAE(GaussianVAE):
    """The VAE whose best ELBO is the log-density of probabilistic PCA.

    Lucas, Tucker, Grosse and Norouzi 2019, arXiv:1911.02469.
    """

    def __init__(self, num_latents: int, shape: Shape = IMAGE, *, rngs: nnx.Rngs):
        encoder = LinearEncoder(shape, num_latents, rngs=rngs)
        super().__init__(encoder, LinearDecoder(num_latents, shape, rngs=rngs))

    def mean_elbo(self, covariance: Float[Array, "p p"]) -> Float[Array, ""]:
        r"""Return the mean ELBO over centred images of this covariance, in nats.

        Every average is one of squares, so nothing is sampled and no image is needed.
        With an encoder z = x A + noise of variances v and a decoder z W of variance
        s^2,

            E |x - z W|^2 = tr S - 2 tr(S A W) + tr(A^T S A W W^T) + sum_j v_j |W_j|^2
            E KL = 1/2 sum_j [(A^T S A)_jj + v_j - 1 - log v_j].

        The biases are taken to be 0, as they are for centred images.

        Args:
            covariance: S, the mean of x^T x over the images.
        """
        a, w = self.encoder.mean.kernel[...], self.decoder.out.kernel[...]
        logvar, x_logvar = self.encoder.logvar[...], self.x_logvar[...]
        seen = covariance @ a
        codes = a.T @ seen  # the covariance of the means of q
        error = jnp.trace(covariance) - 2 * jnp.sum(seen * w.T)
        error = error + jnp.sum(codes * (w @ w.T)) + jnp.exp(logvar) @ jnp.sum(w**2, 1)
        log_norm = len(covariance) * (jnp.log(2 * jnp.pi) + x_logvar)
        nll = 0.5 * (log_norm + error * jnp.exp(-x_logvar))
        kl = kl_per_latent(0.0, logvar).sum() + 0.5 * jnp.trace(codes)
        return -(nll + kl)


def dense_vae(
    num_latents: int,
    width: int = 400,
    shape: Shape = IMAGE,
    *,
    rngs: nnx.Rngs,
    kind: type[VAE] = VAE,
) -> VAE:
    """Return a VAE of dense layers; `kind=GaussianVAE` for grey images."""
    return kind(
        DenseEncoder(shape, width, 2 * num_latents, rngs=rngs),
        DenseDecoder(num_latents, width, shape, rngs=rngs),
    )


def conv_vae(
    num_latents: int, channels: int = 32, *, rngs: nnx.Rngs, kind: type[VAE] = VAE
) -> VAE:
    """Return a VAE of convolutions for 28x28; `kind=GaussianVAE` for grey images."""
    return kind(
        ConvEncoder(channels, 2 * num_latents, rngs=rngs),
        ConvDecoder(num_latents, channels, rngs=rngs),
    )
