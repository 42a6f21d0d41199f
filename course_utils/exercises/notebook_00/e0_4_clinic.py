"""Exercise 0.4: the bug clinic."""

import numpy as np

from course_utils.exercises.clinic import Clinic, verdict_exercise
from course_utils.worlds import all_images, entropy


def _count_by_index(images):
    """Count through each image's place in the listing."""
    place = images.reshape(len(images), 4) @ np.array([8, 4, 2, 1])
    return (np.bincount(place, minlength=16) / len(images)).reshape(2, 2, 2, 2)


def _count_by_columns(images):
    """The faulty one: the pixels are read column by column."""
    columns = images[..., 0].transpose(0, 2, 1).reshape(len(images), 4)
    place = columns @ np.array([8, 4, 2, 1])
    return (np.bincount(place, minlength=16) / len(images)).reshape(2, 2, 2, 2)


def _count_by_comparing(images):
    """Compare every image with every state."""
    states = all_images(2, 2)
    equal = (images[:, None] == states[None]).all(axis=(2, 3, 4))
    return equal.mean(axis=0).reshape(2, 2, 2, 2)


def _clinic_images():
    """Fifteen copies of a white top row, four of an empty image, one lone pixel."""
    images = np.zeros((20, 2, 2, 1), dtype=bool)
    images[:15, 0] = True
    images[19, 1, 0] = True
    return images


CLINIC = Clinic(
    id="0.4",
    suspects={"A": _count_by_index, "B": _count_by_columns, "C": _count_by_comparing},
    guilty="B",
    fault="it reads the pixels column by column: rows and columns are swapped",
    instruments={
        "total": lambda table: bool(np.isclose(table(_clinic_images()).sum(), 1)),
        "entropy": lambda table: bool(
            np.isclose(
                entropy(table(_clinic_images())),
                entropy(_count_by_comparing(_clinic_images())),
            )
        ),
        "direct count": lambda table: bool(
            np.isclose(table(_clinic_images())[1, 1, 0, 0], 15 / 20)
        ),
    },
    blind={
        "total": "a table with its entries in the wrong places still sums to one.",
        "entropy": "entropy depends on the probabilities, not on the images that have "
        "them, so it is the same after any exchange of images.",
    },
    hints=(
        "Two instruments give the same reading for all three. What do they ignore?",
        "Take an image that changes when rows and columns are swapped and count it by "
        "hand.",
    ),
)

EXERCISE = verdict_exercise(CLINIC)
