"""Losses and parameters that are no longer numbers: found, and explained."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

CAUSES = (
    "Likely causes: a learning rate that is too high; log of 0, division by 0 or exp "
    "of a large number in the objective; sqrt or norm at 0, whose gradient is infinite."
)


class TrainingDiverged(RuntimeError):
    """The loss or a parameter is no longer finite; the last good state is kept."""


def is_finite(tree: Any) -> bool:
    """Return whether all floats in a tree of arrays are finite."""
    floats = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.inexact)]
    return all(np.isfinite(np.asarray(x)).all() for x in floats)


def require_finite_metrics(
    metrics: dict[str, np.ndarray],
    batches: list[dict],
    history: dict[str, list[float]],
    before: Any,
) -> None:
    """Raise unless all metrics of a call are finite.

    Args:
        metrics: one number per step of the call, by name.
        batches: what these steps saw.
        history: of the steps before.
        before: all arrays before the call.

    Raises:
        TrainingDiverged: names the step, the last good loss and likely causes.
    """
    finite = np.isfinite(list(metrics.values())).all(axis=0)
    if finite.all():
        return
    losses = history.get("loss", [])
    bad = int(np.argmin(finite))
    step = len(losses) + bad
    name = next(name for name in metrics if not np.isfinite(metrics[name][bad]))
    losses = [*losses, *metrics["loss"][:bad].tolist()]
    last = f"{losses[-1]:.6g} at step {step - 1}" if losses else "none"
    what = f"{name} is {metrics[name][bad]} at step {step}; last good loss: {last}."
    spoilt = [key for key, array in batches[bad].items() if not is_finite(array)]
    if spoilt:
        raise TrainingDiverged(f"{what} batch_at({step})[{spoilt[0]!r}] is not finite.")
    if not bad and not is_finite(before):
        what = f"{what} The parameters were no longer finite before that step."
    raise TrainingDiverged(f"{what} {CAUSES}")


def require_finite_update(tree: Any, history: dict[str, list[float]]) -> None:
    """Raise unless all arrays are finite: a finite loss can have another gradient.

    Raises:
        TrainingDiverged: names the step, its loss and likely causes.
    """
    if not is_finite(tree):
        step, loss = len(history["loss"]) - 1, history["loss"][-1]
        what = f"The update of step {step} is not finite, though its loss is: {loss:g}."
        raise TrainingDiverged(f"{what} {CAUSES}")
