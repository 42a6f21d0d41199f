"""Predictors: what a sampler or a coder asks of a model, one pixel after another.

A predictor gives p(next pixel) from the pixels before it. Two come from every model of
the pixel family: `naive` runs the whole model for each pixel, `stateful` keeps what the
layers have computed: states of a recurrent layer, activations of a convolution.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
from flax import nnx
from jaxtyping import Array, Float, Shaped

Images = Shaped[Array, "b h w 1"]


class Traceable(NamedTuple):
    """A predictor's `advance` as a pure function, so that a sampler can compile loops.

    Attributes:
        advance: (parameters, kept, x, i) -> (kept, logits).
        parameters: of the model.
    """

    advance: Callable
    parameters: Any


class Predictor(NamedTuple):
    """Two functions, and the kind of images they work on.

    Attributes:
        start: shape of the images -> what is kept before the first pixel.
        advance: (kept, x, i) -> (kept, logits [b, k] of pixel i); of `x` the pixels
            before i, in raster order, are known. k is 1 for black and white (log-odds
            of white), otherwise the number of grey levels.
        levels: of a pixel.
        traceable: `advance` once more; without it a sampler goes from pixel to pixel
            in Python.
    """

    start: Callable[[tuple[int, ...]], Any]
    advance: Callable[[Any, Images, int], tuple[Any, Float[Array, "b k"]]]
    levels: int = 2
    traceable: Traceable | None = None


@runtime_checkable
class PixelModel(Protocol):
    """A model that scores all pixels in one call, or one pixel after another."""

    levels: int

    def __call__(self, x: Images) -> Float[Array, "b h w k"]:
        """Return the logits of every pixel."""

    def start(self, shape: tuple[int, ...]) -> Any:
        """Return what is kept before the first pixel."""

    def advance(self, kept: Any, x: Images, i: int) -> tuple[Any, Array]:
        """Return what is kept after pixel i, and the logits of pixel i."""


def naive(model: PixelModel) -> Predictor:
    """Return a predictor that runs the whole model once for every pixel."""
    graphdef, parameters = nnx.split(model)

    def advance(parameters, kept, x, i):
        logits = nnx.merge(graphdef, parameters)(x)
        return kept, logits.reshape(len(x), -1, logits.shape[-1])[:, i]

    return _predictor(lambda shape: (), advance, parameters, model.levels)


def stateful(model: PixelModel) -> Predictor:
    """Return a predictor that keeps what the layers have computed."""
    graphdef, parameters = nnx.split(model)

    def advance(parameters, kept, x, i):
        return nnx.merge(graphdef, parameters).advance(kept, x, i)

    return _predictor(model.start, advance, parameters, model.levels)


def tempered(predictor: Predictor, temperature: float) -> Predictor:
    """Return a predictor of p(x_i | x_<i)^(1 / temperature), normalised for each pixel.

    Below 1 likely levels become likelier still; at 1 nothing changes. It is another
    distribution of images, and not p(x)^(1 / temperature).

    Raises:
        ValueError: the temperature is not positive and finite.
    """
    if not 0 < temperature < float("inf"):
        raise ValueError(f"expected a positive temperature, found {temperature}")

    def cooled(advance):
        def advance_cooled(*arguments):
            kept, logits = advance(*arguments)
            return kept, logits / temperature

        return advance_cooled

    traceable = predictor.traceable
    if traceable is not None:
        traceable = traceable._replace(advance=cooled(traceable.advance))
    advance = cooled(predictor.advance)
    return predictor._replace(advance=advance, traceable=traceable)


def _predictor(start, advance, parameters, levels) -> Predictor:
    compiled = jax.jit(advance)

    def one_pixel(kept, x, i):
        return compiled(parameters, kept, x, i)

    return Predictor(start, one_pixel, levels, Traceable(advance, parameters))
