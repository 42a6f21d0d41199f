import numpy as np

from course_utils.exercises.notebook_02.e2_1_class_posterior import (
    _posterior_by_softmax,
)


def _posterior_by_largest(log_likelihoods, prior):
    largest = log_likelihoods.max(axis=1, keepdims=True)
    joint = np.exp(log_likelihoods - largest) * prior
    return joint / joint.sum(axis=1, keepdims=True)


ALTERNATIVES = (_posterior_by_softmax, _posterior_by_largest)
