"""What training changes, and one step of it."""

import os
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx


class TrainState(NamedTuple):
    """What training changes.

    Attributes:
        model: the parameters.
        optimizer: its moments and step number.
        history: name -> one number per step done; "loss" is always among the names.
    """

    model: nnx.Module
    optimizer: nnx.Optimizer
    history: dict[str, list[float]]


def init_state(model: nnx.Module, tx: optax.GradientTransformation) -> TrainState:
    """Return the state before the first step.

    Args:
        model: its parameters (nnx.Param) are what is trained, in place.
        tx: for example `optax.adam(1e-3)`.
    """
    perturb(model, float(os.environ.get("COURSE_PERTURB") or 0))
    return TrainState(model, nnx.Optimizer(model, tx, wrt=nnx.Param), {})


def perturb(model: nnx.Module, scale: float) -> None:
    """Turn every parameter w into w (1 + scale e), e ~ N(0, 1), in place.

    `course author verify` sets COURSE_PERTURB=1e-6 in one of its runs: no sentence
    that a notebook prints may hang on the last digits of its parameters.
    """
    if not scale:
        return
    params, rest = jax.tree.flatten(nnx.state(model, nnx.Param))
    keys = jax.random.split(jax.random.key(0), len(params))
    noisy = [
        w * (1 + scale * jax.random.normal(key, w.shape, w.dtype))
        for w, key in zip(params, keys, strict=True)
    ]
    nnx.update(model, jax.tree.unflatten(rest, noisy))


def make_step(objective: Callable) -> Callable:
    """Return `step(state, batch, key) -> metrics`: one update, in place, compiled.

    Args:
        objective: `objective(model, batch, key) -> (loss, metrics)`. The loss is what
            is minimised, a scalar; the metrics are scalars by name, to look at.
    """

    def loss_and_metrics(model, batch, key):
        result = objective(model, batch, key)
        if not isinstance(result, tuple) or jnp.shape(result[0]):
            raise TypeError(
                "expected the objective to return (loss, metrics), the loss a scalar, "
                f"found {result}: take the mean over the batch; metrics may be {{}}"
            )
        loss, metrics = result
        return loss, {**metrics, "loss": loss}

    @nnx.jit
    def update(state, batch, key):
        gradient = nnx.value_and_grad(loss_and_metrics, has_aux=True)
        (_, metrics), grads = gradient(state.model, batch, key)
        state.optimizer.update(state.model, grads)
        return metrics

    def step(state, batch, key):
        # Without the history: its growing lists would be compiled in, anew every step.
        return update(state._replace(history=None), batch, key)

    return step
