"""Recurrent pixel models: the chain rule as a network.

van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv:1601.06759.
"""

from collections.abc import Callable

from flax import nnx
from jaxtyping import Array, Float

from course_utils.layers import (
    DiagonalBiLSTM,
    RasterLSTM,
    RowLSTM,
    earlier_at,
    earlier_pixels,
)
from course_utils.models.pixel_model import PixelModel


class PixelRNN(PixelModel):
    """Recurrent layers between the earlier pixels near a pixel and its distribution.

    Args:
        layer: makes a recurrent layer: `RasterLSTM`, `RowLSTM`, `DiagonalBiLSTM`.
        features: numbers per pixel in every layer.
        num_layers: recurrent layers, each added to what it is given.
        radius: of the window whose earlier pixels the first layer sees.
        levels: of a pixel; see `PixelModel`.
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
        self.radius = radius
        earlier = 2 * radius * (radius + 1)
        self.first = nnx.Linear(earlier, features, rngs=rngs)
        self.layers = nnx.List(
            [layer(features, features, rngs=rngs) for _ in range(num_layers)]
        )
        super().__init__(features, levels, rngs=rngs)

    def features(self, x: Float[Array, "b h w 1"]) -> Float[Array, "b h w d"]:
        """Return features of every pixel, each from the pixels before it."""
        features = self.first(earlier_pixels(x, self.radius))
        for layer in self.layers:
            features = features + layer(features)
        return features

    def start(self, shape: tuple[int, ...]) -> tuple:
        """Return what the layers keep before the first pixel of images [b,h,w,1]."""
        return tuple(layer.start(shape[0], shape[2]) for layer in self.layers)

    def next_features(
        self, kept: tuple, x: Float[Array, "b h w 1"], row: Array, column: Array
    ) -> tuple[tuple, Float[Array, "b d"]]:
        """Return what the layers keep after a pixel, and its features."""
        features, after = self.first(earlier_at(x, row, column, self.radius)), []
        for layer, before in zip(self.layers, kept, strict=True):
            now, out = layer.advance(before, features, row, column)
            features = features + out
            after.append(now)
        return tuple(after), features


def pixel_lstm(features: int, num_layers: int = 1, **options) -> PixelRNN:
    """Return a model whose state goes from pixel to pixel, row after row."""
    return PixelRNN(RasterLSTM, features, num_layers, **options)


def row_lstm(features: int, num_layers: int = 1, **options) -> PixelRNN:
    """Return a model whose states go from row to row."""
    return PixelRNN(RowLSTM, features, num_layers, **options)


def diagonal_bilstm(features: int, num_layers: int = 1, **options) -> PixelRNN:
    """Return a model whose states go along the diagonals, in both directions."""
    return PixelRNN(DiagonalBiLSTM, features, num_layers, **options)
