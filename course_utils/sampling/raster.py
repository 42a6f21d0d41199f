"""The raster sampler: draw a pixel, look at it, draw the next.

    x_i is drawn from p(x_i | x_1, ..., x_(i-1)),  i in raster order

The uniform numbers that decide are an argument: two samplers that are given the same
numbers and the same model draw the same images.
"""

import functools
from collections import deque
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from course_utils.sampling.predictors import Predictor

Images = Shaped[Array, "b h w 1"]
Uniforms = Float[Array | np.ndarray, "b h w"]

_BELOW_ONE = np.nextafter(np.float32(1), np.float32(0))  # the last float32 before 1


def draw_images(
    predictor: Predictor,
    uniforms: Uniforms,
    given: Shaped[Array | np.ndarray, "b h w 1"] | None = None,
    num_given: int = 0,
) -> Images:
    """Return images drawn pixel by pixel, or completed.

    Args:
        predictor: gives p(next pixel); see `naive` and `stateful`.
        uniforms: one number from [0, 1) for each pixel. A binary pixel turns white if
            its number lies below p(white); a grey one gets the level in whose part of
            [0, 1) the number lies.
        given: images whose first pixels are kept.
        num_given: how many pixels of `given` are kept, in raster order.

    Returns:
        Floats 0 and 1 for two levels, integers otherwise.

    Raises:
        TypeError, ValueError: an argument is not as described.
    """
    states = draw_states(predictor, uniforms, given, num_given)
    return deque(states, maxlen=1).pop()[1]


def draw_states(
    predictor: Predictor,
    uniforms: Uniforms,
    given: Shaped[Array | np.ndarray, "b h w 1"] | None = None,
    num_given: int = 0,
) -> Iterator[tuple[int, Images]]:
    """Yield (pixels done, images so far) after each row: a film of the drawing.

    The arguments and errors are those of `draw_images`.
    """
    uniforms = _checked_uniforms(uniforms)
    shape = (*uniforms.shape, 1)
    kept = _checked_given(given, num_given, shape, predictor.levels)
    # A generator begins when it is asked for its first state; errors must come before.
    return _draw(predictor, uniforms, kept)


def _draw(predictor, uniforms, kept) -> Iterator[tuple[int, Images]]:
    b, height, width = uniforms.shape
    num_given = kept.shape[1]
    given = np.zeros((b, height * width), kept.dtype)
    given[:, :num_given] = kept
    dtype = jnp.float32 if predictor.levels == 2 else jnp.int32
    x = jnp.zeros((b, height, width, 1), dtype)
    carry = predictor.start(x.shape)
    for first in range(0, height * width, width):
        if predictor.traceable is None:
            for i in range(first, first + width):
                carry, x = _next_pixel(
                    predictor.advance, carry, x, uniforms, given, num_given, i
                )
        else:
            advance, parameters = predictor.traceable
            carry, x = _next_row(
                advance, parameters, carry, x, uniforms, given, num_given, first
            )
        yield first + width, x


@functools.partial(jax.jit, static_argnums=0)
def _next_row(advance, parameters, carry, x, uniforms, given, num_given, first):
    """Return what is kept after a row, and the images: one compiled loop."""
    advance = functools.partial(advance, parameters)

    def step(state, i):
        return _next_pixel(advance, *state, uniforms, given, num_given, i), None

    pixels = first + jnp.arange(x.shape[2])
    (carry, x), _ = jax.lax.scan(step, (carry, x), pixels)
    return carry, x


def _next_pixel(advance, carry, x, uniforms, given, num_given, i):
    """Return what is kept after pixel i, and the images with that pixel."""
    carry, logits = advance(carry, x, i)
    return carry, _set(x, i, given, num_given, choose(logits, uniforms, i))


@jax.jit
def choose(
    logits: Float[Array, "b k"], uniforms: Float[Array, "b h w"], i: Array | int
) -> Shaped[Array, " b"]:
    """Return pixel i of every image, given its logits and all uniform numbers."""
    u = uniforms.reshape(len(uniforms), -1)[:, i]
    if logits.shape[1] == 1:
        return (u < jax.nn.sigmoid(logits[:, 0])).astype(jnp.float32)
    below = jnp.cumsum(jax.nn.softmax(logits), axis=1)[:, :-1]
    return (u[:, None] >= below).sum(axis=1)


@jax.jit
def _set(x: Images, i: Array | int, given: Array, num_given: int, drawn: Array):
    """Return the images with pixel i as it is given, or else as it was drawn."""
    values = jnp.where(
        i < num_given, given[:, i].astype(x.dtype), drawn.astype(x.dtype)
    )
    row, column = i // x.shape[2], i % x.shape[2]
    return jax.lax.dynamic_update_slice(
        x, values[:, None, None, None], (0, row, column, 0)
    )


def _checked_uniforms(uniforms: Uniforms) -> Float[Array, "b h w"]:
    shape = np.shape(uniforms)
    if len(shape) != 3 or 0 in shape:
        raise ValueError(
            f"expected uniform numbers [b, h, w], one for each pixel, found {shape}: "
            "jax.random.uniform(key, (num, height, width))"
        )
    values = np.asarray(uniforms)
    if not np.issubdtype(values.dtype, np.floating):
        raise TypeError(f"expected float uniform numbers, found {values.dtype}")
    if not ((values >= 0) & (values < 1)).all():
        raise ValueError(
            f"expected numbers from 0 up to but not 1, found {values.min():g} to "
            f"{values.max():g}: jax.random.uniform makes such"
        )
    # float32 has no number so near to 1 as float64: it would be rounded up to 1 itself.
    return jnp.asarray(np.minimum(values, _BELOW_ONE), jnp.float32)


def _checked_given(given, num_given: int, shape: tuple, levels: int) -> np.ndarray:
    """Return the pixels that are kept: [b, num_given]."""
    _check_num_given(num_given, shape[1] * shape[2])
    if given is None and num_given == 0:
        return np.zeros((shape[0], 0))
    if given is None or np.shape(given) != shape:
        found = None if given is None else np.shape(given)
        raise ValueError(
            f"expected given images of shape {shape}, as the uniform numbers say, "
            f"found {found}: repeat one image for every sample with np.repeat"
        )
    values = np.asarray(given)
    if not np.isin(values, np.arange(levels)).all():
        raise ValueError(
            f"expected given pixels from 0 to {levels - 1}, whole numbers, found "
            f"{values.min():g} to {values.max():g}: binarize or quantize the images"
        )
    return values.reshape(shape[0], -1)[:, :num_given]


def _check_num_given(num_given: int, pixels: int) -> None:
    if isinstance(num_given, bool) or not isinstance(num_given, int | np.integer):
        raise TypeError(
            f"expected the number of given pixels as an integer, found {num_given!r}: "
            "the first k rows are k * width pixels"
        )
    if not 0 <= num_given <= pixels:
        raise ValueError(
            f"expected 0 to {pixels} given pixels, found {num_given}: an image has no "
            "more, and the first k rows are k * width of them"
        )
