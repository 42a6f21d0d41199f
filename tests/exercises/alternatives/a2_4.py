import jax
import jax.numpy as jnp
import numpy as np


def _noisy_by_jax(nll, share, num_pixels):
    parts = jnp.stack([-jnp.asarray(nll), jnp.full(len(nll), -num_pixels * jnp.log(2))])
    weights = jnp.array([[share], [1 - share]])
    return -jax.nn.logsumexp(parts, axis=0, b=weights)


def _noisy_by_ratio(nll, share, num_pixels):
    odds = (1 - share) / share * np.exp(nll - num_pixels * np.log(2))
    return nll - np.log(share) - np.log1p(odds)


ALTERNATIVES = (_noisy_by_jax, _noisy_by_ratio)
