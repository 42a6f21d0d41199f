"""Exercises 2.3 and 2.4: what maximum likelihood chooses, and what it forgives."""

import jax
import jax.numpy as jnp
import numpy as np

from course_utils.exercises.judge import Case, Exercise, WrongAnswer


# 2.3 --------------------------------------------------------------------------------
def forward_gaussian(values, p):
    """Return (mean, standard deviation) of the Gaussian q that minimises KL(p || q).

    values: places on the line, [n]. p: their probabilities, [n].
    """
    mean = np.sum(p * values)
    return mean, np.sqrt(np.sum(p * (values - mean) ** 2))


def _gaussian_by_moments(values, p):
    first, second = p @ values, p @ values**2
    return [first, (second - first**2) ** 0.5]


def _gaussian_by_average(values, p):
    mean = jnp.average(values, weights=p)
    return mean, jnp.sqrt(jnp.average((values - mean) ** 2, weights=p))


def _around_the_peak(values, p):
    """Follow the reverse divergence: sit on the highest mode alone."""
    near = np.abs(values - values[p.argmax()]) < np.ptp(values) / 4
    return forward_gaussian(values[near], p[near] / p[near].sum())


def _two_modes(low, high, share):
    values = np.linspace(-7.0, 7.5, 59)
    bells = [np.exp(-0.5 * ((values - m) / 0.7) ** 2) for m in (low, high)]
    p = share * bells[0] / bells[0].sum() + (1 - share) * bells[1] / bells[1].sum()
    return values, p


FORWARD_GAUSSIAN = Exercise(
    id="2.3",
    title="the Gaussian of maximum likelihood",
    reference=forward_gaussian,
    cases=(
        Case("two modes, 70 to 30", _two_modes(-3.0, 2.0, 0.7)),
        Case("two modes, 20 to 80", _two_modes(-2.0, 4.5, 0.2)),
    ),
    alternatives=(_gaussian_by_moments, _gaussian_by_average),
    wrong=(
        WrongAnswer(
            "sits on one mode",
            _around_the_peak,
            "This Gaussian sits on the higher mode and ignores the other. It would pay "
            "-log q(x) for all the mass over there, and that is enormous. KL(p || q) "
            "makes q cover everything p does.",
        ),
        WrongAnswer(
            "centred on the peak",
            lambda values, p: (
                values[p.argmax()],
                np.sqrt(np.sum(p * (values - values[p.argmax()]) ** 2)),
            ),
            "The mean is at the highest point of p. Write the mean of -log q under p "
            "and set its derivative with respect to the mean of q to zero.",
        ),
        WrongAnswer(
            "the places are not weighted",
            lambda values, p: (values.mean(), values.std()),
            "This is the mean of the places themselves. Each place counts as often as "
            "it occurs: weight it by p.",
        ),
        WrongAnswer(
            "variance for deviation",
            lambda values, p: (
                forward_gaussian(values, p)[0],
                forward_gaussian(values, p)[1] ** 2,
            ),
            "The second number is the variance. The standard deviation is its root.",
        ),
        WrongAnswer(
            "the deviation from zero",
            lambda values, p: (
                forward_gaussian(values, p)[0],
                np.sqrt(np.sum(p * values**2)),
            ),
            "The second number is the root of the mean square, the deviation from "
            "zero. Deviations are measured from the mean: subtract it before squaring.",
        ),
        WrongAnswer(
            "divided by the number of places",
            lambda values, p: (np.mean(p * values), np.std(p * values)),
            "You divided by the number of places as well. The weights p sum to one "
            "already, so the weighted mean is a sum.",
        ),
    ),
    hints=(
        "KL(p || q) = -H(p) + E_p[-log q], and H(p) does not depend on q. So q must "
        "make the mean of -log q under p small: this is maximum likelihood.",
        "-log q(v) = log s + (v - m)^2 / (2 s^2) + const. Take its mean under p and "
        "set the derivatives with respect to m and s to zero.",
        "m = sum p v and s^2 = sum p (v - m)^2: mean and variance under p.",
    ),
)


# 2.4 --------------------------------------------------------------------------------
def noisy_nll(nll, share, num_pixels):
    """Return -log r(x) in nats for r = share * p + (1 - share) * noise, shape [n].

    nll: -log p(x), [n]. The noise draws all 2**num_pixels images equally often.
    """
    from_model = np.log(share) - nll
    from_noise = np.log(1 - share) - num_pixels * np.log(2)
    return -np.logaddexp(from_model, from_noise)


