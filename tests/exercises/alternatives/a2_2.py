import jax
import jax.numpy as jnp

from course_utils.exercises.notebook_02.e2_2_change_prior import normalise


def _change_in_logarithms(posterior, old, new):
    return jax.nn.softmax(jnp.log(posterior) + jnp.log(new) - jnp.log(old), axis=1)


def _change_through_likelihoods(posterior, old, new):
    likelihood = normalise(posterior / old)  # up to a factor for each image
    return (likelihood * new) / (likelihood @ new)[:, None]


ALTERNATIVES = (_change_in_logarithms, _change_through_likelihoods)
