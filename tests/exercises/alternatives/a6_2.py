import itertools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from course_utils.layers.masked import causal_mask


def _seen_by_rule(num_layers, size):
    k = size // 2
    reach = num_layers * k
    row, column = np.indices((reach + 1, 2 * reach + 1)) - reach
    return (column <= -k * row) & ((row < 0) | (column < 0))


def _seen_by_loops(num_layers, size):
    """Every chain's end, in a set and in lists."""
    k, ends = size // 2, {(0, 0)}
    for layer in range(num_layers):
        steps = itertools.product(range(-k, 1), range(-k, k + 1))
        allowed = [s for s in steps if s < (0, 0) or (s == (0, 0) and layer)]
        ends = {(r + i, c + j) for r, c in ends for i, j in allowed}
    reach = num_layers * k
    columns = range(-reach, reach + 1)
    return [[int((r, c) in ends) for c in columns] for r in range(-reach, 1)]


def _seen_by_gradient(num_layers, size):
    reach = num_layers * (size // 2)
    layers = [
        nnx.Conv(
            1,
            1,
            (size, size),
            mask=jnp.float32(causal_mask(size, "B" if i else "A"))[..., None, None],
            kernel_init=nnx.initializers.constant(0.1),
            rngs=nnx.Rngs(0),
        )
        for i in range(num_layers)
    ]

    def output(x):
        for layer in layers:
            x = layer(x)
        return x[0, reach, reach, 0]

    image = jnp.zeros((1, 2 * reach + 1, 2 * reach + 1, 1))
    return jax.grad(output)(image)[0, : reach + 1, :, 0] > 0


def _seen_by_changes(num_layers, size):
    """Change every pixel of the window, each in an image of its own."""
    k = size // 2
    reach = num_layers * k
    h, w = reach + 1, 2 * reach + 1
    x = np.eye(h * w).reshape(h * w, h, w)
    for layer in range(num_layers):
        padded = np.pad(x, ((0, 0), (k, k), (k, k)))
        places = np.argwhere(causal_mask(size, "B" if layer else "A"))
        x = np.minimum(sum(padded[:, i : i + h, j : j + w] for i, j in places), 1)
    return x[:, -1, reach].reshape(h, w)


ALTERNATIVES = (
    _seen_by_rule,
    _seen_by_loops,
    _seen_by_gradient,
    _seen_by_changes,
)
