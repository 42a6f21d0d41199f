"""Fit: the loop over the steps, which can be stopped and resumed."""

import contextlib
import functools
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Key, PyTree

from course_utils.live import Stopped, progress_bar, stop_button
from course_utils.training.autosave import (
    START,
    Autosave,
    batch_digest,
    program_digest,
    state_digest,
)
from course_utils.training.checks import (
    check_arguments,
    check_batch,
    check_history,
    check_names,
    check_scalars,
    check_values,
    find_optimizer,
    stack_batches,
)
from course_utils.training.divergence import (
    TrainingDiverged,
    require_finite_metrics,
    require_finite_update,
)

# What fit remembers of a state: its history, for as long as its optimizer lives.
_HISTORIES = weakref.WeakKeyDictionary()
_OBJECTIVE = (
    "fit: a step is made by make_step(objective), and the objective returns (loss, "
    "metrics), the loss a scalar: take the mean over the batch; metrics may be {}"
)

_NEEDS_THE_LOSS = (
    "this optimiser wants the value of the loss at every update (as lbfgs and "
    "reduce_on_plateau do), which fit does not hand over: take one that needs "
    "gradients alone, such as optax.adam, with a schedule for its learning rate"
)


class _Point(NamedTuple):
    """Where training is: all arrays after `done` steps."""

    tree: PyTree
    done: int


