"""Context tables: the chain rule with a short memory, fitted by counting.

    log p(x) = sum_i log p(x_i | context of i)

The *context* of a pixel is what a few of its causal neighbours show: pixels that come
before it in raster order. One table, p(white | context), serves all positions. Lossless
compressors of black-and-white pages work like this; the ten neighbours nearest to a
pixel are about the context of JBIG (ITU-T T.82).
"""

import itertools

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Float64, Int32, Key

MAX_NEIGHBOURS = 24  # the table has 2**24 entries then: 128 MiB
CHUNK = 4096  # images counted at a time: tens of megabytes instead of gigabytes

Neighbours = tuple[tuple[int, int], ...]  # (row, column) offsets from the pixel
Images = Bool[np.ndarray, "n h w 1"]


def causal_neighbours(k: int) -> tuple[tuple[int, int], ...]:
    """Return the k nearest causal neighbours of a pixel, as (row, column) offsets.

    Causal are the pixels of all rows above and those to the left in the same row. They
    are sorted by Euclidean distance; of equally near ones the lower row comes first,
    then the one further left. So W, N, NW, NE are the first four, and there is no tie
    between the last neighbour taken and the next one at k = 2, 4, 6, 10, 12, 14, 18
    and 22.

    Raises:
        ValueError: k is not from 0 to `MAX_NEIGHBOURS`.
    """
    if not 0 <= k <= MAX_NEIGHBOURS:
        raise ValueError(
            f"expected 0 to {MAX_NEIGHBOURS} neighbours, found {k}; k neighbours make "
            "a table of 2**k contexts"
        )
    # The k nearest are never further than k, for the k pixels to the left are as near.
    window = itertools.product(range(-k, 1), range(-k, k + 1))
    causal = [offset for offset in window if offset < (0, 0)]
    causal.sort(key=lambda o: (o[0] ** 2 + o[1] ** 2, -o[0], o[1]))
    return tuple(causal[:k])


def context_index(
    images: Bool[np.ndarray, "n h w 1"], neighbours: tuple[tuple[int, int], ...]
) -> Int32[np.ndarray, "n h w"]:
    """Return the context of every pixel: k neighbours as a number of k digits.

    White is 1, and the first neighbour leads. Pixels outside are black.
    """
    n, height, width, _ = images.shape
    pad = max((abs(d) for offset in neighbours for d in offset), default=0)
    padded = np.pad(images[..., 0], ((0, 0), (pad, pad), (pad, pad)))
    index = np.zeros((n, height, width), np.int32)
    for row, column in neighbours:
        top, left = pad + row, pad + column
        index = 2 * index + padded[:, top : top + height, left : left + width]
    return index


def fit_context_table(
    images: Images, neighbours: Neighbours, smoothing: float = 0.4
) -> Float64[np.ndarray, " contexts"]:
    """Return p(white | context) for all 2**k contexts, by counting at all positions.

    p(white | c) = (white pixels in context c + smoothing)
                   / (pixels in context c + 2 smoothing)

    A context that never occurs gets 1/2. Smoothing by 1/2 would be the estimator of
    Krichevsky and Trofimov (1981).

    Raises:
        TypeError: the images are not boolean.
        ValueError: the images are not [n, h, w, 1], there are more than
            `MAX_NEIGHBOURS` neighbours, or smoothing <= 0.
    """
    _check_images(images)
    if len(neighbours) > MAX_NEIGHBOURS:
        raise ValueError(
            f"expected at most {MAX_NEIGHBOURS} neighbours, found {len(neighbours)}"
        )
    if not smoothing > 0:
        raise ValueError(
            f"expected smoothing > 0, found {smoothing}: 0 / 0 is possible"
        )
    counts = np.full((2 ** len(neighbours), 2), smoothing)  # [context, colour]
    for start in range(0, len(images), CHUNK):
        chunk = images[start : start + CHUNK]
        cells = 2 * context_index(chunk, neighbours) + chunk[..., 0]
        found = np.bincount(cells.ravel(), minlength=counts.size)
        counts += found.reshape(counts.shape)
    return counts[:, 1] / counts.sum(axis=1)


def context_nll(
    table: Float[np.ndarray, " contexts"], images: Images, neighbours: Neighbours
) -> Float64[np.ndarray, " n"]:
    """Return -log p(x) = -sum_i log p(x_i | context of i), in nats per image: [n].

    Only causal neighbours make it the likelihood of an image. With others the
    probabilities of all images need not sum to one (`assert_normalized`).

    Args:
        table: p(white | context), one number for each of the 2**k contexts.
        images: True is white.
        neighbours: those the table was fitted with, in the same order.

    Raises:
        TypeError: the images are not boolean.
        ValueError: the images are not [n, h, w, 1], or the table does not have 2**k
            entries.
    """
    _check_images(images)
    _check_table(table, neighbours)
    with np.errstate(divide="ignore"):  # an impossible pixel costs infinitely many nats
        nats = -np.log(np.stack([1 - table, table], axis=1)).ravel()
    total = np.zeros(len(images))
    for start in range(0, len(images), CHUNK):
        chunk = images[start : start + CHUNK]
        cells = 2 * context_index(chunk, neighbours) + chunk[..., 0]
        total[start : start + CHUNK] = nats[cells].sum(axis=(1, 2))
    return total


def sample_context_table(
    table: Float[np.ndarray, " contexts"],
    neighbours: Neighbours,
    shape: tuple[int, int],
    num: int,
    key: Key[Array, ""],
) -> Bool[np.ndarray, "num h w 1"]:
    """Draw images pixel by pixel in raster order, each pixel given its context.

    A uniform number is drawn for each pixel; it turns white if the number lies below
    p(white | context). The uniform numbers are multiples of 2**-23, which is the only
    inexactness.

    Args:
        table: p(white | context), one number for each of the 2**k contexts.
        neighbours: those the table was fitted with, in the same order; all causal.
        shape: height and width of the images.
        num: how many images.
        key: a JAX random key.

    Raises:
        ValueError: the table does not have 2**k entries, or a neighbour is not causal:
            its pixel is not drawn yet when it is needed.
    """
    _check_table(table, neighbours)
    later = [offset for offset in neighbours if not tuple(offset) < (0, 0)]
    if later:
        raise ValueError(
            f"expected causal neighbours, found {later}: they come later in raster "
            "order, so they are not drawn yet; take rows above, or the same row left"
        )
    height, width = shape
    uniform = np.asarray(jax.random.uniform(key, (num, height, width)))
    offsets = np.array(neighbours, int).reshape(-1, 2)
    digits = 2 ** np.arange(len(offsets))[::-1]
    pad = np.abs(offsets).max(initial=0)
    padded = np.zeros((num, height + pad, width + 2 * pad), bool)
    for i, j in np.ndindex(height, width):
        rows, columns = pad + i + offsets[:, 0], pad + j + offsets[:, 1]
        white = table[padded[:, rows, columns] @ digits]
        padded[:, pad + i, pad + j] = uniform[:, i, j] < white
    return padded[:, pad:, pad : pad + width, None]


def _check_images(images) -> None:
    if images.dtype != bool:
        raise TypeError(f"expected boolean images (binarize), found {images.dtype}")
    if images.ndim != 4 or images.shape[3] != 1:
        raise ValueError(f"expected images [n, h, w, 1], found {images.shape}")


def _check_table(table, neighbours) -> None:
    if np.shape(table) != (2 ** len(neighbours),):
        raise ValueError(
            f"expected a table of 2**{len(neighbours)} contexts, found shape "
            f"{np.shape(table)}; fit it with the same neighbours"
        )
