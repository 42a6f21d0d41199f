import jax
import jax.numpy as jnp
import numpy as np


def _conv_by_loops(kernel, bias, maps, row, column):
    """Without padding: what is outside is replaced by 0."""
    k, (h, w) = len(kernel), maps.shape[1:3]
    total = jnp.tile(bias, (len(maps), 1))
    for i in range(k):
        for j in range(k):
            r, c = row + i - k // 2, column + j - k // 2
            inside = (0 <= r) & (r < h) & (0 <= c) & (c < w)
            pixels = maps[:, jnp.clip(r, 0, h - 1), jnp.clip(c, 0, w - 1)]
            total += jnp.where(inside, pixels, 0.0) @ kernel[i, j]
    return total


def _conv_of_the_window(kernel, bias, maps, row, column):
    m = len(kernel) // 2
    padded = jnp.pad(maps, ((0, 0), (m, m), (m, m), (0, 0)))
    near = jax.lax.dynamic_slice_in_dim(padded, row, len(kernel), axis=1)
    near = jax.lax.dynamic_slice_in_dim(near, column, len(kernel), axis=2)
    axes = ("NHWC", "HWIO", "NHWC")
    out = jax.lax.conv_general_dilated(
        near, kernel, (1, 1), "VALID", dimension_numbers=axes
    )
    return out.reshape(len(maps), -1) + bias


def _conv_by_a_matrix(kernel, bias, maps, row, column):
    """Only the rows up to that of the pixel, as the course's own layer stores them."""
    up, k = len(kernel) // 2, len(kernel)
    padded = jnp.pad(maps, ((0, 0), (up, 0), (up, up), (0, 0)))
    size = (len(maps), up + 1, k, maps.shape[-1])
    near = jax.lax.dynamic_slice(padded, (0, row, column, 0), size)
    return near.reshape(len(maps), -1) @ kernel[: up + 1].reshape(-1, len(bias)) + bias


def _conv_by_gather(kernel, bias, maps, row, column):
    """Zero the later pixels first, which nobody asks for."""
    k, (h, w) = len(kernel), maps.shape[1:3]
    order = np.arange(h * w).reshape(h, w, 1)
    known = maps * (order <= row * w + column)
    m = k // 2
    padded = jnp.pad(known, ((0, 0), (m, m), (m, m), (0, 0)))
    near = padded[:, row + np.arange(k)[:, None], column + np.arange(k)]
    return jnp.tensordot(near, kernel, axes=3) + bias[None]


def _conv_by_one_hot(kernel, bias, maps, row, column):
    """Rows and columns outside have no 1."""
    k, (h, w) = len(kernel), maps.shape[1:3]
    near = jnp.arange(k) - k // 2
    rows = jax.nn.one_hot(row + near, h)
    columns = jax.nn.one_hot(column + near, w)
    window = jnp.einsum("bhwc,ih,jw->bijc", maps, rows, columns)
    return jnp.einsum("bijc,ijcd->bd", window, kernel) + bias


@jax.jit
def _conv_by_vmap(kernel, bias, maps, row, column):
    m = len(kernel) // 2

    def one(image):
        padded = jnp.pad(image, ((m, m), (m, m), (0, 0)))
        moved = jnp.roll(padded, (-row, -column), axis=(0, 1))
        near = moved[: len(kernel), : len(kernel), :, None]
        return jnp.sum(near * kernel, axis=(0, 1, 2)) + bias

    return jax.vmap(one)(maps)


ALTERNATIVES = (
    _conv_by_loops,
    _conv_of_the_window,
    _conv_by_a_matrix,
    _conv_by_gather,
    _conv_by_one_hot,
    _conv_by_vmap,
)
