import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from course_utils.metrics import power_spectrum, sharpness

RNG = np.random.default_rng(7)
NOISE = RNG.normal(size=(200, 28, 28, 1))


def wave(down, right, size=28):
    """Return one image of a wave with so many cycles along each axis."""
    y, x = np.mgrid[:size, :size] / size
    return np.sin(2 * np.pi * (down * y + right * x) + 0.4)[None, ..., None]


def shapes(n=20):
    """Return soft-edged images inside a dark border, like garments."""
    images = np.zeros((n, 28, 28, 1))
    images[:, 8:20, 8:20] = RNG.random((n, 12, 12, 1))
    return images


def blurred(images, sigma):
    return gaussian_filter(images, (0, sigma, sigma, 0), mode="wrap")


def number_of_coefficients(size):
    cycles = np.arange(size)
    cycles = np.minimum(cycles, size - cycles)
    radius = np.rint(np.sqrt(cycles[:, None] ** 2 + cycles[None] ** 2)).astype(int)
    return np.bincount(radius.ravel())


def test_white_noise_is_flat():
    power = power_spectrum(NOISE)
    assert power.shape == (21,)  # up to 14 sqrt 2 along the diagonal
    np.testing.assert_allclose(power[2:-1] * 784, 1, atol=0.08)


@pytest.mark.parametrize(
    ("down", "right", "frequency"), [(3, 0, 3), (0, 5, 5), (6, 8, 10), (14, 0, 14)]
)
def test_a_wave_lands_at_its_frequency(down, right, frequency):
    power = power_spectrum(wave(down, right))
    assert power.argmax() == frequency
    assert np.delete(power, frequency).max() < 1e-25


@pytest.mark.parametrize("size", [3, 7, 28])
def test_powers_sum_to_the_mean_square(size):
    images = RNG.random((5, size, size, 3))
    total = number_of_coefficients(size) @ power_spectrum(images)
    assert total == pytest.approx(np.mean(images**2))


def test_the_constant_part_is_frequency_zero():
    power = power_spectrum(np.full((2, 8, 8, 1), 0.5))
    assert power[0] == pytest.approx(0.25)
    np.testing.assert_allclose(power[1:], 0, atol=1e-25)


def test_sharpness_is_the_share_above_seven_cycles():
    # powers 9 : 1 : 4 of waves below, below and above the cut-off
    image = 3 * wave(2, 1) + wave(7, 0) + 2 * wave(6, 5)
    np.testing.assert_allclose(sharpness(image), [4 / 14])
    np.testing.assert_allclose(sharpness(image + 10), [4 / 14])


def test_blur_lowers_sharpness_and_noise_raises_it():
    images = shapes()
    levels = [sharpness(blurred(images, sigma)) for sigma in (0, 0.5, 1, 2)]
    for sharper, softer in zip(levels, levels[1:], strict=False):
        assert np.all(softer < sharper)
    assert np.all(sharpness(blurred(images, 1) + 0.05 * NOISE[:20]) > levels[2])


def test_sharpness_changes_with_neither_shift_nor_brightness_nor_contrast():
    images = shapes()
    for same in (np.roll(images, (3, -5), (1, 2)), 0.1 * images, images + 0.7):
        np.testing.assert_allclose(sharpness(same), sharpness(images), rtol=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_an_image_of_one_colour_is_not_sharp(value):
    images = np.concatenate([np.full((1, 28, 28, 1), value), wave(9, 0)])
    np.testing.assert_allclose(sharpness(images), [0, 1])


def test_float32_and_jax_arrays_are_welcome():
    images = jnp.asarray(shapes(3), jnp.float32)
    np.testing.assert_allclose(sharpness(images), sharpness(np.asarray(images)))
    assert power_spectrum(images).dtype == np.float64


@pytest.mark.parametrize("function", [power_spectrum, sharpness])
@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        (np.zeros((2, 4, 4, 1), np.uint8), TypeError, r"to_unit\(images\)"),
        (np.zeros((2, 4, 4, 1), bool), TypeError, r"images.astype\(float\)"),
        (np.zeros((2, 4, 5, 1)), ValueError, r"square images .* \(2, 4, 5, 1\)"),
        (np.zeros((4, 4, 1)), ValueError, "square images"),
        (np.zeros((0, 4, 4, 1)), ValueError, "square images"),
    ],
)
def test_bad_input_is_refused(function, images, error, words):
    with pytest.raises(error, match=words):
        function(images)


@pytest.mark.parametrize("measure", [power_spectrum, sharpness])
def test_an_image_with_nan_is_refused(measure):
    images = np.zeros((3, 4, 4, 1))
    images[1, 2, 2] = np.nan
    with pytest.raises(ValueError, match="1 of 3, first in number 1"):
        measure(images)
