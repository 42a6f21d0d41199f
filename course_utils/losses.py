"""Every objective of the course on one page: terms first, then objectives.

A *term* returns nats per image, shape [b]: a sum over pixels or latents, never a mean
over them. An *objective(model, batch, key)* returns (what is minimised, metrics) and
takes the mean over the batch, once. Objectives call `model(...)` and, where it has one,
`model.nll(...)`; they import no model.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key


def sum_pixels(x: Float[Array, "b ..."]) -> Float[Array, " b"]:
    """Return the sum over all axes but the first."""
    return x.reshape(len(x), -1).sum(axis=1)


def squared_error(
    x_hat: Float[Array, "b ..."], x: Float[Array, "b ..."]
) -> Float[Array, " b"]:
    """Return sum_i (x_hat_i - x_i)^2: squared distance, not nats.

    Raises:
        TypeError: both are integers, whose differences may wrap around.
        ValueError: unequal shapes, which would be broadcast.
    """
    _require_equal_shapes(x_hat, x)
    if not any(jnp.issubdtype(a.dtype, jnp.inexact) for a in (x_hat, x)):
        raise TypeError(
            f"expected float images, found {x_hat.dtype} and {x.dtype}, whose "
            "differences and squares wrap around; convert them: to_unit(images)"
        )
    return sum_pixels((x_hat - x) ** 2)


def _require_equal_shapes(a: Array, b: Array) -> None:
    if a.shape != b.shape:
        raise ValueError(
            f"expected two arrays of one shape, found {a.shape} and {b.shape}: "
            "broadcasting would compare every image with others"
        )


def bernoulli_nll(
    logits: Float[Array, "b ..."], x: Float[Array, "b ..."]
) -> Float[Array, " b"]:
    """Return -log p(x) of independent binary pixels, p(x_i = 1) = sigmoid(logit_i).

    -log p = sum_i softplus(logit_i) - x_i logit_i, which cannot overflow. It is a
    likelihood for x in {0, 1} only.

    Raises:
        ValueError: unequal shapes, which would be broadcast.
    """
    _require_equal_shapes(logits, x)
    return sum_pixels(jax.nn.softplus(logits) - x * logits)


def categorical_nll(
    logits: Float[Array, "b h w k"], x: Int[Array, "b h w 1"]
) -> Float[Array, " b"]:
    """Return -log p(x) of pixels with k grey levels, p(x_i = l) = softmax(logits_i)_l.

    Raises:
        TypeError: the levels are no integers.
        ValueError: the shapes do not fit.
    """
    if not jnp.issubdtype(x.dtype, jnp.integer):
        raise TypeError(
            f"expected grey levels as integers from 0 to {logits.shape[-1] - 1}, found "
            f"{x.dtype}; quantize(images, levels) makes them"
        )
    _require_equal_shapes(logits[..., :1], x)
    nats = optax.softmax_cross_entropy_with_integer_labels(logits, x[..., 0])
    return sum_pixels(nats)


def logistic_mixture_nll(
    outputs: Float[Array, "b h w three_m"], x: Int[Array, "b h w 1"], levels: int
) -> Float[Array, " b"]:
    """Return -log p(x) of pixels whose level is a logistic number, rounded.

    p(x_i = l) = sum_m w_m [F((u - mean_m) / scale_m) - F((u' - mean_m) / scale_m)]

    with the logistic F(t) = 1 / (1 + exp(-t)) and the edges u' and u of level l, which
    are -inf below the lowest level and inf above the highest; levels lie evenly in
    [-1, 1]. Salimans et al. 2017, arXiv:1701.05517, section 2.1.

    Args:
        outputs: log-weights, means and log-scales, m of each, side by side.
        x: integers from 0.
        levels: of a pixel.
    """
    return -sum_pixels(_logistic_mixture(outputs, x, levels))


def logistic_mixture_log_probs(
    outputs: Float[Array, "*b three_m"], levels: int
) -> Float[Array, "*b levels"]:
    """Return log p of every level of the pixels; see `logistic_mixture_nll`."""
    return _logistic_mixture(outputs[..., None, :], jnp.arange(levels)[:, None], levels)


def _logistic_mixture(outputs, x, levels):
    """Return log p(x): outputs [..., 3 m], x [..., 1] -> [...]."""
    log_weights, mean, log_scale = jnp.split(outputs, 3, axis=-1)
    half, inverse = 1 / (levels - 1), jnp.exp(-jnp.maximum(log_scale, -7.0))
    centre = x * (2 / (levels - 1)) - 1  # bytes times an integer would wrap around
    upper = jnp.where(x == levels - 1, jnp.inf, (centre + half - mean) * inverse)
    lower = jnp.where(x == 0, -jnp.inf, (centre - half - mean) * inverse)
    # log [F(b) - F(a)] = log F(b) + log F(-a) + log(1 - exp(a - b)), and a - b has no
    # mean in it: nothing cancels, however far out the level lies.
    gap = jnp.where((x == 0) | (x == levels - 1), -jnp.inf, -2 * half * inverse)
    log_mass = jax.nn.log_sigmoid(upper) + jax.nn.log_sigmoid(-lower)
    log_mass += jnp.log(-jnp.expm1(gap))
    return jax.nn.logsumexp(jax.nn.log_softmax(log_weights) + log_mass, axis=-1)


def gaussian_nll(
    decoded: tuple[Float[Array, "..."], Float[Array, "..."]], x: Float[Array, "b ..."]
) -> Float[Array, " b"]:
    """Return -log p(x) of independent normal pixels: a density, so it can be negative.

    -log p = 1/2 sum_i [log 2 pi + logvar_i + (x_i - mean_i)^2 / exp(logvar_i)]

    Args:
        decoded: (mean, logvar), each of x's shape or broadcastable to it.
        x: images.
    """
    mean, logvar = decoded
    squares = (x - mean) ** 2 * jnp.exp(-logvar)
    return 0.5 * sum_pixels(jnp.log(2 * jnp.pi) + logvar + squares)


def kl_per_latent(
    mean: Float[Array, "b d"], logvar: Float[Array, "b d"]
) -> Float[Array, "b d"]:
    """Return KL(N(mean_j, exp(logvar_j)) || N(0, 1)) of every latent j, in nats.

    Kingma and Welling 2014, arXiv:1312.6114, appendix B.
    """
    return 0.5 * (mean**2 + jnp.exp(logvar) - 1 - logvar)


def gaussian_kl(
    mean: Float[Array, "b d"], logvar: Float[Array, "b d"]
) -> Float[Array, " b"]:
    """Return KL(N(mean, diag exp(logvar)) || N(0, I)) in nats per image."""
    return kl_per_latent(mean, logvar).sum(axis=1)


def reconstruction_loss(
    model: Callable, batch: dict[str, Array], key: Key[Array, ""] | None
) -> tuple[Array, dict[str, Array]]:
    """Return (squared error per image, metrics) of an autoencoder.

    `batch["x"]` goes in; `batch["target"]`, if there is one, should come out: a
    denoiser sees noise and is asked for the clean image.
    """
    target = batch.get("target", batch["x"])
    loss = squared_error(model(batch["x"]).x_hat, target).mean()
    return loss, {"mse": loss / target[0].size}


def vae_loss(
    model: Callable,
    batch: dict[str, Array],
    key: Key[Array, ""],
    beta: float | Array = 1.0,
    free_bits: float | Array = 0.0,
) -> tuple[Array, dict[str, Array]]:
    """Return (negative ELBO, metrics) of a VAE, in nats per image.

    -ELBO = E_q[-log p(x | z)] + KL(q(z | x) || p(z)), by one draw of z from q.

    Args:
        model: a VAE.
        batch: `batch["x"]`, images.
        key: for the draw.
        beta: weight of the KL (Higgins et al. 2017); above 1 the bound is
            looser, below 1 it is not a bound.
        free_bits: nats per latent that cost nothing, as a batch mean (Kingma et
            al. 2016, arXiv:1606.04934, section C.8).
    """
    out = model(batch["x"], key)
    reconstruction = model.nll(out.decoded, batch["x"]).mean()
    per_latent = kl_per_latent(out.mean, out.logvar).mean(axis=0)
    penalty = jnp.maximum(per_latent, free_bits).sum()
    metrics = {"reconstruction": reconstruction, "kl": per_latent.sum()}
    return reconstruction + beta * penalty, metrics


def nll_loss(
    model: Callable, batch: dict[str, Array], key: Key[Array, ""] | None
) -> tuple[Array, dict[str, Array]]:
    """Return (-log p(x), no metrics) of a tractable model, in nats per image."""
    return model.nll(batch["x"]).mean(), {}


def labelled_nll_loss(
    model: Callable, batch: dict[str, Array], key: Key[Array, ""] | None
) -> tuple[Array, dict[str, Array]]:
    """Return (-log p(x | y), no metrics) of a model with labels, in nats per image."""
    return model.nll(batch["x"], batch["label"]).mean(), {}


def classification_loss(
    model: Callable, batch: dict[str, Array], key: Key[Array, ""] | None
) -> tuple[Array, dict[str, Array]]:
    """Return (cross-entropy in nats per image, metrics) of a classifier."""
    logits, labels = model(batch["x"]), batch["label"]
    nats = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    correct = jnp.argmax(logits, axis=1) == labels
    return nats.mean(), {"accuracy": correct.mean()}
