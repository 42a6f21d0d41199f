"""Divergence is named, and the last good state kept."""

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
    distance,
    history_of,
    new_state,
    regression,
    spoilt,
)

from course_utils.training import (
    TrainingDiverged,
    fit,
    init_state,
    make_step,
)


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
    assert f"last good loss: {history_of(whole)['loss'][4]:.6g} at step 4" in message


def test_divergence_at_the_first_step_leaves_the_state_as_it_was(tmp_path):
    state, path = new_state(), tmp_path / "run.safetensors"
    with pytest.raises(TrainingDiverged, match="last good loss: none"):
        fit(STEP, state, spoilt(0, np.nan), 20, KEY, checkpoint=path)
    assert history_of(state) == {} and not path.exists()
    assert_equal(state, new_state())
    fit(STEP, state, BATCH_AT, 3, KEY)
    with pytest.raises(TrainingDiverged):
        fit(STEP, state, spoilt(3, np.nan), 20, KEY)
    assert_consistent(state, 3)


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
    assert_consistent(state, len(history_of(state)["loss"]))


def test_a_metric_that_is_not_finite_is_named():
    def objective(model, batch, key):
        loss, _ = regression(model, batch, key)
        return loss, {"log": jnp.log(batch["y"].min() * 0)}

    with pytest.raises(TrainingDiverged, match="log is -inf at step 0"):
        fit(make_step(objective), new_state(), BATCH_AT, 5, KEY)
