import itertools
import math
from collections import namedtuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from course_utils.assertions import (
    assert_causal,
    assert_finite,
    assert_normalized,
    influence,
)

SIZE = (3, 4)  # not square: rows and columns cannot be mixed up unseen
PIXELS = SIZE[0] * SIZE[1]


# --- assert_finite


def test_finite_trees_pass():
    Pair = namedtuple("Pair", "a b")
    tree = {"a": [1, 2.5, True], "b": Pair(jnp.ones(3, jnp.bfloat16), None)}
    assert_finite(tree)
    assert_finite(jax.random.key(0))
    assert_finite(nnx.state(nnx.Linear(2, 3, rngs=nnx.Rngs(0))))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_the_message_names_the_leaf_and_counts(dtype):
    bad = jnp.array([[1, jnp.nan, jnp.inf], [jnp.nan, 0, 1]]).astype(dtype)
    with pytest.raises(
        AssertionError, match=r"grads\['w'\]\[1\] .*2 NaN and 1 inf.* 6"
    ):
        assert_finite({"w": [jnp.ones(2), bad]}, name="grads")


def test_minus_infinity_and_complex_and_plain_numbers_count():
    for bad in [-np.inf, float("nan"), np.array([1j * np.inf])]:
        with pytest.raises(AssertionError, match="^tree is not finite"):
            assert_finite(bad)


def test_a_parameter_inside_a_model_is_found():
    model = nnx.Linear(2, 3, rngs=nnx.Rngs(0))
    model.bias[...] = model.bias[...].at[1].set(jnp.nan)
    with pytest.raises(AssertionError, match="bias.*1 NaN and 0 infinite of 3"):
        assert_finite(nnx.state(model), "model")


def test_a_leaf_that_is_no_array_is_refused():
    with pytest.raises(TypeError, match=r"tree\[0\] is a object, not an array"):
        assert_finite([object()])


# --- assert_normalized


def world(height, width):
    pixels = list(itertools.product((0.0, 1.0), repeat=height * width))
    return np.array(pixels, np.float32).reshape(-1, height, width, 1)


def log_prob_of(logits):
    """Log-probability of binary images whose pixels have these logits."""

    def log_prob(x):
        a = logits(x).reshape(len(x), -1)
        return jnp.where(
            x.reshape(len(x), -1) == 1, jax.nn.log_sigmoid(a), jax.nn.log_sigmoid(-a)
        ).sum(-1)

    return log_prob


def linear(weight, bias=0.3):
    """Logits [b,h,w,1] = weight [h*w, h*w] times the flattened image."""

    def logits(x):
        flat = jnp.asarray(x, jnp.float32).reshape(len(x), -1)
        return (flat @ jnp.asarray(weight, jnp.float32).T + bias).reshape(x.shape)

    return logits


def random_weight(pixels=PIXELS):
    return np.random.default_rng(0).normal(size=(pixels, pixels))


def test_a_causal_model_sums_to_one():
    total = assert_normalized(
        log_prob_of(linear(np.tril(random_weight(6), -1))), world(2, 3)
    )
    assert isinstance(total, float)
    assert total == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("sign, cause", [(1, "repeats"), (-1, "lacks")])
def test_a_pixel_that_sees_itself_moves_the_mass_either_way(sign, cause):
    leak = np.tril(random_weight(6), -1) + sign * np.eye(6)
    with pytest.raises(AssertionError, match=f"64 images.*not 1: .*itself.*{cause}"):
        assert_normalized(log_prob_of(linear(leak)), world(2, 3))


def test_a_leak_from_the_next_pixel_is_seen():
    leak = np.tril(random_weight(6), -1) + np.eye(6, k=1)
    with pytest.raises(AssertionError, match="later one"):
        assert_normalized(log_prob_of(linear(leak)), world(2, 3))


def test_missing_and_repeated_images_are_seen():
    images = world(2, 2)
    log_prob = log_prob_of(linear(np.zeros((4, 4))))
    with pytest.raises(AssertionError, match="15 images.*lacks images"):
        assert_normalized(log_prob, images[1:])
    with pytest.raises(AssertionError, match="17 images.*repeats images"):
        assert_normalized(log_prob, np.concatenate([images, images[:1]]))


def test_the_sum_is_taken_in_float64_and_takes_impossible_images():
    images = world(4, 4)
    nats = np.full(len(images), -np.inf, np.float32)
    nats[1:] = -np.log(len(images) - 1)
    assert assert_normalized(lambda x: nats, images) == pytest.approx(1, abs=1e-6)
    nats[1:] = jax.nn.log_softmax(7 * jax.random.normal(jax.random.key(0), (65535,)))
    exact = math.fsum(np.exp(nats.astype(np.float64)))
    assert assert_normalized(lambda x: nats, images) == pytest.approx(exact, rel=1e-12)


def test_over_masking_and_zero_weights_are_not_seen():
    blind = np.zeros((6, 6))
    assert_normalized(log_prob_of(linear(blind)), world(2, 3))
    assert_normalized(log_prob_of(linear(1e-7 * random_weight(6))), world(2, 3))


