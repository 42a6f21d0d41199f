"""LSTM layers that run over an image: pixel by pixel, and row by row.

Every layer of the pixel family works in two ways. Called on a whole map, it scores all
positions. With `start` and `advance` it takes the pixels one at a time, in raster
order, and keeps what later pixels will need: `advance` gives at each pixel what the
call gives there. Drawing an image needs the second way.

van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv:1601.06759, section 3.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float


class LSTMState(NamedTuple):
    """What an LSTM passes on: its output and its memory."""

    hidden: Float[Array, "... d"]
    memory: Float[Array, "... d"]


def lstm_cell(
    gates: Float[Array, "... four_d"], memory: Float[Array, "... d"]
) -> LSTMState:
    """Return the new state of an LSTM.

    memory = f * memory + i * g,  hidden = o * tanh(memory)

    with gates i, f, o between 0 and 1 and a proposal g between -1 and 1
    (Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000).

    Args:
        gates: what goes into the nonlinearities of i, f, o and g, side by side;
            d numbers for each of the four.
        memory: the memory of the step before.
    """
    a_i, a_f, a_o, a_g = jnp.split(gates, 4, axis=-1)
    i, f, o = nnx.sigmoid(a_i), nnx.sigmoid(a_f), nnx.sigmoid(a_o)
    memory = f * memory + i * jnp.tanh(a_g)
    return LSTMState(o * jnp.tanh(memory), memory)


def zero_state(*shape: int) -> LSTMState:
    """Return the state before the first step."""
    return LSTMState(jnp.zeros(shape), jnp.zeros(shape))


def gate_bias(key: Array, shape: tuple[int], dtype: type = jnp.float32) -> Array:
    """Return biases of 1 for the forget gates and 0 for the others.

    An LSTM that forgets at first learns nothing from afar (Jozefowicz, Zaremba and
    Sutskever 2015).
    """
    quarter = shape[0] // 4
    return jnp.zeros(shape, dtype).at[quarter : 2 * quarter].set(1.0)


class RasterLSTM(nnx.Module):
    """An LSTM that reads the pixels one after another, row after row.

    [b,h,w,in_features] -> [b,h,w,features]; the output at a pixel depends on the inputs
    at that pixel and at all pixels before it.
    """

    def __init__(self, in_features: int, features: int, *, rngs: nnx.Rngs):
        self.features = features
        gates = 4 * features
        self.input = nnx.Linear(in_features, gates, bias_init=gate_bias, rngs=rngs)
        self.state = nnx.Linear(features, gates, use_bias=False, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b h w d"]:
        """Return the outputs at all pixels."""
        b, h, w, _ = x.shape
        pixels = jnp.moveaxis(x.reshape(b, h * w, -1), 1, 0)

        def step(state, x):
            state = self.cell(x, state)
            return state, state.hidden

        _, hidden = jax.lax.scan(step, self.start(b, w), pixels)
        return jnp.moveaxis(hidden, 0, 1).reshape(b, h, w, -1)

    def cell(self, x: Float[Array, "b i"], state: LSTMState) -> LSTMState:
        """Return the state after a pixel."""
        return lstm_cell(self.input(x) + self.state(state.hidden), state.memory)

    def start(self, b: int, width: int) -> LSTMState:
        """Return the state before the first pixel."""
        return zero_state(b, self.features)

    def advance(
        self, state: LSTMState, x: Float[Array, "b i"], row: Array, column: Array
    ) -> tuple[LSTMState, Float[Array, "b d"]]:
        """Return the state after a pixel, and the output there."""
        state = self.cell(x, state)
        return state, state.hidden


class RowCarry(NamedTuple):
    """What a Row LSTM keeps while it goes along a row.

    Attributes:
        above: states of the finished row above.
        here: states of this row, as far as it goes.
        inputs: of this row, likewise.
    """

    above: LSTMState
    here: LSTMState
    inputs: Float[Array, "b w i"]


class RowLSTM(nnx.Module):
    """An LSTM that updates a whole row at once, from the row above.

    gates(r, c) = sum_j K_j x(r, c - j) + sum_k U_k hidden(r - 1, c + k),  k = -1, 0, 1

    with j = 0 and 1: the input-to-state convolution sees the pixel and its left
    neighbour (mask B). The state-to-state convolution is written as one product with
    the three shifted rows side by side: differentiated inside a scan, a convolution is
    some thirty times slower on a CPU.
    """

    def __init__(self, in_features: int, features: int, *, rngs: nnx.Rngs):
        self.features = features
        gates = 4 * features
        self.input = nnx.Linear(2 * in_features, gates, bias_init=gate_bias, rngs=rngs)
        self.state = nnx.Linear(3 * features, gates, use_bias=False, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b h w d"]:
        """Return the outputs at all pixels."""
        left = jnp.pad(x, ((0, 0), (0, 0), (1, 0), (0, 0)))[:, :, :-1]
        rows = jnp.moveaxis(jnp.concatenate([left, x], axis=-1), 1, 0)

        def step(above, row):
            here = self.cell(row, _three(above.hidden), above.memory)
            return here, here.hidden

        start = zero_state(len(x), x.shape[2], self.features)
        _, hidden = jax.lax.scan(step, start, rows)
        return jnp.moveaxis(hidden, 0, 1)

    def cell(self, pair: Array, three: Array, memory: Array) -> LSTMState:
        """Return new states: from a pixel and its left one, and three states above."""
        return lstm_cell(self.input(pair) + self.state(three), memory)

    def start(self, b: int, width: int) -> RowCarry:
        """Return what there is before the first pixel."""
        state = zero_state(b, width, self.features)
        inputs = self.input.in_features // 2
        return RowCarry(state, state, jnp.zeros((b, width, inputs)))

    def advance(
        self, carry: RowCarry, x: Float[Array, "b i"], row: Array, column: Array
    ) -> tuple[RowCarry, Float[Array, "b d"]]:
        """Return what there is after a pixel, and the output there."""
        above, here, inputs = carry
        # A new row begins: the one just finished is now the row above.
        above = jax.tree.map(lambda a, b: jnp.where(column == 0, b, a), above, here)
        left = jnp.where(column == 0, 0.0, inputs[:, column - 1])
        pair, three = jnp.concatenate([left, x], axis=-1), _three(above.hidden)
        new = self.cell(pair, three[:, column], above.memory[:, column])
        here = jax.tree.map(lambda a, b: a.at[:, column].set(b), here, new)
        return RowCarry(above, here, inputs.at[:, column].set(x)), new.hidden


def _three(row: Float[Array, "b w d"]) -> Float[Array, "b w 3*d"]:
    """Return the left neighbour, the place itself and the right neighbour."""
    padded = jnp.pad(row, ((0, 0), (1, 1), (0, 0)))
    return jnp.concatenate([padded[:, :-2], row, padded[:, 2:]], axis=-1)
