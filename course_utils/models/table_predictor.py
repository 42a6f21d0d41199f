"""A context table that predicts pixel by pixel, for the codec and the sampler."""

import jax
import numpy as np
from jaxtyping import Float, Float64, Shaped


class TablePredictor:
    """p(white | context) of one pixel of all images at once. It keeps nothing.

    Args:
        table: p(white | context), one number for each of the 2**k contexts.
        neighbours: those the table was fitted with, in the same order; all causal.

    Raises:
        ValueError: the table does not have 2**k entries, one of them is not between 0
            and 1, or a neighbour is not causal.
    """

    levels = 2

    def __init__(
        self,
        table: Float[np.ndarray, " contexts"],
        neighbours: tuple[tuple[int, int], ...],
    ):
        if np.shape(table) != (2 ** len(neighbours),):
            raise ValueError(
                f"expected a table of 2**{len(neighbours)} contexts, found shape "
                f"{np.shape(table)}; fit it with the same neighbours"
            )
        if not np.all((table > 0) & (table < 1)):
            raise ValueError(
                f"expected probabilities between 0 and 1, found {np.min(table)} to "
                f"{np.max(table)}: what is impossible cannot be coded; fit the table "
                "with more smoothing"
            )
        later = [offset for offset in neighbours if not tuple(offset) < (0, 0)]
        if later:
            raise ValueError(
                f"expected causal neighbours, found {later}: they come later in raster "
                "order; take rows above, or the same row left"
            )
        self.neighbours = neighbours
        self.logits = np.log(table) - np.log1p(-table)

    def start(self, shape: tuple[int, ...]) -> tuple:
        """Return what is kept before the first pixel: nothing."""
        return ()

    def advance(
        self,
        carry: tuple,
        x: Shaped[np.ndarray | jax.Array, "n h w 1"],
        i: int | jax.Array,
    ) -> tuple[tuple, Float64[np.ndarray, "n 1"]]:
        """Return nothing to keep, and the log-odds that pixel i is white.

        Of `x`, 0 and 1 in any dtype, only the neighbours of pixel i are looked at.
        """
        x = np.asarray(x)
        row, column = divmod(int(i), x.shape[2])
        context = np.zeros(len(x), np.int32)
        for down, right in self.neighbours:
            context *= 2  # as in context_index: the first neighbour leads
            r, c = row + down, column + right
            if r >= 0 and 0 <= c < x.shape[2]:  # pixels outside are black
                context += x[:, r, c, 0] != 0
        return carry, self.logits[context][:, None]
