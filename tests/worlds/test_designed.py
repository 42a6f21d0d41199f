"""Worlds made by hand are what their docstrings say."""

import itertools
import math

import numpy as np
import pytest
import scipy.spatial
from random_worlds import (
    AXES,
    ORDERED_SUBSETS,
    SUBSETS,
    pixels_of,
    random_images,
)

from course_utils.worlds import (
    all_images,
    asymmetric_world,
    designed_patterns,
    designed_world,
    kl_divergence,
    marginal,
    nearest_pattern,
    state_index,
    total_variation,
)


def test_any_two_designed_patterns_differ_in_eight_pixels():
    patterns = designed_patterns()
    assert patterns.shape == (16, 4, 4, 1) and patterns.dtype == bool
    for a, b in itertools.combinations(patterns, 2):
        assert np.sum(a != b) == 8


def test_the_designed_patterns_are_the_rows_of_a_hadamard_matrix():
    signs = 1 - 2 * designed_patterns().reshape(16, 16).astype(int)
    np.testing.assert_array_equal(signs, scipy.linalg.hadamard(16))


@pytest.mark.parametrize("flip", [0.01, 0.2])
def test_the_designed_world_is_a_mixture_of_independent_pixels(flip):
    joint = designed_world(flip)
    assert joint.shape == (2,) * 16
    assert joint.sum() == pytest.approx(1, rel=1e-12)
    images = np.random.default_rng(0).integers(0, 2, (20, 4, 4, 1))
    for image in [*images, *designed_patterns()]:
        factors = np.where(image == designed_patterns(), 1 - flip, flip)
        expected = factors.reshape(16, 16).prod(axis=1).mean()
        assert joint[pixels_of(image)] == pytest.approx(expected, rel=1e-12)


def test_the_designed_world_without_flips_is_sixteen_images():
    joint = designed_world(0.0).reshape(-1)
    modes = state_index(designed_patterns())
    np.testing.assert_array_equal(joint[modes], np.full(16, 1 / 16))
    assert np.count_nonzero(joint) == 16
    np.testing.assert_allclose(designed_world(0.5), np.full((2,) * 16, 2.0**-16))


@pytest.mark.parametrize("flip", [-0.1, 0.51, 1.0, math.nan])
def test_flips_are_rare(flip):
    with pytest.raises(ValueError, match="expected flip from 0 to 0.5"):
        designed_world(flip)


def test_the_nearest_pattern_of_flipped_images():
    rng = np.random.default_rng(0)
    for flips in range(4):
        images = designed_patterns().reshape(16, 16).copy()
        for image in images:
            image[rng.choice(16, flips, replace=False)] ^= True
        modes, distances = nearest_pattern(images.reshape(16, 4, 4, 1))
        np.testing.assert_array_equal(modes, np.arange(16))
        np.testing.assert_array_equal(distances, np.full(16, flips))


def test_the_nearest_pattern_of_all_images_by_brute_force():
    images = all_images(4, 4)
    modes, distances = nearest_pattern(images)
    differs = [
        np.sum(images != pattern, axis=(1, 2, 3)) for pattern in designed_patterns()
    ]
    np.testing.assert_array_equal(distances, np.min(differs, axis=0))
    np.testing.assert_array_equal(modes, np.argmin(differs, axis=0))


def test_the_nearest_pattern_needs_4x4_images():
    with pytest.raises(ValueError, match="expected 4x4 images"):
        nearest_pattern(random_images(3, 2, 8))


def test_the_asymmetric_world_shows_every_permutation_and_every_negative():
    joint = asymmetric_world()
    assert joint.sum() == pytest.approx(1, rel=1e-12)
    assert joint.min() > 0
    for order in itertools.permutations(AXES):
        for flipped in SUBSETS:
            other = np.flip(joint.transpose(order), flipped)
            if order != tuple(AXES) or flipped:
                assert total_variation(joint, other) > 0.05
                assert kl_divergence(joint, other) > 0.05


def test_the_asymmetric_world_has_no_two_equal_marginals():
    joint = asymmetric_world()
    tables = {keep: marginal(joint, keep) for keep in ORDERED_SUBSETS}
    for a, b in itertools.combinations(tables, 2):
        if len(a) == len(b):
            assert total_variation(tables[a], tables[b]) > 0.01, (a, b)
    whites = [float(tables[axis,][1]) for axis in AXES]
    for a, b in itertools.combinations(whites, 2):
        assert abs(a - (1 - b)) > 0.01  # nor does black pass for white
    assert min(abs(white - 0.5) for white in whites) > 0.005
    for a, b in itertools.combinations(AXES, 2):  # and no two pixels are independent
        product = np.multiply.outer(tables[a,], tables[b,])
        assert total_variation(tables[a, b], product) > 0.005
