import jax.numpy as jnp
import numpy as np


def _by_projectors(a, b):
    """Multiply the two orthogonal projections: its largest singular values."""
    product = a @ np.linalg.pinv(a) @ b @ np.linalg.pinv(b)
    cosines = np.linalg.svd(product)[1][: a.shape[1]]
    return np.rad2deg(np.arccos(np.minimum(cosines, 1)))


def _by_sines(a, b):
    """Take what b's basis has outside a, in JAX and single precision."""
    basis_a = jnp.linalg.svd(a, full_matrices=False)[0]
    basis_b = jnp.linalg.svd(b, full_matrices=False)[0]
    outside = basis_b - basis_a @ (basis_a.T @ basis_b)
    sines = jnp.linalg.svd(outside, compute_uv=False)[::-1]
    return jnp.degrees(jnp.arcsin(jnp.minimum(sines, 1)))


ALTERNATIVES = (_by_projectors, _by_sines)
