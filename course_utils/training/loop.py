"""Fit: the loop over the steps, with Stop, checkpoints and a look at every loss."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Key

from course_utils import checkpoints
from course_utils.live import progress_bar, stop_button
from course_utils.training.checks import (
    TrainingDiverged,
    check_arguments,
    check_batch,
    check_scalars,
    is_finite,
    stack_batches,
)

SAVE_EVERY = 30.0  # seconds of training that a crash may cost
_CAUSES = (
    "Likely causes: a learning rate that is too high; log of 0, division by 0 or exp "
    "of a large number in the objective; sqrt or norm at 0, whose gradient is infinite."
)


def fit(
    step: Callable,
    state: tuple,
    batch_at: Callable[[int], dict],
    num_steps: int,
    key: Key[Array, ""],
    *,
    scan: int = 1,
    checkpoint: str | Path | None = None,
) -> dict[str, list[float]]:
    """Train until `num_steps` steps are done in all, and return the history.

    Fit goes on where the state is: call it again after Stop, or with more steps to
    train longer. Stop (Ctrl-C) ends after the running call, with state and history in
    step; a second press raises KeyboardInterrupt at once, with both in step, too.

    Args:
        step: `step(state, batch, key) -> metrics`, updating the state's modules in
            place; see `make_step`.
        state: a NamedTuple of modules, optimizers and a dict `history`; changed.
        batch_at: step number -> batch, a dict of arrays, always the same for the same
            number; see `data.batches`.
        num_steps: in all, those already done included.
        key: step i uses `jax.random.fold_in(key, i)`.
        scan: steps in one compiled call. Small dense models are faster with 50; a
            convolution in it is 10 to 30 times slower on a CPU.
        checkpoint: a file for state and history, written now and then, on Stop and at
            the end. If it is there and further than the state, fit goes on from it.

    Raises:
        TrainingDiverged: a metric or a parameter is not finite. State and history are
            back where they are known to be good.
        CheckpointError: the file is damaged, or of another model, key or scan.
        TypeError, ValueError: an argument is not as described.
    """
    check_arguments(state, num_steps, key, scan)
    run = _start(step, state, batch_at, key, scan)
    if checkpoint is not None and Path(checkpoint).exists():
        _restore(checkpoint, run)
    before = run.now.done
    with stop_button() as stop:
        try:
            try:
                if before < num_steps:
                    _train(run, num_steps, stop, checkpoint)
            finally:
                stop.hold = True
        finally:
            _write_back(run, state)
    print(_summary(before, run.now.done, num_steps))
    return state.history


class _Point(NamedTuple):
    """Where training is: all arrays after `done` steps."""

    tree: nnx.State
    done: int


@dataclass
class _Run:
    """One call of fit. The lists of the history hold at least `now.done` numbers."""

    step: Callable
    graphdef: nnx.GraphDef
    batch_at: Callable
    key: jax.Array
    scan: int
    history: dict[str, list[float]]
    now: _Point
    good: _Point  # the last one from which a call gave finite losses


def _start(step, state, batch_at, key, scan) -> _Run:
    graphdef, tree = nnx.split(state._replace(history=None))
    # Without weak types: a step removes them, and the second would be compiled anew.
    tree = jax.tree.map(lambda x: jnp.asarray(x, x.dtype), tree)
    history = {name: list(values) for name, values in state.history.items()}
    now = _Point(tree, len(history.get("loss", [])))
    return _Run(step, graphdef, batch_at, key, scan, history, now, now)


def _train(run: _Run, num_steps: int, stop, checkpoint) -> None:
    """Make calls until enough steps are done or Stop is pressed."""
    saved = time.monotonic()
    with progress_bar(run.now.done, num_steps) as show:
        while run.now.done < num_steps and not stop.asked:
            _call(run, num_steps)
            show(run.now.done, run.history["loss"][-1])
            if checkpoint is not None and time.monotonic() - saved > SAVE_EVERY:
                _save(checkpoint, run)
                saved = time.monotonic()
    _require_finite(run)
    if checkpoint is not None:
        _save(checkpoint, run)


def _call(run: _Run, num_steps: int) -> None:
    """Do the steps up to the next multiple of `scan`, in one compiled call."""
    first = run.now.done
    last = min((first // run.scan + 1) * run.scan, num_steps)
    batches = [check_batch(run.batch_at(i), i) for i in range(first, last)]
    batch = batches[0] if run.scan == 1 else stack_batches(batches)
    tree, metrics = _advance(
        run.step, run.graphdef, run.scan, run.now.tree, batch, run.key, first
    )
    metrics = {
        name: np.asarray(values, float).reshape(-1)
        for name, values in jax.device_get(metrics).items()
    }
    _check_metrics(run, metrics, batches)
    for name, values in metrics.items():
        run.history.setdefault(name, []).extend(values.tolist())
    run.good, run.now = run.now, _Point(tree, last)


@functools.partial(jax.jit, static_argnames=("step", "graphdef", "scan"))
def _advance(step, graphdef, scan, tree, batch, key, first):
    """Return all arrays after one step, or after one for each batch of a stack."""

    def one(tree, batch, i):
        state = nnx.merge(graphdef, tree)
        metrics = step(state, batch, jax.random.fold_in(key, i))
        return nnx.state(state), check_scalars(metrics)

    if scan == 1:
        return one(tree, batch, first)
    numbers = first + jnp.arange(len(next(iter(batch.values()))))
    return jax.lax.scan(lambda t, x: one(t, *x), tree, (batch, numbers))


def _write_back(run: _Run, state) -> None:
    """Put arrays and history into the state, both as after `now.done` steps."""
    state.history.clear()
    if run.now.done:
        # A second press may have come when only some of the lists had grown.
        cut = {name: values[: run.now.done] for name, values in run.history.items()}
        state.history.update(cut)
    nnx.update(state._replace(history=None), run.now.tree)


def _summary(before: int, done: int, num_steps: int) -> str:
    if before >= num_steps:
        return f"Already trained {done} steps: nothing to do."
    if done < num_steps:
        return f"Stopped after {done} of {num_steps} steps: call fit again to go on."
    return f"Trained {done} steps."


def _fingerprint(run: _Run) -> dict:
    """Return what makes a run another run, though its arrays have the same shapes."""
    key = jax.random.key_data(run.key).tolist()
    return {"kind": "training run", "key": key, "scan": run.scan}


def _save(path, run: _Run) -> None:
    _require_finite(run)
    arrays = nnx.merge(run.graphdef, run.now.tree)
    checkpoints.save(path, arrays, {**_fingerprint(run), "history": run.history})


def _restore(path, run: _Run) -> None:
    """Go on from a file if it is further than the state."""
    # Merging does not copy: the file would be read into `now` itself.
    arrays = nnx.merge(run.graphdef, jax.tree.map(jnp.copy, run.now.tree))
    metadata = checkpoints.load(path, arrays, expect=_fingerprint(run))
    done = len(metadata["history"].get("loss", []))
    if done > run.now.done:
        run.history = metadata["history"]
        run.now = run.good = _Point(nnx.state(arrays), done)


def _check_metrics(run: _Run, metrics: dict, batches: list[dict]) -> None:
    """Raise unless the metrics of a call are finite and have the names of before."""
    if run.history and run.history.keys() != metrics.keys():
        raise ValueError(
            f"expected the metrics {sorted(run.history)} of the steps before, found "
            f"{sorted(metrics)}: make a new state with init_state"
        )
    finite = np.isfinite(list(metrics.values())).all(axis=0)
    if finite.all():
        return
    bad = int(np.argmin(finite))
    step = run.now.done + bad
    name = next(name for name in metrics if not np.isfinite(metrics[name][bad]))
    losses = [*run.history.get("loss", []), *metrics["loss"][:bad].tolist()]
    last = f"{losses[-1]:.6g} at step {step - 1}" if losses else "none"
    what = f"{name} is {metrics[name][bad]} at step {step}; last good loss: {last}."
    spoilt = [k for k, array in batches[bad].items() if not is_finite(array)]
    if spoilt:
        raise _divergence(run, f"{what} batch_at({step})[{spoilt[0]!r}] is not finite.")
    if not bad and not is_finite(run.now.tree):
        what = f"{what} The parameters were no longer finite before that step."
    raise _divergence(run, f"{what} {_CAUSES}")


def _require_finite(run: _Run) -> None:
    if not is_finite(run.now.tree):
        step, loss = run.now.done - 1, run.history["loss"][-1]
        what = f"The update of step {step} is not finite, though its loss is: {loss:g}."
        raise _divergence(run, f"{what} {_CAUSES}")


def _divergence(run: _Run, what: str) -> TrainingDiverged:
    """Go back to where the losses were finite; return the error that says so."""
    run.now = run.good
    return TrainingDiverged(
        f"{what} Model, optimizer and history are back where they were after "
        f"{run.now.done} steps, the last state known to be good."
    )
