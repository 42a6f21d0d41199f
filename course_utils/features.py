"""The course's own classifier of garments, whose features later lessons measure with.

A small convolutional network, trained by `recipes` on the labels of Fashion-MNIST. The
128 numbers before its last layer are the *features* of an image: an embedding learned
for another task. Distances between them are no FID, whose features come from another
network and other pictures; never compare the two.
"""

from collections.abc import Callable

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Float32

NUM_FEATURES = 128
CHUNK = 500  # images at a time: the first layer's maps of them take 50 MB


class Classifier(nnx.Module):
    """Three convolutions, 28 to 14 to 7, and two linear layers.

    Strides instead of pooling: on a CPU the gradient of a maximum over windows costs
    more than all the convolutions together.
    """

    def __init__(self, num_classes: int = 10, *, rngs: nnx.Rngs):
        self.num_classes = num_classes
        self.conv1 = nnx.Conv(1, 32, (5, 5), strides=2, rngs=rngs)
        self.conv2 = nnx.Conv(32, 64, (3, 3), rngs=rngs)
        self.conv3 = nnx.Conv(64, 64, (3, 3), strides=2, rngs=rngs)
        self.hidden = nnx.Linear(7 * 7 * 64, NUM_FEATURES, rngs=rngs)
        self.out = nnx.Linear(NUM_FEATURES, num_classes, rngs=rngs)

    def features(self, x: Float[Array, "b 28 28 1"]) -> Float[Array, "b d"]:
        """Return the features of images in [0, 1]; none is negative."""
        h = nnx.relu(self.conv1(x))  # 28x28 -> 14x14
        h = nnx.relu(self.conv2(h))
        h = nnx.relu(self.conv3(h))  # 14x14 -> 7x7
        return nnx.relu(self.hidden(h.reshape(len(x), -1)))

    def __call__(self, x: Float[Array, "b 28 28 1"]) -> Float[Array, "b k"]:
        """Return the logits of the classes."""
        return self.out(self.features(x))


def extract(
    function: Callable, images: Float[np.ndarray | Array, "n h w c"]
) -> Float32[np.ndarray, "n ..."]:
    """Return function(images), computed in chunks: memory stays bounded.

    Args:
        function: of a module, such as `classifier.features` or `autoencoder.encode`.
        images: floats in the range that the function was trained on; `to_unit` first.

    Raises:
        TypeError: the images are not floats.
        ValueError: there is none.
    """
    if not np.issubdtype(images.dtype, np.floating):
        raise TypeError(f"expected float images (to_unit), found {images.dtype}")
    if not len(images):
        raise ValueError("expected at least one image, found none")
    run = jax.jit(lambda x: function(x))  # a bound method has no jit of its own
    starts = range(0, len(images), CHUNK)
    chunks = [run(jax.numpy.asarray(images[i : i + CHUNK])) for i in starts]
    return np.concatenate([np.asarray(chunk) for chunk in chunks])
