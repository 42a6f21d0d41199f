"""Predictors: what a sampler or a coder asks of a model, one pixel after another.

A predictor gives p(next pixel) from the pixels before it. Two come from every model of
the pixel family: `naive` runs the whole model for each pixel, `stateful` keeps what the
recurrent layers have computed.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
from flax import nnx
from jaxtyping import Array, Float, Shaped

Images = Shaped[Array, "b h w 1"]


class Predictor(NamedTuple):
    """Two functions, and the kind of images they work on.

    Attributes:
        start: shape of the images -> what is kept before the first pixel.
        advance: (kept, x, i) -> (kept, logits [b, k] of pixel i); of `x` the pixels
            before i, in raster order, are known. k is 1 for black and white (log-odds
            of white), otherwise the number of grey levels.
        levels: of a pixel.
    """

    start: Callable[[tuple[int, ...]], Any]
    advance: Callable[[Any, Images, int], tuple[Any, Float[Array, "b k"]]]
    levels: int = 2


@runtime_checkable
class PixelModel(Protocol):
    """A model that scores all pixels in one call, or one pixel after another."""

    levels: int

    def __call__(self, x: Images) -> Float[Array, "b h w k"]:
        """Return the logits of every pixel."""

    def start(self, shape: tuple[int, ...]) -> Any:
        """Return what is kept before the first pixel."""

    def advance(self, carry: Any, x: Images, i: int) -> tuple[Any, Array]:
        """Return what is kept after pixel i, and the logits of pixel i."""


def naive(model: PixelModel) -> Predictor:
    """Return a predictor that runs the whole model once for every pixel."""
    graphdef, state = nnx.split(model)

    @jax.jit
    def logits_at(state, x, i):
        logits = nnx.merge(graphdef, state)(x)
        return logits.reshape(len(x), -1, logits.shape[-1])[:, i]

    def advance(carry, x, i):
        return carry, logits_at(state, x, i)

    return Predictor(lambda shape: (), advance, model.levels)


def stateful(model: PixelModel) -> Predictor:
    """Return a predictor that keeps the states of the recurrent layers."""
    graphdef, state = nnx.split(model)

    @jax.jit
    def advance_model(state, carry, x, i):
        return nnx.merge(graphdef, state).advance(carry, x, i)

    def advance(carry, x, i):
        return advance_model(state, carry, x, i)

    return Predictor(model.start, advance, model.levels)
