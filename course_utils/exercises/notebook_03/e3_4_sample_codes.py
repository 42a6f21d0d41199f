"""Exercise 3.4: a normal distribution fitted to codes."""

import jax
import jax.numpy as jnp
import numpy as np

from course_utils.exercises.compare import IN_PLACE, Complaint
from course_utils.exercises.exercise import Case, Exercise, WrongAnswer

_MANY = 10_000


def sample_codes(codes, num, key):
    """Draw from the normal distribution with the mean and covariance of codes.

    codes: [n, d]. num: how many draws. key: a JAX random key, the only
    source of randomness.
    Returns draws of shape [num, d].
    """
    covariance = jnp.cov(codes, rowvar=False)
    noise = jax.random.normal(key, (num, codes.shape[1]))
    return codes.mean(axis=0) + noise @ jnp.linalg.cholesky(covariance).T


def _portrait(answer, codes, num, seed):
    """Return what makes draws right: few show what the key does, many the moments.

    The many are moved and turned so that right draws are N(0, I).
    """
    codes, key = jnp.asarray(codes, jnp.float32), jax.random.key(seed)
    draws = answer(codes, num, key)
    if draws is None:
        return None
    if np.shape(draws) != (num, codes.shape[1]):
        wanted = num, codes.shape[1]
        return Complaint(f"The shape should be {wanted}, but it is {np.shape(draws)}")
    draws = np.asarray(draws)
    if not np.isfinite(draws).all():
        return Complaint("Some draws are nan or infinite")
    if num < _MANY:
        again, other = answer(codes, num, key), answer(codes, num, jax.random.key(99))
        return {
            "the same key": np.array_equal(draws, np.asarray(again)),
            "another key": not np.array_equal(draws, np.asarray(other)),
        }
    root = np.linalg.cholesky(np.cov(codes, rowvar=False))
    white = np.linalg.solve(root, (draws - np.asarray(codes.mean(axis=0))).T)
    distinct = len(np.unique(draws[:, 0])) / num
    if distinct < 0.001:  # its moments say nothing
        found = f"{distinct * num:.0f} different values"
        return Complaint(f"{num:,} draws have only {found}")
    return {
        "distinct": distinct,
        "mean": white.mean(axis=1),
        "covariance": np.cov(white),
        "shape": 2.5 * np.abs(white).mean(axis=1),  # scatters less than the others
    }


_PARTS = {
    "the same key": "the same key gives two different sets of draws",
    "another key": "two different keys give the same draws",
    "distinct": "the draws repeat each other",
    "mean": "the mean of many draws is not that of the codes",
    "covariance": "the covariance of many draws is not that of the codes",
    "shape": "mean and covariance fit, but the draws are not normally distributed",
}


def _noise(codes, num, key):
    return jax.random.normal(key, (num, codes.shape[1]))


def _with_root(root_of):
    """Return an answer that uses `root_of(covariance)` in place of Cholesky's root."""

    def answer(codes, num, key):
        root = root_of(jnp.cov(codes, rowvar=False))
        return codes.mean(axis=0) + _noise(codes, num, key) @ root.T

    return answer


def _one_draw_repeated(codes, num, key):
    return jnp.tile(sample_codes(codes, 1, key), (num, 1))


def _second_moment(codes, num, key):
    root = jnp.linalg.cholesky(codes.T @ codes / len(codes))
    return codes.mean(axis=0) + _noise(codes, num, key) @ root.T


def _with_sum(codes, num, key):
    root = jnp.linalg.cholesky(jnp.cov(codes, rowvar=False) * len(codes))
    return codes.mean(axis=0) + _noise(codes, num, key) @ root.T


def _one_number_for_all(codes, num, key):
    shared = jax.random.normal(key, (num, 1))
    return codes.mean(axis=0) + shared * codes.std(axis=0)


def _numpys_chance(codes, num, key):
    mean, covariance = np.mean(codes, axis=0), np.cov(codes, rowvar=False)
    return np.random.default_rng().multivariate_normal(mean, covariance, num)


def _codes(seed, mean, root):
    """Return 200 codes around a mean, not normal: each has a long tail to one side."""
    tails = np.random.default_rng(seed).exponential(size=(200, len(mean))) - 1
    return np.array(mean) + tails @ np.array(root).T


_TWO = _codes(1, (1.0, -0.6), [[0.9, 0.0], [0.8, 0.7]])


_THREE = _codes(2, (0.5, 1.2, -0.8), [[0.8, 0, 0], [-0.6, 1.0, 0], [0.3, 0.7, 0.9]])


def _as_the_notebook(answer, codes, num, key):
    """Return what the next cell makes of draws: joined with others, all finite."""
    given = np.array(codes, np.float32)
    draws = answer(given, num, jax.random.key(key))
    if not np.array_equal(given, np.float32(codes)):
        return IN_PLACE
    joined = jnp.concatenate([draws, jnp.zeros((1, codes.shape[1]))])
    return joined.shape, bool(jnp.isfinite(joined).all())


