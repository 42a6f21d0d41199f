"""Sharpness without a reference: the power of an image at its spatial frequencies."""

import numpy as np
from jaxtyping import Array, Float, Float64

from course_utils.metrics.chunks import require_finite


def power_spectrum(
    images: Float[np.ndarray | Array, "n h h c"],
) -> Float64[np.ndarray, " frequencies"]:
    """Return the mean power at each spatial frequency, 0, 1, 2, ... cycles per image.

    power[r] = mean of |F(u, v)|^2 / h^4 over the coefficients with
    round(sqrt(u^2 + v^2)) = r, all images and all channels; F is the discrete Fourier
    transform. The powers times the numbers of coefficients sum to the mean square of
    the pixels (Parseval). White noise is flat; the corners, beyond h / 2 cycles, are
    frequencies of diagonal waves only.

    Raises:
        TypeError: the images are not floats.
        ValueError: they are not square images [n, h, h, c], or there is none.
    """
    power, radius = _power(images)
    count = len(power) * np.bincount(radius.ravel())
    return np.bincount(radius.ravel(), power.sum(axis=0).ravel()) / count


def sharpness(
    images: Float[np.ndarray | Array, "n h h c"],
) -> Float64[np.ndarray, " n"]:
    """Return the share of each image's power above a quarter cycle per pixel.

    That is above half of what the pixels can show along an axis: more than 7 cycles per
    image at 28x28. The mean brightness (frequency 0) does not count, so the share
    changes with neither brightness nor contrast, nor with a shift inside a plain
    border. Blur lowers it; noise raises it: sharp is not the same as real. An image of
    one colour has sharpness 0.

    Raises:
        TypeError: the images are not floats.
        ValueError: they are not square images [n, h, h, c], or there is none.
    """
    power, radius = _power(images)
    mean_square = power.sum(axis=(1, 2))
    total = power[:, radius > 0].sum(axis=1)
    fine = power[:, radius > len(radius) / 4].sum(axis=1)
    plain = total <= 1e-20 * mean_square  # what rounding leaves of a single colour
    return np.where(plain, 0, fine / np.where(plain, 1, total))


def _power(images) -> tuple[np.ndarray, np.ndarray]:
    """Return power [n,h,h], a mean over channels, and rounded frequencies [h,h]."""
    images = np.asarray(images)
    if not np.issubdtype(images.dtype, np.floating):
        raise TypeError(
            f"expected float images, found {images.dtype}; take to_unit(images), or "
            "images.astype(float) if they are binary"
        )
    if images.ndim != 4 or images.shape[1] != images.shape[2] or not images.size:
        raise ValueError(
            f"expected square images [n, h, h, c], found shape {images.shape}"
        )
    require_finite(images, "images")
    height = images.shape[1]
    waves = np.fft.fft2(images.astype(np.float64), axes=(1, 2)) / height**2
    cycles = np.fft.fftfreq(height, 1 / height)
    radius = np.rint(np.hypot(cycles[:, None], cycles[None])).astype(int)
    return np.mean(np.abs(waves) ** 2, axis=3), radius
