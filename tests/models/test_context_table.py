"""Context tables against loops, enumeration and closed forms."""

import itertools
import math
import time

import jax
import numpy as np
import pytest
import scipy.stats

from course_utils.models.context_table import (
    causal_neighbours,
    context_index,
    context_nll,
    fit_context_table,
    sample_context_table,
)
from course_utils.worlds import all_images, state_index

FOUR = ((0, -1), (-1, 0), (-1, -1), (-1, 1))
SIZES = (0, 1, 2, 3, 4, 6)


def random_images(num, height, width, seed=0):
    """Images whose pixels differ in how often they are white."""
    white = np.linspace(0.2, 0.8, height * width).reshape(height, width, 1)
    return np.random.default_rng(seed).random((num, height, width, 1)) < white


def random_table(k, seed=0):
    return np.random.default_rng(seed).uniform(0.05, 0.95, 2**k)


def context_by_loop(image, row, column, neighbours):
    """Return the context of one pixel, read digit by digit."""
    digits = ""
    for down, right in neighbours:
        r, c = row + down, column + right
        inside = 0 <= r < image.shape[0] and 0 <= c < image.shape[1]
        digits += "1" if inside and image[r, c, 0] else "0"
    return int(digits or "0", base=2)


def nll_by_loop(table, image, neighbours):
    nats = 0.0
    for row, column in np.ndindex(*image.shape[:2]):
        white = table[context_by_loop(image, row, column, neighbours)]
        nats -= math.log(white if image[row, column, 0] else 1 - white)
    return nats


def wrapped_context_index(images, neighbours):
    """The fault of the clinic: what lies outside comes in again on the other side."""
    index = np.zeros(images.shape[:3], np.int32)
    for row, column in neighbours:
        index = 2 * index + np.roll(images[..., 0], (-row, -column), axis=(1, 2))
    return index


# --- neighbours


def test_the_first_neighbours_are_those_of_the_ladder():
    assert causal_neighbours(0) == ()
    assert causal_neighbours(1) == FOUR[:1]
    assert causal_neighbours(2) == FOUR[:2]
    assert causal_neighbours(4) == FOUR
    assert set(causal_neighbours(6)) - set(FOUR) == {(0, -2), (-2, 0)}
    knight = {(-1, -2), (-1, 2), (-2, -1), (-2, 1)}
    assert set(causal_neighbours(10)) - set(causal_neighbours(6)) == knight
    last = causal_neighbours(22)[18:]
    assert last == ((-2, -3), (-2, 3), (-3, -2), (-3, 2))


@pytest.mark.parametrize("k", range(25))
def test_neighbours_are_causal_distinct_and_the_nearest(k):
    neighbours = causal_neighbours(k)
    assert len(set(neighbours)) == k
    assert neighbours == causal_neighbours(24)[:k]
    plane = itertools.product(range(-30, 1), range(-30, 31))
    distances = sorted(math.hypot(*o) for o in plane if o[0] < 0 or o[1] < 0)
    assert [math.hypot(*o) for o in neighbours] == distances[:k]
    assert all(down < 0 or (down == 0 and right < 0) for down, right in neighbours)


@pytest.mark.parametrize("k", [-1, 25])
def test_the_number_of_neighbours_is_limited(k):
    with pytest.raises(ValueError, match="expected 0 to 24 neighbours"):
        causal_neighbours(k)


# --- contexts


@pytest.mark.parametrize("k", SIZES)
def test_context_index_equals_the_loop(k):
    images, neighbours = random_images(7, 4, 5), causal_neighbours(k)
    index = context_index(images, neighbours)
    assert index.shape == (7, 4, 5)
    for i, row, column in np.ndindex(index.shape):
        expected = context_by_loop(images[i], row, column, neighbours)
        assert index[i, row, column] == expected


def test_the_first_neighbour_is_the_leading_digit():
    image = np.zeros((1, 2, 2, 1), bool)
    image[0, 1, 0] = True  # to the left of the last pixel
    assert context_index(image, ((0, -1), (-1, 0)))[0, 1, 1] == 0b10


def test_neighbours_farther_away_than_the_image_is_wide_are_black():
    image = np.ones((1, 2, 3, 1), bool)
    assert not context_index(image, ((0, -3), (-2, 0), (-1, 5))).any()