@pytest.mark.parametrize(
    "log_prob, found",
    [
        (lambda x: np.zeros((len(x), 4)), r"shape \(16,\); found \(16, 4\)"),
        (lambda x: np.float32(0), r"found \(\)"),
        (lambda x: np.full(len(x), np.nan), "NaN"),
        (lambda x: np.full(len(x), np.inf), "inf"),
    ],
)
def test_what_is_no_log_probability_is_refused(log_prob, found):
    with pytest.raises(ValueError, match=found):
        assert_normalized(log_prob, world(2, 2))


# --- influence and assert_causal


@pytest.fixture
def x():
    bits = jax.random.bernoulli(jax.random.key(3), 0.5, (4, *SIZE, 1))
    return bits.astype(jnp.float32)


def test_influence_is_the_pattern_of_a_linear_map(x):
    weight = random_weight() * (np.random.default_rng(1).random((PIXELS, PIXELS)) < 0.5)
    found = influence(linear(weight), x)
    assert found.shape == (PIXELS, PIXELS) and found.dtype == bool
    np.testing.assert_array_equal(found, weight != 0)
    assert not np.array_equal(found, found.T)  # outputs and inputs told apart


def test_a_triangular_map_is_causal(x):
    weight = np.tril(random_weight(), -1)
    assert_causal(linear(weight), x)
    np.testing.assert_array_equal(influence(linear(weight), x), weight != 0)


def test_a_pixel_that_sees_itself_is_named(x):
    weight = np.tril(random_weight(), -1)
    weight[6, 6] = 0.1  # row 1, column 2 of the 3x4 image
    with pytest.raises(AssertionError, match=r"pixel \(1, 2\) .*itself"):
        assert_causal(linear(weight), x)


def test_a_pixel_that_sees_the_future_is_named_and_the_first_one_of_several(x):
    weight = np.tril(random_weight(), -1)
    weight[9, 10] = weight[6, 11] = weight[6, 8] = 0.1
    with pytest.raises(AssertionError, match=r"pixel \(1, 2\) .*later pixel \(2, 0\)"):
        assert_causal(linear(weight), x)


def test_a_faint_leak_is_seen_at_any_scale_of_the_logits(x):
    for scale in (1e-6, 1.0, 1e6):
        weight = np.tril(random_weight(), -1)
        weight[2, 3] = 1e-4
        with pytest.raises(AssertionError, match=r"\(0, 2\) .*\(0, 3\)"):
            assert_causal(linear(scale * weight, bias=0), x)


def test_a_leak_into_one_channel_through_a_step_is_seen(x):
    def logits(x):  # the gradient of this leak is zero everywhere
        leak = jnp.roll(x, -1, axis=2) > 0.5
        return jnp.concatenate([jnp.zeros((*x.shape[:3], 5)), leak], axis=-1)[..., None]

    with pytest.raises(AssertionError, match="later pixel"):
        assert_causal(logits, x)


def test_a_leak_from_one_colour_is_seen():
    x = jax.random.bernoulli(jax.random.key(0), 0.5, (4, *SIZE, 3)).astype(jnp.float32)
    np.testing.assert_array_equal(
        influence(lambda x: x[..., 2:], x), np.eye(PIXELS) == 1
    )


def test_a_leak_that_single_images_can_hide_is_woken_by_several(x):
    def logits(x):  # pixel 0 reads pixel 1 only where pixel 2 is white
        gated = x[:, 0, 1, 0] * x[:, 0, 2, 0]
        return jnp.zeros_like(x).at[:, 0, 0, 0].set(gated)

    assert_causal(logits, jnp.zeros((1, *SIZE, 1)))
    with pytest.raises(AssertionError, match=r"\(0, 0\) .*\(0, 1\)"):
        assert_causal(logits, x)


def test_over_masking_is_causal_and_influence_shows_it(x):
    blind = np.tril(random_weight(), -2)  # the pixel just before is not read
    assert_causal(linear(blind), x)
    assert not influence(linear(blind), x)[
        np.arange(1, PIXELS), np.arange(PIXELS - 1)
    ].any()


def test_zero_output_weights_say_nothing(x):
    assert_causal(linear(0 * random_weight()), x)
    assert not influence(linear(0 * random_weight()), x).any()


def test_images_stay_as_they_were_and_keep_their_dtype():
    x = np.zeros((2, *SIZE, 1), np.int32)
    seen = []
    influence(lambda x: seen.append(x) or x, x)
    assert not x.any()
    assert {str(s.dtype) for s in seen} == {"int32"}
    assert len(seen) == SIZE[0]  # one call a row of pixels


@pytest.mark.parametrize(
    "x", [np.full((1, 2, 2, 1), 0.5), np.zeros((2, 2, 1)), np.zeros((0, 2, 2, 1))]
)
def test_images_that_cannot_be_flipped_are_refused(x):
    with pytest.raises(ValueError, match="zeros and ones"):
        influence(lambda x: x, x)


def test_logits_of_another_shape_or_not_finite_are_refused(x):
    with pytest.raises(ValueError, match=r"\[20,3,4,...\], found shape \(20, 12\)"):
        influence(lambda x: x.reshape(len(x), -1), x)
    with pytest.raises(ValueError, match="not finite"):
        assert_causal(lambda x: x * jnp.nan, x)


@pytest.mark.parametrize("nothing", [None, {}, [], "a", {"x": None}, ["text"]])
def test_assert_finite_refuses_what_holds_no_numbers(nothing):
    with pytest.raises(TypeError):
        assert_finite(nothing)
