"""Exercise 4.3: the importance-weighted bound."""

import jax
import jax.numpy as jnp
import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def bound_from_weights(log_weights):
    """Return the importance-weighted bound log 1/k sum_k w_k in nats, [b].

    log_weights: log w = log p(x, z) - log q(z | x) of k draws of z for each
    of b images, [k, b].
    """
    return jax.nn.logsumexp(log_weights, axis=0) - jnp.log(len(log_weights))


def _weights(seed, shape, level, spread):
    noise = np.random.default_rng(seed).normal(size=shape)
    return jnp.asarray(np.asarray(level) + spread * noise, jnp.float32)


def _more(rng):
    """One draw, one image, equal weights, levels from masses to densities."""
    shapes = [(1, 1), (1, 4), (8, 1), (16, 5), (300, 2)]
    for shape in shapes:
        for level in (-3000.0, -90.0, 0.0, 1500.0):
            levels = level + 200 * rng.normal(size=shape[1])
            name = f"{shape[0]} draws for {shape[1]} images at about {level:g} nats"
            weights = _weights(int(rng.integers(1e6)), shape, levels, 2.0)
            yield Case(name, (weights,))
    wide = 150 * rng.normal(size=(6, 3)) - 700
    yield Case("weights that lie hundreds of nats apart", (jnp.float32(wide),))
    yield Case("all weights equal", (jnp.full((4, 3), -50.0),))


EXERCISE = Exercise(
    id="4.3",
    title="the importance-weighted bound",
    reference=bound_from_weights,
    cases=(
        Case("5 draws for 3 small images", (_weights(1, (5, 3), -4.0, 1.5),)),
        Case(
            "3 draws for 2 images, at -2000 and -60 nats",
            (_weights(2, (3, 2), [-2000.0, -60.0], 3.0),),
        ),
        Case(
            "4 draws for 2 grey images, densities at +1200 and -70 nats",
            (_weights(3, (4, 2), [1200.0, -70.0], 2.0),),
        ),
    ),
    more=_more,
    then=lambda bound: np.mean([bound, bound], axis=0),
    wrong=(
        WrongAnswer(
            "a mean of the logarithms",
            lambda w: w.mean(axis=0),
            "You averaged the logarithms. That is the ELBO's estimate again, only less "
            "noisy: it does not rise with k. Average the weights, then take the log.",
        ),
        WrongAnswer(
            "without - log k",
            lambda w: jax.nn.logsumexp(w, axis=0),
            "This is the log of the sum of the weights. The bound holds their mean: "
            "without - log k it grows with every draw and passes log p(x).",
        ),
        WrongAnswer(
            "underflow",
            lambda w: jnp.log(jnp.mean(jnp.exp(w), axis=0)),
            "The formula is right, but exp(-2000) is 0 and exp(1200) is infinite in "
            "floating point. Take the largest log-weight of each image out first: "
            "jax.nn.logsumexp does it.",
        ),
        WrongAnswer(
            "one maximum for all images",
            lambda w: w.max() + jnp.log(jnp.mean(jnp.exp(w - w.max()), axis=0)),
            "You took out the largest log-weight of the whole batch. An image hundreds "
            "of nats below it still becomes log 0. Each image needs its own: axis=0.",
        ),
        WrongAnswer(
            "the maximum not added back",
            lambda w: jnp.log(jnp.mean(jnp.exp(w - w.max(axis=0)), axis=0)),
            "You took the largest log-weight out of the sum and left it out. After the "
            "logarithm it has to be added again.",
        ),
        WrongAnswer(
            "divided by k outside the logarithm",
            lambda w: jax.nn.logsumexp(w, axis=0) / len(w),
            "You divided the logarithm by k. The 1/k stands inside the logarithm, so "
            "outside it becomes - log k.",
        ),
        WrongAnswer(
            "over the images",
            lambda w: jax.nn.logsumexp(w, axis=1) - jnp.log(w.shape[1]),
            "You averaged over the images and kept the draws. The draws are axis 0.",
        ),
        WrongAnswer(
            "the number of images for k",
            lambda w: jax.nn.logsumexp(w, axis=0) - jnp.log(w.shape[1]),
            "You divided by the number of images. k is the number of draws, the length "
            "of axis 0.",
        ),
        WrongAnswer(
            "everything in one sum",
            lambda w: jax.nn.logsumexp(w) - jnp.log(w.size),
            "You averaged over draws and images together and got one number. Each "
            "image has a bound of its own: axis=0.",
        ),
        WrongAnswer(
            "the largest weight",
            lambda w: w.max(axis=0),
            "This is the largest log-weight. The bound holds the mean of all weights; "
            "the largest can lie above log p(x).",
        ),
        WrongAnswer(
            "normalised weights",
            lambda w: jnp.sum(jax.nn.softmax(w, axis=0) * w, axis=0),
            "You averaged the log-weights with weights that sum to one. Such weights "
            "stand in the gradient of the bound. In the bound itself all draws count "
            "alike, 1/k, inside the logarithm.",
        ),
        WrongAnswer(
            "the wrong sign",
            lambda w: -bound_from_weights(w),
            "This is the bound as a loss. Return the bound itself.",
        ),
        WrongAnswer(
            "weights turned over",
            lambda w: jnp.log(len(w)) - jax.nn.logsumexp(-w, axis=0),
            "You averaged q / p in place of p / q: the minus went inside the sum. A "
            "loss -log w has to change its sign before logsumexp, and so does the "
            "result.",
        ),
    ),
    hints=(
        "log of a mean = log of the sum - log of how many.",
        "jax.nn.logsumexp(a, axis=...) is log(sum(exp(a))) without overflow. Which "
        "axis holds the draws?",
        "jax.nn.logsumexp(log_weights, axis=0) - jnp.log(k), with k = "
        "len(log_weights).",
    ),
)
