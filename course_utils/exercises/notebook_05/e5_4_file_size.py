"""Exercise 5.4: from nats to the size of a file."""

import copy
import math

import jax.numpy as jnp
import numpy as np

from course_utils.exercises.compare import Complaint, same
from course_utils.exercises.exercise import Case, Exercise, WrongAnswer

_LN2 = math.log(2)


def file_size(nats, shape):
    """Return (bits per dimension, bytes of one file that holds all images).

    nats: -log p(x) of each image, [n].
    shape: of one image, (h, w, c).
    Bits per dimension are a mean over the images and their h * w * c numbers;
    the file has a whole number of bytes, as few as hold all the bits.
    """
    # In float64: float32 has 7 digits, and every byte of the file is counted.
    bits = np.asarray(nats, float).sum() / np.log(2)
    return bits / (len(nats) * math.prod(shape)), math.ceil(bits / 8)


def _total(nats):
    return np.asarray(nats, float).sum() / _LN2


def _both(convert):
    """Return an answer with `convert(nats)` for the bits of each image."""

    def answer(nats, shape):
        bits = np.sum(convert(np.asarray(nats, float)))
        return bits / (len(nats) * math.prod(shape)), math.ceil(bits / 8)

    return answer


def _dims(per_dimension):
    """Return an answer wrong in its bits per dimension alone: f(bits, n, shape)."""
    return lambda nats, shape: (
        per_dimension(_total(nats), len(nats), shape),
        file_size(nats, shape)[1],
    )


def _file(num_bytes):
    """Return an answer wrong in its bytes alone: f(bits of each image, shape)."""
    return lambda nats, shape: (
        file_size(nats, shape)[0],
        num_bytes(np.asarray(nats, float) / _LN2, shape),
    )


def _nats(rng, num, mean, full):
    """Return random nats whose file has a last byte that is full to a share `full`.

    All are multiples of a quarter: float32 adds them exactly, in any order. No answer
    depends on its last bit, for the file ends well inside a byte.
    """
    nats = np.round(4 * mean * rng.uniform(0.5, 1.5, num)) / 4
    missing = (full - _total(nats) / 8) % 1 * 8 * _LN2
    nats[-1] += np.round(4 * missing) / 4
    return nats


_RNG = np.random.default_rng(5)
_COLOUR = _nats(_RNG, 3, 9.0, 0.7), (2, 3, 3)
_CASES = (
    Case("5 images of fair coins, 3x2 grey pixels", (np.full(5, 6 * _LN2), (3, 2, 1))),
    Case("3 colour images of 2x3 pixels", _COLOUR),
    Case(
        "32 black-and-white images of 28x28, in float32",
        (np.float32(_nats(_RNG, 32, 50.0, 0.3)), (28, 28, 1)),
    ),
    Case(
        "4 colour images of 32x24, thousands of nats each",
        (_nats(_RNG, 4, 9000.0, 0.6), (32, 24, 3)),
    ),
)


def _with_an_int(answer, nats, shape):
    result = answer(nats, shape)
    if np.asarray(result[1]).dtype.kind in "iu":
        return result
    return Complaint(
        "A file has a whole number of bytes, so make that number an int. Both values "
        "are right, but yours is not an int (7.0, say, is a float)"
    )


def _more(rng):
    yield Case("the 3 colour images again", _COLOUR, run=_with_an_int)
    yield Case("images that are certain: 0 nats", (np.zeros(3), (4, 4, 1)))
    yield Case("all images alike", (np.full(6, 10.0), (5, 2, 1)))
    yield Case("an image of one pixel", (np.array([0.75]), (1, 1, 1)))
    for num in (1, 2, 9, 100):
        shape = tuple(int(size) for size in rng.integers(1, 12, 2))
        for c, full in ((1, 0.2), (3, 0.8), (4, 0.4)):
            nats = _nats(rng, num, c * math.prod(shape) * rng.uniform(0.1, 4), full)
            name = f"{num} images of {shape[0]}x{shape[1]}, {c} channels"
            yield Case(name, (nats, (*shape, c)))
    for num in (500, 10_000):
        nats = jnp.asarray(_nats(rng, num, 105.0, 0.5), jnp.float32)
        yield Case(f"{num:,} images of 28x28, a JAX array", (nats, (28, 28, 1)))


_FACTORS = {"ln 2 times": _LN2, "1 / ln 2 times": 1 / _LN2, "an eighth of": 1 / 8}


def _diagnose(answer):
    """Name a factor in the bits per dimension, or say if the file is too small."""
    cases = copy.deepcopy(_CASES)
    with np.errstate(all="ignore"):
        got = [answer(*case.args) for case in cases]
    in_place = not same(cases, _CASES, rtol=0.0)
    if in_place or np.shape(got) != (len(_CASES), 2):
        return None
    ratio, difference = np.asarray(got, float).T
    want = [file_size(*case.args) for case in _CASES]
    ratio /= [bpd for bpd, _ in want]
    difference -= [num_bytes for _, num_bytes in want]
    for name, factor in _FACTORS.items():
        if np.allclose(ratio, factor, rtol=1e-4):
            return f"Your bits per dimension are {name} what they should be."
    if not np.allclose(ratio, 1) or not difference.any():
        return None
    if (difference <= 0).all():
        return "The bits per dimension are right, but the file is too small."
    if (difference >= 0).all():
        return "The bits per dimension are right, but fewer bytes would do."
    return None


