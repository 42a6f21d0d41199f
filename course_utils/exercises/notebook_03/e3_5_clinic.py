"""Exercise 3.5: the bug clinic."""

import functools

import numpy as np

from course_utils.data import load_fashion_mnist, to_unit
from course_utils.exercises.clinic import Clinic, verdict_exercise

_SIZE = 8  # numbers in a code


_EDGE = 7  # of a patch, in pixels


_AXES = 28 // _EDGE, _EDGE, 28 // _EDGE, _EDGE


def _principal(x, k):
    """Return mean and k principal axes of [n, d], by subspace iteration (10 rounds)."""
    mean = x.mean(axis=0)
    axes = np.random.default_rng(0).normal(size=(x.shape[1], k))
    for _ in range(10):
        axes = np.linalg.qr((x - mean).T @ ((x - mean) @ axes))[0]
    return mean, axes


@functools.cache
def _images():
    """Return 5,000 training images with their labels, and 2,000 test images."""
    data = load_fashion_mnist()
    train, test = data.train.images[:5000], data.test.images[:2000]
    return to_unit(train), data.train.labels[:5000], to_unit(test)


def _flat(x):
    """Return [n, d] in double precision, so that swapped rows agree to the digit."""
    return np.asarray(x, float).reshape(len(x), -1)


@functools.cache
def _fitted():
    return _principal(_flat(_images()[0]), _SIZE)


def _as_it_is(codes):
    return codes


def _by_pca(x, wire=_as_it_is):
    """Project on eight principal axes."""
    mean, axes = _fitted()
    codes = wire((_flat(x) - mean) @ axes)
    return (mean + codes @ axes.T).reshape(x.shape)


def _by_turned_pca(x, wire=_as_it_is):
    """Likewise, with a code that is turned and stretched, and a decoder that undoes it.

    Its reconstructions are those of `_by_pca`, its codes look nothing like them.
    """
    mean, axes = _fitted()
    turn = np.random.default_rng(1).normal(size=(_SIZE, _SIZE))
    codes = wire((_flat(x) - mean) @ axes @ turn)
    return (mean + codes @ np.linalg.inv(turn) @ axes.T).reshape(x.shape)


@functools.cache
def _specialists():
    """Return ten mean garments, and means and axes of the images nearest to each."""
    train, labels, _ = _images()
    x = _flat(train)
    centres = np.stack([x[labels == y].mean(axis=0) for y in range(10)])
    nearest = _nearest(x, centres)
    return centres, [_principal(x[nearest == i], _SIZE - 1) for i in range(10)]


def _nearest(x, centres):
    return np.argmin((centres**2).sum(axis=1) - 2 * x @ centres.T, axis=1)


def _by_specialists(x, wire=_as_it_is):
    """Say which of ten mean garments is nearest, then seven numbers on its own axes."""
    centres, parts = _specialists()
    flat = _flat(x)
    chosen = _nearest(flat, centres)
    codes = np.zeros((len(x), _SIZE))
    for i, (mean, axes) in enumerate(parts):
        here = chosen == i
        codes[here, 0], codes[here, 1:] = i, (flat[here] - mean) @ axes
    codes = np.asarray(wire(codes))
    chosen = np.clip(np.round(codes[:, 0]), 0, 9)
    out = np.zeros_like(flat)
    for i, (mean, axes) in enumerate(parts):
        here = chosen == i
        out[here] = mean + codes[here, 1:] @ axes.T
    return out.reshape(x.shape)


def _standardise(x):
    """Return [n, d] with each patch at mean 0 and deviation about 1, and the two."""
    patches = _flat(x).reshape(len(x), *_AXES)
    mean = patches.mean(axis=(2, 4), keepdims=True)
    deviation = patches.std(axis=(2, 4), keepdims=True) + 0.05
    return ((patches - mean) / deviation).reshape(len(x), -1), mean, deviation


@functools.cache
def _fitted_to_patches():
    return _principal(_standardise(_images()[0])[0], _SIZE)


def _by_standardised_patches(x, wire=_as_it_is):
    """The faulty one: each patch gets its own mean and deviation back at the end."""
    mean, axes = _fitted_to_patches()
    flat, level, contrast = _standardise(x)
    codes = wire((flat - mean) @ axes)
    patches = (mean + codes @ axes.T).reshape(len(x), *_AXES)
    return (patches * contrast + level).reshape(x.shape)


def _error(run, x):
    return np.mean((run(x) - x) ** 2)


def _is_small_on_test_images(run):
    return bool(_error(run, _images()[2]) < 0.03)


def _same_on_both_splits(run):
    train, _, test = _images()
    return bool(abs(_error(run, test) / _error(run, train) - 1) < 0.1)


def _uses_its_code(run):
    test = _images()[2]
    return bool(np.mean((run(test, lambda z: 0 * z) - run(test)) ** 2) > 0.01)


def _swaps_with_its_code(run):
    test = _images()[2]
    return bool(np.allclose(run(test, lambda z: z[::-1]), run(test)[::-1]))


CLINIC = Clinic(
    id="3.5",
    suspects={
        "A": _by_pca,
        "B": _by_specialists,
        "C": _by_standardised_patches,
        "D": _by_turned_pca,
    },
    guilty="C",
    fault="it standardises every patch before the encoder and gives the patch its own "
    "mean and deviation back after the decoder: 32 numbers go past a code of eight",
    instruments={
        "error": _is_small_on_test_images,
        "gap": _same_on_both_splits,
        "code in use": _uses_its_code,
        "swap": _swaps_with_its_code,
    },
    blind={
        "error": "a small error says that the picture arrived, not by which road. A "
        "good code and a road around the code both make it small.",
        "gap": "a second road from input to output is as open on test images as on "
        "training images, so both errors are small together.",
        "code in use": "that the picture changes with the code shows that the decoder "
        "reads it. It may read something else besides.",
    },
    hints=(
        "If a decoder knows the code and nothing else, then equal codes must give "
        "equal pictures.",
        "`run(x, wire)` lets you give each image the code of another. What must then "
        "come out, exactly?",
        "Compare `run(x, lambda z: z[::-1])` with `run(x)[::-1]` by np.allclose.",
    ),
)

EXERCISE = verdict_exercise(CLINIC)
