import jax.numpy as jnp
import numpy as np


def _order_by_one_hot(states, weights, num_states):
    hits = jnp.asarray(states)[:, None] == jnp.arange(num_states)
    totals = (hits * jnp.asarray(weights)[:, None]).sum(axis=0)
    return totals / totals.sum()


def _order_by_loop(states, weights, num_states):
    table = [0.0] * num_states
    for state, weight in zip(states, weights, strict=True):
        table[int(state)] += float(weight) / float(np.sum(weights))
    return table


ALTERNATIVES = (_order_by_one_hot, _order_by_loop)
