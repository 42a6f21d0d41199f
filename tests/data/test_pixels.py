"""Ranges are decided by a function's name, never by the contents."""

import numpy as np
import pytest

from course_utils.data import (
    binarize,
    to_signed,
    to_unit,
)

LEVELS = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)


def test_ranges_of_all_grey_levels():
    exact = np.arange(256) / 255
    for convert, expected in [(to_unit, exact), (to_signed, 2 * exact - 1)]:
        result = convert(LEVELS)
        assert type(result) is np.ndarray
        assert result.dtype == np.float32 and result.shape == LEVELS.shape
        np.testing.assert_allclose(result.ravel(), expected, atol=1e-7)
    assert (to_unit(LEVELS).min(), to_unit(LEVELS).max()) == (0, 1)
    assert (to_signed(LEVELS).min(), to_signed(LEVELS).max()) == (-1, 1)


def test_range_does_not_depend_on_the_content():
    dark = np.ones((1, 28, 28, 1), np.uint8)  # as if it were already in [0, 1]
    assert np.all(to_unit(dark) == np.float32(1 / 255))
    assert np.all(to_signed(dark) == np.float32(1 / 127.5 - 1))
    assert np.all(binarize(dark) == 0)


@pytest.mark.parametrize("threshold", [1, 77, 128, 255])
def test_binarize_is_one_from_the_threshold_on(threshold):
    result = binarize(LEVELS, threshold)
    assert type(result) is np.ndarray and result.dtype == bool
    assert result.ravel().tolist() == [x >= threshold for x in range(256)]


def test_binarize_at_128_unless_told_otherwise():
    assert binarize(np.array([0, 127, 128, 255], np.uint8)).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("threshold", [0.5, 0, 256, -1, 127.5])
def test_binarize_refuses_a_threshold_that_is_no_grey_level(threshold):
    with pytest.raises(ValueError, match=rf"1 to 255, found {threshold}"):
        binarize(LEVELS, threshold)


@pytest.mark.parametrize("convert", [to_unit, to_signed, binarize])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int8", "bool"])
def test_ranges_refuse_other_types(convert, dtype):
    with pytest.raises(TypeError) as caught:
        convert(LEVELS.astype(dtype))
    assert f"{convert.__name__} expects uint8" in str(caught.value)
    assert f"found {dtype}" in str(caught.value)
    assert "convert once" in str(caught.value)


def test_ranges_leave_the_input_alone():
    before = LEVELS.copy()
    for convert in (to_unit, to_signed, binarize):
        convert(LEVELS)
    np.testing.assert_array_equal(LEVELS, before)
