import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from course_utils.metrics import knn_accuracy, nearest_distance


def data(n, seed, classes=4, width=6):
    """Return clouds that overlap, so that neighbours disagree."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    return rng.normal(size=(n, width)) + 0.9 * np.eye(classes, width)[labels], labels


def brute_force(train, labels, test, test_labels, k):
    right = 0
    for row, label in zip(cdist(test, train), test_labels, strict=True):
        votes = labels[np.argsort(row, kind="stable")[:k]].tolist()
        winner = max(sorted(set(votes)), key=votes.count)
        right += winner == label
    return right / len(test)


@pytest.mark.parametrize("k", [1, 2, 5, 20])
def test_brute_force(k):
    train, labels = data(300, 0)
    test, test_labels = data(1203, 1)  # three chunks
    expected = brute_force(train, labels, test, test_labels, k)
    found = knn_accuracy(train, labels, test, test_labels, k)
    assert found == pytest.approx(expected)
    assert 0.3 < expected < 0.9


def test_five_neighbours_vote_unless_told():
    train, labels = data(200, 0)
    test, test_labels = data(300, 1)
    five = knn_accuracy(train, labels, test, test_labels, 5)
    assert knn_accuracy(train, labels, test, test_labels) == five
    assert knn_accuracy(train, labels, test, test_labels, 1) != five


def test_far_from_the_origin_as_near_it():
    """Without centring, float32 loses the distances in |a|^2 - 2 a.b + |b|^2."""
    train, labels = data(300, 0)
    test, test_labels = data(400, 1)
    near = knn_accuracy(train, labels, test, test_labels)
    assert knn_accuracy(train + 3000, labels, test + 3000, test_labels) == near


def test_the_length_of_a_training_row_counts():
    """The largest inner product is not the nearest row."""
    train, labels = np.array([[1.0, 0], [10, 0]]), np.array([0, 1])
    assert knn_accuracy(train, labels, np.array([[2.0, 0]]), np.array([0]), 1) == 1


def test_ties_go_to_the_first_row_and_the_smallest_label():
    train = np.array([[1.0], [-1.0], [1.0], [5.0]])
    test = np.array([[0.0]])
    labels = np.array([2, 0, 1, 1])
    assert knn_accuracy(train, labels, test, np.array([2]), k=1) == 1
    assert knn_accuracy(train, labels, test, np.array([0]), k=3) == 1  # one vote each
    assert knn_accuracy(train, labels, test, np.array([1]), k=4) == 1  # two of four


def test_a_label_that_was_never_trained_is_never_right():
    train, labels = data(20, 0)
    assert knn_accuracy(jnp.asarray(train), labels, train, np.full(20, 9)) == 0


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"train_labels": np.zeros(8)}, TypeError, "training labels as integers"),
        ({"test_labels": np.zeros(5, bool)}, TypeError, "test labels as integers"),
        ({"train_labels": np.zeros(7, int)}, ValueError, "training features"),
        ({"test_features": np.zeros((5, 2, 2, 1))}, ValueError, "flatten images"),
        ({"test_features": np.zeros((5, 3))}, ValueError, "widths 2 and 3"),
        ({"test_labels": np.full(5, -1)}, ValueError, "test labels from 0, found -1"),
        ({"k": 0}, ValueError, "k from 1 to 8"),
        ({"k": 9}, ValueError, "k from 1 to 8"),
        (
            {"test_features": np.zeros((0, 2)), "test_labels": np.zeros(0, int)},
            ValueError,
            "test features",
        ),
    ],
)
def test_bad_input_is_refused(change, error, words):
    good = {
        "train_features": np.zeros((8, 2)),
        "train_labels": np.zeros(8, int),
        "test_features": np.zeros((5, 2)),
        "test_labels": np.zeros(5, int),
    }
    with pytest.raises(error, match=words):
        knn_accuracy(**(good | change))


def test_nearest_distance_by_brute_force():
    train, _ = data(300, 0)
    test, _ = data(1203, 1)  # three chunks
    expected = cdist(test, train).min(axis=1)
    np.testing.assert_allclose(nearest_distance(train, test), expected, rtol=1e-4)


def test_a_copy_has_distance_zero():
    train, _ = data(50, 0)
    assert nearest_distance(train + 1000.0, train[::7] + 1000.0).max() == 0


def test_nearest_distance_needs_one_embedding():
    with pytest.raises(ValueError, match="one embedding"):
        nearest_distance(np.zeros((4, 3)), np.zeros((4, 2)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused_and_counted(value):
    features = np.random.default_rng(0).normal(size=(9, 3))
    labels = np.arange(9) % 3
    spoilt = features.copy()
    spoilt[[4, 6], 1] = value
    with pytest.raises(ValueError, match="test features.* 2 of 9, first in number 4"):
        knn_accuracy(features, labels, spoilt, labels)
    with pytest.raises(ValueError, match="training features"):
        knn_accuracy(spoilt, labels, features, labels)
    with pytest.raises(ValueError, match="training features"):
        nearest_distance(spoilt, features)
    with pytest.raises(ValueError, match="test features"):
        nearest_distance(features, spoilt)
