"""An LSTM in NumPy, one pixel at a time: what the tests compare the layers with."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from scipy.special import expit


def random_layer(layer, in_features=2, features=3, scale=1.0, seed=0):
    """Return a layer with every parameter drawn from N(0, scale^2), biases too."""
    rng = np.random.default_rng(seed)

    def draw(parameter):
        return jnp.asarray(scale * rng.normal(size=parameter.shape), jnp.float32)

    shapes = nnx.eval_shape(lambda: layer(in_features, features, rngs=nnx.Rngs(0)))
    graphdef, state = nnx.split(shapes)
    return nnx.merge(graphdef, jax.tree.map(draw, state))


def random_maps(b, height, width, features, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(b, height, width, features)).astype(np.float32)


def random_images(b, height, width, seed=2):
    rng = np.random.default_rng(seed)
    return (rng.random((b, height, width, 1)) < 0.5).astype(np.float32)


def gates_of(layer, x, *hidden):
    """Return the four gates before their nonlinearity, in float64."""
    kernel, bias = (np.float64(p[...]) for p in (layer.input.kernel, layer.input.bias))
    state = np.float64(layer.state.kernel[...])
    return x @ kernel + bias + np.concatenate(hidden, axis=-1) @ state


def cell_by_hand(gates, memory):
    """Return (hidden, memory) after a step."""
    d = gates.shape[-1] // 4
    write, keep, show = (expit(gates[..., k * d : (k + 1) * d]) for k in range(3))
    memory = keep * memory + write * np.tanh(gates[..., 3 * d :])
    return show * np.tanh(memory), memory


def by_advancing(layer, x):
    """Return the outputs at all pixels, one `advance` after another."""
    b, height, width, _ = x.shape
    carry, out = layer.start(b, width), []
    advance = jax.jit(layer.advance)
    for row, column in np.ndindex(height, width):
        carry, here = advance(carry, x[:, row, column], row, column)
        out.append(np.asarray(here))
    return np.stack(out, axis=1).reshape(b, height, width, -1)
