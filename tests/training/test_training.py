"""Training: stopped, resumed or looked at, it learns the same; divergence is told."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from course_utils import live
from course_utils.checkpoints import CheckpointError
from course_utils.data import batches
from course_utils.training import TrainingDiverged, fit, init_state, loop, make_step

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
    leaves = jax.tree.leaves(nnx.state(state._replace(history=None)))
    return [np.asarray(leaf) for leaf in leaves]


def assert_equal(state, other):
    """Bitwise: parameters, moments, step number and history."""
    assert state.history == other.history
    for a, b in zip(arrays(state), arrays(other), strict=True):
        assert a.dtype == b.dtype
        assert a.tobytes() == b.tobytes()


def assert_consistent(state, steps):
    assert int(state.optimizer.step[...]) == steps
    assert {len(values) for values in state.history.values()} <= {steps}
    assert all(np.isfinite(a).all() for a in arrays(state))


@pytest.fixture(autouse=True)
def python_hears_sigint():
    """Whoever runs the tests in the background has SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


# --- the steps


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
    assert history is state.history
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(state.model.kernel[...], kernel, rtol=1e-5)
    np.testing.assert_allclose(state.model.bias[...], bias, rtol=1e-4, atol=1e-6)
    assert history["weight"][0] != history["weight"][-1]
    assert all(type(x) is float for x in history["loss"])


