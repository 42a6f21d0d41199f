"""The raster sampler against worlds whose images can all be listed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from by_listing import dtype_of, given_in, listing, p_value
from flax import nnx

from course_utils.models.context_table import causal_neighbours, sample_context_table
from course_utils.models.pixelrnn import diagonal_bilstm, pixel_lstm, row_lstm
from course_utils.models.table_predictor import TablePredictor
from course_utils.sampling import (
    Predictor,
    choose,
    draw_images,
    draw_states,
    naive,
    stateful,
)
from course_utils.sampling.predictors import Traceable

MODELS = [pixel_lstm, row_lstm, diagonal_bilstm]
WORLDS = [(2, (2, 3)), (4, (2, 2))]  # levels and size: 64 and 256 images
KEYS = [jax.random.key(seed) for seed in (10, 11, 12)]
NUM = 20_000


@functools.cache
def random_model(build, levels=2):
    """Return a model with weights of order 1, with which the states count."""
    model = build(8, levels=levels, rngs=nnx.Rngs(0))
    rng = np.random.default_rng(2)

    def draw(w):
        scale = 1.0 if w.ndim > 1 else 0.1  # large biases would settle many a pixel
        return jnp.asarray(scale * rng.normal(size=w.shape), w.dtype)

    nnx.update(model, jax.tree.map(draw, nnx.state(model)))
    return model


@functools.cache
def predictor_of(make, build, levels=2):
    """Return `make(model)`, the same for all tests: it is compiled once."""
    return make(random_model(build, levels))


def uniforms(*shape, key=KEYS[0]):
    return jax.random.uniform(key, shape)


def constant(*logits):
    """Return a predictor that says the same of every pixel."""
    return Predictor(
        lambda shape: (),
        lambda carry, x, i: (carry, jnp.tile(jnp.array(logits), (len(x), 1))),
        max(2, len(logits)),
    )


# --- frequencies


@functools.cache
def exact(build, levels, size):
    """Return p(x) of all images, from the model's own likelihood."""
    model = random_model(build, levels)
    images = jnp.asarray(listing(levels, size), dtype_of(levels))
    p = np.exp(-np.asarray(nnx.jit(lambda model, x: model.nll(x))(model, images), "f8"))
    assert p.sum() == pytest.approx(1, abs=1e-5)
    return p / p.sum()


@pytest.mark.slow
@pytest.mark.parametrize(("levels", "size"), WORLDS)
@pytest.mark.parametrize("build", MODELS)
@pytest.mark.parametrize("make", [naive, stateful])
def test_images_come_as_often_as_they_are_probable(make, build, levels, size):
    predictor, p = predictor_of(make, build, levels), exact(build, levels, size)
    for key in KEYS:
        images = draw_images(predictor, uniforms(NUM, *size, key=key))
        assert p_value(images, p, levels) > 1e-3


def by_columns(predictor, uniforms):
    """Walk down the columns. Of the model's question only the answer is misplaced."""
    b, height, width = uniforms.shape
    x = jnp.zeros((b, height, width, 1), dtype_of(predictor.levels))
    for column, row in np.ndindex(width, height):
        i = row * width + column
        _, logits = predictor.advance((), x, i)
        x = x.at[:, row, column, 0].set(choose(logits, uniforms, i))
    return x


def one_number_an_image(predictor, uniforms):
    return draw_images(predictor, jnp.broadcast_to(uniforms[:, :1, :1], uniforms.shape))


def one_number_a_place(predictor, uniforms):
    return draw_images(predictor, jnp.broadcast_to(uniforms[:1], uniforms.shape))


def threshold(predictor, uniforms):
    return draw_images(predictor, jnp.full(uniforms.shape, 0.5))


def all_at_once(predictor, uniforms):
    """Ask about all pixels of a black image at once."""
    b, height, width = uniforms.shape
    x = jnp.zeros((b, height, width, 1), dtype_of(predictor.levels))
    pixels = [
        choose(predictor.advance((), x, i)[1], uniforms, i)
        for i in range(height * width)
    ]
    return jnp.stack(pixels, axis=1).reshape(x.shape)


@pytest.mark.slow
@pytest.mark.parametrize(("levels", "size"), WORLDS)
@pytest.mark.parametrize(
    "wrong",
    [
        by_columns,
        one_number_an_image,
        one_number_a_place,
        threshold,
        all_at_once,
    ],
)
def test_the_same_test_refutes_a_wrong_sampler(wrong, levels, size):
    predictor = predictor_of(naive, pixel_lstm, levels)
    p = exact(pixel_lstm, levels, size)
    for key in KEYS:
        images = wrong(predictor, uniforms(NUM, *size, key=key))
        assert p_value(images, p, levels) < 1e-6


