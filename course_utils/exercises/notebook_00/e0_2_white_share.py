"""Exercise 0.2: the share of white pixels."""

import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def white_share(images):
    """Return the share of white pixels of each image, shape [n].

    images: [n, h, w, 1] with values False (black) and True (white).
    """
    return images.mean(axis=(1, 2, 3))


def _mixed_images():
    """Three images with 0, 300 and 360 white pixels: more than a byte can count."""
    images = np.zeros((3, 360), dtype=bool)
    images[1, :300] = True
    images[2] = True
    return images.reshape(3, 18, 20, 1)


def _more(rng):
    for n, h, w in [(1, 1, 1), (1, 28, 28), (5, 3, 7), (2, 1, 9), (4, 40, 30)] * 3:
        images = rng.random((n, h, w, 1)) < rng.choice([0.0, 0.2, 0.9, 1.0])
        yield Case(f"{n} images of {h}x{w}", (images,))
    images = rng.random((6_000, 28, 28, 1)) < 0.3
    yield Case("6,000 images, one class of the notebook", (images,), megabytes=200)


EXERCISE = Exercise(
    id="0.2",
    title="the share of white pixels",
    reference=white_share,
    cases=(
        Case("three images of 18x20", (_mixed_images(),)),
        Case("one image of 2x3", (np.eye(2, 3, dtype=bool).reshape(1, 2, 3, 1),)),
    ),
    more=_more,
    then=lambda shares: np.histogram(shares, bins=4, range=(0, 1))[0],
    wrong=(
        WrongAnswer(
            "one number for the whole batch",
            lambda images: images.mean(),
            "You averaged over the whole batch and got one number. The question is "
            "asked of each image: keep the first axis, average over the others.",
        ),
        WrongAnswer(
            "averages over the images",
            lambda images: images.mean(axis=0),
            "You averaged over axis 0, the images: that is the mean picture. Average "
            "over the axes of one image, 1, 2 and 3.",
        ),
        WrongAnswer(
            "counts instead of a share",
            lambda images: images.sum(axis=(1, 2, 3)),
            "These are numbers of white pixels, not shares: divide by the number of "
            "pixels of one image, so that sizes can be compared.",
        ),
        WrongAnswer(
            "sums in bytes",
            lambda images: (
                images.astype(np.uint8).sum((1, 2, 3), dtype=np.uint8) / images[0].size
            ),
            "The sum was kept in a byte, which holds at most 255 and then starts again "
            "at 0. Let the sum be a larger type: `mean` does, or give a dtype.",
        ),
        WrongAnswer(
            "divides by the height",
            lambda images: images.sum(axis=(1, 2, 3)) / images.shape[1],
            "You divided by the height alone. An image has height times width pixels.",
        ),
    ),
    hints=(
        "The mean of zeros and ones is the share of ones.",
        "`mean` takes an `axis`: name the axes that should disappear.",
        "axis=(1, 2, 3) leaves one number an image.",
    ),
)