def test_the_right_edge_is_not_seen_from_the_left():
    images = random_images(20, 3, 3)
    index = context_index(images, FOUR)
    assert (index != wrapped_context_index(images, FOUR)).any()
    right = images.copy()
    right[:, 0, 2] ^= True  # in raster order before (1, 0), but no neighbour of it
    assert (context_index(right, FOUR)[:, 1, 0] == index[:, 1, 0]).all()


@pytest.mark.parametrize("convert", [np.uint8, np.float32])
def test_images_must_be_boolean(convert):
    images, table = convert(random_images(2, 3, 3)), random_table(2)
    for call in (
        lambda: fit_context_table(images, FOUR[:2]),
        lambda: context_nll(table, images, FOUR[:2]),
    ):
        with pytest.raises(TypeError, match="expected boolean images"):
            call()


# --- fitting


@pytest.mark.parametrize("k", SIZES)
@pytest.mark.parametrize("smoothing", [0.4, 3.0])
def test_fit_counts(monkeypatch, k, smoothing):
    monkeypatch.setattr("course_utils.models.context_table.CHUNK", 3)  # 3, 3, 2
    images, neighbours = random_images(8, 3, 4), causal_neighbours(k)
    counts = {context: [0, 0] for context in range(2**k)}
    for image in images:
        for row, column in np.ndindex(3, 4):
            context = context_by_loop(image, row, column, neighbours)
            counts[context][int(image[row, column, 0])] += 1
    table = fit_context_table(images, neighbours, smoothing)
    assert table.shape == (2**k,)
    for context, (black, white) in counts.items():
        expected = (white + smoothing) / (black + white + 2 * smoothing)
        assert table[context] == pytest.approx(expected, rel=1e-12)


def test_a_context_that_never_occurs_gets_one_half():
    table = fit_context_table(np.zeros((5, 3, 3, 1), bool), FOUR)
    assert (table[1:] == 0.5).all() and table[0] < 0.01


@pytest.mark.parametrize("shape", [(2, 3, 3), (2, 3, 3, 3)])
def test_images_must_have_one_channel(shape):
    images, table = np.zeros(shape, bool), random_table(1)
    with pytest.raises(ValueError, match="expected images"):
        fit_context_table(images, FOUR[:1])
    with pytest.raises(ValueError, match="expected images"):
        context_nll(table, images, FOUR[:1])


def test_fit_refuses_what_it_cannot_count():
    images = random_images(2, 3, 3)
    with pytest.raises(ValueError, match="at most 24 neighbours, found 25"):
        fit_context_table(images, FOUR[:1] * 25)
    for smoothing in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="expected smoothing > 0"):
            fit_context_table(images, FOUR, smoothing)


def test_the_fit_beats_every_other_table_on_its_own_images():
    images = random_images(500, 4, 4)
    table = fit_context_table(images, FOUR, smoothing=1e-9)
    best = context_nll(table, images, FOUR).sum()
    for factor in (0.9, 1.1):
        other = np.clip(table * factor, 0, 1)
        assert context_nll(other, images, FOUR).sum() > best


# --- scoring


@pytest.mark.parametrize("k", SIZES)
def test_nll_equals_the_loop(monkeypatch, k):
    monkeypatch.setattr("course_utils.models.context_table.CHUNK", 3)
    images, neighbours = random_images(7, 4, 3), causal_neighbours(k)
    table = random_table(k)
    expected = [nll_by_loop(table, image, neighbours) for image in images]
    found = context_nll(table, images, neighbours)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def mass(table, neighbours, size=(3, 3)):
    return np.exp(-context_nll(table, all_images(*size), neighbours)).sum()


