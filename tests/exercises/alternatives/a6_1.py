import jax.numpy as jnp
import numpy as np


def _mask_in_pieces(size, kind):
    mask, centre = np.zeros((size, size), bool), size // 2
    mask[:centre] = True
    mask[centre, : centre + (kind == "B")] = True
    return mask


def _mask_by_loops(size, kind):
    centre = (size // 2, size // 2)
    rows = []
    for r in range(size):
        row = []
        for c in range(size):
            # Python compares tuples in raster order.
            row.append((r, c) < centre or (kind == "B" and (r, c) == centre))
        rows.append(row)
    return np.array(rows)


def _mask_of_ones(size, kind):
    mask, centre = np.ones((size, size)), size // 2
    mask[centre, centre + 1 :] = 0
    mask[centre + 1 :] = 0
    if kind == "A":
        mask[centre, centre] = 0
    return mask.astype(np.bool_)


def _mask_in_jax(size, kind):
    row, column = jnp.mgrid[:size, :size] - size // 2
    up_to = column < 0 if kind == "A" else column <= 0
    return (row < 0) | ((row == 0) & up_to)


def _mask_by_repeat(size, kind):
    before, all_weights = size**2 // 2 + "AB".index(kind), size**2
    flat = np.repeat([True, False], [before, all_weights - before])
    return flat.reshape(size, -1)


ALTERNATIVES = (
    _mask_in_pieces,
    _mask_by_loops,
    _mask_of_ones,
    _mask_in_jax,
    _mask_by_repeat,
)
