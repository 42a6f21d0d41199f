"""Worlds so small that all images are listed: were these drawn from that p?"""

import jax.numpy as jnp
import numpy as np
import scipy.stats


def dtype_of(levels):
    return jnp.float32 if levels == 2 else jnp.int32


def listing(levels, size):
    """Return all images; read as a number to base `levels`, image i is i."""
    cells = np.indices((levels,) * (size[0] * size[1]))
    return cells.reshape(len(cells), -1).T.reshape(-1, *size, 1)


def p_value(images, p, levels):
    """Return the p-value of the chi-square test: were the images drawn from p?

    The least probable images are one cell, so that at least five of each are expected.
    """
    digits = levels ** np.arange(images[0].size)[::-1]
    index = np.asarray(images, int).reshape(len(images), -1) @ digits
    counts, expected = np.bincount(index, minlength=len(p)), len(images) * p
    order = np.argsort(expected)
    counts, expected = counts[order], expected[order]
    k = max((expected < 5).sum(), np.searchsorted(expected.cumsum(), 5) + 1)
    pooled = (np.append(x[k:], x[:k].sum()) for x in (counts, expected))
    return scipy.stats.chisquare(*pooled).pvalue


def given_in(p, levels, size, num_given):
    """Return an improbable beginning, as an image, and p(x | that beginning)."""
    images = listing(levels, size)
    beginnings = images.reshape(len(images), -1)[:, :num_given]
    of_image = beginnings @ levels ** np.arange(num_given)[::-1]
    chances = np.bincount(of_image, weights=p)
    rare = np.argsort(chances)[len(chances) // 4]
    matching = np.where(of_image == rare, p, 0)
    return images[of_image == rare][0], matching / matching.sum()
