"""Principal component analysis, and the density that goes with it.

Probabilistic PCA (Tipping and Bishop 1999, doi:10.1111/1467-9868.00196):

    z from N(0, I),  x = W z + mean + noise,  noise from N(0, s^2 I)

so that x is normal with covariance C = W W^T + s^2 I. The most likely C has the largest
k eigenvalues and eigenvectors of the data's covariance; s^2 is the mean of the others.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float, Float64

CHUNK = 5_000  # images at a time: 31 MB of float64


class PCA(NamedTuple):
    """The principal components of images with p pixels (times channels).

    Attributes:
        mean: image.
        components: orthonormal columns, the direction of largest variance first.
        variances: of the data along them (divided by n).
        noise_variance: the mean variance along all other directions.
        shape: of an image, (h, w, c).
    """

    mean: Float64[np.ndarray, " p"]
    components: Float64[np.ndarray, "p k"]
    variances: Float64[np.ndarray, " k"]
    noise_variance: float
    shape: tuple[int, int, int]


def fit_pca(x: Float[np.ndarray | Array, "n h w c"], num_components: int) -> PCA:
    """Return the first principal components of images, from their covariance.

    The sign of a component is not determined by the data; here its entry of largest
    magnitude is positive.

    Args:
        x: at least two images.
        num_components: k, from 0 to the number of pixels minus one.

    Raises:
        TypeError: the images are not floats.
        ValueError: images of another shape, or a k out of range.
    """
    x = _checked(x)
    if not 0 <= num_components < x[0].size or len(x) < 2:
        raise ValueError(
            f"expected at least 2 images and from 0 to {x[0].size - 1} components, "
            f"found {len(x)} and {num_components}"
        )
    flat = x.reshape(len(x), -1)
    mean = flat.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((len(mean), len(mean)))
    for start in range(0, len(flat), CHUNK):
        centred = flat[start : start + CHUNK] - mean
        covariance += centred.T @ centred / len(flat)
    variances, vectors = np.linalg.eigh(covariance)  # ascending
    variances, vectors = variances[::-1], vectors[:, ::-1][:, :num_components]
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.sign(vectors[largest, np.arange(num_components)])
    noise_variance = float(variances[num_components:].mean())
    return PCA(
        mean, vectors * signs, variances[:num_components], noise_variance, x.shape[1:]
    )


def pca_encode(
    pca: PCA, x: Float[np.ndarray | Array, "n h w c"]
) -> Float64[np.ndarray, "n k"]:
    """Return the codes of images: z = (x - mean) U."""
    return (np.asarray(x).reshape(len(x), -1) - pca.mean) @ pca.components


def pca_decode(
    pca: PCA, z: Float[np.ndarray | Array, "n k"]
) -> Float64[np.ndarray, "n h w c"]:
    """Return the images of codes: z U^T + mean."""
    return (np.asarray(z) @ pca.components.T + pca.mean).reshape(-1, *pca.shape)


def ppca_log_density(
    pca: PCA, x: Float[np.ndarray | Array, "n h w c"]
) -> Float64[np.ndarray, " n"]:
    """Return log N(x; mean, C) of probabilistic PCA, in nats per image.

    C has the eigenvalues `variances` along the components and `noise_variance` along
    all p - k other directions, so nothing larger than [n, p] is needed:

    -2 log p = p log 2 pi + sum_j log v_j + (p - k) log s^2
               + sum_j z_j^2 / v_j + r / s^2

    with z = pca_encode(x) and r the squared distance of x to the subspace. Tipping and
    Bishop 1999, section 3.

    Raises:
        TypeError: the images are not floats.
        ValueError: images of another shape than the fitted ones, or a density that
            does not exist, because the images do not vary beyond the components.
    """
    x = _checked(x)
    if x.shape[1:] != pca.shape:
        raise ValueError(
            f"expected images of shape {pca.shape}, found {x.shape[1:]}; fit the PCA "
            "on images of the same kind"
        )
    if pca.noise_variance <= 1e-12 * pca.variances.max(initial=0):
        raise ValueError(
            f"expected a noise variance > 0, found {pca.noise_variance:.2g}: the "
            "training images do not vary beyond the components; take fewer components "
            "or more images"
        )
    z = pca_encode(pca, x)
    squares = np.sum((x - pca_decode(pca, z)) ** 2, axis=(1, 2, 3))
    p, k = pca.components.shape
    log_det = np.log(pca.variances).sum() + (p - k) * np.log(pca.noise_variance)
    distance = (z**2 / pca.variances).sum(axis=1) + squares / pca.noise_variance
    return -0.5 * (p * np.log(2 * np.pi) + log_det + distance)


def _checked(x) -> Float[np.ndarray, "n h w c"]:
    x = np.asarray(x)
    if not np.issubdtype(x.dtype, np.floating):
        raise TypeError(
            f"expected float images, found {x.dtype}; take to_unit(images), or "
            "images.astype(float) if they are binary"
        )
    if x.ndim != 4 or not len(x):
        raise ValueError(f"expected images [n, h, w, c], found shape {x.shape}")
    return x