def _noisy_by_jax(nll, share, num_pixels):
    parts = jnp.stack([-jnp.asarray(nll), jnp.full(len(nll), -num_pixels * jnp.log(2))])
    weights = jnp.array([[share], [1 - share]])
    return -jax.nn.logsumexp(parts, axis=0, b=weights)


def _noisy_by_ratio(nll, share, num_pixels):
    odds = (1 - share) / share * np.exp(nll - num_pixels * np.log(2))
    return nll - np.log(share) - np.log1p(odds)


def _linear_noise(nll, share, num_pixels):
    return -np.log(share * np.exp(-nll) + (1 - share) * 0.5**num_pixels)


NOISY_NLL = Exercise(
    id="2.4",
    title="a model that draws noise most of the time",
    reference=noisy_nll,
    cases=(
        Case("images of 2x2", (np.array([0.5, 2.0, 6.0, 9.5]), 0.25, 4)),
        Case("images of 40x40", (np.array([250.0, 900.0, 1105.0]), 0.01, 1600)),
    ),
    alternatives=(_noisy_by_jax, _noisy_by_ratio),
    wrong=(
        WrongAnswer(
            "averages the nats",
            lambda nll, share, num: share * nll + (1 - share) * num * np.log(2),
            "You averaged the two costs in nats. Draws come from one or the other, so "
            "the probabilities are averaged; the logarithm comes after.",
        ),
        WrongAnswer(
            "adds without weights",
            lambda nll, share, num: -np.logaddexp(-nll, -num * np.log(2)),
            "The two probabilities are added with full weight, and the total over all "
            "images is 2. Weight them by share and 1 - share.",
        ),
        WrongAnswer(
            "weights exchanged",
            lambda nll, share, num: noisy_nll(nll, 1 - share, num),
            "The weights are exchanged: `share` belongs to the model, the rest to the "
            "noise.",
        ),
        WrongAnswer(
            "the noise left out",
            lambda nll, share, num: nll - np.log(share),
            "nll - log(share) is what the image costs if noise never draws it. It is "
            "an upper bound, and nearly exact for a large image that p likes. Add what "
            "the noise contributes.",
        ),
        WrongAnswer(
            "underflow",
            _linear_noise,
            "It is right for small images, but exp(-900) is 0 in floating point. Add "
            "the two probabilities in logarithms, with np.logaddexp.",
        ),
        WrongAnswer(
            "the noise without log 2",
            lambda nll, share, num: (
                -np.logaddexp(np.log(share) - nll, np.log(1 - share) - num)
            ),
            "-num_pixels is the logarithm to base 2 of the noise's probability. Nats "
            "need the natural logarithm: multiply by log 2.",
        ),
        WrongAnswer(
            "nll with the wrong sign",
            lambda nll, share, num: (
                -np.logaddexp(np.log(share) + nll, np.log(1 - share) - num * np.log(2))
            ),
            "nll is -log p(x), and you need log p(x) inside the sum. Look at the sign "
            "of nll.",
        ),
        WrongAnswer(
            "the noise with the wrong sign",
            lambda nll, share, num: (
                -np.logaddexp(np.log(share) - nll, np.log(1 - share) + num * np.log(2))
            ),
            "Your noise gives an image a probability far above one: log(1/2) is "
            "negative, once for each pixel. Look at the sign of that term.",
        ),
        WrongAnswer(
            "both with the wrong sign",
            lambda nll, share, num: np.logaddexp(
                np.log(share) + nll, np.log(1 - share) + num * np.log(2)
            ),
            "You added the reciprocals of the two probabilities. Inside the sum stand "
            "log p(x) = -nll and -num_pixels log 2; the minus in front comes last.",
        ),
        WrongAnswer(
            "one pixel of noise",
            lambda nll, share, num: (
                -np.logaddexp(np.log(share) - nll, np.log((1 - share) / 2))
            ),
            "1/2 is the noise's probability of one pixel. An image has num_pixels of "
            "them, independent, so their probabilities multiply.",
        ),
    ),
    hints=(
        "r(x) is a weighted sum of two probabilities. The logarithm of a sum is not "
        "the sum of the logarithms.",
        "The noise gives each image the probability 2**-num_pixels, whose logarithm is "
        "-num_pixels * np.log(2).",
        "-np.logaddexp(a, b) with a = np.log(share) - nll and b = np.log(1 - share) - "
        "num_pixels * np.log(2).",
    ),
)
