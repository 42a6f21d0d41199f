"""Exercises 2.1 and 2.2: Bayes' rule, forwards and for other proportions."""

import jax
import jax.numpy as jnp
import numpy as np

from course_utils.exercises.judge import Case, Exercise, WrongAnswer


# 2.1 --------------------------------------------------------------------------------
def class_posterior(log_likelihoods, prior):
    """Return p(y | x) for each image, shape [n, k]; each row sums to one.

    log_likelihoods: log p(x | y) in nats, [n, k]. prior: p(y), [k].
    """
    log_joint = log_likelihoods + np.log(prior)
    log_evidence = np.logaddexp.reduce(log_joint, axis=1, keepdims=True)
    return np.exp(log_joint - log_evidence)


def _posterior_by_softmax(log_likelihoods, prior):
    return jax.nn.softmax(jnp.log(prior) + log_likelihoods, axis=1)


def _posterior_by_largest(log_likelihoods, prior):
    largest = log_likelihoods.max(axis=1, keepdims=True)
    joint = np.exp(log_likelihoods - largest) * prior
    return joint / joint.sum(axis=1, keepdims=True)


def _normalise(table, axis=1):
    return table / table.sum(axis=axis, keepdims=True)


CLASS_POSTERIOR = Exercise(
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
    ),
    alternatives=(_posterior_by_softmax, _posterior_by_largest),
    wrong=(
        WrongAnswer(
            "without the prior",
            lambda ll, prior: np.asarray(jax.nn.softmax(jnp.asarray(ll), axis=1)),
            "These are the likelihoods divided by their sum. That is p(y | x) only if "
            "all classes are equally frequent: multiply by p(y) before you normalise.",
        ),
        WrongAnswer(
            "underflow",
            lambda ll, prior: _normalise(np.exp(ll) * prior),
            "It is right for small images, but exp(-800) is 0 in floating point, and "
            "0 / 0 follows. Stay in logarithms: subtract the log of the sum (or the "
            "largest entry of each row) before you take exp.",
        ),
        WrongAnswer(
            "one maximum for all images",
            lambda ll, prior: _normalise(np.exp(ll - ll.max()) * prior),
            "You subtracted the largest entry of the whole table. An image that is "
            "hundreds of nats below it still becomes 0 / 0. Each row needs its own "
            "maximum: axis=1, keepdims=True.",
        ),
        WrongAnswer(
            "the sum without keepdims",
            lambda ll, prior: (
                ll + np.log(prior) - np.logaddexp.reduce(ll + np.log(prior), axis=1)
            ),
            "NumPy could not fit two shapes together (a ValueError). A sum over the "
            "classes has shape [n], and [n, k] - [n] lines it up with the classes. "
            "keepdims=True keeps it a column, [n, 1].",
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
            lambda ll, prior: _normalise(np.exp(ll - ll.max()) * prior, axis=0),
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


# 2.2 --------------------------------------------------------------------------------
def change_prior(posterior, old, new):
    """Return p(y | x) for classes in other proportions, shape [n, k].

    posterior: p(y | x) in the old proportions, [n, k]. old, new: both p(y), [k].
    """
    weighted = posterior * (np.asarray(new) / np.asarray(old))
    return weighted / weighted.sum(axis=1, keepdims=True)


def _change_in_logarithms(posterior, old, new):
    return jax.nn.softmax(jnp.log(posterior) + jnp.log(new) - jnp.log(old), axis=1)


def _change_through_likelihoods(posterior, old, new):
    likelihood = _normalise(posterior / old)  # up to a factor for each image
    return (likelihood * new) / (likelihood @ new)[:, None]


CHANGE_PRIOR = Exercise(
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
    alternatives=(_change_in_logarithms, _change_through_likelihoods),
    wrong=(
        WrongAnswer(
            "not renormalised",
            lambda posterior, old, new: posterior * new / old,
            "The ratio is right, but the rows no longer sum to one: p(x) has changed "
            "too. Divide each row by its sum.",
        ),
        WrongAnswer(
            "normalised over the images",
            lambda posterior, old, new: _normalise(posterior * new / old, axis=0),
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
            lambda posterior, old, new: _normalise(posterior * old / new),
            "The ratio is upside down: a class that has become more frequent must "
            "become more probable. Multiply by new / old.",
        ),
        WrongAnswer(
            "the old prior left in",
            lambda posterior, old, new: _normalise(posterior * new),
            "You multiplied by the new prior, but the old one is still in the "
            "posterior: take it out first, by dividing. Otherwise both count.",
        ),
        WrongAnswer(
            "the old prior taken out, the new one forgotten",
            lambda posterior, old, new: _normalise(posterior / old),
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