@pytest.mark.parametrize("k", [0, 4, 10])
def test_a_context_table_draws_the_images_of_its_own_sampler(k):
    """Another implementation, in NumPy, that takes the same numbers from a key."""
    table = np.random.default_rng(k).uniform(0.05, 0.95, 2**k)
    neighbours = causal_neighbours(k)
    expected = sample_context_table(table, neighbours, (4, 6), 50, KEYS[0])
    predictor = TablePredictor(table, neighbours)
    predictor = Predictor(predictor.start, predictor.advance)
    found = draw_images(predictor, uniforms(50, 4, 6))
    np.testing.assert_array_equal(found, expected)


# --- one pixel


def test_a_pixel_is_white_if_its_number_lies_below_p():
    below = np.nextafter(np.float32(0.5), np.float32(0))
    numbers = jnp.array([0.0, below, 0.5, 0.75]).reshape(4, 1, 1)
    assert choose(jnp.zeros((4, 1)), numbers, 0).tolist() == [1, 1, 0, 0]
    assert choose(jnp.full((4, 1), 40.0), numbers, 0).tolist() == [1, 1, 1, 1]
    assert choose(jnp.full((4, 1), -200.0), numbers, 0).tolist() == [0, 0, 0, 0]


def test_a_pixel_has_the_level_in_whose_part_its_number_lies():
    below = np.nextafter(np.float32(0.25), np.float32(0))
    numbers = jnp.array([0.0, below, 0.25, 0.5, 0.75, 0.999]).reshape(6, 1, 1)
    assert choose(jnp.zeros((6, 4)), numbers, 0).tolist() == [0, 0, 1, 2, 3, 3]
    impossible = jnp.tile(jnp.array([-jnp.inf, 2.0, -jnp.inf, 2.0]), (6, 1))
    assert choose(impossible, numbers, 0).tolist() == [1, 1, 1, 3, 3, 3]


def test_every_pixel_has_its_own_number():
    numbers = uniforms(7, 3, 5)
    for levels, logits in [(2, (0.4,)), (4, (0.1, 0.9, -0.3, 0.2))]:
        p = scipy.special.softmax([0, *logits] if levels == 2 else logits)
        if levels == 2:
            expected = numbers < p[1]
        else:
            expected = np.searchsorted(p.cumsum(), numbers, side="right")
        found = draw_images(constant(*logits), numbers)
        np.testing.assert_array_equal(found[..., 0], expected)


def test_a_number_that_rounds_to_one_makes_nothing_impossible():
    """In float32, 1 - 1e-12 is 1; not below p(white), even if that is 1 as well."""
    assert draw_images(constant(40.0), np.full((1, 2, 2), 1 - 1e-12)).all()


# --- what the predictor is asked


@pytest.mark.parametrize("levels", [2, 4])
def test_a_predictor_is_shown_the_pixels_before_and_zeros(levels):
    seen, shapes = [], []

    def start(shape):
        shapes.append(shape)
        return 0

    def advance(carry, x, i):
        assert carry == i  # what was kept comes back
        seen.append((i, x))
        return carry + 1, jnp.zeros((len(x), 1 if levels == 2 else levels))

    x = draw_images(Predictor(start, advance, levels), uniforms(5, 3, 4))
    assert x.dtype == dtype_of(levels) and set(np.unique(x)) == set(range(levels))
    assert shapes == [(5, 3, 4, 1)] and [i for i, _ in seen] == list(range(12))
    for i, shown in seen:
        before = (np.arange(12) < i).reshape(3, 4, 1)
        np.testing.assert_array_equal(shown, np.where(before, x, 0))


# --- in compiled rows or pixel by pixel


