"""Convolutions that look back only: the layers of PixelCNN.

The kernel's last row lies on the row of the output pixel, the others on the rows above
it; rows below are never stored. Within this window a mask says which weights count.

van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv:1601.06759, section 3.4; van den
Oord et al. 2016, arXiv:1606.05328, section 2.2.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float


def causal_mask(size: int, kind: str) -> Bool[np.ndarray, "size size"]:
    """Return which weights of a kernel of size x size look at earlier pixels.

    Args:
        size: odd, so that the kernel has a centre.
        kind: "A" leaves out the centre, for layers that are given the image itself;
            "B" keeps it, for the layers after them.

    Raises:
        ValueError: an even size, or another kind.
    """
    if size % 2 == 0 or size < 1:
        raise ValueError(
            f"expected an odd size, found {size}: a kernel of even size has no centre "
            "to lie on the pixel that is predicted"
        )
    if kind not in ("A", "B"):
        raise ValueError(
            f"expected a mask 'A' (first layer) or 'B' (later layers), found {kind!r}"
        )
    order, centre = np.arange(size * size).reshape(size, size), size * size // 2
    return order < centre if kind == "A" else order <= centre


def looking_back(size: int, kind: str) -> Bool[np.ndarray, "rows size"]:
    """Return the causal mask without the rows below the centre, which hold no True."""
    return causal_mask(size, kind)[: size // 2 + 1]


class Window(NamedTuple):
    """What a masked convolution keeps while it goes from pixel to pixel.

    Attributes:
        rows: as many rows of its input as its kernel has, padded on both sides. Row r
            of the image is kept at place r modulo the number of rows, so that nothing
            has to be moved when a new row begins.
    """

    rows: Float[Array, "b rows padded_w c"]


class MaskedConv(nnx.Module):
    """A convolution whose kernel ends at the row of the output pixel.

    [b,h,w,in_features] -> [b,h,w,features]; pixels outside the image count as 0.

    Args:
        in_features, features: numbers per pixel that go in and come out.
        mask: [rows, columns] of the window, the pixel itself in the middle of the last
            row; see `looking_back`.
        rngs: for the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        mask: Bool[np.ndarray, "rows columns"],
        dilation: int = 1,
        *,
        rngs: nnx.Rngs,
    ):
        self.dilation = dilation
        self.mask = tuple(map(tuple, np.asarray(mask).tolist()))  # static, no parameter
        # Scaled by what is seen: masked weights bring nothing in.
        seen = in_features * np.sum(mask)
        init = nnx.initializers.truncated_normal(stddev=seen**-0.5)
        shape = (*np.shape(mask), in_features, features)
        self.kernel = nnx.Param(init(rngs.params(), shape))
        self.bias = nnx.Param(jnp.zeros(features))

    @property
    def masked_kernel(self) -> Float[Array, "rows columns i o"]:
        """The kernel, 0 where the mask is False."""
        return self.kernel[...] * np.array(self.mask, np.float32)[..., None, None]

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b h w o"]:
        """Return the outputs at all pixels."""
        rows, columns = len(self.mask), len(self.mask[0])
        d = self.dilation
        side = columns // 2 * d
        padding = ((d * (rows - 1), 0), (side, side))
        dimensions = ("NHWC", "HWIO", "NHWC")
        out = jax.lax.conv_general_dilated(
            x, self.masked_kernel, (1, 1), padding, rhs_dilation=(d, d), dimension_numbers=dimensions
        )
        return out + self.bias[...]

    def start(self, b: int, width: int) -> Window:
        """Return what there is before the first pixel."""
        rows, columns, features, _ = self.kernel.shape
        return Window(jnp.zeros((b, rows, width + columns - 1, features)))

    def advance(
        self, window: Window, x: Float[Array, "b i"], row: Array, column: Array
    ) -> tuple[Window, Float[Array, "b o"]]:
        """Return what there is after a pixel, and the output there.

        What the window holds of a row further up, where the current row has not come
        yet, meets weights that are masked.
        """
        num_rows, columns = len(self.mask), len(self.mask[0])
        place = (0, row % num_rows, column + columns // 2, 0)
        rows = jax.lax.dynamic_update_slice(window.rows, x[:, None, None], place)
        size = (len(x), num_rows, columns, x.shape[1])
        seen = jax.lax.dynamic_slice(rows, (0, 0, column, 0), size)
        seen = jnp.roll(seen, -1 - row, axis=1).reshape(len(x), -1)
        kernel = self.masked_kernel.reshape(seen.shape[1], -1)
        return Window(rows), seen @ kernel + self.bias[...]
