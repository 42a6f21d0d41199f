import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from course_utils.models.autoencoder import (
    LinearAutoencoder,
    TiedAutoencoder,
    conv_autoencoder,
    dense_autoencoder,
)

KEY = jax.random.key(2)
SMALL = (3, 3, 1)


def make(name, shape=SMALL):
    """Return an autoencoder with two latents, by name."""
    rngs = nnx.Rngs(0)
    if name == "dense":
        return dense_autoencoder(2, 5, shape, rngs=rngs)
    kind = {"linear": LinearAutoencoder, "tied": TiedAutoencoder}[name]
    return kind(2, shape, rngs=rngs)


@pytest.mark.parametrize("name", ["linear", "tied", "dense"])
@pytest.mark.parametrize("shape", [SMALL, (28, 28, 1), (4, 2, 3)])
def test_images_come_back_in_their_shape(name, shape):
    model, x = make(name, shape), jax.random.normal(KEY, (5, *shape))
    out = model(x)
    assert out.x_hat.shape == x.shape and out.z.shape == (5, 2)
    np.testing.assert_array_equal(out.z, model.encode(x))
    np.testing.assert_array_equal(out.x_hat, model.decode(out.z))


@pytest.mark.slow
def test_the_convolutional_one_too():
    out = conv_autoencoder(3, 4, rngs=nnx.Rngs(0))(jnp.zeros((2, 28, 28, 1)))
    assert out.x_hat.shape == (2, 28, 28, 1) and out.z.shape == (2, 3)


@pytest.mark.parametrize("name", ["linear", "tied"])
def test_a_linear_one_is_affine_and_a_dense_one_is_not(name):
    def bend(model):
        """Return f(a + b) - f(a) - f(b) + f(0)."""
        a, b = 3 * jax.random.normal(KEY, (2, 4, *SMALL))
        f = [model(x).x_hat for x in (a + b, a, b, 0 * a)]
        return np.abs(f[0] - f[1] - f[2] + f[3]).max()

    assert bend(make(name)) < 1e-4
    assert bend(make("dense")) > 0.01


def test_tied_weights_are_one_parameter_that_both_ways_follow():
    """A copy made at construction would follow in one way only."""
    model, x = make("tied"), jax.random.normal(KEY, (4, *SMALL))
    before, z = model(x), jnp.ones((4, 2))
    image = model.decode(z)
    model.weight[...] = 2 * model.weight[...]
    np.testing.assert_allclose(model.encode(x), 2 * before.z, rtol=1e-5)
    np.testing.assert_allclose(model.decode(z), 2 * image, rtol=1e-5)
    assert len(jax.tree.leaves(nnx.state(model, nnx.Param))) == 2


def test_a_tied_one_with_orthonormal_columns_is_a_projection():
    model, x = make("tied"), jax.random.normal(KEY, (4, *SMALL))
    model.weight[...] = jnp.linalg.qr(jax.random.normal(KEY, (9, 2)))[0]
    model.bias[...] = jnp.arange(9.0)
    once = model(x).x_hat
    np.testing.assert_allclose(model(once).x_hat, once, atol=1e-5)
    centre = jnp.arange(9.0).reshape(1, *SMALL)
    np.testing.assert_allclose(model.encode(centre), 0, atol=1e-5)


def test_a_tied_one_learns_through_both_uses():
    model, x = make("tied"), jax.random.normal(KEY, (4, *SMALL))
    model.bias[...] = jnp.full(9, 0.3)
    slope = nnx.grad(lambda m: jnp.sum((m(x).x_hat - x) ** 2))(model)
    flat, b = np.asarray(x).reshape(4, 9) - 0.3, np.asarray(model.weight[...])
    error = flat @ b @ b.T - flat
    expected = 2 * (flat.T @ error + error.T @ flat) @ b
    np.testing.assert_allclose(slope.weight[...], expected, rtol=1e-3, atol=1e-4)
