"""Recurrent pixel models: the chain rule as a network.

    log p(x) = sum_i log p(x_i | x_1, ..., x_(i-1)),  pixels in raster order

van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv:1601.06759.
"""

from collections.abc import Callable

from flax import nnx
from jaxtyping import Array, Float, Shaped

from course_utils.layers import (
    DiagonalBiLSTM,
    RasterLSTM,
    RowLSTM,
    earlier_at,
    earlier_pixels,
)
from course_utils.losses import bernoulli_nll, categorical_nll

Images = Shaped[Array, "b h w 1"]


class PixelRNN(nnx.Module):
    """Recurrent layers between the earlier pixels near a pixel and its distribution.

    Images are black and white, floats 0 and 1, or have `levels` grey levels, integers
    from 0. The logits of a binary pixel are one number, its log-odds of white; of a
    grey one `levels` numbers.

    Args:
        layer: makes a recurrent layer: `RasterLSTM`, `RowLSTM`, `DiagonalBiLSTM`.
        features: numbers per pixel in every layer.
        num_layers: recurrent layers, each added to what it is given.
        radius: of the window whose earlier pixels the first layer sees.
        levels: of a pixel.
        rngs: for the initial parameters.
    """

    def __init__(
        self,
        layer: Callable,
        features: int,
        num_layers: int = 1,
        radius: int = 1,
        levels: int = 2,
        *,
        rngs: nnx.Rngs,
    ):
        self.radius, self.levels = radius, levels
        self.support = (0, levels - 1)
        earlier = 2 * radius * (radius + 1)
        self.first = nnx.Linear(earlier, features, rngs=rngs)
        self.layers = nnx.List(
            [layer(features, features, rngs=rngs) for _ in range(num_layers)]
        )
        self.mix = nnx.Linear(features, features, rngs=rngs)
        self.out = nnx.Linear(features, 1 if levels == 2 else levels, rngs=rngs)

    def __call__(self, x: Images) -> Float[Array, "b h w k"]:
        """Return the logits of every pixel, each given the pixels before it."""
        features = self.first(earlier_pixels(self._scaled(x), self.radius))
        for layer in self.layers:
            features = features + layer(features)
        return self._logits(features)

    def nll(self, x: Images) -> Float[Array, " b"]:
        """Return -log p(x) in nats per image."""
        nll = bernoulli_nll if self.levels == 2 else categorical_nll
        return nll(self(x), x)

    def start(self, shape: tuple[int, ...]) -> tuple:
        """Return what the layers keep before the first pixel of images [b,h,w,1]."""
        return tuple(layer.start(shape[0], shape[2]) for layer in self.layers)

    def advance(
        self, carry: tuple, x: Images, i: Array | int
    ) -> tuple[tuple, Float[Array, "b k"]]:
        """Return what the layers keep after pixel i, and the logits of pixel i.

        Pixels have to be taken in raster order: i = 0, 1, 2, ... The values of `x` at
        pixel i and later are not looked at.
        """
        row, column = i // x.shape[2], i % x.shape[2]
        earlier = earlier_at(self._scaled(x), row, column, self.radius)
        features, after = self.first(earlier), []
        for layer, kept in zip(self.layers, carry, strict=True):
            kept, out = layer.advance(kept, features, row, column)
            features = features + out
            after.append(kept)
        return tuple(after), self._logits(features)

    def _scaled(self, x: Images) -> Float[Array, "b h w 1"]:
        return x / (self.levels - 1)

    def _logits(self, features: Float[Array, "*b d"]) -> Float[Array, "*b k"]:
        return self.out(nnx.relu(self.mix(nnx.relu(features))))


def pixel_lstm(features: int, num_layers: int = 1, **options) -> PixelRNN:
    """Return a model whose state goes from pixel to pixel, row after row."""
    return PixelRNN(RasterLSTM, features, num_layers, **options)


def row_lstm(features: int, num_layers: int = 1, **options) -> PixelRNN:
    """Return a model whose states go from row to row."""
    return PixelRNN(RowLSTM, features, num_layers, **options)


def diagonal_bilstm(features: int, num_layers: int = 1, **options) -> PixelRNN:
    """Return a model whose states go along the diagonals, in both directions."""
    return PixelRNN(DiagonalBiLSTM, features, num_layers, **options)
