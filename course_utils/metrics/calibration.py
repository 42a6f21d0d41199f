"""How far a confidence can be trusted: calibration. NumPy only."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float, Float64, Int


class Reliability(NamedTuple):
    """Confidence against frequency, bin by bin; bins without a prediction are left out.

    Attributes:
        confidence: mean confidence of the predictions in each bin.
        accuracy: the share of them that is right.
        count: how many there are.
        ece: the expected calibration error, the mean of |accuracy - confidence| over
            all predictions, each taken with its bin's values.
    """

    confidence: Float64[np.ndarray, " bins"]
    accuracy: Float64[np.ndarray, " bins"]
    count: Int[np.ndarray, " bins"]
    ece: float


def reliability(
    confidence: Float[np.ndarray | Array, " n"],
    correct: Bool[np.ndarray | Array, " n"],
    num_bins: int = 10,
) -> Reliability:
    """Sort predictions into bins of equal width by confidence, and count in each.

    ece = sum_b n_b / n |accuracy_b - confidence_b|

    A bin holds its lower edge; the last one also holds 1. It is no test of a single
    prediction, and a classifier that always states the class frequencies has an error
    of zero: calibration says nothing about how much a classifier knows.

    Guo, Pleiss, Sun and Weinberger 2017, arXiv:1706.04599, section 2.

    Args:
        confidence: the probability given to the predicted class (or to one class).
        correct: whether it was that class.
        num_bins: how many bins divide [0, 1].

    Raises:
        TypeError: `correct` is not boolean.
        ValueError: there is no prediction, the shapes differ, a confidence is no
            probability, or there is no bin.
    """
    confidence, correct = np.asarray(confidence, np.float64), np.asarray(correct)
    _check_predictions(confidence, correct)
    if num_bins < 1:
        raise ValueError(f"expected at least one bin, found num_bins = {num_bins}")
    # 0.29 * 100 is 28.999...: compare with the edges, do not multiply.
    edges = np.arange(num_bins) / num_bins
    place = np.searchsorted(edges, confidence, side="right") - 1
    count = np.bincount(place, minlength=num_bins)
    filled = count > 0
    count = count[filled]
    accuracy = np.bincount(place, correct, num_bins)[filled] / count
    mean = np.bincount(place, confidence, num_bins)[filled] / count
    ece = float(np.sum(count * np.abs(accuracy - mean)) / len(confidence))
    return Reliability(mean, accuracy, count, ece)


def _check_predictions(confidence: np.ndarray, correct: np.ndarray) -> None:
    """Refuse what are not one confidence and one truth value a prediction."""
    if correct.dtype != bool:
        raise TypeError(
            f"expected `correct` as booleans, found {correct.dtype}; compare: "
            "predicted == labels"
        )
    if confidence.ndim != 1 or confidence.shape != correct.shape or not len(correct):
        raise ValueError(
            "expected one confidence and one truth value for each prediction, found "
            f"shapes {confidence.shape} and {correct.shape}; take the maximum of each "
            "row of probabilities"
        )
    if not np.all((confidence >= 0) & (confidence <= 1)):
        raise ValueError(
            f"expected confidences from 0 to 1, found {confidence.min():.3g} to "
            f"{confidence.max():.3g}; take the softmax of logits first"
        )
