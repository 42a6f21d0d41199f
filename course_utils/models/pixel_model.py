"""What all pixel models share: the image goes in scaled, logits come out.

    log p(x) = sum_i log p(x_i | x_1, ..., x_(i-1)),  pixels in raster order

A model of the family says how features of a pixel follow from the pixels before it:
of all pixels in one call (`features`), or of one pixel after another (`start` and
`next_features`). The rest is here.
"""

from typing import Any

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int, Shaped

from course_utils.losses import (
    bernoulli_nll,
    categorical_nll,
    logistic_mixture_log_probs,
    logistic_mixture_nll,
)

Images = Shaped[Array, "b h w 1"]


class PixelModel(nnx.Module):
    """Features of each pixel, from the pixels before it, and its distribution.

    Images are black and white, floats 0 and 1, or have `levels` grey levels, integers
    from 0. The logits of a binary pixel are one number, its log-odds of white; of a
    grey one `levels` numbers.

    Args:
        features: numbers per pixel.
        levels: of a pixel.
        num_mixtures: 0, or for many levels: the logits are those of a mixture of this
            many discretised logistic distributions, three parameters for each.
        rngs: for the initial parameters.
    """

    def __init__(
        self,
        features: int,
        levels: int = 2,
        num_mixtures: int = 0,
        *,
        rngs: nnx.Rngs,
    ):
        self.levels, self.num_mixtures = levels, num_mixtures
        self.support = (0, levels - 1)
        if num_mixtures:
            outputs = 3 * num_mixtures
        else:
            outputs = 1 if levels == 2 else levels
        self.mix = nnx.Linear(features, features, rngs=rngs)
        self.out = nnx.Linear(features, outputs, rngs=rngs)

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

    def __call__(self, x: Images, *label: Int[Array, " b"]) -> Float[Array, "b h w k"]:
        """Return the logits of every pixel, each given the pixels before it.

        Args:
            x: images.
            label: of each image, for a model that was made with labels.
        """
        return self._logits(self._outputs(self.features(self._scaled(x), *label)))

    def nll(self, x: Images, *label: Int[Array, " b"]) -> Float[Array, " b"]:
        """Return -log p(x), or -log p(x | y), in nats per image."""
        outputs = self._outputs(self.features(self._scaled(x), *label))
        if self.num_mixtures:
            return logistic_mixture_nll(outputs, x, self.levels)
        nll = bernoulli_nll if self.levels == 2 else categorical_nll
        return nll(outputs, x)

    def advance(
        self, kept: Any, x: Images, i: Array | int, *label: Int[Array, " b"]
    ) -> tuple[Any, Float[Array, "b k"]]:
        """Return what is kept after pixel i, and the logits of pixel i.

        Pixels have to be taken in raster order: i = 0, 1, 2, ... The values of `x` at
        pixel i and later are not looked at.
        """
        row, column = i // x.shape[2], i % x.shape[2]
        kept, features = self.next_features(kept, self._scaled(x), row, column, *label)
        return kept, self._logits(self._outputs(features))

    def given(self, label: Int[Array, " b"]) -> "GivenLabels":
        """Return p(x | y) of images with these labels, as a model of p(x).

        Raises:
            TypeError: the model has no labels, or these are no integers.
            ValueError: a label is none of the model's.
        """
        return GivenLabels(self, label)

    def _scaled(self, x: Images) -> Float[Array, "b h w 1"]:
        return x / (self.levels - 1)

    def _outputs(self, features: Float[Array, "*b d"]) -> Float[Array, "*b o"]:
        return self.out(nnx.relu(self.mix(nnx.relu(features))))

    def _logits(self, outputs: Float[Array, "*b o"]) -> Float[Array, "*b k"]:
        if self.num_mixtures:
            return logistic_mixture_log_probs(outputs, self.levels)
        return outputs


class GivenLabels(nnx.Module):
    """p(x | y) of a batch of images whose labels are known, as a model of p(x)."""

    def __init__(self, model: PixelModel, label: Int[Array, " b"]):
        num_labels = getattr(model, "num_labels", 0)
        if not num_labels:
            raise TypeError("expected a model made with labels, found one without")
        label = jnp.asarray(label)
        if label.ndim != 1 or not jnp.issubdtype(label.dtype, jnp.integer):
            raise TypeError(
                f"expected integer labels [b], found {label.dtype}, {label.shape}"
            )
        if label.size and (label.min() < 0 or label.max() >= num_labels):
            raise ValueError(
                f"expected labels from 0 to {num_labels - 1}, found {label.min()} to "
                f"{label.max()}"
            )
        self.model, self.levels = model, model.levels
        self.label = nnx.Variable(label)

    def __call__(self, x: Images) -> Float[Array, "b h w k"]:
        """Return the logits of every pixel."""
        return self.model(x, self.label[...])

    def nll(self, x: Images) -> Float[Array, " b"]:
        """Return -log p(x | y) in nats per image."""
        return self.model.nll(x, self.label[...])

    def start(self, shape: tuple[int, ...]) -> Any:
        """Return what is kept before the first pixel of images [b,h,w,1]."""
        return self.model.start(shape)

    def advance(
        self, kept: Any, x: Images, i: Array | int
    ) -> tuple[Any, Float[Array, "b k"]]:
        """Return what is kept after pixel i, and the logits of pixel i."""
        return self.model.advance(kept, x, i, self.label[...])
