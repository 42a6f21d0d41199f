import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from course_utils.features import CHUNK, NUM_FEATURES, Classifier, extract

X = np.random.default_rng(0).random((CHUNK + 7, 28, 28, 1), np.float32)


@pytest.mark.slow
def test_the_logits_are_linear_in_the_features():
    model = Classifier(rngs=nnx.Rngs(0))
    features = model.features(X[:3])
    assert features.shape == (3, NUM_FEATURES) and NUM_FEATURES <= 128
    assert (features >= 0).all()
    logits = features @ model.out.kernel[...] + model.out.bias[...]
    np.testing.assert_allclose(model(X[:3]), logits, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_an_image_has_the_same_features_whatever_its_neighbours_are():
    model = Classifier(rngs=nnx.Rngs(0))
    alone = model.features(X[:1])
    np.testing.assert_allclose(model.features(X[:5])[:1], alone, atol=1e-6)


def test_extract_goes_through_all_images_in_their_order():
    found = extract(lambda x: x.sum(axis=(1, 2, 3)), X)
    np.testing.assert_allclose(found, X.sum(axis=(1, 2, 3)), rtol=1e-5)
    model = Classifier(rngs=nnx.Rngs(0))
    np.testing.assert_allclose(
        extract(model.features, X)[-2:], model.features(X[-2:]), atol=1e-5
    )


def test_extract_sees_a_module_that_was_changed():
    model = Classifier(rngs=nnx.Rngs(0))
    before = extract(model, X[:2])
    model.out.bias[...] = jnp.ones(10)
    assert not np.allclose(extract(model, X[:2]), before)


def test_extract_refuses_raw_images_and_none():
    with pytest.raises(TypeError, match="to_unit"):
        extract(lambda x: x, np.zeros((2, 28, 28, 1), np.uint8))
    with pytest.raises(ValueError, match="at least one"):
        extract(lambda x: x, X[:0])
