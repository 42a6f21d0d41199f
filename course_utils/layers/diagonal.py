"""The Diagonal BiLSTM: two LSTMs that go over an image diagonal by diagonal.

van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv:1601.06759, section 3.2.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from course_utils.layers.recurrent import LSTMState, gate_bias, lstm_cell, zero_state


def skew(x: Float[Array, "b h w f"]) -> Float[Array, "b h h+w-1 f"]:
    """Return the maps with row r moved r places to the right: diagonals stand upright.

    The left neighbour of a pixel and its upper neighbour are then both in the column
    before: the left one in the same row, the upper one in the row above.
    """
    b, h, w, f = x.shape
    # Each row becomes one place longer than the result's, so it slips one further.
    padded = jnp.pad(x, ((0, 0), (0, 0), (0, h), (0, 0)))
    slipped = padded.reshape(b, h * (w + h), f)[:, : h * (w + h - 1)]
    return slipped.reshape(b, h, w + h - 1, f)


def unskew(x: Float[Array, "b h s f"], width: int) -> Float[Array, "b h w f"]:
    """Return the maps before `skew`: of row r, the places r to r + width - 1."""
    b, h, s, f = x.shape
    flat = jnp.pad(x.reshape(b, h * s, f), ((0, 0), (0, h), (0, 0)))
    return flat.reshape(b, h, s + 1, f)[:, :, :width]


class DiagonalLSTM(nnx.Module):
    """One direction: each pixel's state from those of its left and upper neighbour.

    gates(r, c) = K x(r, c) + U_left hidden(r, c - 1) + U_up hidden(r - 1, c); the
    memory comes from the left. So a whole diagonal can be updated at once.
    """

    def __init__(self, in_features: int, features: int, *, rngs: nnx.Rngs):
        self.features = features
        gates = 4 * features
        self.input = nnx.Linear(in_features, gates, bias_init=gate_bias, rngs=rngs)
        self.state = nnx.Linear(2 * features, gates, use_bias=False, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b h w d"]:
        """Return the outputs at all pixels, one scan over the diagonals."""
        b, h, w, _ = x.shape
        # Left and right of the image there is nothing: no state may come from there.
        inside = skew(jnp.ones((1, h, w, 1)))

        def step(left, column):
            x, inside = column
            state = self.cell(x, left, _row_above(left.hidden))
            state = jax.tree.map(lambda a: a * inside, state)
            return state, state.hidden

        columns = (jnp.moveaxis(skew(x), 2, 0), jnp.moveaxis(inside, 2, 0))
        start = zero_state(b, h, self.features)
        _, hidden = jax.lax.scan(step, start, columns)
        return unskew(jnp.moveaxis(hidden, 0, 2), w)

    def cell(self, x: Array, left: LSTMState, up: Array) -> LSTMState:
        """Return the new states, from those on the left and the outputs above."""
        both = jnp.concatenate([left.hidden, up], axis=-1)
        return lstm_cell(self.input(x) + self.state(both), left.memory)


def _row_above(x: Float[Array, "b h d"]) -> Float[Array, "b h d"]:
    return jnp.pad(x, ((0, 0), (1, 0), (0, 0)))[:, :-1]


class DiagonalCarry(NamedTuple):
    """What a Diagonal BiLSTM keeps while it goes along a row.

    Attributes:
        left: the state of the left-to-right direction at the pixel before.
        above: its outputs in this row, and to the right still in the row above.
        inputs: of this row, likewise.
        back: outputs of the right-to-left direction in the row above.
    """

    left: LSTMState
    above: Float[Array, "b w d"]
    inputs: Float[Array, "b w i"]
    back: Float[Array, "b w d"]


class DiagonalBiLSTM(nnx.Module):
    """Both directions, added: together they see every pixel before.

    From right to left, a pixel's state knows of pixels further right in its own row,
    which come later. So that map is moved down by one row before it is added: what a
    pixel gets is the state above it.
    """

    def __init__(self, in_features: int, features: int, *, rngs: nnx.Rngs):
        self.forth = DiagonalLSTM(in_features, features, rngs=rngs)
        self.back = DiagonalLSTM(in_features, features, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b h w d"]:
        """Return the outputs at all pixels."""
        back = self.back(x[:, :, ::-1])[:, :, ::-1]
        moved = jnp.pad(back, ((0, 0), (1, 0), (0, 0), (0, 0)))[:, :-1]
        return self.forth(x) + moved

    def start(self, b: int, width: int) -> DiagonalCarry:
        """Return what there is before the first pixel."""
        features, inputs = self.forth.features, self.forth.input.in_features
        row = jnp.zeros((b, width, features))
        return DiagonalCarry(
            zero_state(b, features), row, jnp.zeros((b, width, inputs)), row
        )

    def advance(
        self, carry: DiagonalCarry, x: Float[Array, "b i"], row: Array, column: Array
    ) -> tuple[DiagonalCarry, Float[Array, "b d"]]:
        """Return what there is after a pixel, and the output there."""
        left, above, inputs, back = carry
        new_row = (column == 0) & (row > 0)
        back = jax.lax.cond(new_row, self._row_back, lambda _, b: b, inputs, back)
        left = jax.tree.map(lambda a: jnp.where(column == 0, 0.0, a), left)
        new = self.forth.cell(x, left, above[:, column])
        above = above.at[:, column].set(new.hidden)
        inputs = inputs.at[:, column].set(x)
        out = new.hidden + back[:, column]
        return DiagonalCarry(new, above, inputs, back), out

    def _row_back(self, inputs: Array, above: Array) -> Array:
        """Return the right-to-left outputs of a finished row."""

        def step(right, place):
            x, up = place
            state = self.back.cell(x, right, up)
            return state, state.hidden

        start = zero_state(len(inputs), self.back.features)
        places = (jnp.moveaxis(inputs, 1, 0), jnp.moveaxis(above, 1, 0))
        _, hidden = jax.lax.scan(step, start, places, reverse=True)
        return jnp.moveaxis(hidden, 0, 1)