@pytest.mark.parametrize("k", [0, 1, 2, 4, 10, 14])
def test_any_table_is_a_distribution_over_images(k):
    assert mass(random_table(k), causal_neighbours(k)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("later", [(0, 0), (0, 1), (1, 0), (1, -1)])
def test_a_neighbour_that_comes_later_breaks_the_sum(later):
    assert abs(mass(random_table(5), (*FOUR, later)) - 1) > 1e-3


def test_the_sum_sees_no_later_neighbour_that_another_order_allows():
    """W, N and SW come earlier when the image is read down its columns."""
    assert mass(random_table(3), (*FOUR[:2], (1, -1))) == pytest.approx(1, abs=1e-12)


def test_a_wrapped_neighbour_breaks_the_sum(monkeypatch):
    target = "course_utils.models.context_table.context_index"
    monkeypatch.setattr(target, wrapped_context_index)
    assert abs(mass(random_table(4), FOUR) - 1) > 1e-3


def test_no_neighbours_make_one_shared_bernoulli():
    images = random_images(50, 3, 4)
    table = fit_context_table(images, (), smoothing=1e-9)
    assert table == pytest.approx([images.mean()], rel=1e-9)
    white = images.sum(axis=(1, 2, 3))
    expected = -scipy.stats.binom.logpmf(white, 12, images.mean())
    arrangements = np.log(scipy.special.comb(12, white))
    np.testing.assert_allclose(
        context_nll(table, images, ()), expected + arrangements, rtol=1e-6
    )


def test_an_impossible_pixel_costs_infinitely_many_nats():
    image = np.ones((1, 1, 1, 1), bool)
    assert context_nll(np.zeros(1), image, ()) == [np.inf]
    assert context_nll(np.ones(1), image, ()) == [0.0]


@pytest.mark.parametrize("entries", [2, 8])
def test_the_table_must_fit_the_neighbours(entries):
    table = np.full(entries, 0.5)
    key = jax.random.key(0)
    with pytest.raises(ValueError, match=r"expected a table of 2\*\*2 contexts"):
        context_nll(table, random_images(2, 3, 3), FOUR[:2])
    with pytest.raises(ValueError, match=r"expected a table of 2\*\*2 contexts"):
        sample_context_table(table, FOUR[:2], (3, 3), 1, key)


# --- sampling


@pytest.mark.parametrize("k", [0, 2, 4, 10])
def test_samples_have_the_enumerated_frequencies(k):
    table, neighbours = random_table(k, seed=1), causal_neighbours(k)
    samples = sample_context_table(table, neighbours, (2, 3), 20_000, jax.random.key(3))
    assert samples.shape == (20_000, 2, 3, 1) and samples.dtype == bool
    counts = np.bincount(state_index(samples), minlength=64)
    expected = np.exp(-context_nll(table, all_images(2, 3), neighbours))
    result = scipy.stats.chisquare(counts, 20_000 * expected / expected.sum())
    assert result.pvalue > 1e-3


def test_the_chi_square_sees_a_walk_down_the_columns():
    """The wrong sampler of the clinic in 05; a test that lets it pass is no test."""
    turned = tuple((column, row) for row, column in FOUR[:2])  # N first, then W
    table = random_table(2, seed=1)
    samples = sample_context_table(table, turned, (2, 3), 20_000, jax.random.key(3))
    counts = np.bincount(state_index(samples), minlength=64)
    expected = np.exp(-context_nll(table, all_images(2, 3), FOUR[:2]))
    assert scipy.stats.chisquare(counts, 20_000 * expected).pvalue < 1e-6


def test_sampling_is_reproducible_and_keys_differ():
    table = random_table(4)
    first, again, other = (
        sample_context_table(table, FOUR, (5, 6), 4, jax.random.key(seed))
        for seed in (7, 7, 8)
    )
    assert (first == again).all() and (first != other).any()


def test_samples_follow_the_left_neighbour_and_start_in_the_black():
    same = np.array([0.0, 1.0])
    black = sample_context_table(same, FOUR[:1], (3, 4), 2, jax.random.key(0))
    assert not black.any()
    opposite = np.array([1.0, 0.0])
    stripes = sample_context_table(opposite, FOUR[:1], (3, 4), 2, jax.random.key(0))
    assert (stripes[..., 0] == [True, False, True, False]).all()


@pytest.mark.parametrize("later", [(0, 0), (0, 1), (1, -1)])
def test_what_is_not_drawn_yet_cannot_be_a_context(later):
    with pytest.raises(ValueError, match="expected causal neighbours"):
        sample_context_table(
            random_table(2), (FOUR[0], later), (3, 3), 1, jax.random.key(0)
        )


def test_64_images_of_28x28_are_drawn_in_seconds():
    table, neighbours = random_table(20), causal_neighbours(20)
    start = time.process_time()
    sample_context_table(table, neighbours, (28, 28), 64, jax.random.key(0))
    assert time.process_time() - start < 10
