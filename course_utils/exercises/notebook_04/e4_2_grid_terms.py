"""Exercise 4.2: log p(x), the ELBO and the gap."""

import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def grid_terms(log_likelihood, log_prior, log_q):
    """Return (log p(x), ELBO, gap) of one image in nats, by sums over a grid.

    log_likelihood: log p(x | z_g) in each cell, [g].
    log_prior, log_q: logarithms of the masses that p(z) and q(z | x) have
    in each cell, [g]; both masses sum to one.
    gap: KL(q(z | x) || p(z | x)), from its definition.
    """
    log_joint = log_likelihood + log_prior
    log_px = np.logaddexp.reduce(log_joint)
    log_posterior = log_joint - log_px
    q = np.exp(log_q)
    elbo = np.sum(q * (log_joint - log_q))
    gap = np.sum(q * (log_q - log_posterior))
    return log_px, elbo, gap


def _observe(answer, *args):
    """Return the three numbers, or nan for all if one of them is not finite.

    So the same underflow looks the same, wherever it strikes.
    """
    terms = answer(*args)
    listed = isinstance(terms, tuple | list) and all(np.ndim(t) == 0 for t in terms)
    if listed and not np.all(np.isfinite(terms)):
        return (np.nan,) * len(terms)
    return terms


def _swap(**changed):
    """Return the right answer with some of its three numbers computed otherwise."""

    def answer(*args):
        values = dict(zip(("log_px", "elbo", "gap"), grid_terms(*args), strict=True))
        values |= {name: function(*args) for name, function in changed.items()}
        return tuple(values.values())

    return answer


def _log_posterior(ll, lp):
    return ll + lp - np.logaddexp.reduce(ll + lp)


def _kl(log_p, log_q):
    return np.sum(np.exp(log_p) * (log_p - log_q))


def _elbo(ll, lp, lq):
    return grid_terms(ll, lp, lq)[1]


def _terms_in_probabilities(ll, lp, lq):
    joint, q = np.exp(ll) * np.exp(lp), np.exp(lq)
    px = joint.sum()
    gap = np.sum(q * np.log(q / (joint / px)))
    return np.log(px), np.sum(q * np.log(joint / q)), gap


def _log_of_q(ll, lp, lq):
    return grid_terms(ll, lp, np.log(np.exp(lq)))


def _log_masses(z, mean, deviation):
    """Return log-masses of a normal distribution on a grid; far cells are tiny."""
    log_density = -0.5 * ((z - mean) / deviation) ** 2
    return log_density - np.logaddexp.reduce(log_density)


def _grid(base, slope, bend, mean, deviation):
    """Return one image's log-likelihood, and the masses of prior and q."""
    z = np.linspace(-4, 4, 161)
    log_likelihood = base + slope * z + bend * np.cos(2 * z)
    return log_likelihood, _log_masses(z, 0, 1), _log_masses(z, mean, deviation)


def _more(rng):
    """Other grids and images, as the notebook's: 1,601 points, single precision."""
    for base in (-1.0, -30.0, -700.0):
        for slope, bend in rng.normal(size=(3, 2)) * [2.0, 3.0]:
            mean, deviation = rng.uniform(-2, 2), rng.uniform(0.1, 1.5)
            tables = _grid(base, slope, bend, mean, deviation)
            yield Case(f"an image at about {base:g} nats", tables)
    single = tuple(np.float32(table) for table in _grid(-5.0, 1.0, 2.0, 0.3, 0.4))
    yield Case("single precision", single)


