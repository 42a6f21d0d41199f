"""Exercise 3.1: the angles between two subspaces."""

import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def principal_angles(a, b):
    """Return the angles between two subspaces in degrees, smallest first, [k].

    a, b: each [d, k]; its k independent columns span the subspace. No
    column need have length one or be at right angles to the others.
    """
    basis_a, basis_b = np.linalg.qr(a)[0], np.linalg.qr(b)[0]
    cosines = np.linalg.svd(basis_a.T @ basis_b, compute_uv=False)
    return np.degrees(np.arccos(np.clip(cosines, 0, 1)))


def _snap(answer, a, b):
    """Take angles below a tenth of a degree for 0: float32 cannot tell them apart."""
    angles = answer(a, b)
    return None if angles is None else np.where(np.abs(angles) < 0.1, 0, angles)


def _cosines(a, b):
    return np.cos(np.radians(principal_angles(a, b)))


def _angles(cosines):
    return np.degrees(np.arccos(np.clip(cosines, -1, 1)))


def _unit(a):
    return a / np.linalg.norm(a, axis=0)


def _pair(seed, size, k, same_plane=False):
    """Return two matrices whose j-th columns are at acute angles that rise with j.

    So whoever compares column with column gets the same, sorted or not. The columns
    are short: their products are cosines of something even if nobody normalises them.
    """
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(size, k)) * rng.uniform(0.1, 0.3, k)
    b = (
        a @ rng.normal(size=(k, k))
        if same_plane
        else a + 0.2 * rng.normal(size=a.shape)
    )
    b *= 0.5 * np.sign(np.sum(a * b, axis=0))
    order = np.argsort(-np.sum(_unit(a) * _unit(b), axis=0))
    return a[:, order], b[:, order]


def _largest(answer, a, b):
    """Return what the next cell takes: the largest angle."""
    return np.round(answer(a, b).max())


def _more(rng):
    """Equal and orthogonal subspaces, lines, more columns, the notebook's own sizes."""
    for k, size, num in [(1, 2, 5), (2, 5, 5), (4, 9, 5), (8, 100, 1)]:
        for _ in range(num):
            a = rng.normal(size=(size, k))
            same = a @ (rng.normal(size=(k, k)) + 2 * np.eye(k))
            yield Case(f"one subspace of {k} dimensions, two bases", (a, same))
            yield Case(f"one subspace of {k} dimensions, twice the same", (a, a.copy()))
        b = rng.normal(size=(size, k)) @ np.diag(rng.uniform(0.01, 10, k))
        yield Case(f"{k} columns in {size} dimensions", (a, b))
    yield Case("the largest of several angles", (a, b), run=_largest)
    q = np.linalg.qr(rng.normal(size=(9, 6)))[0]
    yield Case("subspaces at right angles", (q[:, :3] * 4, q[:, 3:]))
    yield Case("planes that share a line", (q[:, [0, 1]] @ [[2, 1], [1, 1]], q[:, 1:3]))


EXERCISE = Exercise(
    id="3.1",
    title="the angles between two subspaces",
    reference=principal_angles,
    cases=(
        Case("two planes in five dimensions", _pair(1, 5, 2)),
        Case("three columns in nine dimensions", _pair(2, 9, 3)),
        Case("one plane, two bases", _pair(3, 6, 2, same_plane=True)),
    ),
    run=_snap,
    more=_more,
    wrong=(
        WrongAnswer(
            "column against column",
            lambda a, b: _angles(np.sum(_unit(a) * _unit(b), axis=0)),
            "You compared the first column with the first, the second with the second. "
            "A subspace has many bases, and none of its axes is marked: two bases of "
            "one plane may share no column. Compare the planes: make each basis "
            "orthonormal and use the singular values of the product.",
        ),
        WrongAnswer(
            "scaled, not orthogonal",
            lambda a, b: _angles(np.linalg.svd(_unit(a).T @ _unit(b))[1]),
            "Your columns have length one but are not at right angles, so singular "
            "values of the product are no cosines. np.linalg.qr gives an orthonormal "
            "basis of the same subspace.",
        ),
        WrongAnswer(
            "columns as they are",
            lambda a, b: _angles(np.linalg.svd(a.T @ b)[1]),
            "You multiplied the columns as they are, so their lengths get into the "
            "angles: doubling a matrix would change the answer, but not its subspace. "
            "Take an orthonormal basis of each first.",
        ),
        WrongAnswer(
            "largest first",
            lambda a, b: principal_angles(a, b)[::-1],
            "The right angles, largest first. Singular values come largest first, and "
            "the largest cosine belongs to the smallest angle: leave the order alone.",
        ),
        WrongAnswer(
            "radians",
            lambda a, b: np.radians(principal_angles(a, b)),
            "These are radians: np.arccos returns them. np.degrees converts.",
        ),
        WrongAnswer(
            "cosines",
            _cosines,
            "These are the cosines of the angles: equal subspaces get ones. Take "
            "arccos, and convert to degrees.",
        ),
        WrongAnswer(
            "squares for cosines",
            lambda a, b: _angles(_cosines(a, b) ** 2),
            "You took arccos of the squared cosines. The eigenvalues of a product of "
            "two projections, or of M.T @ M, are squares of M's singular values: take "
            "the root first.",
        ),
        WrongAnswer(
            "sines for cosines",
            lambda a, b: np.degrees(np.arcsin(np.clip(_cosines(a, b), 0, 1))),
            "Equal subspaces get right angles from you. The singular values of the "
            "product of the bases are cosines, not sines: arccos.",
        ),
        WrongAnswer(
            "columns centred",
            lambda a, b: principal_angles(a - a.mean(axis=0), b - b.mean(axis=0)),
            "You subtracted the mean of every column. Centring belongs to the images, "
            "before PCA; a column is a direction, and this turns it into another.",
        ),
    ),
    hints=(
        "The answer must not change when a is replaced by a @ R with an invertible R: "
        "the columns change, the subspace does not. Choose a basis for which angles "
        "are easy.",
        "np.linalg.qr(a)[0] is an orthonormal basis of a's columns. The singular "
        "values of basis_a.T @ basis_b are the cosines of the principal angles.",
        "np.linalg.svd(basis_a.T @ basis_b, compute_uv=False), then np.clip to at most "
        "1, np.arccos and np.degrees. The order is right as it comes.",
    ),
    rtol=1e-3,
)