EXERCISE = Exercise(
    id="5.4",
    title="from nats to the size of a file",
    reference=file_size,
    cases=_CASES,
    more=_more,
    then=lambda result: f"{result[0]:.4f} bits per dimension, {result[1]:,} bytes",
    parts={0: "the bits per dimension", 1: "the number of bytes"},
    diagnose=_diagnose,
    wrong=(
        WrongAnswer(
            "nats taken for bits",
            _both(lambda nats: nats),
            "You counted nats as if they were bits. A bit is ln 2 nats, about 0.69.",
        ),
        WrongAnswer(
            "nats in the file alone",
            _file(lambda bits, shape: math.ceil(bits.sum() * _LN2 / 8)),
            "The bits per dimension are right, but the file is too small by a factor "
            "of ln 2: it was made for nats in place of bits.",
        ),
        WrongAnswer(
            "multiplied by ln 2",
            _both(lambda nats: nats * _LN2),
            "You multiplied the nats by ln 2. A bit is less than a nat, so there must "
            "be more bits than nats: divide.",
        ),
        WrongAnswer(
            "ln 2 twice",
            _both(lambda nats: nats / _LN2**2),
            "You divided by ln 2 twice. After the first time you have bits.",
        ),
        WrongAnswer(
            "a logarithm to base 10",
            _both(lambda nats: nats / np.log(10)),
            "You changed to logarithms to base 10, which count decimal digits. Bits "
            "are to base 2: divide by ln 2.",
        ),
        WrongAnswer(
            "a logarithm of the nats",
            _both(np.log2),
            "You took log2 of the nats, which are a logarithm already. To change its "
            "base from e to 2, divide by ln 2.",
        ),
        WrongAnswer(
            "the wrong sign",
            _both(lambda nats: -nats / _LN2),
            "Your sizes are negative. The nats are -log p(x), with the minus in them.",
        ),
        WrongAnswer(
            "back to probabilities",
            _both(lambda nats: -np.log2(np.exp(-nats))),
            "This is right for a few nats per image. With thousands, exp(-nats) is 0 "
            "and exp(nats) infinite. Stay with the logarithms: divide by ln 2.",
        ),
        WrongAnswer(
            "the probability of all images together",
            _both(lambda nats: -np.log2(np.exp(-nats.sum()))),
            "This is right for a few small images. The probability of many together is "
            "0 in floating point. Stay with the logarithms: add, and divide by ln 2.",
        ),
        WrongAnswer(
            "channels forgotten",
            _dims(lambda bits, n, shape: bits / (n * shape[0] * shape[1])),
            "The file is right. Your first result is the bits per pixel. A colour "
            "pixel has c numbers: divide by h * w * c.",
        ),
        WrongAnswer(
            "bits per image",
            _dims(lambda bits, n, shape: bits / n),
            "The file is right. Your first result is the bits per image: divide it by "
            "its h * w * c numbers.",
        ),
        WrongAnswer(
            "not divided by the number of images",
            _dims(lambda bits, n, shape: bits / math.prod(shape)),
            "The file is right. Your bits per dimension grow with the number of "
            "images: take a mean over them, not a sum.",
        ),
        WrongAnswer(
            "divided by the number of images twice",
            _dims(lambda bits, n, shape: bits / (n * n * math.prod(shape))),
            "The file is right. Your bits per dimension were divided by the number of "
            "images twice; a mean does it once.",
        ),
        WrongAnswer(
            "bits per dimension of the rounded file",
            _dims(lambda bits, n, s: 8 * math.ceil(bits / 8) / (n * math.prod(s))),
            "The file is right. Your bits per dimension include the unused bits of its "
            "last byte: compute them from the bits, before you round up.",
        ),
        WrongAnswer(
            "bits for bytes",
            _file(lambda bits, shape: math.ceil(bits.sum())),
            "You returned the number of bits, rounded up. A byte holds 8 of them.",
        ),
        WrongAnswer(
            "not rounded",
            _file(lambda bits, shape: bits.sum() / 8),
            "Your file ends with a fraction of a byte. It takes a whole one to hold "
            "the last bits: round up.",
        ),
        WrongAnswer(
            "rounded down",
            _file(lambda bits, shape: bits.sum() // 8),
            "You rounded the bytes down, so the last bits have no place in the file.",
        ),
        WrongAnswer(
            "rounded to the nearest byte",
            _file(lambda bits, shape: round(bits.sum() / 8)),
            "You rounded to the nearest number of bytes. If that is below, the last "
            "bits have no place in the file: round up.",
        ),
        WrongAnswer(
            "a file for each image",
            _file(lambda bits, shape: np.ceil(bits / 8).sum()),
            "You rounded the bytes of every image up, as if each had a file of its "
            "own. In one file only the last byte has unused bits: add first, then "
            "round.",
        ),
        WrongAnswer(
            "whole bits for each image",
            _file(lambda bits, shape: np.ceil(np.ceil(bits - 1e-9).sum() / 8)),
            "You rounded every image up to whole bits. In one file the next image can "
            "use what is left of a bit: add first, then round once.",
        ),
        WrongAnswer(
            "the file of one image",
            _file(lambda bits, shape: math.ceil(bits.mean() / 8)),
            "These are the bytes of an average image. The file holds all of them.",
        ),
        WrongAnswer(
            "a byte for every number",
            _file(lambda bits, shape: len(bits) * math.prod(shape)),
            "That is the size without a model, at a byte for each number. How many "
            "bits does the model need?",
        ),
    ),
    hints=(
        "First change the unit: nats are logarithms to base e, bits to base 2. How "
        "many bits do all the images need together?",
        "A bit is ln 2 nats, so divide the sum of the nats by np.log(2). From this "
        "total follow both results: how many numbers do n images have, and how many "
        "bits does a byte hold?",
        "The total over n * h * w * c, and math.ceil(total / 8).",
    ),
)
