import jax
import jax.numpy as jnp
import numpy as np


def _inputs_by_roll(x):
    _, h, w, _ = x.shape
    row, column = jnp.arange(h)[:, None, None], jnp.arange(w)[:, None]

    def moved(down, right):
        r, c = row - down, column - right
        inside = (r >= 0) & (r < h) & (c >= 0) & (c < w)
        return jnp.where(inside, jnp.roll(x, (down, right), axis=(1, 2)), 0.0)

    steps = [(0, 1), (1, 0), (1, 1), (1, -1)]
    return jnp.concatenate([moved(*step) for step in steps], axis=-1)


def _inputs_by_convolution(x):
    kernel = np.zeros((2, 3, 1, 4), np.float32)
    for channel, (row, column) in enumerate([(1, 0), (0, 1), (0, 0), (0, 2)]):
        kernel[row, column, 0, channel] = 1
    return jax.lax.conv_general_dilated(
        x,
        jnp.asarray(kernel),
        window_strides=(1, 1),
        padding=((1, 0), (1, 1)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def _inputs_by_negative_padding(x):
    def moved(down, right):
        shifts = [(0, 0, 0), (down, -down, 0), (right, -right, 0), (0, 0, 0)]
        return jax.lax.pad(x, jnp.zeros((), x.dtype), shifts)[..., 0]

    four = moved(0, 1), moved(1, 0), moved(1, 1), moved(1, -1)
    return jnp.stack(four, axis=3)


def _inputs_row_by_row(x):
    _, h, w, _ = x.shape
    none = jnp.zeros_like(x[:, 0])
    rows, above = [], none
    for r in range(h):
        here = x[:, r]
        left = jnp.roll(here, 1, axis=1).at[:, 0].set(0)
        above_left = jnp.roll(above, 1, axis=1).at[:, 0].set(0)
        above_right = jnp.roll(above, -1, axis=1).at[:, w - 1].set(0)
        rows.append(jnp.concatenate([left, above, above_left, above_right], axis=2))
        above = here
    return jnp.stack(rows, axis=1)


def _inputs_by_gather(x):
    """Look all neighbours up at once, in an image whose last pixel is an extra 0."""
    b, h, w, _ = x.shape
    row, column = np.indices((h, w))
    index = []
    for up, left in [(0, 1), (1, 0), (1, 1), (1, -1)]:
        r, c = row - up, column - left
        inside = (r >= 0) & (c >= 0) & (c < w)
        index.append(np.where(inside, r * w + c, h * w))
    pixels = jnp.concatenate([x.reshape(b, h * w), jnp.zeros((b, 1))], axis=1)
    return pixels[:, np.stack(index, axis=-1)]


ALTERNATIVES = (
    _inputs_by_roll,
    _inputs_by_convolution,
    _inputs_by_negative_padding,
    _inputs_row_by_row,
    _inputs_by_gather,
)
