"""Exercise 2.1: from log-likelihoods to class probabilities."""

import jax
import jax.numpy as jnp
import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def class_posterior(log_likelihoods, prior):
    """Return p(y | x) for each image, shape [n, k]; each row sums to one.

    log_likelihoods: log p(x | y) in nats, [n, k]. prior: p(y), [k].
    """
    log_joint = log_likelihoods + np.log(prior)
    log_evidence = np.logaddexp.reduce(log_joint, axis=1, keepdims=True)
    return np.exp(log_joint - log_evidence)


def _posterior_by_softmax(log_likelihoods, prior):
    return jax.nn.softmax(jnp.log(prior) + log_likelihoods, axis=1)


def normalise(table, axis=1):
    """Return a table divided by its sums along an axis."""
    return table / table.sum(axis=axis, keepdims=True)


def _more(rng):
    """Masses and densities; classes far apart, equal or nearly so; rare classes."""
    sizes = [(1, 2), (3, 2), (4, 10), (2, 5)]
    for level, spread in [(-3, 1), (-600, 40), (0, 0), (1500, 5), (-2500, 900)]:
        for n, k in sizes:
            levels = level + spread * rng.normal(size=(n, 1))
            scores = levels + spread * rng.normal(size=(n, k))
            prior = rng.dirichlet(np.full(k, 0.7)) + 1e-4
            name = f"{n} images, {k} classes, likelihoods around {level} nats"
            yield Case(name, (scores, prior / prior.sum()))


EXERCISE = Exercise(
    id="2.1",
    title="from log-likelihoods to class probabilities",
    reference=class_posterior,
    cases=(
        Case(
            "likelihoods of small images",
            (
                np.array([[-1.0, -2.5, -0.5], [-3.0, -1.0, -4.5]]),
                np.array([0.6, 0.3, 0.1]),
            ),
        ),
        Case(
            "likelihoods of 784 pixels",
            (
                np.array([[-801.0, -800.0], [-905.5, -907.0], [-860.0, -862.0]]),
                np.array([0.8, 0.2]),
            ),
        ),
        Case(
            "an easy image beside a hard one",
            (
                np.array([[-1050.0, -1052.5, -1051.0], [-148.0, -147.0, -149.5]]),
                np.array([0.2, 0.5, 0.3]),
            ),
        ),
        Case(
            "classes that lie a thousand nats apart",
            (
                np.array([[-1500.0, -60.0, -61.0], [-40.0, -41.5, -1300.0]]),
                np.array([0.3, 0.1, 0.6]),
            ),
        ),
    ),
    more=_more,
    then=lambda posterior: (posterior.argmax(axis=1), posterior[:, 0]),
    wrong=(
        WrongAnswer(
            "without the prior",
            lambda ll, prior: np.asarray(jax.nn.softmax(jnp.asarray(ll), axis=1)),
            "These are the likelihoods divided by their sum. That is p(y | x) only if "
            "all classes are equally frequent: multiply by p(y) before you normalise.",
        ),
        WrongAnswer(
            "underflow",
            lambda ll, prior: normalise(np.exp(ll) * prior),
            "It is right for small images. But if all likelihoods of an image are as "
            "small as exp(-800), each of them is 0 in floating point, and 0 / 0 "
            "follows. Stay in logarithms: subtract the log of the sum (or the largest "
            "entry of each row) before you take exp.",
        ),
        WrongAnswer(
            "one maximum for all images",
            lambda ll, prior: normalise(np.exp(ll - ll.max()) * prior),
            "You subtracted one number from the whole table. An image that is hundreds "
            "of nats below it still becomes 0 / 0. Each row needs its own maximum: "
            "axis=1, keepdims=True.",
        ),
        WrongAnswer(
            "the minimum of each row subtracted",
            lambda ll, prior: normalise(
                np.exp(ll - ll.min(axis=1, keepdims=True)) * prior
            ),
            "Subtracting a number from each row is right, but what you subtract is too "
            "small: where classes lie a thousand nats apart, exp of the rest is "
            "infinite, and infinity over infinity is nan. Subtract the largest entry "
            "of each row.",
        ),
        WrongAnswer(
            "the sum without keepdims",
            lambda ll, prior: (
                ll + np.log(prior) - np.logaddexp.reduce(ll + np.log(prior), axis=1)
            ),
            "Two shapes do not fit together. A sum over the classes has shape [n], and "
            "[n, k] - [n] lines it up with the classes. keepdims=True keeps it a "
            "column, [n, 1].",
        ),
        WrongAnswer(
            "multiplies a logarithm by the prior",
            lambda ll, prior: np.asarray(jax.nn.softmax(jnp.asarray(ll * prior), 1)),
            "You multiplied log p(x | y) by p(y), which raises the likelihood to a "
            "power. A product becomes a sum of logarithms: add log p(y).",
        ),
        WrongAnswer(
            "adds the prior to a logarithm",
            lambda ll, prior: np.asarray(_posterior_by_softmax(ll, np.exp(prior))),
            "You added p(y) to log p(x | y). A product becomes a sum of logarithms: "
            "add log p(y).",
        ),
        WrongAnswer(
            "normalised over the images",
            lambda ll, prior: normalise(np.exp(ll - ll.max()) * prior, axis=0),
            "Your columns sum to one: the images compete with each other. For each "
            "image the classes must sum to one, so normalise along axis 1.",
        ),
        WrongAnswer(
            "logarithms returned",
            lambda ll, prior: np.log(class_posterior(ll, prior)),
            "These are log-probabilities. Take exp at the very end.",
        ),
        WrongAnswer(
            "not normalised",
            lambda ll, prior: np.exp(ll) * prior,
            "This is p(x, y). Divide each row by p(x), the sum of that row.",
        ),
    ),
    hints=(
        "Bayes' rule in logarithms: log p(y | x) = log p(x | y) + log p(y) - log p(x), "
        "where p(x) is the sum of p(x | y) p(y) over the classes.",
        "`np.logaddexp.reduce(log_joint, axis=1, keepdims=True)` is the logarithm of "
        "that sum, without ever leaving the logarithms.",
        "np.exp(log_joint - log_evidence), with log_joint = log_likelihoods + "
        "np.log(prior).",
    ),
    rtol=1e-3,  # float32 has four digits left after -900 nats
)
