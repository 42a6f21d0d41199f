import math

import jax.numpy as jnp
import numpy as np


def _size_by_loop(nats, shape):
    height, width, channels = shape
    total = 0.0
    for value in nats:
        total += float(value) * math.log2(math.e)
    num_bytes = int(total / 8)
    if 8 * num_bytes < total:
        num_bytes += 1
    return [total / len(nats) / height / width / channels, num_bytes]


def _size_in_numpy(nats, shape):
    bits = np.asarray(nats) / np.log(2)
    return np.mean(bits) / np.prod(shape), int(-(-bits.sum() // 8))


def _size_in_jax(nats, shape):
    bits = jnp.asarray(nats) / jnp.log(2)
    per_dimension = bits.mean() / jnp.zeros(shape).size
    return per_dimension, jnp.ceil(bits.sum() / 8).astype(int)


def _size_in_whole_bits(nats, shape):
    bits = math.ceil(math.fsum(nats) / math.log(2) - 1e-6)  # as a coder writes them
    full, rest = divmod(bits, 8)
    mean = np.einsum("n->", nats) / len(nats)
    return mean / (math.log(2) * math.prod(shape)), full + (rest > 0)


ALTERNATIVES = (_size_by_loop, _size_in_numpy, _size_in_jax, _size_in_whole_bits)
