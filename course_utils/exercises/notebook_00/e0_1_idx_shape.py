"""Exercise 0.1: read the header of an IDX file."""

import struct

import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def idx_shape(header):
    """Return the shape stored in the header of an IDX file, as a tuple of ints.

    header: bytes. Two zeros, one byte for the number type, one byte for the
    number of dimensions n, then n big-endian 4-byte integers; anything
    after them is data.
    """
    starts = range(4, 4 + 4 * header[3], 4)
    return tuple(int.from_bytes(header[i : i + 4], "big") for i in starts)


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


def _more(rng):
    """Other numbers of dimensions, other number types, data behind the header."""
    for dims in (1, 2, 3, 4, 5) * 4:
        shape = [int(2 ** rng.uniform(0, 30)) for _ in range(dims)]
        kind = int(rng.choice([8, 9, 11, 12, 13, 14]))
        header = _header(*shape, kind=kind) + rng.bytes(int(rng.integers(0, 40)))
        yield Case(f"{dims} dimensions, number type {kind}", (header,))
    yield Case("no images of 28x28", (_header(0, 28, 28),))


EXERCISE = Exercise(
    id="0.1",
    title="read the header of an IDX file",
    reference=idx_shape,
    cases=(
        Case("60,000 images of 28x28", (_header(60000, 28, 28) + bytes(range(32)),)),
        Case("2,000,000 labels", (_header(2_000_000) + bytes(range(64)),)),
        Case("7 pairs of numbers", (_header(7, 2, kind=13) + bytes(range(60)),)),
    ),
    more=_more,
    # A list equals no tuple, and a float is no length.
    then=lambda shape: (shape == tuple(shape), np.broadcast_to(0, shape).ndim),
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
