"""Ranges are decided by a function's name, never by the contents."""

import numpy as np
import pytest

from course_utils.data import (
    binarize,
    quantize,
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


@pytest.mark.parametrize("levels", [2, 3, 4, 7, 16, 100, 255, 256])
def test_quantize_cuts_the_grey_levels_into_equal_parts(levels):
    result = quantize(LEVELS, levels)
    assert type(result) is np.ndarray and result.dtype == np.uint8
    assert result.shape == LEVELS.shape
    assert result.ravel().tolist() == [x * levels // 256 for x in range(256)]
    sizes = np.bincount(result.ravel())
    assert len(sizes) == levels and sizes.max() - sizes.min() <= 1


def test_quantize_with_two_levels_is_binarize_and_with_256_changes_nothing():
    np.testing.assert_array_equal(quantize(LEVELS, 2), binarize(LEVELS))
    np.testing.assert_array_equal(quantize(LEVELS, 256), LEVELS)
    assert quantize(LEVELS, 4).ravel()[[63, 64, 127, 128, 191, 192]].tolist() == [
        *(0, 1, 1, 2, 2, 3)
    ]


@pytest.mark.parametrize("levels", [1, 0, -4, 257, 2.5])
def test_quantize_refuses_a_number_of_levels_that_bytes_do_not_have(levels):
    with pytest.raises(ValueError, match=f"2 to 256 grey levels, found {levels}"):
        quantize(LEVELS, levels)


def test_quantize_refuses_other_types():
    for dtype in ("float32", "int32", "int8", "bool"):
        with pytest.raises(TypeError, match=f"quantize expects uint8.*found {dtype}"):
            quantize(LEVELS.astype(dtype), 4)


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
    quantize(LEVELS, 4)
    np.testing.assert_array_equal(LEVELS, before)
