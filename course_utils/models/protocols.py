"""What a metric or an objective may ask of a model, one Protocol per kind.

A model owns its likelihood: whoever scores it takes the model and nothing beside it.
"""

from typing import Any, Protocol, runtime_checkable

from jaxtyping import Array, Float


@runtime_checkable
class LatentVariableModel(Protocol):
    """p(x) is the integral of p(z) p(x | z) over z, with p(z) = N(0, I)."""

    def encode(self, x: Float[Array, "b h w c"]) -> Any:
        """Return (mean, logvar), each [b, d], of the normal q(z | x)."""

    def decode(self, z: Float[Array, "b d"]) -> Any:
        """Return the parameters of p(x | z)."""

    def nll(self, decoded: Any, x: Float[Array, "b h w c"]) -> Float[Array, " b"]:
        """Return -log p(x | z) in nats per image, of what `decode` returned."""


@runtime_checkable
class TractableModel(Protocol):
    """log p(x) is a sum over pixels, each given the pixels before it."""

    levels: int  # of a pixel: 2 for black and white

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w ..."]:
        """Return the logits of every pixel, in one call."""

    def nll(self, x: Float[Array, "b h w c"]) -> Float[Array, " b"]:
        """Return -log p(x) in nats per image."""
