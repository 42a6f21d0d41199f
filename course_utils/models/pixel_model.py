"""What all pixel models share: the image goes in scaled, logits come out.

    log p(x) = sum_i log p(x_i | x_1, ..., x_(i-1)),  pixels in raster order

A model of the family says how features of a pixel follow from the pixels before it:
of all pixels in one call (`features`), or of one pixel after another (`start` and
`next_features`). The rest is here.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int, Shaped

from course_utils.losses import bernoulli_nll, categorical_nll, sum_pixels

Images = Shaped[Array, "b h w 1"]


class PixelModel(nnx.Module):
    """Features of each pixel, from the pixels before it, and its distribution.

    Images are black and white, floats 0 and 1, or have `levels` grey levels, integers
    from 0. The logits of a binary pixel are one number, its log-odds of white; of a
    grey one `levels` numbers.

    Args:
        features: numbers per pixel.
        levels: of a pixel.
        rngs: for the initial parameters.
    """

    def __init__(self, features: int, levels: int = 2, *, rngs: nnx.Rngs):
        self.levels = levels
        self.support = (0, levels - 1)
        self.mix = nnx.Linear(features, features, rngs=rngs)
        self.out = nnx.Linear(features, 1 if levels == 2 else levels, rngs=rngs)

    def features(self, x: Float[Array, "b h w 1"]) -> Float[Array, "b h w d"]:
        """Return features of every pixel of images in [0, 1]."""
        raise NotImplementedError

    def start(self, shape: tuple[int, ...]) -> Any:
        """Return what is kept before the first pixel of images [b,h,w,1]."""
        raise NotImplementedError

    def next_features(
        self, kept: Any, x: Float[Array, "b h w 1"], row: Array, column: Array
    ) -> tuple[Any, Float[Array, "b d"]]:
        """Return what is kept after a pixel of images in [0, 1], and its features."""
        raise NotImplementedError

    def __call__(self, x: Images) -> Float[Array, "b h w k"]:
        """Return the logits of every pixel, each given the pixels before it."""
        return self.logits(self.features(self._scaled(x)))

    def nll(self, x: Images) -> Float[Array, " b"]:
        """Return -log p(x) in nats per image."""
        nll = bernoulli_nll if self.levels == 2 else categorical_nll
        return nll(self(x), x)

    def advance(
        self, kept: Any, x: Images, i: Array | int
    ) -> tuple[Any, Float[Array, "b k"]]:
        """Return what is kept after pixel i, and the logits of pixel i.

        Pixels have to be taken in raster order: i = 0, 1, 2, ... The values of `x` at
        pixel i and later are not looked at.
        """
        row, column = i // x.shape[2], i % x.shape[2]
        kept, features = self.next_features(kept, self._scaled(x), row, column)
        return kept, self.logits(features)

    def logits(self, features: Float[Array, "*b d"]) -> Float[Array, "*b k"]:
        """Return the logits of pixels, given their features."""
        return self.out(nnx.relu(self.mix(nnx.relu(features))))

    def _scaled(self, x: Images) -> Float[Array, "b h w 1"]:
        return x / (self.levels - 1)
