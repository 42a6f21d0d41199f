import jax
import jax.numpy as jnp


def _by_multivariate(codes, num, key):
    mean, covariance = jnp.mean(codes, 0), jnp.cov(codes.T, bias=True)
    return jax.random.multivariate_normal(key, mean, covariance, (num,), method="eigh")


def _by_mixing_codes(codes, num, key):
    """Add up centred codes with normal weights: no covariance is ever formed."""
    weights = jax.random.normal(jax.random.split(key)[0], (num, len(codes)))
    return codes.mean(0) + weights @ (codes - codes.mean(0)) / len(codes) ** 0.5


ALTERNATIVES = (_by_multivariate, _by_mixing_codes)
