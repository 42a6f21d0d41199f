import numpy as np

from course_utils import worlds


def _cell_by_cell(joint):
    singles = [worlds.marginal(joint, (axis,)) for axis in range(joint.ndim)]
    for cell in np.ndindex(joint.shape):
        expected = np.prod([p[value] for p, value in zip(singles, cell, strict=True)])
        if abs(expected - joint[cell]) > 1e-9:
            return False
    return True


def _first_from_the_rest(joint):
    if joint.ndim == 1:
        return np.True_
    rest = joint.sum(axis=0)
    split = np.multiply.outer(joint.reshape(2, -1).sum(axis=1), rest)
    return np.allclose(joint, split) and _first_from_the_rest(rest)


ALTERNATIVES = (_cell_by_cell, _first_from_the_rest)