def test_a_step_by_hand_is_a_step_of_fit():
    state, other = new_state(), new_state()
    for i in range(5):
        STEP(state, BATCH_AT(i), jax.random.fold_in(KEY, i))
    fit(STEP, other, BATCH_AT, 5, KEY)
    for a, b in zip(arrays(state), arrays(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_a_step_is_compiled_once_though_the_history_grows():
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
        state.history["loss"].append(0.0)
    assert len(traces) <= 2 * compiled


def test_any_state_with_a_history_is_trained():
    class TwoPlayers(NamedTuple):
        one: nnx.Module
        two: nnx.Module
        one_optimizer: nnx.Optimizer
        two_optimizer: nnx.Optimizer
        history: dict

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
    state = TwoPlayers(*models, *optimizers, {})
    fit(step, state, BATCH_AT, 6, KEY, scan=3)
    assert len(state.history["loss"]) == 6
    for model, kernel in zip(models, before, strict=True):
        assert (np.asarray(model.kernel[...]) != kernel).any()


# --- going on


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
        loop, "_call", lambda run, n: [starts.append(run.now.done), call(run, n)]
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


# --- Stop


def press_stop():
    signal.raise_signal(signal.SIGINT)


def pressing(*steps):
    """Return BATCH_AT, with Stop pressed while the batches of some steps are made."""

    def batch_at(i):
        for _ in range(steps.count(i)):
            press_stop()
        return BATCH_AT(i)

    return batch_at


@pytest.mark.parametrize(("scan", "done"), [(1, 6), (4, 8)])
def test_stop_finishes_the_running_call(scan, done, capsys):
    whole, state = new_state(), new_state()
    history = fit(STEP, state, pressing(5), 20, KEY, scan=scan)
    assert len(history["loss"]) == done
    assert_consistent(state, done)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Stopping after the running step (press again")
    assert lines[1:] == [f"Stopped after {done} of 20 steps: call fit again to go on."]
    fit(STEP, state, BATCH_AT, 20, KEY, scan=scan)
    fit(STEP, whole, BATCH_AT, 20, KEY, scan=scan)
    assert_equal(state, whole)


@pytest.mark.parametrize("scan", [1, 4])
def test_a_second_press_breaks_off_at_once_in_a_whole_state(scan):
    whole, state = new_state(), new_state()
    with pytest.raises(KeyboardInterrupt):
        fit(STEP, state, pressing(9, 9, 9), 20, KEY, scan=scan)
    assert_consistent(state, 9 if scan == 1 else 8)
    fit(STEP, state, BATCH_AT, 20, KEY, scan=scan)
    fit(STEP, whole, BATCH_AT, 20, KEY, scan=scan)
    assert_equal(state, whole)


def test_a_press_while_the_history_grows_leaves_no_ragged_one():
    """The worst moment: one list has grown, the other has not."""
    state, whole = new_state(), new_state()
    fit(STEP, whole, BATCH_AT, 6, KEY)

    class Growing(list):
        def extend(self, values):
            super().extend(values)
            if len(self) in (1, 4):
                press_stop()
                press_stop()

    for expected in (0, 3):

        def interrupted(step, state, batch_at, key, scan, start=loop._start):
            run = start(step, state, batch_at, key, scan)
            run.history = {"loss": Growing(run.history.get("loss", []))} | {
                "weight": list(run.history.get("weight", []))
            }
            return run

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "_start", interrupted)
            with pytest.raises(KeyboardInterrupt):
                fit(STEP, state, BATCH_AT, 6, KEY)
        assert_consistent(state, expected)
        fit(STEP, state, BATCH_AT, 3, KEY)
    fit(STEP, state, BATCH_AT, 6, KEY)
    assert_equal(state, whole)


@pytest.mark.skipif(os.name == "nt", reason="os.kill ends the process there")
@pytest.mark.parametrize("scan", [1, 3])
# A second press in a callback of the garbage collector is lost; the first one stops.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_fifty_real_interrupts_at_random_moments(scan, capsys):
    """Twice fifty: no broken state, no lost step, and the same weights at the end."""
    whole, state, rng = new_state(), new_state(), random.Random(scan)
    signal.signal(signal.SIGINT, lambda *_: None)  # for presses when fit has ended
    fit(STEP, state, BATCH_AT, scan, KEY, scan=scan)
    steps = scan
    for _ in range(50):
        with pressed_at_random_moments(rng), contextlib.suppress(KeyboardInterrupt):
            fit(STEP, state, BATCH_AT, 10**6, KEY, scan=scan)
        assert len(state.history.get("loss", [])) >= steps
        steps = len(state.history.get("loss", []))
        assert_consistent(state, steps)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert capsys.readouterr().out.count("Stopping") == 50
    assert steps > 50
    fit(STEP, state, BATCH_AT, steps + 5, KEY, scan=scan)
    fit(STEP, whole, BATCH_AT, steps // scan * scan, KEY, scan=scan)
    fit(STEP, whole, BATCH_AT, steps + 5, KEY, scan=scan)
    assert_equal(state, whole)


@contextlib.contextmanager
def pressed_at_random_moments(rng):
    """Send real signals to this process, until the block ends."""
    ended = threading.Event()

    def press():
        while not ended.wait(rng.uniform(0, 0.03)):
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_outside_the_main_thread_fit_leaves_signals_alone():
    state = new_state()
    thread = threading.Thread(target=fit, args=(STEP, state, BATCH_AT, 3, KEY))
    thread.start()
    thread.join()
    assert_consistent(state, 3)


def test_an_ignored_sigint_stays_ignored():
    """A shell that starts a job in the background protects it from Ctrl-C so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    state = new_state()
    fit(STEP, state, pressing(1, 1, 1), 4, KEY)
    assert_consistent(state, 4)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)


# --- the checkpoint of a run

SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import test_training as t
for scan in (1, 7):
    path = f"{{sys.argv[1]}}/{{scan}}.safetensors"
    t.fit(t.STEP, t.new_state(), t.BATCH_AT, 14, t.KEY, scan=scan, checkpoint=path)
"""


def test_a_new_process_goes_on_from_the_file(tmp_path):
    folder = tmp_path / "new folder"
    script = SCRIPT.format(tests=os.path.dirname(__file__))
    command = [sys.executable, "-c", script, str(folder)]
    assert subprocess.check_output(command, text=True) == "Trained 14 steps.\n" * 2
    for scan in (1, 7):
        path, state, whole = folder / f"{scan}.safetensors", new_state(), new_state()
        fit(STEP, state, BATCH_AT, 14, KEY, scan=scan, checkpoint=path)
        assert_consistent(state, 14)
        fit(STEP, state, BATCH_AT, 20, KEY, scan=scan, checkpoint=path)
        fit(STEP, whole, BATCH_AT, 20, KEY, scan=scan)
        assert_equal(state, whole)


def test_the_file_is_written_now_and_then_and_on_stop(tmp_path, monkeypatch):
    path, saves, save = tmp_path / "run.safetensors", [], loop._save
    monkeypatch.setattr(
        loop, "_save", lambda p, run: [saves.append(run.now.done), save(p, run)]
    )
    state = new_state()
    fit(STEP, state, pressing(3), 9, KEY, checkpoint=path)
    assert saves == [4]
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    fit(STEP, state, BATCH_AT, 6, KEY, checkpoint=path)
    assert saves == [4, 5, 6, 6]
    fresh = new_state()
    fit(STEP, fresh, BATCH_AT, 6, KEY, checkpoint=path)
    assert_equal(fresh, state)


def test_an_older_file_does_not_take_steps_back(tmp_path):
    path, state, whole = tmp_path / "run.safetensors", new_state(), new_state()
    fit(STEP, state, BATCH_AT, 4, KEY, checkpoint=path)
    fit(STEP, state, BATCH_AT, 8, KEY)
    fit(STEP, state, BATCH_AT, 10, KEY, checkpoint=path)
    fit(STEP, whole, BATCH_AT, 10, KEY)
    assert_equal(state, whole)


def test_the_file_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(STEP, new_state(), BATCH_AT, 4, KEY, checkpoint=path)
    content = path.read_bytes()
    fresh, untouched = new_state(), new_state()
    with pytest.raises(CheckpointError, match="key"):
        fit(STEP, fresh, BATCH_AT, 6, jax.random.key(4), checkpoint=path)
    with pytest.raises(CheckpointError, match="scan"):
        fit(STEP, fresh, BATCH_AT, 6, KEY, scan=2, checkpoint=path)
    assert_equal(fresh, untouched)
    wider = init_state(nnx.Linear(3, 5, rngs=nnx.Rngs(0)), ADAM)
    with pytest.raises(CheckpointError, match=r"model\.bias of shape \(5,\)"):
        fit(STEP, wider, BATCH_AT, 6, KEY, checkpoint=path)
    with pytest.raises(CheckpointError, match="optimizer"):
        fit(STEP, new_state(optax.sgd(0.1)), BATCH_AT, 6, KEY, checkpoint=path)
    assert path.read_bytes() == content


# --- divergence


def spoilt(step, value):
    def batch_at(i):
        batch = BATCH_AT(i)
        if i == step:
            batch["x"][3, 1] = value
        return batch

    return batch_at


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(("scan", "kept"), [(1, 4), (3, 0)])
def test_a_bad_batch_is_named_and_the_good_state_kept(scan, kept, value):
    whole, state = new_state(), new_state()
    with pytest.raises(TrainingDiverged) as caught:
        fit(STEP, state, spoilt(5, value), 20, KEY, scan=scan)
    message = str(caught.value)
    assert "step 5" in message and "batch_at(5)['x'] is not finite" in message
    assert_consistent(state, kept)
    fit(STEP, state, BATCH_AT, 20, KEY, scan=scan)
    fit(STEP, whole, BATCH_AT, 20, KEY, scan=scan)
    assert_equal(state, whole)
    assert f"last good loss: {whole.history['loss'][4]:.6g} at step 4" in message


def test_divergence_at_the_first_step_leaves_the_state_as_it_was(tmp_path):
    state, path = new_state(), tmp_path / "run.safetensors"
    with pytest.raises(TrainingDiverged, match="last good loss: none"):
        fit(STEP, state, spoilt(0, np.nan), 20, KEY, checkpoint=path)
    assert state.history == {} and not path.exists()
    assert_equal(state, new_state())
    fit(STEP, state, BATCH_AT, 3, KEY)
    with pytest.raises(TrainingDiverged):
        fit(STEP, state, spoilt(3, np.nan), 20, KEY)
    assert_consistent(state, 3)


def distance(model, batch, key):
    """sqrt at 0: a finite loss whose gradient is not. Only step 5 has x = 0."""
    return jnp.sqrt((model(batch["x"]) ** 2).sum()), {}


@pytest.mark.parametrize("num_steps", [6, 7, 20])
@pytest.mark.parametrize("scan", [1, 3])
def test_a_gradient_that_is_not_finite_is_found(num_steps, scan, tmp_path):
    """The loss of step 5 is finite, its update is not: step 6 would be too late."""
    model = nnx.Linear(3, 2, use_bias=False, rngs=nnx.Rngs(0))
    state, path = init_state(model, ADAM), tmp_path / "run.safetensors"

    def batch_at(i):
        return {"x": np.zeros((8, 3), np.float32) if i == 5 else X[:8]}

    with pytest.raises(TrainingDiverged) as caught:
        fit(make_step(distance), state, batch_at, num_steps, KEY, scan=scan)
    assert "sqrt or norm at 0" in str(caught.value)
    if num_steps == 6:
        assert "The update of step 5 is not finite" in str(caught.value)
    else:
        assert "loss is nan at step 6" in str(caught.value)
        assert "no longer finite before that step" in str(caught.value)
    assert_consistent(state, 5 if scan == 1 else 3)
    with pytest.raises(TrainingDiverged):
        fit(make_step(distance), state, batch_at, 6, KEY, checkpoint=path)
    assert not path.exists()


def test_too_high_a_learning_rate_is_a_likely_cause():
    state = new_state(optax.sgd(1e9))
    with pytest.raises(TrainingDiverged, match="learning rate that is too high"):
        fit(STEP, state, BATCH_AT, 100, KEY)
    assert_consistent(state, len(state.history["loss"]))


def test_a_metric_that_is_not_finite_is_named():
    def objective(model, batch, key):
        loss, _ = regression(model, batch, key)
        return loss, {"log": jnp.log(batch["y"].min() * 0)}

    with pytest.raises(TrainingDiverged, match="log is -inf at step 0"):
        fit(make_step(objective), new_state(), BATCH_AT, 5, KEY)


# --- what is asked of the arguments


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
    state.history["loss"].append(0.0)
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


# --- the perturbation of `course author verify`


def test_perturbation(monkeypatch):
    """Every parameter by about a millionth, each by its own, always the same."""
    plain = np.asarray(nnx.Linear(200, 300, rngs=nnx.Rngs(0)).kernel[...], float)

    def change(value):
        monkeypatch.setenv("COURSE_PERTURB", value)
        model = init_state(nnx.Linear(200, 300, rngs=nnx.Rngs(0)), ADAM).model
        return np.asarray(model.kernel[...], float) / plain - 1

    assert not change("").any()
    assert not change("0").any()
    noise = change("1e-3")
    assert abs(noise.std() - 1e-3) < 1e-5
    assert abs(noise.mean()) < 2e-5
    np.testing.assert_array_equal(noise, change("1e-3"))
    assert 0.9e-6 < change("1e-6").std() < 1.1e-6
