"""The file of a run: resumed bitwise, refused if it is another run's."""

import os
import subprocess
import sys
import threading

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
    assert_consistent,
    assert_equal,
    new_state,
    pressing,
    regression,
)

from course_utils import checkpoints
from course_utils.checkpoints import CheckpointError
from course_utils.data import batches
from course_utils.training import (
    Stopped,
    autosave,
    fit,
    init_state,
    make_step,
)

SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import runs as t
from course_utils.training import (
    fit,
)
for scan in (1, 7):
    path = f"{{sys.argv[1]}}/{{scan}}.safetensors"
    fit(t.STEP, t.new_state(), t.BATCH_AT, 14, t.KEY, scan=scan, checkpoint=path)
"""


@pytest.mark.slow
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
    path, saves, save = tmp_path / "run.safetensors", [], checkpoints.save
    monkeypatch.setattr(
        checkpoints,
        "save",
        lambda *a: [saves.append(len(a[2]["history"]["loss"])), save(*a)],
    )
    state = new_state()
    with pytest.raises(Stopped):
        fit(STEP, state, pressing(3), 9, KEY, checkpoint=path)
    assert saves == [4]
    monkeypatch.setattr(autosave, "SAVE_EVERY", 0.0)
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
    start = init_state(nnx.Linear(3, 2, rngs=nnx.Rngs(7)), ADAM)
    others = {
        "initial weights": dict(state=start),
        "objective": dict(step=make_step(doubled)),
        "optimiser": dict(state=new_state(optax.adam(0.02))),
        "data": dict(batch_at=batches({"x": X + 1, "y": X @ ONES}, 8, seed=0)),
        "batch size": dict(batch_at=batches({"x": X, "y": X @ ONES}, 4, seed=0)),
    }
    for what, other in others.items():
        run = dict(step=STEP, state=new_state(), batch_at=BATCH_AT) | other
        with pytest.raises(CheckpointError, match=f"another.*{what}"):
            fit(**run, num_steps=6, key=KEY, checkpoint=path)
    assert path.read_bytes() == content
    assert not list(tmp_path.glob("*.part"))


def test_an_array_that_the_objective_closes_over_belongs_to_the_run(tmp_path):
    path = tmp_path / "run.safetensors"

    def step_with(weights):
        def weighted(model, batch, key):
            loss, metrics = regression(model, batch, key)
            return loss + (weights * model.bias[...]).sum(), metrics

        return make_step(weighted)

    one, other = jnp.array([1.0, 2.0]), jnp.array([5.0, 2.0])
    fit(step_with(one), new_state(), BATCH_AT, 3, KEY, checkpoint=path)
    fit(step_with(one), new_state(), BATCH_AT, 4, KEY, checkpoint=path)
    with pytest.raises(CheckpointError, match="another objective"):
        fit(step_with(other), new_state(), BATCH_AT, 5, KEY, checkpoint=path)


def test_the_file_of_an_older_course_is_told_as_such(tmp_path):
    path = tmp_path / "run.safetensors"
    checkpoints.save(path, new_state(), {"kind": "training run", "history": {}})
    with pytest.raises(CheckpointError, match="older version of the course"):
        fit(STEP, new_state(), BATCH_AT, 2, KEY, checkpoint=path)


ONES = np.ones((3, 2), np.float32)


def doubled(model, batch, key):
    loss, metrics = regression(model, batch, key)
    return 2 * loss, metrics


def test_a_place_that_cannot_be_written_is_found_out_at_once(tmp_path):
    steps = []

    def counted(i):
        steps.append(i)
        return BATCH_AT(i)

    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "run.safetensors", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be written|is a folder"):
            fit(STEP, new_state(), counted, 4, KEY, checkpoint=path)
    assert steps == [0, 0]  # for the identity of the run, no step was taken
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_loses_nothing_and_leaves_nothing(tmp_path, monkeypatch):
    path, state, whole = tmp_path / "run.safetensors", new_state(), new_state()
    fit(STEP, state, BATCH_AT, 2, KEY, checkpoint=path)

    def full(self, content):
        if content:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(path), "write_bytes", full)
        patch.setattr(checkpoints, "check_place", lambda path: None)
        with pytest.raises(CheckpointError, match="No space left.*nothing in memory"):
            fit(STEP, state, BATCH_AT, 9, KEY, checkpoint=path)
    assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]
    assert_consistent(state, 9)
    fit(STEP, state, BATCH_AT, 12, KEY, checkpoint=path)
    fit(STEP, whole, BATCH_AT, 12, KEY)
    assert_equal(state, whole)


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path, failed = tmp_path / "run.safetensors", []

    def write(number):
        try:
            for _ in range(30):
                checkpoints.save(path, new_state(), {"writer": number})
        except Exception as error:
            failed.append(error)

    writers = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    assert not failed
    assert checkpoints.load(path, new_state())["writer"] in range(3)
    assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]


class Dropping(nnx.Module):
    """A model with random state of its own: what it drops depends on its past."""

    def __init__(self, impl=None):
        self.linear = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
        self.dropout = nnx.Dropout(0.5, rngs=nnx.Rngs(jax.random.key(1, impl=impl)))

    def __call__(self, x):
        return self.linear(self.dropout(x))


def dropping_loss(model, batch, key):
    return ((model(batch["x"]) - batch["y"]) ** 2).mean(), {}


@pytest.mark.parametrize("scan", [1, 3])
def test_random_state_of_a_model_is_saved_and_resumed(scan, tmp_path, monkeypatch):
    monkeypatch.setattr(autosave, "SAVE_EVERY", 0.0)
    path, step = tmp_path / "run.safetensors", make_step(dropping_loss)
    whole = init_state(Dropping(), ADAM)
    expected = fit(step, whole, BATCH_AT, 9, KEY, scan=scan)
    for num_steps in (3, 6, 9):  # each from a new state, as in a new process
        state = init_state(Dropping(), ADAM)
        history = fit(step, state, BATCH_AT, num_steps, KEY, scan=scan, checkpoint=path)
    assert history == expected
    assert len(set(expected["loss"])) == 9
    assert int(state.model.dropout.rngs.count[...]) == 9
    for a, b in zip(words(state), words(whole), strict=True):
        np.testing.assert_array_equal(a, b)
    other = init_state(Dropping(impl="rbg"), ADAM)
    with pytest.raises(CheckpointError, match="dropout.rngs.key#"):
        fit(step, other, BATCH_AT, 12, KEY, scan=scan, checkpoint=path)


def words(state):
    """Return all arrays of a state, keys as numbers."""
    return [
        jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x
        for x in jax.tree.leaves(nnx.state(state))
    ]
