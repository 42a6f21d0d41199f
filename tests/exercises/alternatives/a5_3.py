import jax
import jax.numpy as jnp
import numpy as np


def _skew_by_rows(x):
    h = x.shape[1]
    rows = [jnp.pad(x[:, r], ((0, 0), (r, h - 1 - r), (0, 0))) for r in range(h)]
    return jnp.stack(rows, axis=1)


def _skew_by_assignment(x):
    b, h, w, f = x.shape
    maps = jnp.zeros((b, h, h + w - 1, f))
    for r in range(h):
        maps = maps.at[:, r, r : r + w].set(x[:, r])
    return maps


def _skew_by_pixels(x):
    """Every pixel by itself, in nothing but Python's loops."""
    b, h, w, f = x.shape
    nothing = jnp.zeros((b, f))
    rows = []
    for r in range(h):
        pixels = [x[:, r, c] for c in range(w)]
        rows.append([nothing] * r + pixels + [nothing] * (h - 1 - r))
    return jnp.array(rows).transpose(2, 0, 1, 3)


def _skew_by_roll(x):
    padded = jnp.pad(x, [(0, 0), (0, 0), (0, x.shape[1] - 1), (0, 0)])
    roll = jax.vmap(lambda row, r: jnp.roll(row, r, axis=1), (1, 0), 1)
    return roll(padded, jnp.arange(x.shape[1]))


def _skew_by_einsum(x):
    _, h, w, _ = x.shape
    r, c, s = np.indices((h, w, h + w - 1))
    return jnp.einsum("bhwf,hws->bhsf", x, (s == r + c).astype(np.float32))


def _skew_by_columns(x):
    _, h, w, _ = x.shape
    rows = np.arange(h)
    columns = []
    for s in range(h + w - 1):
        there = (rows <= s) & (s < rows + w)
        pixels = x[:, rows, np.clip(s - rows, 0, w - 1)]
        columns.append(jnp.where(there[:, None], pixels, 0.0))
    return jnp.stack(columns, axis=2)


ALTERNATIVES = (
    _skew_by_rows,
    _skew_by_assignment,
    _skew_by_pixels,
    _skew_by_roll,
    _skew_by_einsum,
    _skew_by_columns,
)