EXERCISE = Exercise(
    id="4.2",
    title="log p(x), the ELBO and the gap",
    reference=grid_terms,
    cases=(
        Case("an image of 3x3", _grid(-4.0, 1.5, 1.2, 0.9, 0.7)),
        Case("a large image, at -900 nats", _grid(-900.0, -3.0, 5.0, -1.4, 0.5)),
        Case("a narrow q: cells with no mass left", _grid(-9.0, 2.0, 3.0, 0.5, 0.08)),
    ),
    run=_observe,
    rtol=1e-3,  # float32 keeps four digits of a small gap at -900 nats
    more=_more,
    then=lambda terms: np.array([terms, terms]).T,
    parts={0: "log p(x)", 1: "the ELBO", 2: "the gap"},
    wrong=(
        WrongAnswer(
            "underflow",
            _terms_in_probabilities,
            "Probabilities underflow: exp(-900) is 0 in floating point, and so is the "
            "mass of a cell far from a narrow q. Then log 0 and 0 / 0 follow. Stay in "
            "logarithms: np.logaddexp.reduce for sums, differences for ratios.",
        ),
        WrongAnswer(
            "underflow of p(x)",
            _swap(log_px=lambda ll, lp, lq: np.log(np.sum(np.exp(ll + lp)))),
            "It is right for small images, but exp(-900) is 0 in floating point, and "
            "log p(x) minus infinity. np.logaddexp.reduce adds probabilities that are "
            "given by their logarithms.",
        ),
        WrongAnswer(
            "underflow of q",
            _log_of_q,
            "In a cell far from a narrow q the mass of q is 0 in floating point. You "
            "took its logarithm, and 0 * log 0 is nan. You have the logarithm "
            "already: log_q.",
        ),
        WrongAnswer(
            "the posterior's identity with q",
            _swap(log_px=_elbo, gap=lambda *args: 0.0),
            "Your log p(x) is log p(x, z) - log q(z | x), averaged under q. That ratio "
            "is p(x) for the true posterior only; for any other q its mean is the "
            "ELBO. Sum p(x, z) over the cells instead.",
        ),
        WrongAnswer(
            "the ELBO and the gap under the prior",
            lambda ll, lp, lq: (grid_terms(ll, lp, lq)[0], *grid_terms(ll, lp, lp)[1:]),
            "You took the prior's masses for those of q(z | x), in the ELBO and in the "
            "gap. Both are averages over the codes of the encoder: log_q.",
        ),
        WrongAnswer(
            "the gap to the prior",
            _swap(gap=lambda ll, lp, lq: _kl(lq, lp)),
            "Your gap is KL(q || p(z)), the price of the code. That is a term of the "
            "ELBO. What the ELBO misses is the distance to the posterior.",
        ),
        WrongAnswer(
            "KL the other way round",
            _swap(gap=lambda ll, lp, lq: _kl(_log_posterior(ll, lp), lq)),
            "Your gap is KL(p(z | x) || q): the average is taken under the posterior. "
            "Take it under q, as the ELBO does.",
        ),
        WrongAnswer(
            "the joint in place of the posterior",
            _swap(gap=lambda ll, lp, lq: _kl(lq, ll + lp)),
            "p(x | z) p(z) is not the posterior: its sum over the grid is p(x), not 1. "
            "Subtract log p(x). (What you have is -ELBO.)",
        ),
        WrongAnswer(
            "without the prior",
            _swap(
                log_px=lambda ll, lp, lq: np.logaddexp.reduce(ll),
                gap=lambda ll, lp, lq: _kl(lq, _log_posterior(ll, 0 * lp)),
            ),
            "You summed p(x | z_g) over the cells as if all were alike. A cell counts "
            "for its mass under the prior: add log_prior.",
        ),
        WrongAnswer(
            "log p(x) without the prior",
            _swap(log_px=lambda ll, lp, lq: np.logaddexp.reduce(ll)),
            "Your log p(x) is a sum of p(x | z_g) over the cells as if all were "
            "alike. A cell counts for its mass under the prior: add log_prior.",
        ),
        WrongAnswer(
            "averages logarithms",
            _swap(log_px=lambda ll, lp, lq: np.sum(np.exp(lp) * ll)),
            "Your log p(x) is the mean of the logarithms. p(x) is the mean of the "
            "probabilities; the logarithm comes after.",
        ),
        WrongAnswer(
            "weighted by q",
            _swap(log_px=lambda ll, lp, lq: np.logaddexp.reduce(ll + lq)),
            "Your log p(x) weights the cells by q. The encoder is no part of the "
            "model: p(x) is a mean under the prior.",
        ),
        WrongAnswer(
            "the reconstruction alone",
            _swap(elbo=lambda ll, lp, lq: np.sum(np.exp(lq) * ll)),
            "Your ELBO is the reconstruction term alone. Subtract KL(q || p(z)).",
        ),
        WrongAnswer(
            "the KL with the wrong sign",
            _swap(elbo=lambda ll, lp, lq: np.sum(np.exp(lq) * ll) + _kl(lq, lp)),
            "You added the KL to the reconstruction. A code far from the prior costs: "
            "subtract it. (A lower bound must not lie above log p(x).)",
        ),
        WrongAnswer(
            "without the entropy of q",
            _swap(elbo=lambda ll, lp, lq: np.sum(np.exp(lq) * (ll + lp))),
            "Your ELBO is the mean of log p(x, z) under q. The mean of -log q is "
            "missing: a q that puts all its mass in one cell would cost nothing.",
        ),
        WrongAnswer(
            "ELBO under the prior",
            _swap(elbo=lambda ll, lp, lq: np.sum(np.exp(lp) * ll) - _kl(lq, lp)),
            "Your reconstruction term is a mean under the prior. The codes come from "
            "q(z | x).",
        ),
        WrongAnswer(
            "the loss in place of the ELBO",
            _swap(elbo=lambda *args: -_elbo(*args)),
            "Your second number is -ELBO, the loss of a VAE. The bound itself lies "
            "below log p(x), and for a probability mass both are negative.",
        ),
        WrongAnswer(
            "the loss in place of the bound",
            lambda *args: tuple(np.multiply([-1, -1, 1], grid_terms(*args))),
            "The first two have the sign of a loss. Return log p(x) and a bound "
            "below it: for a probability mass both are negative.",
        ),
    ),
    hints=(
        "log p(x, z_g) = log_likelihood + log_prior. All three numbers start from it.",
        "log p(x) = np.logaddexp.reduce(log_joint), and log p(z | x) = log_joint - "
        "log p(x). The mean of anything under q is np.sum(np.exp(log_q) * anything).",
        "The ELBO is the mean under q of log_joint - log_q; the gap is the mean under "
        "q of log_q - log_posterior.",
    ),
)
