"""Autoencoders: an encoder to a small code, a decoder back to the image.

    z = encode(x),  x_hat = decode(z)

The output has no squashing function: it is the reconstruction itself under squared
error, and logits under binary cross-entropy. Grey images lie in [0, 1].
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from course_utils.models.networks import (
    IMAGE,
    ConvDecoder,
    ConvEncoder,
    DenseDecoder,
    DenseEncoder,
    Shape,
)


class Reconstruction(NamedTuple):
    """What an autoencoder makes of images.

    Attributes:
        x_hat: the decoder's output.
        z: the code it was made from.
    """

    x_hat: Float[Array, "b h w c"]
    z: Float[Array, "b d"]


class Autoencoder(nnx.Module):
    """Any encoder [b,h,w,c] -> [b,d] with any decoder [b,d] -> [b,h,w,c]."""

    def __init__(self, encoder: nnx.Module, decoder: nnx.Module):
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, x: Float[Array, "b h w c"]) -> Float[Array, "b d"]:
        """Return the codes of images."""
        return self.encoder(x)

    def decode(self, z: Float[Array, "b d"]) -> Float[Array, "b h w c"]:
        """Return the images of codes."""
        return self.decoder(z)

    def __call__(self, x: Float[Array, "b h w c"]) -> Reconstruction:
        """Return the reconstructions and the codes of images."""
        z = self.encode(x)
        return Reconstruction(self.decode(z), z)


class LinearAutoencoder(Autoencoder):
    """One matrix to the code and one back, with a bias each, and nothing else.

    With squared error its best reconstruction is that of PCA (Baldi and Hornik
    1989, doi:10.1016/0893-6080(89)90014-2). The output bias does the centring.
    """

    def __init__(
        self,
        num_latents: int,
        shape: Shape = IMAGE,
        *,
        rngs: nnx.Rngs,
    ):
        self.shape = tuple(shape)
        size = shape[0] * shape[1] * shape[2]
        self.encoder = nnx.Linear(size, num_latents, rngs=rngs)
        self.decoder = nnx.Linear(num_latents, size, rngs=rngs)

    def encode(self, x: Float[Array, "b h w c"]) -> Float[Array, "b d"]:
        """Return the codes of images."""
        return self.encoder(x.reshape(len(x), -1))

    def decode(self, z: Float[Array, "b d"]) -> Float[Array, "b h w c"]:
        """Return the images of codes."""
        return self.decoder(z).reshape(-1, *self.shape)


class TiedAutoencoder(Autoencoder):
    """One matrix W for both ways: z = (x - b) W and x_hat = z W^T + b.

    W is one parameter, used twice; a copy made at construction would drift away.
    """

    def __init__(
        self,
        num_latents: int,
        shape: Shape = IMAGE,
        *,
        rngs: nnx.Rngs,
    ):
        self.shape = tuple(shape)
        size = shape[0] * shape[1] * shape[2]
        normal = jax.random.normal(rngs.params(), (size, num_latents))
        self.weight = nnx.Param(normal / jnp.sqrt(size))
        self.bias = nnx.Param(jnp.zeros(size))

    def encode(self, x: Float[Array, "b h w c"]) -> Float[Array, "b d"]:
        """Return the codes of images."""
        return (x.reshape(len(x), -1) - self.bias[...]) @ self.weight[...]

    def decode(self, z: Float[Array, "b d"]) -> Float[Array, "b h w c"]:
        """Return the images of codes."""
        return (z @ self.weight[...].T + self.bias[...]).reshape(-1, *self.shape)


def dense_autoencoder(
    num_latents: int, width: int = 400, shape: Shape = IMAGE, *, rngs: nnx.Rngs
) -> Autoencoder:
    """Return an autoencoder of dense layers, two hidden ones each way."""
    return Autoencoder(
        DenseEncoder(shape, width, num_latents, rngs=rngs),
        DenseDecoder(num_latents, width, shape, rngs=rngs),
    )


def conv_autoencoder(
    num_latents: int, channels: int = 32, *, rngs: nnx.Rngs
) -> Autoencoder:
    """Return an autoencoder of convolutions for 28x28 images."""
    return Autoencoder(
        ConvEncoder(channels, num_latents, rngs=rngs),
        ConvDecoder(num_latents, channels, rngs=rngs),
    )
