import jax.numpy as jnp
import numpy as np
import pytest

from course_utils.metrics import reliability


def test_each_bin_holds_its_own_mean_share_and_number():
    confidence = np.array([0.05, 0.62, 0.66, 0.98, 0.91])
    found = reliability(confidence, np.array([False, True, False, True, True]))
    np.testing.assert_allclose(found.confidence, [0.05, 0.64, 0.945])
    np.testing.assert_allclose(found.accuracy, [0, 0.5, 1])
    np.testing.assert_array_equal(found.count, [1, 2, 2])
    # by hand: (1 * .05 + 2 * .14 + 2 * .055) / 5
    assert found.ece == pytest.approx(0.088)


def test_the_error_weighs_bins_by_their_predictions():
    """The mean over bins would be 0.3 here."""
    confidence, correct = np.array([0.9] * 9 + [0.5]), np.array([True] * 9 + [False])
    assert reliability(confidence, correct).ece == pytest.approx(0.9 * 0.1 + 0.1 * 0.5)


def test_errors_of_one_bin_cancel_and_those_of_two_do_not():
    confidence, correct = np.array([0.2, 0.7]), np.array([True, False])
    assert reliability(confidence, correct, num_bins=1).ece == pytest.approx(0.05)
    assert reliability(confidence, correct, num_bins=2).ece == pytest.approx(0.75)


def test_an_edge_belongs_to_the_bin_above_and_one_to_the_last():
    confidence = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    found = reliability(confidence, np.ones(5, bool), num_bins=4)
    np.testing.assert_array_equal(found.count, [1, 1, 1, 2])


def test_every_edge_of_a_hundred_bins_is_in_the_bin_that_it_begins():
    """0.29 * 100 is a little less than 29."""
    for edge in range(100):
        confidence = np.array([edge / 100, (edge + 0.5) / 100])
        assert len(reliability(confidence, np.ones(2, bool), 100).count) == 1, edge


def test_what_happens_as_often_as_stated_is_calibrated():
    rng = np.random.default_rng(3)
    confidence = rng.uniform(size=200_000)
    happens = rng.uniform(size=200_000) < confidence
    assert reliability(confidence, happens).ece < 0.006
    # the squared confidence understates: mean of c - c**2 over [0, 1] is 1/6
    assert reliability(confidence**2, happens).ece == pytest.approx(1 / 6, abs=0.006)


def test_brute_force():
    rng = np.random.default_rng(5)
    confidence, correct = rng.beta(2, 1, 400), rng.uniform(size=400) < 0.6
    error = 0.0
    for low in range(7):
        inside = [i for i in range(400) if low <= 7 * confidence[i] < low + 1]
        if inside:
            right = sum(bool(correct[i]) for i in inside)
            error += abs(right - sum(confidence[i] for i in inside)) / 400
    assert reliability(confidence, correct, 7).ece == pytest.approx(error)


def test_jax_arrays_are_welcome():
    found = reliability(jnp.array([0.25, 1.0]), jnp.array([False, True]))
    np.testing.assert_allclose(found.accuracy, [0, 1])
    assert found.confidence.dtype == np.float64


@pytest.mark.parametrize(
    ("confidence", "correct", "num_bins", "words"),
    [
        ([], [], 10, "for each prediction"),
        ([0.5, 0.5], [True], 10, "for each prediction"),
        ([[0.5, 0.5]], [[True, False]], 10, "maximum of each row"),
        ([0.5, 1.5], [True, True], 10, "softmax"),
        ([0.5, -0.1], [True, True], 10, "softmax"),
        ([0.5, np.nan], [True, True], 10, "from 0 to 1"),
        ([0.5], [True], 0, "at least one bin"),
    ],
)
def test_bad_input_is_refused(confidence, correct, num_bins, words):
    with pytest.raises(ValueError, match=words):
        reliability(np.array(confidence, float), np.array(correct, bool), num_bins)


def test_labels_are_not_mistaken_for_truth_values():
    with pytest.raises(TypeError, match="predicted == labels"):
        reliability(np.array([0.5, 0.9]), np.array([0, 1]))
