"""Exercise 2.2: other proportions of the classes."""

import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer
from course_utils.exercises.notebook_02.e2_1_class_posterior import normalise


def change_prior(posterior, old, new):
    """Return p(y | x) for classes in other proportions, shape [n, k].

    posterior: p(y | x) in the old proportions, [n, k].
    old, new: both p(y), [k].
    """
    weighted = posterior * (np.asarray(new) / np.asarray(old))
    return weighted / weighted.sum(axis=1, keepdims=True)


def _more(rng):
    for n, k in [(1, 2), (3, 2), (2, 3), (4, 10)] * 4:
        rows = rng.dirichlet(np.full(k, 0.5), n) + 1e-6
        old, new = rng.dirichlet(np.full(k, 2.0), 2) + 1e-3
        rows /= rows.sum(axis=1, keepdims=True)
        name = f"{n} images, {k} classes, any proportions"
        yield Case(name, (rows, old / old.sum(), new / new.sum()))
    sure = np.array([[1 - 1e-9, 1e-9], [1e-8, 1 - 1e-8]])
    rare = np.array([1e-6, 1 - 1e-6])
    yield Case("a class that is rare in one place", (sure, rare, rare[::-1].copy()))
    yield Case("a class that was frequent and is rare", (sure, rare[::-1].copy(), rare))


EXERCISE = Exercise(
    id="2.2",
    title="other proportions of the classes",
    reference=change_prior,
    cases=(
        Case(
            "trained at 90/10, used at 60/40",
            (
                np.array([[0.95, 0.05], [0.3, 0.7], [0.9, 0.1]]),
                np.array([0.9, 0.1]),
                np.array([0.6, 0.4]),
            ),
        ),
        Case(
            "trained on balanced batches of three classes",
            (
                np.array([[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]]),
                np.array([1 / 3, 1 / 3, 1 / 3]),
                np.array([0.5, 0.3, 0.2]),
            ),
        ),
    ),
    more=_more,
    then=lambda posterior: posterior.argmax(axis=1),
    wrong=(
        WrongAnswer(
            "not renormalised",
            lambda posterior, old, new: posterior * new / old,
            "The ratio is right, but the rows no longer sum to one: p(x) has changed "
            "too. Divide each row by its sum.",
        ),
        WrongAnswer(
            "normalised over the images",
            lambda posterior, old, new: normalise(posterior * new / old, axis=0),
            "Your columns sum to one: the images compete with each other. For each "
            "image the classes must sum to one, so sum along axis 1.",
        ),
        WrongAnswer(
            "one sum for all images",
            lambda posterior, old, new: (
                posterior * new / old / np.sum(posterior * new / old)
            ),
            "You divided by the sum of the whole table, so all images together sum to "
            "one. Each row needs its own sum: axis=1, keepdims=True.",
        ),
        WrongAnswer(
            "ratio upside down",
            lambda posterior, old, new: normalise(posterior * old / new),
            "The ratio is upside down: a class that has become more frequent must "
            "become more probable. Multiply by new / old.",
        ),
        WrongAnswer(
            "the old prior left in",
            lambda posterior, old, new: normalise(posterior * new),
            "You multiplied by the new prior, but the old one is still in the "
            "posterior: take it out first, by dividing. Otherwise both count.",
        ),
        WrongAnswer(
            "the old prior taken out, the new one forgotten",
            lambda posterior, old, new: normalise(posterior / old),
            "You took the old prior out and stopped there. That is right only if the "
            "classes are equally frequent where the classifier is used.",
        ),
        WrongAnswer(
            "the difference added",
            lambda posterior, old, new: posterior + (new - old),
            "You added the difference of the priors. The rows still sum to one, but an "
            "entry can become negative. Bayes' rule multiplies: use the ratio.",
        ),
    ),
    hints=(
        "p(x | y) is the same in both places. Write both posteriors by Bayes' rule and "
        "divide one by the other.",
        "The ratio is new(y) / old(y) times something that does not depend on y. You "
        "need not know that something: the rows must sum to one.",
        "weighted = posterior * (new / old), then divide by weighted.sum(axis=1, "
        "keepdims=True).",
    ),
)
