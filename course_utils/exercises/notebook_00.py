"""Exercises of notebook 00: one of each kind, small enough to learn the ropes on."""

import struct

import jax.numpy as jnp
import numpy as np

from course_utils.exercises.clinic import Clinic, verdict_exercise
from course_utils.exercises.judge import Case, Exercise, WrongAnswer
from course_utils.worlds import all_images, entropy


# 0.1 ---------------------------------------------------------------------------------
def idx_shape(header):
    """Return the shape stored in the header of an IDX file, as a tuple of ints.

    header: bytes. Two zeros, one byte for the number type, one byte for the number of
    dimensions n, then n big-endian 4-byte integers; anything after them is data.
    """
    starts = range(4, 4 + 4 * header[3], 4)
    return tuple(int.from_bytes(header[i : i + 4], "big") for i in starts)


def _shape_by_struct(header):
    return struct.unpack(f">{header[3]}I", header[4 : 4 + 4 * header[3]])


def _shape_by_numpy(header):
    return tuple(np.frombuffer(header, ">u4", count=header[3], offset=4).tolist())


def _little_endian(header):
    return struct.unpack(f"<{header[3]}I", header[4 : 4 + 4 * header[3]])


def _from_the_start(header):
    return struct.unpack(f">{header[3]}I", header[: 4 * header[3]])


def _always_three(header):
    return struct.unpack(">3I", header[4:16])


def _type_as_dims(header):
    return struct.unpack(f">{header[2]}I", header[4 : 4 + 4 * header[2]])


def _header(*shape, kind=8):
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape)


IDX_SHAPE = Exercise(
    id="0.1",
    title="read the header of an IDX file",
    reference=idx_shape,
    cases=(
        Case("60,000 images of 28x28", (_header(60000, 28, 28) + bytes(range(32)),)),
        Case("2,000,000 labels", (_header(2_000_000) + bytes(range(64)),)),
        Case("7 pairs of numbers", (_header(7, 2, kind=13) + bytes(range(60)),)),
    ),
    alternatives=(_shape_by_struct, _shape_by_numpy),
    wrong=(
        WrongAnswer(
            "little-endian",
            _little_endian,
            "You read the bytes in the wrong order. Big-endian means that the most "
            "significant byte comes first.",
        ),
        WrongAnswer(
            "starts at byte 0",
            _from_the_start,
            "You started at the first byte, so the four bytes of type and number of "
            "dimensions were read as a length. The lengths start at byte 4.",
        ),
        WrongAnswer(
            "always three dimensions",
            _always_three,
            "Images have three dimensions, but labels have one. Byte 3 says how many.",
        ),
        WrongAnswer(
            "byte 2 as the number of dimensions",
            _type_as_dims,
            "You took byte 2 for the number of dimensions: it is the number type "
            "(8 means unsigned bytes). The number of dimensions is byte 3.",
        ),
    ),
    hints=(
        "Which byte says how many lengths follow, and at which byte do they begin? An "
        "index into bytes, such as header[3], gives an int.",
        "Each length takes 4 bytes: header[4:8] is the first, header[8:12] the second.",
        'int.from_bytes(four_bytes, "big") turns four bytes into one integer.',
    ),
)


# 0.2 ---------------------------------------------------------------------------------
def white_share(images):
    """Return the share of white pixels of each image, shape [n].

    images: [n, h, w, 1] with values False (black) and True (white).
    """
    return images.mean(axis=(1, 2, 3))


def _share_by_reshape(images):
    flat = jnp.asarray(images, dtype=jnp.float32).reshape(len(images), -1)
    return jnp.mean(flat, axis=1)


def _share_by_count(images):
    return [int(np.count_nonzero(image)) / image.size for image in images]


def _mixed_images():
    """Three images with 0, 300 and 360 white pixels: more than a byte can count."""
    images = np.zeros((3, 360), dtype=bool)
    images[1, :300] = True
    images[2] = True
    return images.reshape(3, 18, 20, 1)


WHITE_SHARE = Exercise(
    id="0.2",
    title="the share of white pixels",
    reference=white_share,
    cases=(
        Case("three images of 18x20", (_mixed_images(),)),
        Case("one image of 2x3", (np.eye(2, 3, dtype=bool).reshape(1, 2, 3, 1),)),
    ),
    alternatives=(_share_by_reshape, _share_by_count),
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


# 0.3 ---------------------------------------------------------------------------------
NUM_STATES = Exercise(
    id="0.3",
    title="how many binary images of 3x3 there are",
    reference=512,
    wrong=(
        WrongAnswer("the pixels", 9, "9 is the number of pixels, not of images."),
        WrongAnswer(
            "2 times 9",
            18,
            "18 adds up the choices of the pixels. They are combined: every choice of "
            "one pixel goes with every choice of the others, so they multiply.",
        ),
        WrongAnswer(
            "9 to the power 2",
            81,
            "81 is 9 to the power 2: base and exponent are swapped. Each of the 9 "
            "pixels doubles the number of images.",
        ),
        WrongAnswer(
            "the free parameters",
            511,
            "511 is how many probabilities one may choose freely, since they must sum "
            "to one. The question is how many images there are.",
        ),
        WrongAnswer(
            "^ for a power",
            2 ^ 9,
            "In Python, 2 ^ 9 compares bits (exclusive or). The power is 2 ** 9.",
        ),
        WrongAnswer(
            "grey pixels",
            256**9,
            "256 counts the grey levels of a byte. These pixels are black or white.",
        ),
        WrongAnswer(
            "a 2x2 image", 16, "16 is the answer for 2x2. Here 9 pixels count."
        ),
    ),
    hints=(
        "One pixel makes 2 images. Add a second pixel: each of them splits in two.",
        "Nine doublings.",
    ),
)


# 0.4 ---------------------------------------------------------------------------------
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

EXERCISES = (IDX_SHAPE, WHITE_SHARE, NUM_STATES, verdict_exercise(CLINIC))
