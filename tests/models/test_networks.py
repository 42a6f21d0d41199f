import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from course_utils.models.networks import (
    ConvDecoder,
    ConvEncoder,
    DenseDecoder,
    DenseEncoder,
)

KEY = jax.random.key(1)


@pytest.mark.parametrize("shape", [(3, 3, 1), (28, 28, 1), (4, 6, 3)])
def test_dense_layers_fit_every_shape(shape):
    x = jnp.ones((2, *shape))
    code = DenseEncoder(shape, 7, 5, rngs=nnx.Rngs(0))(x)
    assert code.shape == (2, 5)
    image = DenseDecoder(5, 7, shape, rngs=nnx.Rngs(0))(code)
    assert image.shape == x.shape


@pytest.mark.slow
def test_convolutions_halve_and_double_twice():
    code = ConvEncoder(4, 6, rngs=nnx.Rngs(0))(jnp.ones((3, 28, 28, 1)))
    assert code.shape == (3, 6)
    assert ConvDecoder(6, 4, rngs=nnx.Rngs(0))(code).shape == (3, 28, 28, 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [DenseEncoder, ConvEncoder])
def test_every_pixel_is_seen_and_images_do_not_mix(kind):
    rngs = nnx.Rngs(3)
    if kind is ConvEncoder:
        encoder = kind(8, 4, rngs=rngs)
    else:
        encoder = kind((28, 28, 1), 16, 4, rngs=rngs)
    x = jax.random.normal(KEY, (3, 28, 28, 1))
    slope = jax.grad(lambda x: jnp.sum(encoder(x)[1] ** 2))(x)
    seen = np.asarray(slope[1, ..., 0]) != 0  # but for a pixel whose units are all off
    assert seen.any(axis=0).all() and seen.any(axis=1).all() and seen.mean() > 0.95
    np.testing.assert_array_equal(slope[np.array([0, 2])], 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [DenseDecoder, ConvDecoder])
def test_every_latent_reaches_every_pixel_and_no_output_is_squashed(kind):
    rngs = nnx.Rngs(4)
    if kind is ConvDecoder:
        decoder = kind(3, 8, rngs=rngs)
    else:
        decoder = kind(3, 16, (28, 28, 1), rngs=rngs)
    z = 100 * jax.random.normal(KEY, (2, 3))
    image = decoder(z)
    assert image.min() < -1 and image.max() > 1
    columns = jax.jacobian(lambda z: decoder(z[None])[0])(z[0])
    assert np.all(np.abs(columns).reshape(784, 3).max(axis=0) > 0)
    assert np.mean(np.abs(columns).reshape(784, 3).max(axis=1) > 0) > 0.99
