import jax
import jax.numpy as jnp
import numpy as np

from course_utils.layers import sample_gaussian

KEY = jax.random.key(1)


def test_draws_have_the_mean_and_the_variance_asked_for():
    mean, logvar = jnp.array([1.5, -2.0]), jnp.array([-2.0, 1.0])
    shape = (50_000, 2)
    z = sample_gaussian(
        jnp.broadcast_to(mean, shape), jnp.broadcast_to(logvar, shape), KEY
    )
    np.testing.assert_allclose(z.mean(axis=0), mean, atol=0.04)
    np.testing.assert_allclose(z.std(axis=0), np.exp(0.5 * logvar), rtol=0.02)


def test_every_image_and_latent_has_noise_of_its_own():
    """One draw for a whole batch would look right image by image: its mean tells."""
    zeros = jnp.zeros((64, 3))
    means = jnp.stack(
        [
            sample_gaussian(zeros, zeros, key).mean(0)
            for key in jax.random.split(KEY, 99)
        ]
    )
    np.testing.assert_allclose(means.var(axis=0) * 64, 1, atol=0.5)
    z = sample_gaussian(zeros, zeros, KEY)
    assert len(np.unique(z)) == z.size
    np.testing.assert_allclose(np.corrcoef(z.T), np.eye(3), atol=0.5)


def test_a_draw_can_be_differentiated_in_mean_and_logvar():
    mean, logvar = jnp.array([[0.3, -1.0]]), jnp.array([[0.8, -0.4]])
    z = sample_gaussian(mean, logvar, KEY)
    slopes = jax.grad(lambda m, v: sample_gaussian(m, v, KEY).sum(), (0, 1))
    by_mean, by_logvar = slopes(mean, logvar)
    np.testing.assert_allclose(by_mean, 1)
    np.testing.assert_allclose(by_logvar, 0.5 * (z - mean), rtol=1e-5)
