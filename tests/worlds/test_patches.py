"""Joint tables counted from images and from patches."""

import math
import time
from collections import Counter

import jax.numpy as jnp
import numpy as np
import pytest
from random_worlds import pixels_of, random_images

from course_utils.data import binarize, load_fashion_mnist
from course_utils.worlds import (
    entropy,
    joint_from_images,
    labelled_joint,
    patch_joint,
)


@pytest.mark.parametrize("smoothing", [0.0, 0.5, 2.0])
def test_joint_from_images_counts(smoothing):
    images = random_images(60, 2, 3)
    counts = Counter(map(pixels_of, images))
    joint = joint_from_images(images, smoothing)
    assert joint.shape == (2,) * 6 and joint.dtype == np.float64
    for cell in np.ndindex(joint.shape):
        expected = (counts[cell] + smoothing) / (60 + 64 * smoothing)
        assert joint[cell] == pytest.approx(expected, rel=1e-12)


def test_smoothing_without_images_is_uniform():
    joint = joint_from_images(np.zeros((0, 2, 2, 1)), smoothing=1.0)
    np.testing.assert_allclose(joint, np.full((2,) * 4, 1 / 16))


@pytest.mark.parametrize("smoothing", [-1.0, math.nan, math.inf])
def test_smoothing_must_be_a_number_of_observations(smoothing):
    with pytest.raises(ValueError, match="expected smoothing >= 0"):
        joint_from_images(random_images(5, 2, 2), smoothing)


def test_nothing_to_count_is_an_error():
    with pytest.raises(ValueError, match="no images to count"):
        joint_from_images(np.zeros((0, 2, 2, 1)))


@pytest.mark.parametrize("convert", [np.uint8, np.int64, jnp.asarray])
@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_labelled_joint_counts(convert, smoothing):
    images = random_images(80, 2, 3)
    labels = np.random.default_rng(1).choice(3, 80, p=[0.6, 0.3, 0.1])
    counts = Counter(zip(labels.tolist(), map(pixels_of, images), strict=True))
    joint = labelled_joint(images, convert(labels), 4, smoothing)
    assert joint.shape == (4,) + (2,) * 6
    for y, *cell in np.ndindex(joint.shape):
        expected = (counts[y, tuple(cell)] + smoothing) / (80 + 256 * smoothing)
        assert joint[y, *cell] == pytest.approx(expected, rel=1e-12)


def test_labels_fit_a_4x4_world_in_eight_bits():
    joint = labelled_joint(np.ones((1, 4, 4, 1)), np.array([9], np.uint8), 10)
    assert joint[(9,) + (1,) * 16] == 1


@pytest.mark.parametrize(
    "labels", [[0, 1, 3], [0, -1, 2], [0, 1], [[0], [1], [2]], [0, 1.5, 2]]
)
def test_labels_must_fit_the_images_and_the_classes(labels):
    with pytest.raises(ValueError, match="expected 3 labels from 0 to 2"):
        labelled_joint(random_images(3, 2, 2), np.array(labels), 3)


@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_patch_joint_counts_every_position_of_every_image(smoothing):
    images = random_images(1100, 4, 5)  # more than two chunks
    counts = Counter(
        pixels_of(image[i : i + 2, j : j + 3])
        for image in images
        for i in range(3)
        for j in range(3)
    )
    joint = patch_joint(images, 2, 3, smoothing)
    for cell in np.ndindex((2,) * 6):
        expected = (counts[cell] + smoothing) / (1100 * 9 + 64 * smoothing)
        assert joint[cell] == pytest.approx(expected, rel=1e-12)


def test_a_patch_must_fit():
    images = random_images(5, 2, 9)
    with pytest.raises(ValueError, match="a 3x3 patch does not fit"):
        patch_joint(images)
    with pytest.raises(ValueError, match="expected 1 to 20 pixels"):
        patch_joint(images, 1, 21)


def test_the_patch_world_of_fashion_mnist():
    data = load_fashion_mnist()
    images = np.concatenate([data.train.images, data.validation.images])
    start = time.process_time()
    joint = patch_joint(binarize(images))
    assert time.process_time() - start < 5  # 0.3 s, undisturbed
    falling = np.sort(joint.reshape(-1))[::-1]
    assert falling[-1] > 0  # all 512 states occur
    assert falling[:2].sum() == pytest.approx(0.678, abs=5e-4)
    assert falling[:10].sum() == pytest.approx(0.788, abs=5e-4)
    assert entropy(joint) == pytest.approx(2.5423, abs=5e-5)
    assert {joint[(0,) * 9], joint[(1,) * 9]} == set(falling[:2])  # black and white
