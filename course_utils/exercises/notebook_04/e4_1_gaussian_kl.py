"""Exercise 4.1: the KL in closed form."""

import jax
import jax.numpy as jnp

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def gaussian_kl(mean, logvar):
    """Return KL(N(mean, diag exp(logvar)) || N(0, I)) in nats, shape [b].

    mean, logvar: of q(z | x), one row per image, [b, d].
    """
    return 0.5 * jnp.sum(mean**2 + jnp.exp(logvar) - 1 - logvar, axis=1)


def _kl_reversed(mean, logvar):
    return 0.5 * jnp.sum(logvar + (1 + mean**2) * jnp.exp(-logvar) - 1, axis=1)


def _gradient(answer, mean, logvar):
    """Return the gradient of the mean KL, as a training step asks for it."""
    return jax.jit(jax.grad(lambda *q: answer(*q).mean(), argnums=(0, 1)))(mean, logvar)


def _more(rng):
    for n, d in [(1, 1), (3, 2), (2, 20), (5, 7)] * 3:
        mean = rng.choice([0.1, 1.0, 15.0]) * rng.normal(size=(n, d))
        logvar = rng.choice([0.1, 1.0, 8.0]) * rng.normal(size=(n, d))
        case = tuple(jnp.asarray(a, jnp.float32) for a in (mean, logvar))
        yield Case(f"{n} images, {d} latents", case)
    zeros = jnp.zeros((2, 3))
    yield Case("q is the prior", (zeros, zeros))
    yield Case("inside a training step, under jit and grad", case, run=_gradient)


EXERCISE = Exercise(
    id="4.1",
    title="the KL in closed form",
    reference=gaussian_kl,
    cases=(
        Case(
            "two images, three latents",
            (
                jnp.array([[1.5, -0.4, 0.3], [-2.0, 0.1, 0.8]]),
                jnp.array([[0.2, 0.5, 1.4], [0.9, -0.3, -2.0]]),
            ),
        ),
        Case(
            "one image, two latents, one of them nearly certain",
            (jnp.array([[0.7, -1.1]]), jnp.array([[-20.0, 0.4]])),
        ),
    ),
    more=_more,
    then=lambda nats: (nats[0], nats.mean()),
    wrong=(
        WrongAnswer(
            "a mean over the latents",
            lambda m, s: 0.5 * jnp.mean(m**2 + jnp.exp(s) - 1 - s, axis=1),
            "You averaged over the latents. They are independent under q, so their KLs "
            "add up. An average would make a second latent cost nothing.",
        ),
        WrongAnswer(
            "the log-variance taken for a log-deviation",
            lambda m, s: gaussian_kl(m, 2 * s),
            "You squared exp(logvar), as if it were the deviation. It is the variance "
            "already: the deviation is exp(logvar / 2).",
        ),
        WrongAnswer(
            "the variance squared",
            lambda m, s: 0.5 * jnp.sum(m**2 + jnp.exp(2 * s) - 1 - s, axis=1),
            "Your second term is the square of exp(logvar), but exp(logvar) is the "
            "variance, a square already. (In the last term you did treat it so.)",
        ),
        WrongAnswer(
            "the deviation in place of the variance",
            lambda m, s: 0.5 * jnp.sum(m**2 + jnp.exp(s / 2) - 1 - s, axis=1),
            "exp(logvar / 2) is the deviation. The formula asks for the variance.",
        ),
        WrongAnswer(
            "the log-variance in place of the variance",
            lambda m, s: 0.5 * jnp.sum(m**2 + s - 1 - jnp.log(s), axis=1),
            "You used logvar as the variance. It may be negative: the encoder gives "
            "the logarithm, so the variance is exp(logvar), and log v is logvar.",
        ),
        WrongAnswer(
            "the log-variance added",
            lambda m, s: 0.5 * jnp.sum(m**2 + jnp.exp(s) - 1 + s, axis=1),
            "logvar has the wrong sign: the formula subtracts log v. A narrow q has a "
            "negative logvar, and it has to pay for being narrow.",
        ),
        WrongAnswer(
            "a half is missing",
            lambda m, s: 2 * gaussian_kl(m, s),
            "Every number is twice what it should be: the formula begins with 1/2.",
        ),
        WrongAnswer(
            "a half on one term only",
            lambda m, s: jnp.sum(0.5 * m**2 + jnp.exp(s) - 1 - s, axis=1),
            "The factor 1/2 stands on the squared mean only. It belongs to all four "
            "terms: put them in brackets.",
        ),
        WrongAnswer(
            "the wrong sign",
            lambda m, s: -gaussian_kl(m, s),
            "This is -KL, the term as it stands in the ELBO. A KL divergence is never "
            "negative.",
        ),
        WrongAnswer(
            "the mean is not squared",
            lambda m, s: 0.5 * jnp.sum(m + jnp.exp(s) - 1 - s, axis=1),
            "The mean goes in without a square. To the prior, a code at -2 is as "
            "unlikely as one at 2.",
        ),
        WrongAnswer(
            "one number for the batch",
            lambda m, s: gaussian_kl(m, s).mean(),
            "You averaged over the images as well. Return one number per image: sum "
            "over axis 1 and leave axis 0.",
        ),
        WrongAnswer(
            "a mean over everything",
            lambda m, s: 0.5 * jnp.mean(m**2 + jnp.exp(s) - 1 - s),
            "A mean without an axis goes over images and latents alike. Return one "
            "number per image; the latents of an image add up: a sum over axis 1.",
        ),
        WrongAnswer(
            "one sum for the batch",
            lambda m, s: gaussian_kl(m, s).sum(),
            "You added the images up. Return one number per image: sum over axis 1 "
            "and leave axis 0.",
        ),
        WrongAnswer(
            "summed over the images",
            lambda m, s: 0.5 * jnp.sum(m**2 + jnp.exp(s) - 1 - s, axis=0),
            "You summed over axis 0, the images, and have one number per latent. Sum "
            "over axis 1.",
        ),
        WrongAnswer(
            "not summed",
            lambda m, s: 0.5 * (m**2 + jnp.exp(s) - 1 - s),
            "This is the KL of every latent. The latents of an image add up: sum over "
            "axis 1.",
        ),
        WrongAnswer(
            "the other direction",
            _kl_reversed,
            "This is KL(p(z) || q): the arguments are exchanged. The average is taken "
            "under q, so divide nothing by the variance of q.",
        ),
    ),
    hints=(
        "Write the formula for one latent first, with logvar for log v.",
        "The variance is jnp.exp(logvar). The latents add up: axis=1.",
        "0.5 * jnp.sum(mean**2 + variance - 1 - logvar, axis=1)",
    ),
)
