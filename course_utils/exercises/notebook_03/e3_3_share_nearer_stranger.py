"""Exercise 3.3: nearer to a stranger than to oneself."""

from functools import partial

import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def share_nearer_stranger(features, moved, labels, gallery, gallery_labels):
    """Return the share of images nearer to a stranger than to their own copy.

    A stranger is a gallery image of another class.
    features, moved: the images and their copies, [n, d].
    labels: [n].
    gallery: [m, d].
    gallery_labels: [m].
    """
    own = np.sum((features - moved) ** 2, axis=1)
    lengths = np.sum(features**2, axis=1)[:, None] + np.sum(gallery**2, axis=1)
    squares = lengths - 2 * features @ gallery.T
    squares[labels[:, None] == gallery_labels] = np.inf
    return np.mean(own > squares.min(axis=1))


def _distances(a, b):
    return np.linalg.norm(a[:, None] - b[None], axis=2)


def _variant(own=None, start=None, keep=np.not_equal, pick=np.min, power=(1, 1)):
    """Return the answer with one thing changed: what a wrong answer gets wrong.

    own(features, moved): the distance to the copy. start(features, moved): where the
    distance to strangers begins. keep(labels, gallery_labels): who counts as a
    stranger. pick: which of their distances. power: of the two distances compared.
    """

    def answer(features, moved, labels, gallery, gallery_labels):
        own_distance = (own or _to_copy)(features, moved)
        origin = features if start is None else start(features, moved)
        distances = _distances(origin, gallery)
        kept = keep(labels[:, None], gallery_labels[None])
        picked = [pick(row[k]) for row, k in zip(distances, kept, strict=True)]
        return np.mean(own_distance ** power[0] > np.array(picked) ** power[1])

    return answer


def _to_copy(features, moved):
    return np.linalg.norm(features - moved, axis=1)


def _masked_by_zero(features, moved, labels, gallery, gallery_labels):
    distances = _distances(features, gallery)
    distances = distances * (labels[:, None] != gallery_labels)
    return np.mean(_to_copy(features, moved) > distances.min(axis=1))


def _length_left_out(features, moved, labels, gallery, gallery_labels):
    squares = np.sum(gallery**2, axis=1) - 2 * features @ gallery.T
    squares[labels[:, None] == gallery_labels] = np.inf
    return np.mean(_to_copy(features, moved) ** 2 > squares.min(axis=1))


def _neighbour_error(features, moved, labels, gallery, gallery_labels):
    nearest = _distances(moved, gallery).argmin(axis=1)
    return np.mean(gallery_labels[nearest] != labels)


def _case(seed, num, num_gallery, size, unknown=0):
    """Return images of three classes around three centres, copies, and a gallery.

    The first `unknown` images get a class that the gallery lacks, so that whoever
    spoils the distances to the own class is right about these.
    """
    rng = np.random.default_rng(seed)
    centres = 1.2 * rng.normal(size=(3, size))
    labels, gallery_labels = rng.integers(0, 3, num), rng.integers(0, 3, num_gallery)
    features = centres[labels] + rng.normal(size=(num, size))
    gallery = centres[gallery_labels] + rng.normal(size=(num_gallery, size))
    moved = features + rng.uniform(0.1, 1.3, (num, 1)) * rng.normal(size=features.shape)
    labels[:unknown] = 3
    return features, moved, labels, gallery, gallery_labels


def _more(rng):
    for num, num_gallery, size in [
        (5, 9, 1),
        (12, 40, 2),
        (30, 25, 16),
        (9, 200, 4),
    ] * 2:
        case = _case(int(rng.integers(1e6)), num, num_gallery, size)
        name = f"{num} images, {num_gallery} in the gallery, {size} features"
        yield Case(name, case)
        wide = [(30 * a).astype(np.float32) for a in case[:2]], 30 * case[3]
        yield Case(
            f"{name}, thirty times as large", (*wide[0], case[2], wide[1], case[4])
        )
    # All differences at once would take 190 MB; on the notebook's images 63 GB.
    yield Case("60 images and a gallery of 500, in pixels", _PIXELS, megabytes=60)


_PIXELS = _case(3, 60, 500, 784)


