"""Random tables and images that the tests of the tiny worlds share."""

import itertools
import math

import numpy as np

LN2 = math.log(2)


AXES = range(4)


SUBSETS = [axes for n in range(5) for axes in itertools.combinations(AXES, n)]


ORDERED_SUBSETS = [axes for n in range(5) for axes in itertools.permutations(AXES, n)]


def random_table(shape, seed):
    return (
        np.random.default_rng(seed).dirichlet(np.ones(math.prod(shape))).reshape(shape)
    )


def random_images(num, height, width, seed=0):
    # unequal pixels: the later, the whiter
    white = np.linspace(0.2, 0.8, height * width).reshape(height, width, 1)
    draws = np.random.default_rng(seed).random((num, height, width, 1))
    return (draws < white).astype(np.uint8)


def pixels_of(image):
    return tuple(int(value) for value in image.reshape(-1))
