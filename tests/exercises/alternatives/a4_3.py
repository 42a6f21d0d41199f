import numpy as np


def _bound_by_largest(log_weights):
    largest = log_weights.max(axis=0)
    return largest + np.log(np.mean(np.exp(log_weights - largest), axis=0))


def _bound_by_logaddexp(log_weights):
    total = np.asarray(log_weights[0], float)
    for row in log_weights[1:]:
        total = np.logaddexp(total, row)
    return total - np.log(log_weights.shape[0])


ALTERNATIVES = (_bound_by_largest, _bound_by_logaddexp)
