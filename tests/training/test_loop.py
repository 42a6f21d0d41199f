"""The steps of fit: those of a plain loop, in one piece or in many."""

import gc
import sys
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from runs import (
    ADAM,
    BATCH_AT,
    KEY,
    STEP,
    X,
    arrays,
    assert_consistent,
    assert_equal,
    distance,
    history_of,
    new_state,
    regression,
)

from course_utils import live
from course_utils.training import (
    fit,
    init_state,
    loop,
    make_step,
)


@pytest.mark.parametrize("scan", [1, 4])
def test_fit_is_a_plain_loop(scan):
    """Gradient descent by hand, with NumPy's arithmetic: keys, batches, learning."""
    state = new_state(optax.sgd(0.05))
    kernel = np.asarray(state.model.kernel[...], float)
    bias = np.zeros(2)
    losses = []
    for i in range(10):
        batch, key = BATCH_AT(i), jax.random.fold_in(KEY, i)
        x = batch["x"] + 0.1 * np.asarray(jax.random.normal(key, (8, 3)))
        error = x @ kernel + bias - batch["y"]
        losses.append((error**2).sum(axis=1).mean())
        kernel -= 0.05 * 2 * x.T @ error / 8
        bias -= 0.05 * 2 * error.sum(axis=0) / 8
    history = fit(STEP, state, BATCH_AT, 10, KEY, scan=scan)
    assert history is history_of(state)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(state.model.kernel[...], kernel, rtol=1e-5)
    np.testing.assert_allclose(state.model.bias[...], bias, rtol=1e-4, atol=1e-6)
    assert history["weight"][0] != history["weight"][-1]
    assert all(type(x) is float for x in history["loss"])
    assert fit(STEP, state, BATCH_AT, 11, KEY, scan=scan) is history


