"""Variational autoencoders (Kingma and Welling 2014, arXiv:1312.6114).

    prior p(z) = N(0, I),  encoder q(z | x) = N(mean(x), diag exp(logvar(x))),
    decoder p(x | z): Bernoulli pixels (logits), or Gaussian pixels (mean and logvar)

What `decode` returns is called `decoded`: the logits of a Bernoulli decoder, a
`Gaussian` of a Gaussian one. `losses.bernoulli_nll` and `losses.gaussian_nll` take it
as it is.
"""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Key

from course_utils.layers import sample_gaussian
from course_utils.models.networks import (
    ConvDecoder,
    ConvEncoder,
    DenseDecoder,
    DenseEncoder,
)

IMAGE = (28, 28, 1)


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
    """An encoder [b,h,w,c] -> [b,2d] and a decoder [b,d] -> logits [b,h,w,c]."""

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

    def __call__(self, x: Float[Array, "b h w c"], key: Key[Array, ""]) -> VAEOutput:
        """Return p(x | z) at one draw z from q(z | x) for each image."""
        mean, logvar = self.encode(x)
        z = sample_gaussian(mean, logvar, key)
        return VAEOutput(self.decode(z), mean, logvar, z)


class GaussianVAE(VAE):
    """A VAE whose pixels are normal, with one variance for all of them, learned."""

    def __init__(self, encoder: nnx.Module, decoder: nnx.Module):
        super().__init__(encoder, decoder)
        self.x_logvar = nnx.Param(jnp.zeros(()))

    def decode(self, z: Float[Array, "b d"]) -> Gaussian:
        """Return p(x | z)."""
        return Gaussian(self.decoder(z), self.x_logvar[...])


class LinearEncoder(nnx.Module):
    """A linear mean, and a log-variance that is the same for every image."""

    def __init__(self, shape, num_latents: int, *, rngs: nnx.Rngs):
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

    def __init__(self, num_latents: int, shape, *, rngs: nnx.Rngs):
        self.shape = tuple(shape)
        self.out = nnx.Linear(num_latents, shape[0] * shape[1] * shape[2], rngs=rngs)

    def __call__(self, z: Float[Array, "b d"]) -> Float[Array, "b h w c"]:
        """Return the means of the pixels."""
        return self.out(z).reshape(-1, *self.shape)


def dense_vae(
    num_latents: int, width: int = 400, shape=IMAGE, *, rngs: nnx.Rngs, kind=VAE
) -> VAE:
    """Return a VAE of dense layers; `kind=GaussianVAE` for grey images."""
    return kind(
        DenseEncoder(shape, width, 2 * num_latents, rngs=rngs),
        DenseDecoder(num_latents, width, shape, rngs=rngs),
    )


def conv_vae(num_latents: int, channels: int = 32, *, rngs: nnx.Rngs, kind=VAE) -> VAE:
    """Return a VAE of convolutions for 28x28; `kind=GaussianVAE` for grey images."""
    return kind(
        ConvEncoder(channels, 2 * num_latents, rngs=rngs),
        ConvDecoder(num_latents, channels, rngs=rngs),
    )


def linear_vae(num_latents: int, shape=IMAGE, *, rngs: nnx.Rngs) -> GaussianVAE:
    """Return the VAE whose best ELBO is the log-density of probabilistic PCA.

    Lucas, Tucker, Grosse and Norouzi 2019, arXiv:1911.02469.
    """
    return GaussianVAE(
        LinearEncoder(shape, num_latents, rngs=rngs),
        LinearDecoder(num_latents, shape, rngs=rngs),
    )
