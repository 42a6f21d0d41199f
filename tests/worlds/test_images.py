"""The listing of all images, and the place of each in it."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest
from random_worlds import (
    pixels_of,
)

from course_utils.worlds import (
    all_images,
    asymmetric_world,
    joint_from_images,
    nearest_pattern,
    patch_joint,
    state_index,
)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (2, 3), (3, 2)])
def test_all_images_counts_in_binary_with_the_first_pixel_leading(size):
    images = all_images(*size)
    assert images.shape == (2 ** math.prod(size), *size, 1)
    assert images.dtype == bool
    by_product = list(itertools.product((0, 1), repeat=math.prod(size)))
    assert [pixels_of(image) for image in images] == by_product


def test_raster_order_goes_along_the_rows():
    second_pixel = all_images(2, 3)[2**4]
    assert second_pixel[0, 1, 0] == 1 and second_pixel.sum() == 1


def test_the_listing_is_the_order_of_the_flattened_joint():
    joint = asymmetric_world()
    cells = [joint[pixels_of(image)] for image in all_images(2, 2)]
    np.testing.assert_array_equal(cells, joint.reshape(-1))


@pytest.mark.parametrize("size", [(2, 2), (2, 3), (3, 2), (4, 4)])
def test_state_index_is_the_inverse_of_the_listing(size):
    places = np.random.default_rng(0).permutation(2 ** math.prod(size))
    np.testing.assert_array_equal(state_index(all_images(*size)[places]), places)


@pytest.mark.parametrize("convert", [np.bool_, np.float32, np.int64, jnp.asarray])
def test_state_index_takes_any_dtype(convert):
    images = convert(all_images(2, 2))
    np.testing.assert_array_equal(state_index(images), np.arange(16))


@pytest.mark.parametrize("size", [(28, 28), (3, 7), (0, 2), (-2, -2)])
def test_what_cannot_be_listed_is_refused(size):
    with pytest.raises(ValueError, match=r"expected 1 to 20 pixels.*2\*\*n"):
        all_images(*size)


def test_the_images_of_a_camera_cannot_be_listed():
    with pytest.raises(ValueError, match="found 28x28.*patch_joint"):
        joint_from_images(np.zeros((1, 28, 28, 1)))


@pytest.mark.parametrize("value", [-1, 2, 255, 0.5, np.nan])
@pytest.mark.parametrize(
    "function", [state_index, joint_from_images, patch_joint, nearest_pattern]
)
def test_images_must_be_binary(function, value):
    images = np.zeros((2, 4, 4, 1))
    images[1, 2, 3] = value
    with pytest.raises(ValueError, match="expected pixels 0 and 1.*binarize"):
        function(images)


@pytest.mark.parametrize("shape", [(2, 2), (3, 2, 2), (3, 2, 2, 3), ()])
@pytest.mark.parametrize("function", [state_index, joint_from_images, patch_joint])
def test_images_must_be_a_batch_with_one_channel(function, shape):
    with pytest.raises(ValueError, match=r"expected images of shape \[n, h, w, 1\]"):
        function(np.zeros(shape))
