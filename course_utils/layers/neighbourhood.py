"""What stands before a pixel: the part of a window that comes earlier in raster order.

A masked convolution sees the same pixels (mask A); here they are put side by side, so
that the weights are those of an ordinary linear layer.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def earlier_pixels(
    x: Float[Array, "b h w 1"], radius: int = 1
) -> Float[Array, "b h w k"]:
    """Return the pixels before each pixel in the window around it; outside counts as 0.

    The window has 2 radius + 1 rows and columns. Its k = 2 radius (radius + 1) earlier
    pixels are in raster order: NW, N, NE, W for a radius of 1.
    """
    _, height, width, _ = x.shape
    padded = _pad(x, radius)
    shifted = [
        padded[:, row : row + height, column : column + width]
        for row, column in _offsets(radius)
    ]
    return jnp.concatenate(shifted, axis=-1)


def earlier_at(
    x: Float[Array, "b h w 1"], row: Array | int, column: Array | int, radius: int = 1
) -> Float[Array, "b k"]:
    """Return what `earlier_pixels` has at one pixel, without the others' work."""
    b, size = len(x), 2 * radius + 1
    start, window = (0, row, column, 0), (b, radius + 1, size, 1)
    seen = jax.lax.dynamic_slice(_pad(x, radius), start, window)
    return seen.reshape(b, -1)[:, : len(_offsets(radius))]


def _pad(x: Array, radius: int) -> Array:
    return jnp.pad(x, ((0, 0), (radius, 0), (radius, radius), (0, 0)))


def _offsets(radius: int) -> list[tuple[int, int]]:
    """Return where the earlier pixels of a window stand in it, in raster order."""
    size = 2 * radius + 1
    return [divmod(i, size) for i in range(radius * size + radius)]
