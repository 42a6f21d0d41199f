import jax
import jax.numpy as jnp
from flax import nnx


def _block_by_slices(v, h, layers):
    def gate(x):
        d = x.shape[-1] // 2
        return jnp.tanh(x[:, :, :, :d]) * jax.nn.sigmoid(x[:, :, :, d:])

    above = layers.vertical(v)
    h = h + layers.out(gate(layers.link(above) + layers.horizontal(h)))
    v = v + layers.up(gate(above))
    return [v, h]


def _block_with_one_function_tanh(v, h, layers):
    """The sigmoid is a tanh of half the number; the halves are made by a reshape."""

    def gate(x):
        halves = x.reshape(*x.shape[:-1], 2, -1)
        first, second = halves[..., 0, :], halves[..., 1, :]
        return (jnp.tanh(first) + jnp.tanh(first) * jnp.tanh(second / 2)) / 2

    new_v = gate(layers.vertical(v))
    new_h = gate(layers.horizontal(h) + layers.link(layers.vertical(v)))
    return v + layers.up(new_v), h + layers.out(new_h)


def _block_image_by_image(v, h, layers):
    def one(v, h):
        above = layers.vertical(v)
        both = jnp.concatenate([above, layers.horizontal(h) + layers.link(above)])
        first, second = jnp.array_split(both, 2, axis=3)
        gated = jnp.tanh(first) / (1 + jnp.exp(-second))
        return v + layers.up(gated[:1]), h + layers.out(gated[1:])

    images = [one(v[i : i + 1], h[i : i + 1]) for i in range(len(v))]
    return tuple(jnp.concatenate(maps) for maps in zip(*images, strict=True))


def _block_with_a_glu(v, h, layers):
    """`nnx.glu` is the first half times the sigmoid of the second."""

    def gate(x):
        d = x.shape[3] // 2
        return nnx.glu(x.at[..., :d].set(jnp.tanh(x[..., :d])), axis=3)

    above = layers.vertical(v)
    below = layers.horizontal(h) + layers.link(above)
    return jnp.stack([v + layers.up(gate(above)), h + layers.out(gate(below))])


ALTERNATIVES = (
    _block_by_slices,
    _block_with_one_function_tanh,
    _block_image_by_image,
    _block_with_a_glu,
)