@pytest.mark.parametrize("levels", [2, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize("make", [naive, stateful])
def test_a_python_loop_draws_the_images_of_the_compiled_rows(make, levels):
    predictor, numbers = predictor_of(make, pixel_lstm, levels), uniforms(80, 3, 4)
    compiled = list(draw_states(predictor, numbers))
    loop = list(draw_states(predictor._replace(traceable=None), numbers))
    for (done, x), (same, expected) in zip(loop, compiled, strict=True):
        assert done == same
        np.testing.assert_array_equal(x, expected)
    completed = [
        draw_images(one, numbers[::-1], x, 5)
        for one in (predictor, predictor._replace(traceable=None))
    ]
    np.testing.assert_array_equal(*completed)


def test_the_loop_is_compiled_where_it_can_be():
    """In a compiled loop the number of the pixel is no plain integer."""
    kinds = []

    def advance(parameters, kept, x, i):
        kinds.append(isinstance(i, jax.core.Tracer))
        return kept, jnp.full((len(x), 1), parameters)

    plain = Predictor(lambda shape: (), functools.partial(advance, 40.0))
    compiled = plain._replace(traceable=Traceable(advance, jnp.array(40.0)))
    assert draw_images(compiled, uniforms(2, 3, 4)).all() and all(kinds)
    kinds.clear()
    assert draw_images(plain, uniforms(2, 3, 4)).all() and kinds == 12 * [False]


# --- the film


@pytest.mark.parametrize("levels", [2, 4])
def test_there_is_one_state_for_each_row(levels):
    predictor = predictor_of(stateful, pixel_lstm, levels)
    numbers = uniforms(30, 4, 3)
    x = draw_images(predictor, numbers)
    assert x.any(axis=(0, 2, 3)).all()  # or empty rows would show nothing below
    states = list(draw_states(predictor, numbers))
    assert [done for done, _ in states] == [3, 6, 9, 12]
    for row, (_, state) in enumerate(states):
        np.testing.assert_array_equal(state[:, : row + 1], x[:, : row + 1])
        assert not state[:, row + 1 :].any()


def test_later_rows_of_given_images_are_not_shown_early():
    states = draw_states(
        constant(0.0), uniforms(2, 3, 4), np.ones((2, 3, 4, 1)), num_given=12
    )
    for row, (_, state) in enumerate(states):
        assert state[:, : row + 1].all() and not state[:, row + 1 :].any()


def test_no_row_is_drawn_before_it_is_asked_for():
    asked = []

    def advance(carry, x, i):
        asked.append(i)
        return carry, jnp.zeros((len(x), 1))

    states = draw_states(Predictor(lambda shape: (), advance), uniforms(2, 3, 4))
    assert asked == []
    next(states)
    assert asked == [0, 1, 2, 3]


# --- completion


@pytest.mark.parametrize("num_given", [0, 1, 4, 6, 11, 12, np.int64(5)])
@pytest.mark.parametrize("levels", [2, 4])
def test_the_given_pixels_are_kept(levels, num_given):
    given = np.random.default_rng(5).integers(0, levels, (40, 3, 4, 1))
    predictor = predictor_of(naive, pixel_lstm, levels)
    numbers = uniforms(40, 3, 4)
    for kind in ("int64", "uint8", "float32", *(["bool"] if levels == 2 else [])):
        x = draw_images(predictor, numbers, given.astype(kind), num_given)
        assert x.dtype == dtype_of(levels)
        same = (x == given).reshape(40, 12)
        assert same[:, :num_given].all()
        assert not same[:, num_given:].all(axis=0).any()  # the others are drawn


@pytest.mark.slow
@pytest.mark.parametrize("make", [naive, stateful])
@pytest.mark.parametrize("build", MODELS)
def test_a_drawn_image_is_completed_to_itself(build, make):
    """From the same numbers, whatever part of it is given: none, some or all."""
    predictor, numbers = predictor_of(make, build), uniforms(60, 2, 3)
    drawn = draw_images(predictor, numbers)
    for num_given in range(7):
        completed = draw_images(predictor, numbers, drawn, num_given)
        np.testing.assert_array_equal(completed, drawn)


@pytest.mark.slow
@pytest.mark.parametrize(("levels", "size", "num_given"), [
    (2, (2, 3), 0), (2, (2, 3), 2), (2, (2, 3), 3), (2, (2, 3), 4), (4, (2, 2), 1),
    (4, (2, 2), 2),
])  # fmt: skip
@pytest.mark.parametrize(
    ("make", "build"), [(naive, pixel_lstm), *((stateful, build) for build in MODELS)]
)
def test_completions_come_as_often_as_they_are_probable(
    make, build, levels, size, num_given
):
    predictor = predictor_of(make, build, levels)
    image, p = given_in(exact(build, levels, size), levels, size, num_given)
    given = np.repeat(image[None], NUM, axis=0)
    for key in KEYS:
        numbers = uniforms(NUM, *size, key=key)
        images = draw_images(predictor, numbers, given, num_given)
        assert p_value(images, p, levels) > 1e-3


def pasted(predictor, numbers, given, num_given):
    """Draw whole images and put the given pixels over them."""
    x = draw_images(predictor, numbers).reshape(len(given), -1)
    kept = given.reshape(len(given), -1)[:, :num_given]
    return x.at[:, :num_given].set(kept).reshape(given.shape)


def skipped(predictor, numbers, given, num_given):
    """Begin with the empty state behind the given pixels."""

    def advance(carry, x, i):
        after, logits = predictor.advance(carry, x, i)
        return (carry if i < num_given else after), logits

    wrong = Predictor(predictor.start, advance, predictor.levels)
    return draw_images(wrong, numbers, given, num_given)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [pasted, skipped])
@pytest.mark.parametrize(("levels", "size"), WORLDS)
@pytest.mark.parametrize("build", MODELS)
def test_the_same_test_refutes_a_wrong_completion(build, levels, size, wrong):
    predictor = predictor_of(stateful, build, levels)
    image, p = given_in(exact(build, levels, size), levels, size, 2)
    given = np.repeat(image[None], NUM, axis=0)
    for key in KEYS:
        images = wrong(predictor, uniforms(NUM, *size, key=key), given, 2)
        assert p_value(images, p, levels) < 1e-6


# --- what is refused


def assert_refused(error, words, numbers, *given, levels=2):
    """Both refuse it when they are called, before anything is drawn."""
    predictor = Predictor(None, None, levels)
    for draw in (draw_images, draw_states):
        with pytest.raises(error, match=words):
            draw(predictor, numbers, *given)


HALVES = np.full((2, 3, 4), 0.5)


@pytest.mark.parametrize(
    ("numbers", "error", "words"),
    [
        (HALVES[0], ValueError, r"\[b, h, w\], one for each pixel, found \(3, 4\)"),
        (HALVES[..., None], ValueError, r"found \(2, 3, 4, 1\)"),
        (HALVES[:0], ValueError, r"found \(0, 3, 4\)"),
        (HALVES[:, :, :0], ValueError, r"found \(2, 3, 0\)"),
        (KEYS[0], ValueError, r"found \(\): jax.random.uniform\(key"),
        (np.zeros((2, 3, 4), int), TypeError, "float uniform numbers, found int64"),
        (np.zeros((2, 3, 4), bool), TypeError, "found bool"),
        (HALVES * [2, 1, 1, 1], ValueError, "not 1, found 0.5 to 1"),
        (HALVES - [0.6, 0, 0, 0], ValueError, "from 0 up to.*found -0.1 to 0.5"),
        (HALVES * [np.nan, 1, 1, 1], ValueError, "found nan to nan"),
    ],
)
def test_other_uniform_numbers_are_refused(numbers, error, words):
    assert_refused(error, words, numbers)


BLACK = np.zeros((2, 3, 4, 1))


@pytest.mark.parametrize(
    ("given", "num_given", "levels", "words"),
    [
        (None, 1, 2, r"given images of shape \(2, 3, 4, 1\).*found None"),
        (BLACK[..., 0], 1, 2, r"found \(2, 3, 4\): repeat one image"),
        (BLACK[:1], 1, 2, r"found \(1, 3, 4, 1\)"),
        (BLACK[0], 1, 2, r"found \(3, 4, 1\)"),
        (BLACK.reshape(2, 4, 3, 1), 1, 2, r"found \(2, 4, 3, 1\)"),
        (BLACK.repeat(3, axis=3), 1, 2, r"found \(2, 3, 4, 3\)"),
        (BLACK[:1], 0, 2, r"found \(1, 3, 4, 1\)"),
        (BLACK + 0.5, 1, 2, "from 0 to 1, whole numbers, found 0.5 to 0.5: binarize"),
        (BLACK + 2, 1, 2, "found 2 to 2"),
        (BLACK - 1, 1, 2, "found -1 to -1"),
        (BLACK.astype("uint8") + 255, 1, 2, "found 255 to 255"),
        (BLACK + np.nan, 1, 2, "found nan to nan"),
        (BLACK + 4, 1, 4, "from 0 to 3, whole numbers, found 4 to 4"),
        (BLACK + 1.5, 1, 4, "found 1.5 to 1.5: binarize or quantize"),
    ],
)
def test_other_given_images_are_refused(given, num_given, levels, words):
    assert_refused(ValueError, words, HALVES, given, num_given, levels=levels)


@pytest.mark.parametrize("given", [None, BLACK])
@pytest.mark.parametrize(
    ("num_given", "error", "words"),
    [
        (-1, ValueError, "expected 0 to 12 given pixels, found -1"),
        (np.int64(-1), ValueError, "found -1"),
        (13, ValueError, "found 13: an image has no more"),
        (True, TypeError, "as an integer, found True"),
        (False, TypeError, "found False"),
        (np.True_, TypeError, "found np.True_"),
        (2.0, TypeError, "found 2.0"),
        (None, TypeError, "found None"),
    ],
)
def test_other_numbers_of_given_pixels_are_refused(num_given, error, words, given):
    assert_refused(error, words, HALVES, given, num_given)
