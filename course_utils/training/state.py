"""What training changes, and one step of it."""

from collections.abc import Callable
from typing import NamedTuple

import optax
from flax import nnx


class TrainState(NamedTuple):
    """What training changes: modules and their optimizers, nothing else.

    Attributes:
        model: its parameters are trained, in place.
        optimizer: its moments and step number.
    """

    model: nnx.Module
    optimizer: nnx.Optimizer


def init_state(model: nnx.Module, tx: optax.GradientTransformation) -> TrainState:
    """Return the state before the first step.

    Args:
        model: its parameters (nnx.Param) are what is trained.
        tx: for example `optax.adam(1e-3)`.
    """
    return TrainState(model, nnx.Optimizer(model, tx, wrt=nnx.Param))


def make_step(objective: Callable) -> Callable:
    """Return step(state, batch, key) -> metrics: one update, in place.

    objective(model, batch, key) -> (loss, metrics); the loss is a scalar.
    """

    @nnx.jit
    def step(state, batch, key):
        def loss_of(model):
            loss, metrics = objective(model, batch, key)
            return loss, {**metrics, "loss": loss}

        grads, metrics = nnx.grad(loss_of, has_aux=True)(state.model)
        state.optimizer.update(state.model, grads)
        return metrics

    return step
