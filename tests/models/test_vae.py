import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy.stats import norm

from course_utils.models.protocols import LatentVariableModel
from course_utils.models.vae import (
    Gaussian,
    GaussianVAE,
    LinearVAE,
    conv_vae,
    dense_vae,
)

KEY = jax.random.key(2)
SMALL = (3, 3, 1)


@pytest.mark.parametrize("shape", [SMALL, (28, 28, 1), (4, 2, 3)])
def test_a_dense_one_of_every_shape(shape):
    model = dense_vae(2, 5, shape, rngs=nnx.Rngs(0))
    x = jax.random.normal(KEY, (6, *shape))
    out = model(x, KEY)
    assert out.decoded.shape == x.shape
    assert out.mean.shape == out.logvar.shape == out.z.shape == (6, 2)
    for found, expected in zip(model.encode(x), (out.mean, out.logvar), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(out.decoded, model.decode(out.z))


@pytest.mark.parametrize("kind", [None, GaussianVAE])
def test_a_convolutional_one(kind):
    chosen = {} if kind is None else {"kind": kind}
    out = conv_vae(3, 4, rngs=nnx.Rngs(0), **chosen)(jnp.zeros((2, 28, 28, 1)), KEY)
    decoded = out.decoded if kind is None else out.decoded.mean
    assert decoded.shape == (2, 28, 28, 1) and out.mean.shape == (2, 3)


def test_a_grey_one_has_one_variance_that_is_learned():
    model = dense_vae(2, 5, SMALL, rngs=nnx.Rngs(0), kind=GaussianVAE)
    x = jax.random.normal(KEY, (4, *SMALL))
    decoded = model(x, KEY).decoded
    assert isinstance(decoded, Gaussian)
    assert decoded.mean.shape == x.shape and decoded.logvar.shape == ()
    model.x_logvar[...] = jnp.array(-1.5)
    assert model(x, KEY).decoded.logvar == -1.5
    slope = nnx.grad(lambda m: m(x, KEY).decoded.logvar)(model)
    assert slope.x_logvar[...] == 1


def test_the_first_half_of_the_encoder_s_outputs_are_means():
    model = dense_vae(2, 5, SMALL, rngs=nnx.Rngs(0))
    x = jax.random.normal(KEY, (4, *SMALL))
    numbers = model.encoder(x)
    np.testing.assert_array_equal(model.encode(x).mean, numbers[:, :2])
    np.testing.assert_array_equal(model.encode(x).logvar, numbers[:, 2:])


def test_z_is_drawn_from_q_and_the_key_decides():
    """A standard deviation of exp(logvar), or noise for the prior, would show here."""
    model = LinearVAE(2, SMALL, rngs=nnx.Rngs(0))
    model.encoder.logvar[...] = jnp.array([-2.0, 1.0])
    x = jnp.broadcast_to(jax.random.normal(KEY, (1, *SMALL)), (20_000, *SMALL))
    out = model(x, KEY)
    np.testing.assert_allclose(out.z.mean(axis=0), out.mean[0], atol=0.05)
    np.testing.assert_allclose(out.z.std(axis=0), np.exp([-1, 0.5]), rtol=0.03)
    np.testing.assert_array_equal(model(x, KEY).z, out.z)
    assert np.all(model(x, jax.random.key(3)).z != out.z)


def test_a_linear_one_is_linear_and_its_variances_are_the_same_for_all_images():
    model = LinearVAE(2, SMALL, rngs=nnx.Rngs(0))
    a, b = 3 * jax.random.normal(KEY, (2, 4, *SMALL))
    mean = [model.encode(x).mean for x in (a + b, a, b, 0 * a)]
    np.testing.assert_allclose(mean[0] + mean[3], mean[1] + mean[2], atol=1e-4)
    assert np.unique(model.encode(a).logvar, axis=0).shape == (1, 2)
    za, zb = jax.random.normal(KEY, (2, 4, 2))
    image = [model.decode(z).mean for z in (za + zb, za, zb, 0 * za)]
    np.testing.assert_allclose(image[0] + image[3], image[1] + image[2], atol=1e-4)
    assert isinstance(model, GaussianVAE)


def test_the_model_knows_its_likelihood():
    x = jax.random.bernoulli(KEY, 0.5, (4, *SMALL)).astype(jnp.float32)
    z = jnp.ones((4, 2))
    binary = dense_vae(2, 5, SMALL, rngs=nnx.Rngs(0))
    p = jax.nn.sigmoid(binary.decode(z))
    expected = -jnp.log(jnp.where(x == 1, p, 1 - p)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(binary.nll(binary.decode(z), x), expected, rtol=1e-5)
    grey = dense_vae(2, 5, SMALL, rngs=nnx.Rngs(0), kind=GaussianVAE)
    grey.x_logvar[...] = jnp.array(-1.5)
    density = norm(np.asarray(grey.decode(z).mean), np.exp(-0.75))
    expected = -density.logpdf(x).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(grey.nll(grey.decode(z), x), expected, rtol=1e-5)
    assert all(isinstance(model, LatentVariableModel) for model in (binary, grey))
    assert not isinstance(nnx.Linear(1, 1, rngs=nnx.Rngs(0)), LatentVariableModel)
