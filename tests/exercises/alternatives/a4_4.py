import jax
import jax.numpy as jnp
import numpy as np


def _draw_by_uniform(logits, key):
    noise = jax.random.uniform(key, logits.shape)
    return jnp.where(noise < 1 / (1 + jnp.exp(-logits)), 1.0, 0.0)


def _draw_by_logistic(logits, key):
    return 1.0 * (logits + jax.random.logistic(key, logits.shape) > 0)


def _draw_by_numpy(logits, key):
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    log_odds = np.log(u := rng.random(logits.shape)) - np.log1p(-u)
    return (log_odds < np.asarray(logits)).astype(float)


ALTERNATIVES = (_draw_by_uniform, _draw_by_logistic, _draw_by_numpy)
