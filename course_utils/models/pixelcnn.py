"""Convolutional pixel models: the chain rule by masks.

    log p(x) = sum_i log p(x_i | x_1, ..., x_(i-1)),  pixels in raster order

All pixels are scored in one call whose depth is the number of layers, not of pixels.
`PixelCNN` is a stack of masked convolutions (van den Oord, Kalchbrenner and Kavukcuoglu
2016, arXiv:1601.06759, section 3.4), `GatedPixelCNN` has two stacks and no blind spot
(van den Oord et al. 2016, arXiv:1606.05328).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Shaped

from course_utils.layers.masked import MaskedConv, Window, looking_back
from course_utils.losses import bernoulli_nll, categorical_nll

Images = Shaped[Array, "b h w 1"]


class ResidualBlock(nnx.Module):
    """x + expand(relu(conv(relu(reduce(relu(x)))))), half as wide inside."""

    def __init__(self, features: int, dilation: int = 1, *, rngs: nnx.Rngs):
        half = features // 2
        self.reduce = nnx.Linear(features, half, rngs=rngs)
        self.conv = MaskedConv(half, half, looking_back(3, "B"), dilation, rngs=rngs)
        self.expand = nnx.Linear(half, features, rngs=rngs)

    def __call__(self, x):
        inside = self.conv(nnx.relu(self.reduce(nnx.relu(x))))
        return x + self.expand(nnx.relu(inside))

    def start(self, b, width):
        return self.conv.start(b, width)

    def advance(self, window, x, row, column):
        inside = nnx.relu(self.reduce(nnx.relu(x)))
        window, inside = self.conv.advance(window, inside, row, column)
        return window, x + self.expand(nnx.relu(inside))


class PixelCNN(nnx.Module):
    def __init__(self, features, num_blocks, size=7, levels=2, dilations=(1,), *, rngs):
        self.levels = levels
        self.support = (0, levels - 1)
        self.first = MaskedConv(1, features, looking_back(size, "A"), rngs=rngs)
        self.blocks = nnx.List([ResidualBlock(features, dilations[i % len(dilations)], rngs=rngs) for i in range(num_blocks)])
        self.mix = nnx.Linear(features, features, rngs=rngs)
        self.out = nnx.Linear(features, 1 if levels == 2 else levels, rngs=rngs)

    def __call__(self, x):
        features = self.first(x / (self.levels - 1))
        for block in self.blocks:
            features = block(features)
        return self._logits(features)

    def nll(self, x):
        nll = bernoulli_nll if self.levels == 2 else categorical_nll
        return nll(self(x), x)

    def _logits(self, features):
        return self.out(nnx.relu(self.mix(nnx.relu(features))))


def gate(x):
    a, b = jnp.split(x, 2, axis=-1)
    return jnp.tanh(a) * nnx.sigmoid(b)


class GatedBlock(nnx.Module):
    def __init__(self, features, dilation=1, *, rngs):
        self.vertical = MaskedConv(features, 2 * features, np.ones((2, 3), bool), dilation, rngs=rngs)
        self.link = nnx.Linear(2 * features, 2 * features, rngs=rngs)
        self.horizontal = MaskedConv(features, 2 * features, np.array([[True, True, False]]), dilation, rngs=rngs)
        self.out = nnx.Linear(features, features, rngs=rngs)
        self.vout = nnx.Linear(features, features, rngs=rngs)

    def __call__(self, v, h):
        above = self.vertical(v)
        inside = gate(self.horizontal(h) + self.link(above))
        return v + self.vout(gate(above)), h + self.out(inside)


class GatedPixelCNN(nnx.Module):
    def __init__(self, features, num_blocks, size=7, levels=2, dilations=(1,), *, rngs):
        self.levels = levels
        self.support = (0, levels - 1)
        up = looking_back(size, "A"); up[-1] = False
        left = looking_back(size, "A")[-1:]
        self.above = MaskedConv(1, features, up, rngs=rngs)
        self.left = MaskedConv(1, features, left, rngs=rngs)
        self.link = nnx.Linear(features, features, rngs=rngs)
        self.blocks = nnx.List([GatedBlock(features, dilations[i % len(dilations)], rngs=rngs) for i in range(num_blocks)])
        self.mix = nnx.Linear(features, features, rngs=rngs)
        self.out = nnx.Linear(features, 1 if levels == 2 else levels, rngs=rngs)

    def __call__(self, x):
        x = x / (self.levels - 1)
        v = self.above(x)
        h = self.left(x) + self.link(v)
        for block in self.blocks:
            v, h = block(v, h)
        return self.out(nnx.relu(self.mix(nnx.relu(h))))

    nll = PixelCNN.nll