def test_a_step_by_hand_is_a_step_of_fit():
    state, other = new_state(), new_state()
    for i in range(5):
        STEP(state, BATCH_AT(i), jax.random.fold_in(KEY, i))
    fit(STEP, other, BATCH_AT, 5, KEY)
    for a, b in zip(arrays(state), arrays(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_a_step_is_compiled_once_though_training_is_resumed():
    traces = []

    def objective(model, batch, key):
        traces.append(1)
        return regression(model, batch, key)

    state, step = new_state(), make_step(objective)
    fit(step, state, BATCH_AT, 3, KEY)
    compiled = len(traces)
    fit(step, state, BATCH_AT, 9, KEY)
    assert len(traces) == compiled
    for i in range(9, 12):
        step(state, BATCH_AT(i), KEY)
    assert len(traces) <= 2 * compiled


@pytest.mark.slow
def test_the_history_belongs_to_the_optimizer_and_goes_with_it():
    """A new state of the same model begins at step 0, and nothing is kept for ever."""
    model = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
    state = init_state(model, ADAM)
    assert len(fit(STEP, state, BATCH_AT, 3, KEY)["loss"]) == 3
    gc.collect()
    known = len(loop._HISTORIES)
    assert len(fit(STEP, init_state(model, ADAM), BATCH_AT, 2, KEY)["loss"]) == 2
    gc.collect()
    assert len(loop._HISTORIES) == known
    assert len(history_of(state)["loss"]) == 3


def test_any_state_of_modules_and_optimizers_is_trained():
    class TwoPlayers(NamedTuple):
        one: nnx.Module
        two: nnx.Module
        one_optimizer: nnx.Optimizer
        two_optimizer: nnx.Optimizer

    def step(state, batch, key):
        def loss(model):
            return ((model(batch["x"]) - batch["y"]) ** 2).mean()

        value, grads = nnx.value_and_grad(loss)(state.one)
        state.one_optimizer.update(state.one, grads)
        state.two_optimizer.update(state.two, nnx.grad(loss)(state.two))
        return {"loss": value}

    models = [nnx.Linear(3, 2, rngs=nnx.Rngs(i)) for i in range(2)]
    optimizers = [nnx.Optimizer(m, ADAM, wrt=nnx.Param) for m in models]
    before = [np.asarray(m.kernel[...]) for m in models]
    state = TwoPlayers(*models, *optimizers)
    history = fit(step, state, BATCH_AT, 6, KEY, scan=3)
    assert len(history["loss"]) == 6
    for model, kernel in zip(models, before, strict=True):
        assert (np.asarray(model.kernel[...]) != kernel).any()


@pytest.mark.parametrize(("scan", "stops"), [(1, [9, 10, 20]), (7, [7, 14, 20])])
def test_training_in_pieces_equals_training_at_once(scan, stops):
    whole, pieces = new_state(), new_state()
    fit(STEP, whole, BATCH_AT, 20, KEY, scan=scan)
    for num_steps in stops:
        fit(STEP, pieces, BATCH_AT, num_steps, KEY, scan=scan)
        assert_consistent(pieces, num_steps)
    assert_equal(whole, pieces)


def test_calls_end_at_multiples_of_scan(monkeypatch):
    starts, call = [], loop._call
    monkeypatch.setattr(
        loop, "_call", lambda run, b: starts.append(run.now.done) or call(run, b)
    )
    state = new_state()
    fit(STEP, state, BATCH_AT, 9, KEY, scan=7)
    fit(STEP, state, BATCH_AT, 20, KEY, scan=7)
    assert starts == [0, 7, 9, 14]


def test_what_is_done_is_not_done_again(capsys):
    state, other = new_state(), new_state()
    for s in (state, other):
        fit(STEP, s, BATCH_AT, 4, KEY)
    fit(STEP, state, BATCH_AT, 3, KEY)
    assert "Already trained 4 steps: nothing to do." in capsys.readouterr().out
    assert_equal(state, other)
    assert fit(STEP, new_state(), BATCH_AT, 0, KEY) == {}


def test_looking_between_steps_changes_nothing():
    quiet, watched = new_state(), new_state()
    fit(STEP, quiet, BATCH_AT, 10, KEY)

    def looking(i):
        watched.model(jnp.ones((2, 3)))
        jax.random.normal(KEY)
        np.random.default_rng(i)
        BATCH_AT(i + 17)
        return BATCH_AT(i)

    for n in range(1, 11):
        fit(STEP, watched, looking, n, KEY)
        STEP(new_state(), BATCH_AT(0), KEY)
    assert_equal(quiet, watched)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"state": 3}, TypeError, "init_state"),
        ({"num_steps": -1}, ValueError, "num_steps to be a whole number >= 0"),
        ({"num_steps": 2.5}, ValueError, "found 2.5"),
        ({"scan": 0}, ValueError, "scan to be a whole number >= 1"),
        ({"key": 0}, TypeError, r"jax\.random\.key\(seed\)"),
        ({"key": jax.random.PRNGKey(0)}, TypeError, "found .* of type uint32"),
        ({"key": jax.random.split(KEY)}, TypeError, "one random key"),
        ({"batch_at": lambda i: X}, TypeError, "dict of arrays, found ndarray"),
        ({"batch_at": lambda i: {}}, TypeError, "dict of arrays"),
        ({"batch_at": lambda i: {"x": 1.0}}, ValueError, "one length"),
        ({"batch_at": lambda i: {"x": X, "y": X[1:]}}, ValueError, "one length"),
        (
            {"batch_at": lambda i: {"x": X[i:], "y": X[i:, :2]}, "scan": 2},
            ValueError,
            "scan needs batches of one shape",
        ),
        ({"step": lambda *_: None}, TypeError, "make_step"),
        ({"step": lambda *_: {"loss": jnp.ones(2)}}, ValueError, "mean over"),
        ({"step": make_step(lambda *_: (jnp.ones(3), {}))}, TypeError, "mean over"),
        ({"step": make_step(lambda *_: jnp.ones(()))}, TypeError, r"\(loss, metrics\)"),
    ],
)
def test_a_wrong_argument_is_explained(change, error, words):
    state = new_state()
    arguments = {"step": STEP, "state": state, "batch_at": BATCH_AT}
    arguments |= {"num_steps": 4, "key": KEY}
    with pytest.raises(error, match=words):
        fit(**(arguments | change))
    assert_equal(state, new_state())


def test_histories_of_different_lengths_or_names_are_refused():
    state = new_state()
    fit(STEP, state, BATCH_AT, 2, KEY)
    with pytest.raises(ValueError, match="expected the metrics"):
        fit(make_step(distance), state, BATCH_AT, 4, KEY)
    assert_consistent(state, 2)
    history_of(state)["loss"].append(0.0)
    with pytest.raises(ValueError, match="expected histories of one length"):
        fit(STEP, state, BATCH_AT, 4, KEY)


# --- what is shown


def test_quiet_training_prints_one_line(capsys):
    fit(STEP, new_state(), BATCH_AT, 5, KEY)
    captured = capsys.readouterr()
    assert captured.out == "Trained 5 steps.\n"
    assert captured.err == ""


@pytest.mark.parametrize("variable", [None, "0"])
def test_at_a_terminal_there_is_a_bar_unless_it_is_switched_off(
    variable, monkeypatch, capsys
):
    monkeypatch.delenv("COURSE_LIVE", raising=False)
    if variable:
        monkeypatch.setenv("COURSE_LIVE", variable)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fit(STEP, new_state(), BATCH_AT, 5, KEY)
    captured = capsys.readouterr()
    assert captured.out == "Trained 5 steps.\n"
    if variable:
        assert captured.err == ""
    else:
        assert captured.err.startswith("Compiling")
        assert "5/5" in captured.err and "loss=" in captured.err


def test_in_a_live_kernel_the_bar_is_no_error_message(monkeypatch, capsys):
    monkeypatch.setattr(live, "is_live", lambda: True)
    fit(STEP, new_state(), BATCH_AT, 5, KEY)
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "5/5" in captured.out and captured.out.endswith("Trained 5 steps.\n")
