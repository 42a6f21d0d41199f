"""Exercise 2.4: a model that draws noise most of the time."""

import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def noisy_nll(nll, share, num_pixels):
    """Return -log r(x) in nats, r = share * p + (1 - share) * noise, [n].

    nll: -log p(x), [n]. The noise draws all 2**num_pixels images equally
    often.
    """
    from_model = np.log(share) - nll
    from_noise = np.log(1 - share) - num_pixels * np.log(2)
    return -np.logaddexp(from_model, from_noise)


def _linear_noise(nll, share, num_pixels):
    return -np.log(share * np.exp(-nll) + (1 - share) * 0.5**num_pixels)


def _more(rng):
    for n, num_pixels in [(1, 1), (3, 9), (5, 100), (4, 784), (2, 3000)]:
        for share in (0.001, 0.4, 0.999):
            nll = num_pixels * np.log(2) * rng.uniform(0, 1.3, n)
            name = f"{n} images of {num_pixels} pixels, a share of {share}"
            yield Case(name, (nll, share, num_pixels))


EXERCISE = Exercise(
    id="2.4",
    title="a model that draws noise most of the time",
    reference=noisy_nll,
    cases=(
        Case("images of 2x2", (np.array([0.5, 2.0, 6.0, 9.5]), 0.25, 4)),
        Case("images of 40x40", (np.array([250.0, 900.0, 1105.0]), 0.01, 1600)),
    ),
    more=_more,
    then=lambda nll: nll - np.ones(len(nll)),
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
