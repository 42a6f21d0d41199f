import jax
import jax.numpy as jnp
import numpy as np


def _terms_by_two_parts(log_likelihood, log_prior, log_q):
    q = jnp.exp(log_q)
    log_px = jax.nn.logsumexp(jnp.asarray(log_likelihood), b=jnp.exp(log_prior))
    elbo = q @ log_likelihood - q @ (log_q - log_prior)
    log_posterior = jax.nn.log_softmax(jnp.asarray(log_likelihood + log_prior))
    return log_px, elbo, q @ (log_q - log_posterior)


def _terms_by_largest(log_likelihood, log_prior, log_q):
    log_joint = log_likelihood + log_prior
    largest = log_joint.max()
    weights = np.exp(log_joint - largest)
    log_px = largest + np.log(weights.sum())
    log_w = log_joint - log_q
    elbo = np.average(log_w, weights=np.exp(log_q))
    return [log_px, elbo, np.average(log_px - log_w, weights=np.exp(log_q))]


ALTERNATIVES = (_terms_by_two_parts, _terms_by_largest)
