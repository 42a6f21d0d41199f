"""What fit asks of its arguments, its batches and what a step returns."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx


def find_optimizer(state: Any) -> nnx.Optimizer:
    """Return the first optimizer of a state, which stands for it.

    Raises:
        TypeError: the state is not a tuple with an optimizer in it.
    """
    for part in state if isinstance(state, tuple) else ():
        if isinstance(part, nnx.Optimizer):
            return part
    raise TypeError(
        "expected a state with an optimizer in it, found "
        f"{type(state).__name__}: make it with init_state(model, tx)"
    )


def check_arguments(num_steps: int, key: Any, scan: int) -> None:
    """Raise unless fit can begin with these arguments."""
    for name, value, least in [("num_steps", num_steps, 0), ("scan", scan, 1)]:
        if not isinstance(value, int | np.integer) or value < least:
            raise ValueError(
                f"expected {name} to be a whole number >= {least}, found {value!r}"
            )
    dtype = getattr(key, "dtype", None)
    if not jnp.issubdtype(dtype, jax.dtypes.prng_key) or key.shape:
        raise TypeError(
            f"expected one random key, found {type(key).__name__} of type {dtype}: "
            "make it with jax.random.key(seed)"
        )


def check_batch(batch: Any, i: int) -> dict:
    """Return the batch of step i if it is a dict of arrays of one length."""
    if not isinstance(batch, dict) or not batch:
        raise TypeError(
            f"expected batch_at({i}) to be a dict of arrays, found "
            f"{type(batch).__name__}: return {{'x': images}}"
        )
    shapes = {name: getattr(array, "shape", None) for name, array in batch.items()}
    if not all(shapes.values()) or len({shape[0] for shape in shapes.values()}) > 1:
        raise ValueError(
            f"expected batch_at({i}) to hold arrays of one length, found the shapes "
            f"{shapes}"
        )
    return batch


def check_values(state: tuple, batch: dict) -> None:
    """Raise if images or labels are not what the modules of a state are made for.

    A module says so itself, if it can: `support` is the range of the pixels that its
    likelihood scores, `num_classes` how many labels it tells apart. Outside of them a
    loss may fall without end, and nothing else would say why.

    Raises:
        TypeError: the labels of a classifier are no integers.
        ValueError: a pixel or a label is out of range.
    """
    for module in state:
        if hasattr(module, "support"):
            _require_between(batch, "x", *module.support, module)
        if hasattr(module, "num_classes") and "label" in batch:
            if not np.issubdtype(batch["label"].dtype, np.integer):
                found = batch["label"].dtype
                raise TypeError(f"expected integer labels, found {found}")
            _require_between(batch, "label", 0, module.num_classes - 1, module)


def _require_between(batch: dict, name: str, low, high, module: nnx.Module) -> None:
    """Raise if a batch has values that a module knows nothing to do with."""
    # What is not finite is reported with the step that it spoils.
    values = np.asarray(batch.get(name, ()))
    if values.size and (values.min() < low or values.max() > high):
        remedy = "use binarize or to_unit, or a model with another likelihood"
        if name == "label":
            few = "make the model with more classes"
            remedy = "count the classes from 0" if values.min() < low else few
        raise ValueError(
            f"expected batch[{name!r}] from {low} to {high}, as "
            f"{type(module).__name__} is made for, found {values.min():g} to "
            f"{values.max():g}: {remedy}"
        )


def stack_batches(batches: list[dict]) -> dict[str, np.ndarray]:
    """Return the batches of several steps as one, with a new first axis."""
    kinds = [{name: array.shape for name, array in b.items()} for b in batches]
    other = next((kind for kind in kinds if kind != kinds[0]), None)
    if other:
        raise ValueError(
            f"scan needs batches of one shape, found {kinds[0]} and {other}: leave the "
            "incomplete one out, or take scan=1"
        )
    return {name: np.stack([b[name] for b in batches]) for name in batches[0]}


def check_scalars(metrics: Any) -> dict:
    """Return the metrics of a step if they are scalars and one is called loss."""
    if not isinstance(metrics, dict) or "loss" not in metrics:
        raise TypeError(
            "expected the step to return a dict of metrics with 'loss', found "
            f"{metrics}: make the step with make_step(objective)"
        )
    shapes = {name: jnp.shape(value) for name, value in metrics.items()}
    if any(shapes.values()):
        raise ValueError(
            f"expected metrics that are scalars, found the shapes {shapes}: take the "
            "mean over the batch in the objective"
        )
    return metrics


def check_history(history: dict[str, list[float]]) -> None:
    """Raise unless all lists of a history have one length: they are fit's to change."""
    lengths = {name: len(values) for name, values in history.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"expected histories of one length, found {lengths}: leave them to fit, "
            "and make a new state"
        )


def check_names(metrics: dict, history: dict[str, list[float]]) -> None:
    """Raise if a step returns other metrics than the steps before it."""
    if history and history.keys() != metrics.keys():
        raise ValueError(
            f"expected the metrics {sorted(history)} of the steps before, found "
            f"{sorted(metrics)}: make a new state with init_state"
        )
