"""The convolutional pixel models: probabilities, what they see, one pixel at a time."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from scipy.special import log_expit, log_softmax
from tiny_worlds import (
    all_grey_images,
    binary_images,
    cost_of_what_is_not_seen,
    kl_from,
    logits_by_advancing,
    patches,
    random_levels,
    random_model,
    trained,
)

from course_utils.assertions import assert_causal, assert_normalized, influence
from course_utils.layers.masked import causal_mask, looking_back
from course_utils.losses import labelled_nll_loss
from course_utils.metrics import log_prob
from course_utils.models.pixel_model import GivenLabels
from course_utils.models.pixelcnn import GatedPixelCNN, PixelCNN
from course_utils.models.protocols import TractableModel
from course_utils.training import fit, init_state, make_step
from course_utils.worlds import all_images

MODELS = [PixelCNN, GatedPixelCNN]
HEADS = [{}, {"levels": 4}, {"levels": 16, "num_mixtures": 3}]
IDS = ["binary", "4 levels", "mixture"]


def slow(*arguments):
    return pytest.param(*arguments, marks=pytest.mark.slow)


def images(b, height, width, levels=2, **_):
    x = random_levels(levels, b, height, width)
    return x.astype(np.float32 if levels == 2 else np.int32)


# --- probabilities


@pytest.mark.parametrize(
    ("num_blocks", "options"),
    [
        (2, {"size": 3}),
        slow(0, {"size": 5}),
        slow(1, {"size": 7}),
        slow(4, {"size": 3, "dilations": (1, 2)}),
    ],
)
@pytest.mark.parametrize("make", MODELS)
def test_the_probabilities_of_all_images_sum_to_one(make, num_blocks, options):
    model = random_model(make, 6, num_blocks, **options)
    assert_normalized(functools.partial(log_prob, model), all_images(3, 3), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("make", MODELS)
def test_the_probabilities_of_65_536_images_sum_to_one(make):
    model = random_model(make, 6, 2, size=5)
    log_p = functools.partial(log_prob, model, chunk=4096)
    assert_normalized(log_p, all_images(4, 4), atol=1e-5)


@pytest.mark.parametrize(
    ("levels", "num_mixtures", "size"),
    [(4, 0, (2, 2)), (16, 3, (1, 2)), slow(16, 3, (2, 1)), slow(16, 1, (1, 2))],
)
@pytest.mark.parametrize("make", MODELS)
def test_the_probabilities_of_all_grey_images_sum_to_one(
    make, levels, num_mixtures, size
):
    model = random_model(make, 6, 2, size=3, levels=levels, num_mixtures=num_mixtures)
    log_p = functools.partial(log_prob, model, chunk=256)
    assert_normalized(log_p, all_grey_images(levels, *size), atol=1e-5)


@pytest.mark.parametrize("make", MODELS)
def test_an_image_s_probability_does_not_depend_on_its_batch(make):
    nll = jax.jit(random_model(make, 6, 2, scale=0.5).nll)
    x, others = binary_images(5, 3, 4), binary_images(5, 3, 4, seed=2)
    mixed = np.concatenate([others[:2], x[2:3], others[3:]])
    np.testing.assert_allclose(nll(mixed)[2], nll(x)[2], rtol=1e-5)
    np.testing.assert_allclose(nll(x[::-1])[::-1], nll(x), rtol=1e-5)


@pytest.mark.parametrize("head", [HEADS[0], slow(HEADS[1]), HEADS[2]], ids=IDS)
def test_the_nll_is_that_of_the_logits(head):
    model = random_model(GatedPixelCNN, 6, 1, scale=0.5, **head)
    assert isinstance(model, TractableModel)
    x = images(5, 2, 3, **head)
    logits = np.float64(jax.jit(model)(x))
    assert logits.shape == (5, 2, 3, head.get("levels", 1))
    if head:
        chosen = np.take_along_axis(log_softmax(logits, axis=-1), x, axis=-1)
    else:
        chosen = log_expit(np.where(x == 1, logits, -logits))
    np.testing.assert_allclose(
        jax.jit(model.nll)(x), -chosen.sum(axis=(1, 2, 3)), rtol=1e-5
    )


@pytest.mark.parametrize("make", MODELS)
def test_black_and_white_are_0_and_1_for_any_number_of_levels(make):
    binary, grey = (random_model(make, 6, 1, levels=k) for k in (2, 4))
    for part in ("first", "above", "left", "link", "blocks", "mix", "out"):
        if hasattr(grey, part):
            setattr(binary, part, getattr(grey, part))
    x = random_levels(2, 3, 2, 3)
    np.testing.assert_allclose(jax.jit(grey)(3 * x), jax.jit(binary)(x), rtol=1e-5)


# --- what a pixel sees


def one_layer(mask, size, dilation=1):
    """Return which inputs a kernel shows to which outputs, both in raster order."""
    height, width = size
    seen = np.zeros((height, width, height, width), bool)
    for row, column in np.ndindex(height, width):
        for r, c in np.argwhere(mask):
            y = row + dilation * (r - len(mask) + 1)
            x = column + dilation * (c - mask.shape[1] // 2)
            if 0 <= y and 0 <= x < width:
                seen[row, column, y, x] = True
    return seen.reshape(height * width, -1)


def seen_by_pixelcnn(size, num_blocks, kernel=3, dilations=(1,)):
    """What a chain of kernels shows, each seen through the one after it."""
    seen = one_layer(looking_back(kernel, "A"), size)
    for block in range(num_blocks):
        dilation = dilations[block % len(dilations)]
        seen = seen | one_layer(looking_back(3, "B"), size, dilation) @ seen
    return seen


def seen_by_gated(size, num_blocks, kernel=3, dilations=(1,)):
    first = causal_mask(kernel, "A")[: kernel // 2 + 1]
    above = one_layer(np.vstack([first[:-1], 0 * first[-1:]]), size)
    here = one_layer(first[-1:], size) | above
    for block in range(num_blocks):
        dilation = dilations[block % len(dilations)]
        before = one_layer(np.array([[1, 1, 0]]), size, dilation) @ here
        above = above | one_layer(np.ones((2, 3)), size, dilation) @ above
        here = here | before | above
    return here


SEEN = {PixelCNN: seen_by_pixelcnn, GatedPixelCNN: seen_by_gated}


def influence_of(make, size, num_blocks, kernel=3, dilations=(1,)):
    model = random_model(
        make, 16, num_blocks, size=kernel, dilations=dilations, scale=0.3
    )
    return influence(jax.jit(model), binary_images(8, *size))


def offsets(height, width):
    """Return how far up and to the right the inputs lie of the outputs."""
    row, column = np.divmod(np.arange(height * width), width)
    return row[:, None] - row, column - column[:, None]


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize(
    ("num_blocks", "kernel", "dilations"),
    [
        (2, 5, (1, 2)),
        slow(0, 7, (1,)),
        slow(1, 3, (1,)),
        slow(3, 3, (1,)),
        slow(1, 3, (3,)),
        slow(3, 3, (2, 1)),
    ],
)
def test_what_is_seen_is_what_the_masks_let_through(
    make, num_blocks, kernel, dilations
):
    size = (5, 9)
    found = influence_of(make, size, num_blocks, kernel, dilations)
    expected = SEEN[make](size, num_blocks, kernel, dilations)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("num_blocks", [slow(0), 2, slow(4), slow(6)])
def test_a_pixelcnn_has_its_blind_spot_at_every_depth(num_blocks):
    """With kernels of 3 x 3: k rows up, all that is more than k columns to the right.

    Everything else within reach is seen.
    """
    up, right = offsets(4, 6)
    earlier = np.tri(24, k=-1, dtype=bool)
    within_reach = (up <= num_blocks + 1) & (-right <= num_blocks + 1)
    blind = right > up
    assert (earlier & blind).sum() == 45
    found = influence_of(PixelCNN, (4, 6), num_blocks)
    np.testing.assert_array_equal(found, earlier & within_reach & ~blind)


@pytest.mark.parametrize(
    ("num_blocks", "kernel"), [slow(0, 3), (2, 3), slow(4, 3), slow(1, 5)]
)
def test_a_gated_pixelcnn_sees_every_earlier_pixel_within_reach(num_blocks, kernel):
    up, right = offsets(4, 6)
    reach = kernel // 2 + num_blocks
    expected = np.tri(24, k=-1, dtype=bool) & (up <= reach) & (abs(right) <= reach)
    found = influence_of(GatedPixelCNN, (4, 6), num_blocks, kernel)
    np.testing.assert_array_equal(found, expected)
    if reach == 5:
        assert found.sum() == 24 * 23 / 2  # all of them


@pytest.mark.parametrize("head", [HEADS[1], slow(HEADS[2])], ids=IDS[1:])
@pytest.mark.parametrize("make", MODELS)
def test_no_grey_pixel_sees_itself_or_a_later_one(make, head):
    model = random_model(make, 8, 2, scale=0.4, **head)
    white = head["levels"] - 1
    logits = jax.jit(lambda x: model((white * x).astype(jnp.int32)))
    assert_causal(logits, binary_images(4, 5, 6))


@pytest.mark.parametrize("make", MODELS)
def test_a_planted_leak_is_caught(make):
    """The first layer has the mask of the later ones: a pixel sees itself."""
    model = random_model(make, 6, 1, size=3)
    first = model.first if make is PixelCNN else model.left
    first.mask = tuple(map(tuple, looking_back(3, "B")[-len(first.mask) :].tolist()))
    with pytest.raises(AssertionError, match=r"pixel \(0, 0\) .*itself"):
        assert_causal(jax.jit(model), binary_images(4, 3, 4))
    with pytest.raises(AssertionError, match="a pixel sees itself or a later one"):
        assert_normalized(functools.partial(log_prob, model), all_images(3, 3))


# --- one pixel after another


DILATED = ((4, 5), 2, {"dilations": (1, 2)})  # size, blocks, options
OTHERS = [
    ((3, 4), 2, {"size": 3}),
    ((5, 2), 3, {"size": 5, "dilations": (3, 1)}),
    ((1, 4), 2, {}),
    ((3, 1), 2, {}),
    ((2, 3), 0, {}),
]


@pytest.mark.parametrize(
    ("make", "head", "size", "num_blocks", "options"),
    [
        (GatedPixelCNN, HEADS[0], *DILATED),
        (PixelCNN, HEADS[1], *DILATED),
        slow(GatedPixelCNN, HEADS[1], *DILATED),
        slow(GatedPixelCNN, HEADS[2], *DILATED),
        slow(PixelCNN, HEADS[2], *DILATED),
        *(slow(make, HEADS[0], *other) for make in MODELS for other in OTHERS),
    ],
)
def test_advance_gives_what_the_call_gives(make, head, size, num_blocks, options):
    """Whatever stands in the pixel itself and in those after it."""
    model = random_model(make, 5, num_blocks, scale=0.5, **head, **options)
    x = images(3, *size, **head)
    expected = np.asarray(jax.jit(model)(x))
    for hide in (0, 7):
        found = logits_by_advancing(model, x, hide)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert np.ptp(expected, axis=0).max() > 0.02  # it does depend on the image


@pytest.mark.slow
@pytest.mark.parametrize("make", MODELS)
def test_advance_takes_a_plain_number(make):
    model, x = random_model(make, 5, 1, scale=0.5), binary_images(2, 2, 2)
    kept = model.start(x.shape)
    for i in range(4):
        kept, logits = model.advance(kept, x, i)
    np.testing.assert_allclose(logits, model(x)[:, 1, 1], rtol=1e-4, atol=1e-4)


# --- labels

LABELS = jnp.array([0, 2, 1, 1, 0])


def labelled(**options):
    return random_model(GatedPixelCNN, 6, 2, size=3, num_labels=3, scale=0.5, **options)


@pytest.mark.parametrize("head", [slow(HEADS[0]), HEADS[1], slow(HEADS[2])], ids=IDS)
def test_given_labels_it_is_a_model_of_images(head):
    model, x = labelled(**head), images(5, 3, 4, **head)
    given = model.given(LABELS)
    assert isinstance(given, TractableModel) and given.levels == model.levels
    expected = jax.jit(model)(x, LABELS)
    np.testing.assert_allclose(jax.jit(given)(x), expected, rtol=1e-5, atol=1e-5)
    nll = jax.jit(model.nll)(x, LABELS)
    np.testing.assert_allclose(jax.jit(given.nll)(x), nll, rtol=1e-5)
    found = logits_by_advancing(given, x, 0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("label", [slow(0), slow(1), 2])
def test_given_a_label_the_probabilities_sum_to_one(label):
    model, x = labelled(), all_images(3, 3).astype(np.float32)
    given = model.given(np.full(len(x), label))
    assert_normalized(lambda x: -jax.jit(given.nll)(x), x, atol=1e-5)


def test_each_label_has_its_own_distribution():
    nll, x = jax.jit(labelled().nll), all_images(2, 2).astype(np.float32)
    log_p = [-nll(x, jnp.full(len(x), label)) for label in range(3)]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert 0.5 * np.abs(np.exp(log_p[i]) - np.exp(log_p[j])).sum() > 0.05


def test_the_label_of_an_image_is_for_no_other():
    nll, x = jax.jit(labelled().nll), binary_images(5, 3, 4)
    for i, label in enumerate(LABELS):
        alone = nll(x[i : i + 1], label[None])
        np.testing.assert_allclose(nll(x, LABELS)[i], alone[0], rtol=1e-5)


def test_labels_hide_and_reveal_nothing():
    given = labelled().given(jnp.zeros(4 * 7, int))
    assert_causal(jax.jit(given), binary_images(4, 5, 6))


@pytest.mark.parametrize(
    ("label", "error", "words"),
    [
        ([0.0, 1.0], TypeError, r"integer labels \[b\], found float32, \(2,\)"),
        ([True, False], TypeError, "found bool"),
        (1, TypeError, r"found int32, \(\)"),
        ([[0, 1]], TypeError, r"found int32, \(1, 2\)"),
        ([0, 3], ValueError, "labels from 0 to 2, found 0 to 3"),
        ([-1, 1], ValueError, "found -1 to 1"),
    ],
)
def test_other_labels_are_refused(label, error, words):
    with pytest.raises(error, match=words):
        labelled().given(np.array(label))


@pytest.mark.parametrize("make", MODELS)
def test_a_model_without_labels_is_given_none(make):
    model = random_model(make, 6, 1)
    for refuse in (model.given, functools.partial(GivenLabels, model)):
        with pytest.raises(TypeError, match="made with labels, found one without"):
            refuse(LABELS)


# --- training


@pytest.mark.slow
def test_trained_in_the_world_of_patches_a_gated_model_comes_near():
    model = GatedPixelCNN(16, 2, size=3, rngs=nnx.Rngs(0))
    assert kl_from(patches(), trained(model, patches(), 300)) < 0.01


@pytest.mark.slow
def test_its_blind_spot_costs_a_pixelcnn_what_the_world_says():
    """Two pixels, each the last of the row above the first of a row."""
    seen = seen_by_pixelcnn((3, 3), 2)
    hidden = np.argwhere(np.tri(9, k=-1, dtype=bool) & ~seen)
    assert hidden.tolist() == [[3, 2], [6, 5]]
    cost = cost_of_what_is_not_seen(patches(), seen)
    assert cost == pytest.approx(0.00876, abs=1e-5)
    model = PixelCNN(32, 2, size=3, rngs=nnx.Rngs(0))
    assert cost < kl_from(patches(), trained(model, patches(), 300)) < cost + 0.01


@pytest.mark.slow
def test_a_model_with_labels_learns_what_they_tell():
    """White images and black ones: log 2 nats for those who do not know which."""
    x = np.ones((8, 2, 3, 1), np.float32)
    x[:4] = 0
    batch = {"x": x, "label": np.repeat([2, 0], 4)}
    model = GatedPixelCNN(8, 1, size=3, num_labels=3, rngs=nnx.Rngs(0))
    state = init_state(model, optax.adam(1e-2))
    step = make_step(labelled_nll_loss)
    fit(step, state, lambda i: batch, 100, jax.random.key(0), scan=50)
    assert model.nll(x, batch["label"]).max() < 0.1
    assert model.nll(x, batch["label"][::-1]).min() > np.log(2)
