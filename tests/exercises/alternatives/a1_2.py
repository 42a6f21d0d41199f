import numpy as np

from course_utils import worlds


def _by_einsum(joint, keep):
    return np.einsum(joint, list(range(joint.ndim)), list(keep))


def _one_by_one(joint, keep):
    for axis in reversed(range(joint.ndim)):
        if axis not in keep:
            joint = joint[(slice(None),) * axis + (0,)] + np.take(joint, 1, axis)
    return joint


ALTERNATIVES = (_by_einsum, _one_by_one, worlds.marginal)
