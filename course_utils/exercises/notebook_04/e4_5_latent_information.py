"""Exercise 4.5: what the KL term pays for."""

import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def latent_information(p_x, q_z_given_x, p_z):
    """Return (I(x; z), KL(q(z) || p(z))) in nats; q(z) = sum_x p(x) q(z | x).

    p_x: probabilities of the images, [n].
    q_z_given_x: masses of the cells of z, one row per image, [n, g].
    p_z: the prior's masses, [g]. Rows and p_z sum to one; some masses may
    be 0 and count nothing (0 log 0 = 0).
    """

    def kl(p, q):
        ratio = np.divide(p, q, out=np.ones_like(p), where=p > 0)
        return np.sum(p * np.log(ratio), axis=-1)

    q_z = p_x @ q_z_given_x
    return p_x @ kl(q_z_given_x, q_z), kl(q_z, p_z)


def _kl(p, q):
    """Return KL(p || q) of the last axis; 0 log 0 = 0."""
    ratio = np.divide(p, q, out=np.ones_like(p), where=p > 0)
    return np.sum(p * np.log(ratio), axis=-1)


def _with_nan(p_x, q, p_z):
    q_z = p_x @ q
    information = np.sum(p_x[:, None] * q * np.log(q / q_z))
    return information, np.sum(q_z * np.log(q_z / p_z))


def _equal_images(p_x, q, p_z):
    return latent_information(np.full_like(p_x, 1 / len(p_x)), q, p_z)


def _world(seed, shape, zeros):
    """Return unequal images, codes with some empty cells, and a prior."""
    rng = np.random.default_rng(seed)
    n, g = shape
    q = rng.gamma(0.7, size=shape) * (rng.random(shape) >= zeros)
    q[np.arange(n), np.arange(n) % g] += 0.3  # no row is empty
    p_x, p_z = rng.gamma(1.0, size=n), rng.gamma(3.0, size=g)
    return p_x / p_x.sum(), q / q.sum(axis=1, keepdims=True), p_z / p_z.sum()


def _narrow_codes():
    """Return codes so narrow that single precision takes many of their masses for 0.

    One image is rare: its products become 0 before its own masses do.
    """
    z = np.linspace(-8, 8, 401)
    p_z, q = np.exp(-(z**2) / 2), np.exp(-((z - [[-2], [1], [3]]) ** 2) / 0.3)
    p_x = np.array([1e-6, 0.6, 0.4 - 1e-6])
    return p_x, q / q.sum(axis=1, keepdims=True), p_z / p_z.sum()


def _to_six_digits(answer, *args):
    """Round, for two zeros have no relative difference, and rounding makes no zeros."""
    return np.round(answer(*args), 6)


def _more(rng):
    for shape in [(1, 5), (2, 2), (9, 30), (40, 7), (512, 200)]:
        for zeros in (0.0, 0.5):
            world = _world(int(rng.integers(1e6)), shape, zeros)
            name = f"{shape[0]} images, {shape[1]} cells"
            yield Case(name, world)
    p_x, q, p_z = _world(7, (6, 9), 0.0)
    same = p_x, np.tile(p_z, (6, 1)), p_z
    yield Case("codes that say nothing", same, run=_to_six_digits)
    rare = np.where(np.arange(6) == 2, 0.0, p_x)
    yield Case("an image that never comes up", (rare / rare.sum(), q, p_z))
    yield Case("masses down to 1e-170, as on the notebook's grid", _narrow_codes())
    single = (p_x, q.astype(np.float32), p_z.astype(np.float32))
    yield Case("single precision", single)


EXERCISE = Exercise(
    id="4.5",
    title="what the KL term pays for",
    reference=latent_information,
    cases=(
        Case("four images, six cells", _world(1, (4, 6), 0.0)),
        Case("five images, eight cells, some of them empty", _world(2, (5, 8), 0.4)),
    ),
    more=_more,
    then=lambda parts: parts[0] + parts[1],
    parts={0: "the information", 1: "the distance to the prior"},
    wrong=(
        WrongAnswer(
            "nan where a mass is 0",
            _with_nan,
            "Your numbers are right until a mass is 0: in floating point 0 * log 0 is "
            "nan. Such a cell counts nothing: leave it out with `where`.",
        ),
        WrongAnswer(
            "the KL term for the information",
            lambda p, q, prior: (p @ _kl(q, prior), _kl(p @ q, prior)),
            "Your first number is the mean KL to the prior: the whole that is to be "
            "split. The information compares q(z | x) with q(z), the mean over the "
            "images.",
        ),
        WrongAnswer(
            "the KL term for the second part",
            lambda p, q, prior: (latent_information(p, q, prior)[0], p @ _kl(q, prior)),
            "Your second number is the mean KL of the single images to the prior: the "
            "whole that is to be split. Average the codes first, then compare q(z) "
            "with the prior.",
        ),
        WrongAnswer(
            "all images equally frequent",
            _equal_images,
            "You treated all images alike. They come up with p(x): weight the rows by "
            "it, in q(z) and in the mean.",
        ),
        WrongAnswer(
            "q(z) without p(x)",
            lambda p, q, prior: (
                p @ _kl(q, q.mean(axis=0)),
                _kl(q.mean(axis=0), prior),
            ),
            "Your q(z) is the plain mean of the rows. The images come up with p(x): "
            "q(z) = p_x @ q_z_given_x.",
        ),
        WrongAnswer(
            "the information without p(x)",
            lambda p, q, prior: (_kl(q, p @ q).mean(), _kl(p @ q, prior)),
            "q(z) is right, but the information is averaged over the images as if all "
            "were equally frequent. Weight by p_x.",
        ),
        WrongAnswer(
            "not averaged",
            lambda p, q, prior: (_kl(q, p @ q).sum(), _kl(p @ q, prior)),
            "You added up KL(q(z | x) || q(z)) over the images. Take the mean under "
            "p(x).",
        ),
        WrongAnswer(
            "KL from the prior",
            lambda p, q, prior: (latent_information(p, q, prior)[0], _kl(prior, p @ q)),
            "Your second number is KL(p(z) || q(z)): the arguments are exchanged. In "
            "the KL term the average is over codes of images, so q(z) comes first. "
            "(Yours would be infinite where no image has its code.)",
        ),
        WrongAnswer(
            "bits",
            lambda *args: tuple(np.divide(latent_information(*args), np.log(2))),
            "These are bits: you used log2. Nats come from the natural logarithm.",
        ),
        WrongAnswer(
            "the wrong order",
            lambda *args: latent_information(*args)[::-1],
            "These are the two numbers in the wrong order: first the information, "
            "then the distance to the prior.",
        ),
    ),
    otherwise="Their sum must be the mean of KL(q(z | x) || p(z)) under p(x).",
    hints=(
        "Start with q(z): the rows of q(z | x), averaged with the weights p(x).",
        "I(x; z) is the mean under p(x) of KL(q(z | x) || q(z)). So both numbers are "
        "KLs, and one helper serves both.",
        "In the helper: np.divide(p, q, out=np.ones_like(p), where=p > 0) is the "
        "ratio, and 1 where p is 0, so that its logarithm is 0.",
    ),
)