def _more(rng):
    yield Case("one draw", (_THREE, 1, 7), run=_as_the_notebook)
    sixteen = rng.normal(size=(300, 16)) @ rng.normal(size=(16, 16))
    yield Case("1,000 draws of 16 numbers", (sixteen, 1_000, 8), run=_as_the_notebook)
    yield Case(f"{_MANY:,} draws, codes far from 0", (20 + 0.1 * _TWO, _MANY, 6))


EXERCISE = Exercise(
    id="3.4",
    title="a normal distribution fitted to codes",
    reference=sample_codes,
    cases=(
        Case("five draws of two numbers, twice over", (_TWO, 5, 3)),
        Case(f"{_MANY:,} draws of two numbers", (_TWO, _MANY, 4)),
        Case(f"{_MANY:,} draws of three numbers", (_THREE, _MANY, 5)),
    ),
    run=_portrait,
    more=_more,
    parts=_PARTS,
    wrong=(
        WrongAnswer(
            "standard normal",
            _noise,
            "You drew from N(0, I), as if any code were as good as any other. Nothing "
            "in the training put the codes there: the decoder has never seen most of "
            "these. Use the codes' own mean and covariance.",
        ),
        WrongAnswer(
            "every axis by itself",
            lambda codes, num, key: (
                codes.mean(axis=0) + _noise(codes, num, key) * codes.std(axis=0)
            ),
            "Mean and deviation of each axis are right, but the axes are drawn "
            "independently. The codes' axes are correlated, and their covariance says "
            "how: its root is a matrix.",
        ),
        WrongAnswer(
            "the mean forgotten",
            lambda codes, num, key: sample_codes(codes - codes.mean(0), num, key),
            "The spread is right, but around 0. Add the mean of the codes.",
        ),
        WrongAnswer(
            "the covariance for its root",
            _with_root(lambda covariance: covariance),
            "You multiplied the noise by the covariance S itself, so the draws have "
            "the covariance S S. You need L with L L^T = S, as a variance needs its "
            "root.",
        ),
        WrongAnswer(
            "the root of each entry",
            _with_root(jnp.sqrt),
            "You took the root of each entry of the covariance. The root that is asked "
            "for is one of the whole matrix, L with L L^T = S, as "
            "jnp.linalg.cholesky gives it. (A negative covariance has no root: nan.)",
        ),
        WrongAnswer(
            "one draw repeated",
            _one_draw_repeated,
            "All draws are the same one: the noise has no row for each draw. Make it "
            "of shape [num, d].",
        ),
        WrongAnswer(
            "the root on the wrong side",
            _with_root(lambda covariance: jnp.linalg.cholesky(covariance).T),
            "The root is on the wrong side: these draws have the covariance L^T L. For "
            "one draw it is L @ e; for draws in the rows of a table, noise @ L.T.",
        ),
        WrongAnswer(
            "variances for deviations",
            _with_root(lambda covariance: jnp.diag(jnp.diag(covariance))),
            "You multiplied by the variances, axis by axis. The noise has to be "
            "multiplied by deviations, their roots; and the axes belong together: use "
            "a root of the whole covariance.",
        ),
        WrongAnswer(
            "one deviation for all axes",
            lambda codes, num, key: (
                codes.mean(axis=0) + _noise(codes, num, key) * codes.std()
            ),
            "You used a single deviation for all axes: the draws fill a ball. The "
            "codes do not: take a covariance, with rowvar=False for codes in rows.",
        ),
        WrongAnswer(
            "resampling",
            lambda codes, num, key: jax.random.choice(key, codes, (num,)),
            "You picked among the codes that are there. Their decoded images are the "
            "reconstructions of training images, nothing new. Draw from the normal "
            "distribution.",
        ),
        WrongAnswer(
            "the second moment for the covariance",
            _second_moment,
            "You left the mean inside the covariance: it then counts as spread. "
            "Subtract it from the codes first; jnp.cov does.",
        ),
        WrongAnswer(
            "a sum for the covariance",
            _with_sum,
            "The draws fly far too wide: your matrix is a sum over the codes, and a "
            "covariance is a mean. Divide by their number.",
        ),
        WrongAnswer(
            "one noise for all axes",
            _one_number_for_all,
            "One random number moves all axes of a draw at once, so the draws lie on a "
            "line. Draw a number for each axis: noise of shape [num, d].",
        ),
        WrongAnswer(
            "a key of its own",
            lambda codes, num, key: sample_codes(codes, num, jax.random.key(0)),
            "Two different keys gave the same draws: the argument `key` is not used.",
        ),
        WrongAnswer(
            "NumPy's chance",
            _numpys_chance,
            "The same key gave two different sets of draws: chance comes from "
            "somewhere else. Take the noise from jax.random.normal(key, ...).",
        ),
    ),
    hints=(
        "If e is N(0, I), then m + L e has mean m and covariance L L^T. So which L do "
        "you need?",
        "jnp.cov(codes, rowvar=False) is the covariance of codes in rows, and "
        "jnp.linalg.cholesky of it is such an L.",
        "noise = jax.random.normal(key, (num, codes.shape[1])); for noise in rows, "
        "L e becomes noise @ L.T. Add codes.mean(axis=0).",
    ),
    rtol=0.0,
    atol=0.12,  # the mean of 10,000 draws has a deviation of 0.01
)
