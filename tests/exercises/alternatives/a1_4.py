import numpy as np

from course_utils import worlds


def _by_marginals(joint, past):
    table = worlds.marginal(joint, range(len(past) + 1))
    return float(worlds.conditional(table, dict(enumerate(past)))[1])


def _by_listing(joint, past):
    states, p = np.argwhere(joint >= 0), joint.reshape(-1)
    same_past = (states[:, : len(past)] == past).all(axis=1)
    return p[same_past & (states[:, len(past)] == 1)].sum() / p[same_past].sum()


ALTERNATIVES = (_by_marginals, _by_listing)
