"""Convolutional pixel models: the chain rule by masks.

All pixels are scored in one call whose depth is the number of layers, not of pixels.
`PixelCNN` is a stack of masked convolutions (van den Oord, Kalchbrenner and Kavukcuoglu
2016, arXiv:1601.06759, section 3.4). `GatedPixelCNN` has two stacks and no blind spot
(van den Oord et al. 2016, arXiv:1606.05328, section 2).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from course_utils.layers.masked import MaskedConv, looking_back
from course_utils.models.pixel_model import PixelModel


class ResidualBlock(nnx.Module):
    """x + expand(relu(conv(relu(reduce(relu(x)))))), half as wide inside."""

    def __init__(self, features: int, dilation: int = 1, *, rngs: nnx.Rngs):
        half, mask = features // 2, looking_back(3, "B")
        self.reduce = nnx.Linear(features, half, rngs=rngs)
        self.conv = MaskedConv(half, half, mask, dilation, rngs=rngs)
        self.expand = nnx.Linear(half, features, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w d"]) -> Float[Array, "b h w d"]:
        """Return the outputs at all pixels."""
        return x + self._after(self.conv(self._before(x)))

    def start(self, b: int, width: int) -> Array:
        """Return what there is before the first pixel."""
        return self.conv.start(b, width)

    def advance(
        self, rows: Array, x: Float[Array, "b d"], row: Array, column: Array
    ) -> tuple[Array, Float[Array, "b d"]]:
        """Return what there is after a pixel, and the output there."""
        rows, inside = self.conv.advance(rows, self._before(x), row, column)
        return rows, x + self._after(inside)

    def _before(self, x):
        return nnx.relu(self.reduce(nnx.relu(x)))

    def _after(self, inside):
        return self.expand(nnx.relu(inside))


class PixelCNN(PixelModel):
    """A convolution with mask A, then residual blocks with mask B.

    However many blocks: pixels above and to the right are hidden, the blind spot.

    Args:
        features: numbers per pixel in every layer.
        num_blocks: residual blocks.
        size: of the first kernel.
        dilations: of the blocks in turn, over and over.
        levels, num_mixtures: of a pixel; see `PixelModel`.
        rngs: for the initial parameters.
    """

    def __init__(
        self,
        features: int,
        num_blocks: int,
        size: int = 7,
        dilations: tuple[int, ...] = (1,),
        levels: int = 2,
        num_mixtures: int = 0,
        *,
        rngs: nnx.Rngs,
    ):
        self.first = MaskedConv(1, features, looking_back(size, "A"), rngs=rngs)
        turns = [dilations[i % len(dilations)] for i in range(num_blocks)]
        self.blocks = nnx.List([ResidualBlock(features, d, rngs=rngs) for d in turns])
        super().__init__(features, levels, num_mixtures, rngs=rngs)

    def features(self, x: Float[Array, "b h w 1"]) -> Float[Array, "b h w d"]:
        """Return features of every pixel, each from the pixels before it."""
        features = self.first(x)
        for block in self.blocks:
            features = block(features)
        return features

    def start(self, shape: tuple[int, ...]) -> tuple:
        """Return what the layers keep before the first pixel of images [b,h,w,1]."""
        return tuple(block.start(shape[0], shape[2]) for block in self.blocks)

    def next_features(
        self, kept: tuple, x: Float[Array, "b h w 1"], row: Array, column: Array
    ) -> tuple[tuple, Float[Array, "b d"]]:
        """Return what the layers keep after a pixel, and its features."""
        features, after = self.first.at(x, row, column), []
        for block, rows in zip(self.blocks, kept, strict=True):
            rows, features = block.advance(rows, features, row, column)
            after.append(rows)
        return tuple(after), features


def gate(x: Float[Array, "... two_d"]) -> Float[Array, "... d"]:
    """Return tanh(a) sigmoid(b) of the two halves a and b: how much, and whether."""
    a, b = jnp.split(x, 2, axis=-1)
    return jnp.tanh(a) * nnx.sigmoid(b)


class GatedKept(NamedTuple):
    """What a gated block keeps while it goes along a row.

    Attributes:
        above: rows of its vertical input.
        link: what the vertical stack tells the horizontal one, along the current row.
        left: rows of its horizontal input; one.
    """

    above: Float[Array, "b ring padded_w d"]
    link: Float[Array, "b w two_d"]
    left: Float[Array, "b 1 padded_w d"]


class GatedBlock(nnx.Module):
    """A vertical stack of the rows above, and a horizontal one of this row.

    v + up(gate(conv(v))) and h + out(gate(conv_left(h) + link(conv(v)))); the vertical
    map at a pixel knows all rows above, far to the right too, and nothing of its row.
    """

    def __init__(
        self, features: int, dilation: int = 1, num_labels: int = 0, *, rngs: nnx.Rngs
    ):
        two, rows = 2 * features, np.ones((2, 3), bool)
        left = looking_back(3, "B")[-1:]
        self.vertical = MaskedConv(features, two, rows, dilation, rngs=rngs)
        self.up = nnx.Linear(features, features, rngs=rngs)
        self.link = nnx.Linear(two, two, rngs=rngs)
        self.horizontal = MaskedConv(features, two, left, dilation, rngs=rngs)
        self.out = nnx.Linear(features, features, rngs=rngs)
        # What a label adds before the gates: of the vertical and the horizontal stack.
        self.label = nnx.Embed(num_labels, 2 * two, rngs=rngs) if num_labels else None

    def __call__(
        self,
        v: Float[Array, "b h w d"],
        h: Float[Array, "b h w d"],
        label: Int[Array, " b"] | None = None,
    ) -> tuple[Float[Array, "b h w d"], Float[Array, "b h w d"]]:
        """Return the outputs of both stacks at all pixels."""
        to_above, to_here = self._added(label)
        above = self.vertical(v) + to_above[:, None, None]
        here = self.horizontal(h) + self.link(above) + to_here[:, None, None]
        return v + self.up(gate(above)), h + self.out(gate(here))

    def _added(self, label):
        """Return what the labels add in both stacks, each [b, 2 d] or [1, 2 d]."""
        if self.label is None:
            both = jnp.zeros((1, 2 * self.link.out_features))
        else:
            both = self.label(label)
        return jnp.split(both, 2, axis=-1)

    def start(self, b: int, width: int) -> GatedKept:
        """Return what there is before the first pixel."""
        link = jnp.zeros((b, width, self.link.out_features))
        above = self.vertical.start(b, width)
        return GatedKept(above, link, self.horizontal.start(b, width))

    def advance_row(
        self,
        kept: GatedKept,
        v: Float[Array, "b w d"],
        row: Array,
        label: Int[Array, " b"] | None = None,
    ) -> tuple[GatedKept, Float[Array, "b w d"]]:
        """Return what there is before a row, and the vertical outputs along it."""
        to_above, to_here = self._added(label)
        rows, above = self.vertical.advance_row(kept.above, v, row)
        above = above + to_above[:, None]
        link = self.link(above) + to_here[:, None]
        return kept._replace(above=rows, link=link), v + self.up(gate(above))

    def advance(
        self, kept: GatedKept, h: Float[Array, "b d"], row: Array, column: Array
    ) -> tuple[GatedKept, Float[Array, "b d"]]:
        """Return what there is after a pixel, and the horizontal output there."""
        left, inside = self.horizontal.advance(kept.left, h, row, column)
        h = h + self.out(gate(inside + kept.link[:, column]))
        return kept._replace(left=left), h


class GatedPixelCNN(PixelModel):
    """Two stacks: all earlier pixels within reach are seen, there is no blind spot.

    Args:
        features: numbers per pixel in every layer, of each stack.
        num_blocks: gated blocks.
        size: of the first kernels.
        dilations: of the blocks in turn, over and over.
        num_labels: 0, or for p(x | y): labels from 0 that images may have; then
            `model.given(labels)` is the model to score and to draw with.
        levels, num_mixtures: of a pixel; see `PixelModel`.
        rngs: for the initial parameters.
    """

    def __init__(
        self,
        features: int,
        num_blocks: int,
        size: int = 7,
        dilations: tuple[int, ...] = (1,),
        num_labels: int = 0,
        levels: int = 2,
        num_mixtures: int = 0,
        *,
        rngs: nnx.Rngs,
    ):
        self.num_labels = num_labels
        above, left = looking_back(size, "A"), looking_back(size, "A")[-1:]
        above[-1] = False
        self.above = MaskedConv(1, features, above, rngs=rngs)
        self.left = MaskedConv(1, features, left, rngs=rngs)
        self.link = nnx.Linear(features, features, rngs=rngs)
        turns = [dilations[i % len(dilations)] for i in range(num_blocks)]
        self.blocks = nnx.List(
            [GatedBlock(features, d, num_labels, rngs=rngs) for d in turns]
        )
        super().__init__(features, levels, num_mixtures, rngs=rngs)

    def features(
        self, x: Float[Array, "b h w 1"], label: Int[Array, " b"] | None = None
    ) -> Float[Array, "b h w d"]:
        """Return features of every pixel, each from the pixels before it."""
        v = self.above(x)
        h = self.left(x) + self.link(v)
        for block in self.blocks:
            v, h = block(v, h, label)
        return h

    def start(self, shape: tuple[int, ...]) -> tuple:
        """Return what is kept before the first pixel of images [b,h,w,1]."""
        b, _, width, _ = shape
        link = jnp.zeros((b, width, self.link.out_features))
        return link, tuple(block.start(b, width) for block in self.blocks)

    def next_features(
        self,
        kept: tuple,
        x: Float[Array, "b h w 1"],
        row: Array,
        column: Array,
        label: Int[Array, " b"] | None = None,
    ) -> tuple[tuple, Float[Array, "b d"]]:
        """Return what is kept after a pixel, and its features."""
        # The rows above are known when a row begins: all of it at once.
        link, blocks = jax.lax.cond(
            column == 0,
            lambda: self._next_row(kept, x, row, label),
            lambda: kept,
        )
        h, after = self.left.at(x, row, column) + link[:, column], []
        for block, before in zip(self.blocks, blocks, strict=True):
            now, h = block.advance(before, h, row, column)
            after.append(now)
        return (link, tuple(after)), h

    def _next_row(self, kept, x, row, label) -> tuple:
        """Return what is kept before a row."""
        v, after = self.above.at_row(x, row), []
        link = self.link(v)
        for block, before in zip(self.blocks, kept[1], strict=True):
            now, v = block.advance_row(before, v, row, label)
            after.append(now)
        return link, tuple(after)
