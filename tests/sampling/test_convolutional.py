"""Drawing from the convolutional models, with all their kinds of pixels and labels."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from by_listing import dtype_of, given_in, listing, p_value
from flax import nnx

from course_utils import codec
from course_utils.models.pixelcnn import GatedPixelCNN, PixelCNN
from course_utils.sampling import Predictor, draw_images, naive, stateful

MODELS = [PixelCNN, GatedPixelCNN]
HEADS = {
    "binary": {},
    "4 levels": {"levels": 4},
    "mixture": {"levels": 16, "num_mixtures": 2},
}
CASES = [(make, head) for make in MODELS for head in HEADS]
CASES += [(GatedPixelCNN, "labels")]
SOME = [(PixelCNN, "binary"), (GatedPixelCNN, "labels"), (GatedPixelCNN, "mixture")]
SIZES = {"binary": (3, 3), "labels": (3, 3), "4 levels": (2, 2), "mixture": (1, 2)}
KEYS = [jax.random.key(seed) for seed in (10, 11, 12)]
NUM = 20_000


@functools.cache
def random_model(build, head):
    """Return a model with weights of order 1, with which the earlier pixels count."""
    options = HEADS.get(head, {"num_labels": 3})
    model = build(8, 2, size=3, dilations=(1, 2), **options, rngs=nnx.Rngs(0))
    rng = np.random.default_rng(2)

    def draw(w):
        scale = 0.5 if w.ndim > 1 else 0.1  # large biases would settle many a pixel
        return jnp.asarray(scale * rng.normal(size=w.shape), w.dtype)

    nnx.update(model, jax.tree.map(draw, nnx.state(model)))
    return model


def labels_of(num):
    return jnp.arange(num) % 3


@functools.cache
def predictor_of(make, build, head, num):
    """Return `make(model)` for so many images: it is compiled once."""
    model = random_model(build, head)
    return make(model.given(labels_of(num)) if head == "labels" else model)


def uniforms(*shape, key=KEYS[0]):
    return jax.random.uniform(key, shape)


def forgetful(right):
    """A wrong predictor: every pixel is predicted as if it were the first to come."""

    def advance(kept, x, i):
        return kept, right.advance(right.start(x.shape), x, i)[1]

    return Predictor(right.start, advance, right.levels)


# --- the same images


@pytest.mark.slow
@pytest.mark.parametrize(("build", "head"), CASES)
def test_both_draw_the_same_images_from_the_same_numbers(build, head):
    right = predictor_of(stateful, build, head, 200)
    for key in KEYS:
        numbers = uniforms(200, 5, 6, key=key)
        one, other = (
            draw_images(predictor_of(make, build, head, 200), numbers)
            for make in (naive, stateful)
        )
        assert one.dtype == other.dtype == dtype_of(right.levels)
        np.testing.assert_array_equal(one, other)
        assert len(np.unique(one, axis=0)) > 100  # no easy ones, all black
    # And what is kept counts, or equal images would prove nothing of it.
    wrong = draw_images(forgetful(right), numbers)
    assert (wrong != one).any(axis=(1, 2, 3)).mean() > 0.2


@pytest.mark.slow
def test_an_image_is_drawn_for_its_own_label():
    """The labels of the others in the batch do not matter; its own does."""
    numbers = uniforms(60, 4, 4)
    mixed = draw_images(predictor_of(stateful, GatedPixelCNN, "labels", 60), numbers)
    model, found = random_model(GatedPixelCNN, "labels"), []
    for label in range(3):
        one = draw_images(stateful(model.given(jnp.full(60, label))), numbers)
        np.testing.assert_array_equal(one[label::3], mixed[label::3])
        found.append(one)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert (found[i] != found[j]).any(axis=(1, 2, 3)).mean() > 0.2


# --- frequencies


@functools.cache
def exact(build, head, label=1):
    """Return p(x) of all images, from the model's own likelihood."""
    model = random_model(build, head)
    images = listing(model.levels, SIZES[head])
    given = (jnp.full(len(images), label),) if head == "labels" else ()
    x = jnp.asarray(images, dtype_of(model.levels))
    nats = nnx.jit(lambda model, x: model.nll(x, *given))(model, x)
    p = np.exp(-np.asarray(nats, "f8"))
    assert p.sum() == pytest.approx(1, abs=1e-5)
    return p / p.sum()


def drawn(build, head, key, *given, label=1):
    model = random_model(build, head)
    if head == "labels":
        model = model.given(jnp.full(NUM, label))
    return draw_images(stateful(model), uniforms(NUM, *SIZES[head], key=key), *given)


@pytest.mark.slow
@pytest.mark.parametrize(("build", "head"), CASES)
def test_images_come_as_often_as_they_are_probable(build, head):
    p, levels = exact(build, head), random_model(build, head).levels
    for key in KEYS:
        assert p_value(drawn(build, head, key), p, levels) > 1e-3


@pytest.mark.slow
def test_the_same_test_refutes_another_label():
    images = drawn(GatedPixelCNN, "labels", KEYS[0], label=2)
    assert p_value(images, exact(GatedPixelCNN, "labels", 1), 2) < 1e-6
    assert p_value(images, exact(GatedPixelCNN, "labels", 2), 2) > 1e-3


# --- completion


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "head", "num_given"),
    [
        (PixelCNN, "binary", 2),
        (GatedPixelCNN, "binary", 4),
        (GatedPixelCNN, "labels", 5),
        (PixelCNN, "4 levels", 2),
        (GatedPixelCNN, "mixture", 1),
    ],
)
def test_completions_come_as_often_as_they_are_probable(build, head, num_given):
    levels = random_model(build, head).levels
    image, p = given_in(exact(build, head), levels, SIZES[head], num_given)
    given = np.repeat(image[None], NUM, axis=0)
    for key in KEYS:
        images = drawn(build, head, key, given, num_given)
        assert p_value(images, p, levels) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(("build", "head"), SOME)
def test_a_drawn_image_is_completed_to_itself(build, head):
    """From the same numbers, whatever part of it is given: none, some or all."""
    predictor, numbers = predictor_of(stateful, build, head, 60), uniforms(60, 3, 4)
    whole = draw_images(predictor, numbers)
    for num_given in (0, 1, 4, 6, 11, 12):
        completed = draw_images(predictor, numbers, whole, num_given)
        np.testing.assert_array_equal(completed, whole)


# --- a coder


@pytest.mark.slow
@pytest.mark.parametrize(("build", "head"), SOME)
def test_a_coder_can_ask_as_well_as_a_sampler(build, head):
    """To encode it shows whole images: no logit may change by a bit."""
    predictor = predictor_of(stateful, build, head, 9)
    images = np.asarray(draw_images(predictor, uniforms(9, 3, 4)))
    data = codec.encode(images, predictor)
    np.testing.assert_array_equal(codec.decode(data, predictor), images)
