"""A small regression to train, and what must hold of its state."""

import signal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from course_utils.data import batches
from course_utils.training import init_state, loop, make_step

KEY = jax.random.key(3)
X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
BATCH_AT = batches({"x": X, "y": X @ np.ones((3, 2), np.float32)}, 8, seed=0)


def regression(model, batch, key):
    """Noise from the key: a wrong key shows in the weights."""
    x = batch["x"] + 0.1 * jax.random.normal(key, batch["x"].shape)
    loss = ((model(x) - batch["y"]) ** 2).sum(axis=1).mean()
    return loss, {"weight": model.kernel[0, 0]}


STEP = make_step(regression)


def new_state(tx=None):
    return init_state(nnx.Linear(3, 2, rngs=nnx.Rngs(0)), tx or ADAM)


ADAM = optax.adam(0.01)


def arrays(state):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(nnx.state(state))]


def history_of(state):
    """Return what fit remembers of a state."""
    return loop._HISTORIES.get(state.optimizer, {})


def assert_equal(state, other):
    """Bitwise: parameters, moments, step number and history."""
    assert history_of(state) == history_of(other)
    for a, b in zip(arrays(state), arrays(other), strict=True):
        assert a.dtype == b.dtype
        assert a.tobytes() == b.tobytes()


def assert_consistent(state, steps):
    assert int(state.optimizer.step[...]) == steps
    assert {len(values) for values in history_of(state).values()} <= {steps}
    assert all(np.isfinite(a).all() for a in arrays(state))


def spoilt(step, value):
    """Return BATCH_AT with one bad number in the batch of a step."""

    def batch_at(i):
        batch = BATCH_AT(i)
        if i == step:
            batch["x"][3, 1] = value
        return batch

    return batch_at


def distance(model, batch, key):
    """sqrt at 0: a finite loss whose gradient is not. Only step 5 has x = 0."""
    return jnp.sqrt((model(batch["x"]) ** 2).sum()), {}


def press_stop():
    signal.raise_signal(signal.SIGINT)


def pressing(*steps):
    """Return BATCH_AT, with Stop pressed while the batches of some steps are made."""

    def batch_at(i):
        for _ in range(steps.count(i)):
            press_stop()
        return BATCH_AT(i)

    return batch_at
