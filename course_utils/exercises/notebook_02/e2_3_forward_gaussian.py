"""Exercise 2.3: the Gaussian of maximum likelihood."""

import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def forward_gaussian(values, p):
    """Return (mean, std) of the Gaussian q that minimises KL(p || q).

    values: places on the line, [n].
    p: their probabilities, [n].
    """
    mean = np.sum(p * values)
    return mean, np.sqrt(np.sum(p * (values - mean) ** 2))


_ONE_MODE = (
    "This Gaussian sits on the higher mode and ignores the other, as the reverse "
    "divergence KL(q || p) would have it. Under KL(p || q) it would pay -log q(x) for "
    "all the mass over there, and that is enormous: q has to cover everything p does."
)


def _around_the_peak(values, p):
    """Follow the reverse divergence: sit on the highest mode alone."""
    near = np.abs(values - values[p.argmax()]) < np.ptp(values) / 4
    return forward_gaussian(values[near], p[near] / p[near].sum())


def _two_modes(low, high, share):
    values = np.linspace(-7.0, 7.5, 59)
    bells = [np.exp(-0.5 * ((values - m) / 0.7) ** 2) for m in (low, high)]
    p = share * bells[0] / bells[0].sum() + (1 - share) * bells[1] / bells[1].sum()
    return values, p


def _sits_on_one_mode(answer):
    """Say so if an answer fits a single mode, as the reverse divergence does."""
    values, p = _two_modes(-3.0, 2.0, 0.7)
    mean, deviation = answer(values, p)
    on_the_peak = abs(mean - values[p.argmax()]) < 0.4 and 0.4 < deviation < 1.2
    return _ONE_MODE if on_the_peak else None


def _more(rng):
    for n in (2, 5, 30, 200) * 3:
        values = np.sort(rng.uniform(-5, 20, n)) + rng.choice([0.0, -30.0])
        p = rng.gamma(0.5, size=n) + 1e-6
        yield Case(f"{n} places with any probabilities", (values, p / p.sum()))
    order = rng.permutation(n)
    yield Case("places in no order", (values[order], p[order] / p.sum()))


EXERCISE = Exercise(
    id="2.3",
    title="the Gaussian of maximum likelihood",
    reference=forward_gaussian,
    cases=(
        Case("two modes, 70 to 30", _two_modes(-3.0, 2.0, 0.7)),
        Case("two modes, 20 to 80", _two_modes(-2.0, 4.5, 0.2)),
    ),
    more=_more,
    then=lambda pair: float(pair[0]) + float(pair[1]),
    parts={0: "the mean", 1: "the standard deviation"},
    diagnose=_sits_on_one_mode,
    wrong=(
        WrongAnswer(
            "sits on one mode",
            _around_the_peak,
            _ONE_MODE,
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