EXERCISE = Exercise(
    id="3.3",
    title="nearer to a stranger than to oneself",
    reference=share_nearer_stranger,
    cases=(
        Case("60 images in three dimensions", _case(1, 60, 45, 3)),
        Case("47 images in six dimensions", _case(2, 47, 80, 6, unknown=9)),
    ),
    more=_more,
    then=float,
    wrong=(
        WrongAnswer(
            "anyone for a stranger",
            _variant(keep=lambda y, other: (y == other) | (y != other)),
            "You compare with the nearest image of any class. That a shirt lies near "
            "another shirt is no fault: leave the gallery images of its own class out.",
        ),
        WrongAnswer(
            "its own class for strangers",
            _variant(keep=np.equal, pick=partial(np.min, initial=np.inf)),
            "You kept the images of the same class and left the strangers out: the "
            "comparison of the labels is the wrong way round.",
        ),
        WrongAnswer(
            "strangers of the copy",
            _variant(start=lambda features, moved: moved),
            "You measured from the moved copy to the strangers. Both distances start "
            "at the image itself: is its own copy nearer, or a stranger?",
        ),
        WrongAnswer(
            "the other way round",
            lambda *args: 1 - share_nearer_stranger(*args),
            "This is the share of images that lie nearer to their own copy. Return "
            "the rest: those for which a stranger is nearer.",
        ),
        WrongAnswer(
            "a count",
            lambda *args: share_nearer_stranger(*args) * len(args[0]),
            "You counted the images. A share is the count divided by their number: the "
            "mean of True and False.",
        ),
        WrongAnswer(
            "the mean stranger",
            _variant(pick=np.mean),
            "You compare with the mean distance to strangers. One stranger in between "
            "is enough to confuse the two: take the nearest.",
        ),
        WrongAnswer(
            "the farthest stranger",
            _variant(pick=np.max),
            "You compare with the farthest stranger. Take the smallest distance, not "
            "the largest.",
        ),
        WrongAnswer(
            "a root against a square",
            _variant(power=(1, 2)),
            "You compare a distance with a squared one: own is rooted, the strangers' "
            "are not. Take the root of both or of neither.",
        ),
        WrongAnswer(
            "a square against a root",
            _variant(power=(2, 1)),
            "You compare a squared distance with one that is rooted: own is squared, "
            "the strangers' are not. Take the root of both or of neither.",
        ),
        WrongAnswer(
            "zeros for its own class",
            _masked_by_zero,
            "Did you multiply the distances by True and False? Then the images of "
            "its own class got the distance 0, the smallest of all, and the minimum "
            "takes them. Give them np.inf, which no minimum takes.",
        ),
        WrongAnswer(
            "a length left out",
            _length_left_out,
            "The squared distance to a stranger lacks |f|^2. It does not change who is "
            "nearest, but how near: you compare with the distance to the copy, so all "
            "three terms count. It has one entry an image: add it as a column.",
        ),
        WrongAnswer(
            "one distance for all",
            _variant(own=lambda features, moved: np.linalg.norm(features - moved)),
            "The distance to the copy is one number for all images together: the norm "
            "of the whole table. Each row has its own: axis=1.",
        ),
        WrongAnswer(
            "anybody's copy",
            _variant(
                own=lambda features, moved: _distances(features, moved).min(axis=1)
            ),
            "You took the nearest of all moved copies. Image i has one copy, moved[i].",
        ),
        WrongAnswer(
            "the error of a classifier",
            _neighbour_error,
            "This is the share of copies whose nearest gallery image has another "
            "label: the error of a nearest-neighbour classifier. Here the rival of the "
            "strangers is the copy itself, not a friend in the gallery.",
        ),
    ),
    hints=(
        "Two numbers an image: the distance to its own copy, and the smallest distance "
        "to a gallery image with another label. Then compare and take the mean.",
        "|f - g|^2 = |f|^2 - 2 f.g + |g|^2, and features @ gallery.T holds all f.g at "
        "once. Squared distances compare like distances.",
        "labels[:, None] == gallery_labels is True where the pair is no stranger: set "
        "those entries of the [n, m] table to np.inf before `min(axis=1)`.",
    ),
)
