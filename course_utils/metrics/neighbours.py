"""Nearest neighbours: what a space of features knows about the classes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from course_utils.metrics.chunks import require_finite

CHUNK = 500  # test rows at a time: 120 MB of distances to 60,000 training rows


def knn_accuracy(
    train_features: Float[np.ndarray | Array, "n d"],
    train_labels: Int[np.ndarray | Array, " n"],
    test_features: Float[np.ndarray | Array, "m d"],
    test_labels: Int[np.ndarray | Array, " m"],
    k: int = 5,
) -> float:
    """Return the share of test rows whose k nearest training rows vote for their label.

    Distances are Euclidean, computed in float32. Of equally near rows the one that
    comes first in the training set is taken; of labels with equally many votes, the
    smallest.

    Args:
        train_features: the rows to search.
        train_labels: from 0.
        test_features: the rows to classify.
        test_labels: what they should be classified as.
        k: how many neighbours vote.

    Raises:
        TypeError: labels that are no integers.
        ValueError: the shapes do not fit each other, a label is negative, a feature is
            not finite, or there are fewer than k training rows.
    """
    train, test = (jnp.asarray(a, jnp.float32) for a in (train_features, test_features))
    train_labels, test_labels = np.asarray(train_labels), np.asarray(test_labels)
    _check_rows(train, train_labels, "training")
    _check_rows(test, test_labels, "test")
    if train.shape[1] != test.shape[1] or not 1 <= k <= len(train):
        raise ValueError(
            f"expected features of one width and k from 1 to {len(train)}, found "
            f"widths {train.shape[1]} and {test.shape[1]}, k = {k}; use one embedding"
        )
    centre = train.mean(axis=0, keepdims=True)  # small numbers round less
    train, test = train - centre, test - centre
    nearest = [
        _nearest(train, test[i : i + CHUNK], k) for i in range(0, len(test), CHUNK)
    ]
    votes = train_labels[np.concatenate(nearest)]  # [m, k]
    counts = np.stack([np.sum(votes == c, axis=1) for c in range(votes.max() + 1)])
    return float(np.mean(counts.argmax(axis=0) == test_labels))


def nearest_distance(
    train_features: Float[np.ndarray | Array, "n d"],
    test_features: Float[np.ndarray | Array, "m d"],
) -> Float[np.ndarray, " m"]:
    """Return the Euclidean distance of each test row to the nearest training row.

    Raises:
        ValueError: the features are not [n, d] and [m, d], or not finite.
    """
    train, test = (np.asarray(a, np.float32) for a in (train_features, test_features))
    if train.ndim != 2 or train.shape[1:] != test.shape[1:] or not len(train):
        raise ValueError(
            f"expected features [n, d] and [m, d], found {train.shape} and "
            f"{test.shape}; use one embedding"
        )
    require_finite(train, "training features")
    require_finite(test, "test features")
    centre = train.mean(axis=0)
    parts = [
        np.asarray(_nearest(train - centre, test[i : i + CHUNK] - centre, 1))[:, 0]
        for i in range(0, len(test), CHUNK)
    ]
    return np.linalg.norm(test - train[np.concatenate(parts)], axis=1)


@functools.partial(jax.jit, static_argnames="k")
def _nearest(train, test, k) -> Int[Array, "m k"]:
    """Return the rows of `train` that are nearest to each row of `test`."""
    # |a - b|^2 = |a|^2 - 2 a.b + |b|^2, and |b|^2 is the same for all rows of `train`
    closeness = 2 * test @ train.T - jnp.sum(train**2, axis=1)[None]
    return jax.lax.top_k(closeness, k)[1]  # of equal ones the first


def _check_rows(features, labels, name: str) -> None:
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"expected {name} labels as integers, found {labels.dtype}")
    if features.ndim != 2 or labels.shape != features.shape[:1] or not len(labels):
        raise ValueError(
            f"expected {name} features [n, d] and labels [n], found {features.shape} "
            f"and {labels.shape}; flatten images: x.reshape(len(x), -1)"
        )
    if labels.min() < 0:
        raise ValueError(f"expected {name} labels from 0, found {labels.min()}")
    require_finite(features, f"{name} features")