@dataclass
class _Run:
    """One call of fit. The lists of the history hold at least `now.done` numbers."""

    step: Callable
    batch_at: Callable
    key: jax.Array
    scan: int
    graphdef: nnx.GraphDef
    history: dict[str, list[float]]
    now: _Point
    good: _Point  # the last one from which a call gave finite metrics


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

    Fit resumes where the state is: call it again after Stop, or with more steps to
    train longer. Stop (Ctrl-C) ends the running call, brings state and history in step
    and raises `Stopped`, so that no later cell sees a half-trained model; a second
    press raises KeyboardInterrupt at once, with both in step, too.

    Args:
        step: `step(state, batch, key) -> metrics`, updating the state's modules in
            place; see `make_step`.
        state: a NamedTuple of modules and optimizers; changed.
        batch_at: step number -> batch, a dict of arrays, always the same for the same
            number; see `data.batches`.
        num_steps: in all, those already done included.
        key: step i uses `jax.random.fold_in(key, i)`.
        scan: steps in one compiled call. Small dense models are faster with 50; a
            convolution in it is 10 to 30 times slower on a CPU.
        checkpoint: a file for state and history, written now and then, on Stop and at
            the end. If it is there and further than the state, fit resumes from it.

    Returns:
        Name -> one number for each step done; "loss" is always among the names.

    Raises:
        Stopped: Stop was pressed. Called again, fit goes on as if it never had been.
        TrainingDiverged: a metric or a parameter is not finite. State and history are
            back where they are known to be good.
        CheckpointError: the file is damaged, of another run, or cannot be written.
        TypeError, ValueError: an argument is not as described.
    """
    check_arguments(num_steps, key, scan)
    history = _HISTORIES.setdefault(find_optimizer(state), {})
    check_history(history)
    run = _begin(step, state, batch_at, key, scan, history)
    autosave = _autosave(run, checkpoint)
    with stop_button() as stop:
        try:
            try:
                start = _resume(run, autosave)
                if start < num_steps:
                    _train(run, state, num_steps, stop, autosave)
            finally:
                stop.hold = True  # from here on no second press breaks in
        finally:
            _write_back(run, state, history)
    if stop.asked:
        raise Stopped(_stopped(run.now.done, num_steps))
    print(_summary(start, run.now.done))
    return history


def _train(run: _Run, state: tuple, num_steps: int, stop, autosave: Autosave) -> None:
    """Take steps until enough are done or Stop is pressed; go back if they diverge."""
    start = run.now.done
    try:
        with progress_bar(start, num_steps) as show:
            while run.now.done < num_steps and not stop.asked:
                first = run.now.done
                last = min((first // run.scan + 1) * run.scan, num_steps)
                batches = [check_batch(run.batch_at(i), i) for i in range(first, last)]
                if first == start:
                    check_values(state, batches[0])
                tree, metrics = _call(run, batches)
                check_names(metrics, run.history)
                require_finite_metrics(metrics, batches, run.history, run.now.tree)
                for name, values in metrics.items():
                    run.history.setdefault(name, []).extend(values.tolist())
                run.good, run.now = run.now, _Point(tree, last)
                show(last, run.history["loss"][-1])
                if autosave.is_due():
                    require_finite_update(tree, run.history)
                    autosave.save(tree, run.history)
        require_finite_update(run.now.tree, run.history)
        autosave.save(run.now.tree, run.history)
    except TrainingDiverged as error:
        run.now = run.good
        raise TrainingDiverged(
            f"{error} Model, optimizer and history are back where they were after "
            f"{run.now.done} steps, the last state known to be good."
        ) from None


def _call(run: _Run, batches: list[dict]) -> tuple[PyTree, dict[str, np.ndarray]]:
    """Take the steps of some batches in one compiled call.

    Returns:
        All arrays afterwards, and one number for each step, by name.
    """
    batch = batches[0] if run.scan == 1 else stack_batches(batches)
    tree, first = run.now
    with _advice():
        tree, metrics = _advance(
            run.step, run.graphdef, run.scan, tree, batch, run.key, first
        )
    metrics = jax.device_get(metrics)
    return tree, {k: np.asarray(x, float).reshape(-1) for k, x in metrics.items()}


@contextlib.contextmanager
def _advice():
    """Say what a step must be if tracing it fails."""
    try:
        yield
    except TypeError as error:
        if "'value'" in str(error):
            raise TypeError(_NEEDS_THE_LOSS) from error
        error.add_note(_OBJECTIVE)
        raise


def _autosave(run: _Run, checkpoint: str | Path | None) -> Autosave:
    """Return the file of a run, which knows what the run is."""
    program = functools.partial(_program, run, run.now.tree)
    identity = {} if checkpoint is None else _identity(run)
    return Autosave(checkpoint, run.graphdef, identity, program)


def _identity(run: _Run) -> dict:
    """Return what makes a run another one though its arrays have the same shapes."""
    return {
        "key": jax.random.key_data(run.key).tolist(),
        "scan": run.scan,
        "data or batch size": batch_digest(check_batch(run.batch_at(0), 0)),
        # Of a state that has been trained, nobody knows where it began.
        START: None if run.now.done else state_digest(run.now.tree),
    }


def _program(run: _Run, tree: PyTree) -> str:
    """Return a hash of what one step of a run computes."""
    batch = check_batch(run.batch_at(0), 0)
    with _advice():
        return program_digest(
            _advance.trace(run.step, run.graphdef, 1, tree, batch, run.key, 0)
        )


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


def _begin(step, state, batch_at, key, scan, history) -> _Run:
    """Return a run that begins where the state is."""
    graphdef, tree = nnx.split(state)
    # Without weak types: a step removes them, and the second would be compiled anew.
    tree = jax.tree.map(_strong, tree)
    record = {name: list(values) for name, values in history.items()}
    now = _Point(tree, len(record.get("loss", [])))
    return _Run(step, batch_at, key, scan, graphdef, record, now, now)


def _strong(x: jax.Array) -> jax.Array:
    is_key = jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
    return x if is_key else jnp.asarray(x, x.dtype)


def _resume(run: _Run, autosave: Autosave) -> int:
    """Take up a file that is further than the state; return how many steps are done."""
    tree, history = autosave.restore(run.now.tree)
    done = len(history.get("loss", []))
    if done > run.now.done:
        run.history = history
        run.now = run.good = _Point(tree, done)
    return run.now.done


def _write_back(run: _Run, state: tuple, history: dict[str, list[float]]) -> None:
    """Put arrays and history where they belong, both as after `now.done` steps."""
    tree, done = run.now
    history.clear()
    if done:
        # A second press may have come when only some of the lists had grown.
        history.update({name: values[:done] for name, values in run.history.items()})
    nnx.update(state, tree)


def _summary(before: int, done: int) -> str:
    if before == done:
        return f"Already trained {before} steps: nothing to do."
    return f"Trained {done} steps."


def _stopped(done: int, num_steps: int) -> str:
    if done < num_steps:
        return (
            f"Stopped after {done} of {num_steps} steps. Nothing is lost: run this "
            "cell again, and the training of the same state continues from there."
        )
    return f"Stopped; all {num_steps} steps are done. Run this cell again to continue."
