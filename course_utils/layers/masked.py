"""Convolutions that look back only: the layers of PixelCNN.

The kernel's last row lies on the row of the output pixel, the others on the rows above
it; rows below are never stored. Within this window a mask says which weights count.

van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv:1601.06759, section 3.4; van den
Oord et al. 2016, arXiv:1606.05328, section 2.2.
"""

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


class MaskedConv(nnx.Module):
    """A convolution whose kernel ends at the row of the output pixel.

    [b,h,w,in_features] -> [b,h,w,features]; pixels outside the image count as 0.

    Args:
        in_features, features: numbers per pixel that go in and come out.
        mask: [rows, columns] of the kernel, the pixel itself in the middle of the last
            row; see `looking_back`.
        dilation: distance of the pixels on which neighbouring weights lie.
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
        self.mask = tuple(map(tuple, np.asarray(mask).tolist()))  # no parameter
        self.dilation = dilation
        # Scaled by what is seen: masked weights bring nothing in.
        seen = in_features * max(np.sum(mask), 1)
        init = nnx.initializers.truncated_normal(stddev=seen**-0.5)
        shape = (*np.shape(mask), in_features, features)
        self.kernel = nnx.Param(init(rngs.params(), shape))
        self.bias = nnx.Param(jnp.zeros(features))

    @property
    def masked_kernel(self) -> Float[Array, "rows columns i o"]:
        """The kernel, 0 where the mask is False."""
        return self.kernel[...] * np.array(self.mask, np.float32)[..., None, None]

    @property
    def reach(self) -> tuple[int, int]:
        """How many rows up, and columns to each side, the kernel reaches."""
        rows, columns = len(self.mask), len(self.mask[0])
        return self.dilation * (rows - 1), self.dilation * (columns // 2)

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b h w o"]:
        """Return the outputs at all pixels."""
        return self._convolve(self._pad(x))

    def at(
        self, x: Float[Array, "b h w i"], row: Array, column: Array
    ) -> Float[Array, "b o"]:
        """Return the outputs at one pixel of a map that is known as far as needed."""
        (up, side), d = self.reach, self.dilation
        size = (len(x), up + 1, 2 * side + 1, x.shape[3])
        near = jax.lax.dynamic_slice(self._pad(x), (0, row, column, 0), size)
        return self._product(near[:, ::d, ::d])

    def at_row(self, x: Float[Array, "b h w i"], row: Array) -> Float[Array, "b w o"]:
        """Return the outputs along one row of a map that is known as far as needed."""
        up = self.reach[0]
        near = jax.lax.dynamic_slice_in_dim(self._pad(x), row, up + 1, axis=1)
        return self._convolve(near)[:, 0]

    def _pad(self, x):
        up, side = self.reach
        return jnp.pad(x, ((0, 0), (up, 0), (side, side), (0, 0)))

    def _product(self, seen: Float[Array, "b r c i"]) -> Float[Array, "b o"]:
        flat = seen.reshape(len(seen), -1)
        kernel = self.masked_kernel.reshape(flat.shape[1], -1)
        return flat @ kernel + self.bias[...]

    def _convolve(self, padded: Float[Array, "b p q i"]) -> Float[Array, "b h w o"]:
        out = jax.lax.conv_general_dilated(
            padded,
            self.masked_kernel,
            (1, 1),
            "VALID",
            rhs_dilation=(self.dilation, self.dilation),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        return out + self.bias[...]

    def start(self, b: int, width: int) -> Float[Array, "b ring padded_w i"]:
        """Return what there is before the first pixel: rows of zeros.

        As many rows of the input are kept as the kernel reaches. Row r is at place r
        modulo their number: nothing has to be moved when a new row begins.
        """
        up, side = self.reach
        return jnp.zeros((b, up + 1, width + 2 * side, self.kernel.shape[2]))

    def advance(
        self,
        rows: Float[Array, "b ring padded_w i"],
        x: Float[Array, "b i"],
        row: Array,
        column: Array,
    ) -> tuple[Float[Array, "b ring padded_w i"], Float[Array, "b o"]]:
        """Return what there is after a pixel, and the output there.

        Right of the pixel its row still holds an older one, but those weights are
        masked.
        """
        side, d = self.reach[1], self.dilation
        place = (0, row % rows.shape[1], column + side, 0)
        rows = jax.lax.dynamic_update_slice(rows, x[:, None, None], place)
        near = jax.lax.dynamic_slice_in_dim(rows, column, 2 * side + 1, axis=2)
        above = d * np.arange(len(self.mask))[::-1]  # rows the kernel's rows lie on
        order = (row - above) % rows.shape[1]
        return rows, self._product(near[:, order, ::d])

    def advance_row(
        self,
        rows: Float[Array, "b ring padded_w i"],
        x: Float[Array, "b w i"],
        row: Array,
    ) -> tuple[Float[Array, "b ring padded_w i"], Float[Array, "b w o"]]:
        """Return what there is after a whole row, and the outputs there."""
        up, side = self.reach
        place = (0, row % rows.shape[1], side, 0)
        rows = jax.lax.dynamic_update_slice(rows, x[:, None], place)
        order = (row - up + jnp.arange(up + 1)) % rows.shape[1]
        return rows, self._convolve(rows[:, order])[:, 0]
