import itertools

import jax.numpy as jnp
import numpy as np

from course_utils import worlds


def _by_loops(joint):
    q = np.zeros((2, 2, 2, 2))
    for a, b, c, d in itertools.product((0, 1), repeat=4):
        p_a, p_abc = sum(joint[a].ravel()), sum(joint[a, b, c])
        if p_a:
            pair = sum(joint[a, b].ravel()) * sum(joint[a, :, c].ravel()) / p_a
            q[a, b, c, d] = pair * (joint[a, b, c, d] / p_abc if p_abc else 0.5)
    return q


def _by_conditionals(joint):
    q = np.zeros_like(joint)
    for first in np.flatnonzero(worlds.marginal(joint, (0,))):
        rest = worlds.conditional(joint, {0: first})
        pair = np.outer(worlds.marginal(rest, (0,)), worlds.marginal(rest, (1,)))
        for second, third in np.ndindex(2, 2):
            white = 0.5
            if joint[first, second, third].any():
                given = {0: first, 1: second, 2: third}
                white = worlds.conditional(joint, given)[1]
            q[first, second, third] = pair[second, third] * np.array([1 - white, white])
        q[first] *= worlds.marginal(joint, (0,))[first]
    return q


def _by_einsum(joint):
    joint = jnp.asarray(joint)  # single precision
    pair, other, three = (joint.sum(a) for a in ((2, 3), (1, 3), 3))
    first = jnp.maximum(joint.sum((1, 2, 3)), 1e-30)
    white = jnp.where(three > 0, joint[..., 1] / jnp.where(three > 0, three, 1), 0.5)
    fourth = jnp.stack([1 - white, white], axis=-1)
    return jnp.einsum("ab,ac,abcd->abcd", pair / first[:, None], other, fourth)


ALTERNATIVES = (_by_loops, _by_conditionals, _by_einsum)
