"""Encoders and decoders: the networks that autoencoders and VAEs are made of."""

from flax import nnx
from jaxtyping import Array, Float

from course_utils.layers import upsample

Shape = tuple[int, int, int]  # height, width, channels of an image
IMAGE = (28, 28, 1)


class DenseEncoder(nnx.Module):
    """Two hidden layers from an image to `num_outputs` numbers."""

    def __init__(self, shape: Shape, width: int, num_outputs: int, *, rngs: nnx.Rngs):
        height, wide, channels = shape
        self.hidden1 = nnx.Linear(height * wide * channels, width, rngs=rngs)
        self.hidden2 = nnx.Linear(width, width, rngs=rngs)
        self.out = nnx.Linear(width, num_outputs, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b d"]:
        """Return the numbers: a code, or the parameters of a distribution over it."""
        h = nnx.relu(self.hidden1(x.reshape(len(x), -1)))
        h = nnx.relu(self.hidden2(h))
        return self.out(h)


class DenseDecoder(nnx.Module):
    """Two hidden layers from a code to an image; the encoder the other way round."""

    def __init__(self, num_latents: int, width: int, shape: Shape, *, rngs: nnx.Rngs):
        height, wide, channels = shape
        self.shape = tuple(shape)
        self.hidden1 = nnx.Linear(num_latents, width, rngs=rngs)
        self.hidden2 = nnx.Linear(width, width, rngs=rngs)
        self.out = nnx.Linear(width, height * wide * channels, rngs=rngs)

    def __call__(self, z: Float[Array, "b d"]) -> Float[Array, "b h w c"]:
        """Return the image, before any output function: a loss decides what it is."""
        h = nnx.relu(self.hidden1(z))
        h = nnx.relu(self.hidden2(h))
        return self.out(h).reshape(-1, *self.shape)


class ConvEncoder(nnx.Module):
    """Two strided convolutions, 28 to 14 to 7, and two linear layers."""

    def __init__(
        self, channels: int, num_outputs: int, width: int = 256, *, rngs: nnx.Rngs
    ):
        self.conv1 = nnx.Conv(1, channels, (3, 3), strides=2, rngs=rngs)
        self.conv2 = nnx.Conv(channels, 2 * channels, (3, 3), strides=2, rngs=rngs)
        self.hidden = nnx.Linear(7 * 7 * 2 * channels, width, rngs=rngs)
        self.out = nnx.Linear(width, num_outputs, rngs=rngs)

    def __call__(self, x: Float[Array, "b 28 28 1"]) -> Float[Array, "b d"]:
        """Return the numbers: a code, or the parameters of a distribution over it."""
        h = nnx.relu(self.conv1(x))  # 28x28 -> 14x14
        h = nnx.relu(self.conv2(h))  # 14x14 -> 7x7
        h = nnx.relu(self.hidden(h.reshape(len(x), -1)))
        return self.out(h)


class ConvDecoder(nnx.Module):
    """Two linear layers and two convolutions, each enlarged before: 7 to 14 to 28."""

    def __init__(
        self, num_latents: int, channels: int, width: int = 256, *, rngs: nnx.Rngs
    ):
        self.channels = 2 * channels
        self.hidden1 = nnx.Linear(num_latents, width, rngs=rngs)
        self.hidden2 = nnx.Linear(width, 7 * 7 * 2 * channels, rngs=rngs)
        self.conv1 = nnx.Conv(2 * channels, channels, (3, 3), rngs=rngs)
        self.conv2 = nnx.Conv(channels, 1, (3, 3), rngs=rngs)

    def __call__(self, z: Float[Array, "b d"]) -> Float[Array, "b 28 28 1"]:
        """Return the image, before any output function: a loss decides what it is."""
        h = nnx.relu(self.hidden1(z))
        h = nnx.relu(self.hidden2(h)).reshape(-1, 7, 7, self.channels)
        h = nnx.relu(self.conv1(upsample(h)))  # 7x7 -> 14x14
        return self.conv2(upsample(h))  # 14x14 -> 28x28
