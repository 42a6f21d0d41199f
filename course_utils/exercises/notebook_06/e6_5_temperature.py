"""Exercise 6.5: temperature."""

import jax
import jax.numpy as jnp
import numpy as np

from course_utils.exercises.compare import same
from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def at_temperature(logits, temperature):
    """Return the log-odds of white at a temperature T.

    The probability of each value of a pixel, black and white, is raised to
    the power 1 / T and both are normalised again: p_T(x) is proportional to
    p(x)^(1 / T).
    logits: log-odds of white at T = 1, of any shape; some are as large as 30.
    temperature: T, a number above 0.
    Returns log-odds of white, of the same shape.
    """
    # The log-odds are the log of a ratio: what both are divided by cancels.
    return logits / temperature


def _log_odds(p):
    return jnp.log(p) - jnp.log(1 - p)


def _both(logits):
    """Return the probabilities of white and of black."""
    return jax.nn.sigmoid(logits), jax.nn.sigmoid(-logits)


def _by_probabilities(logits, temperature):
    p = jax.nn.sigmoid(logits)
    white, black = p ** (1 / temperature), (1 - p) ** (1 / temperature)
    return _log_odds(white / (white + black))


def _with_numpy(logits, temperature):
    return np.asarray(logits) / temperature


def _raised_alone(logits, temperature):
    white, black = _both(logits)
    return jnp.log(white) / temperature - jnp.log(black)


def _black_raised_alone(logits, temperature):
    white, black = _both(logits)
    return jnp.log(white) - jnp.log(black) / temperature


def _normalised_over_images(logits, temperature):
    white, black = (jnp.exp(jnp.log(p) / temperature) for p in _both(logits))
    return jnp.log(white / white.sum(axis=0)) - jnp.log(black / black.sum(axis=0))


_AXES = {"images": 0, "rows": 1, "columns": 2}


_NO_NUMPY = "NumPy cannot read an array while JAX traces it"


_NO_VALUES = (
    "while JAX traces it, an array has no values yet, as float(), .tolist() or an `if` "
    "would need them"
)


def _traced(answer, logits, temperature):
    """Return the log-odds, if jax.jit can trace the answer, as it does in a sampler.

    Nothing is compiled, which each of the wrong answers would need anew.
    """
    try:
        jax.eval_shape(lambda logits: answer(logits, temperature), logits)
    except jax.errors.JAXTypeError as error:
        # JAX's own text names a file and a line, so no two of them are the same.
        by_numpy = isinstance(error, jax.errors.TracerArrayConversionError)
        text = _NO_NUMPY if by_numpy else _NO_VALUES
        raise TypeError(text).with_traceback(error.__traceback__) from None
    return answer(logits, temperature)


def _logits(rng, *shape):
    """Return log-odds between -5 and 5, whose probabilities float32 can tell apart."""
    return jnp.float32(rng.uniform(-5, 5, shape))


_RNG = np.random.default_rng(65)


_LARGE = jnp.float32([30.0, -30.0, 20.0, -20.0, 25.0, 0.5]).reshape(2, 3, 1, 1)


_CASES = (
    Case("2 images of 3x2, T = 0.5", (_logits(_RNG, 2, 3, 2, 1), 0.5)),
    Case("3 images of 2x2, T = 1.2", (_logits(_RNG, 3, 2, 2, 1), 1.2)),
    Case("log-odds of 30 and -30, T = 0.8", (_LARGE, 0.8)),
    Case("inside jax.jit, T = 0.8", (_logits(_RNG, 2, 3, 2, 1), 0.8), run=_traced),
)


def _more(rng):
    """Other shapes, none and single numbers, T = 1, T an int, 0, large log-odds."""
    for shape, t in [((4,), 0.8), ((2, 3), 1.2), ((2, 1, 4, 1), 3.0), ((3, 2, 2), 0.1)]:
        yield Case(f"log-odds of shape {shape}, T = {t}", (_logits(rng, *shape), t))
    yield Case("a single number, T = 0.5", (_logits(rng), 0.5))
    yield Case("a pixel", (_logits(rng, 1, 1, 1, 1), 0.5))
    yield Case("no images", (_logits(rng, 0, 3, 3, 1), 0.5))
    yield Case("log-odds of 0", (jnp.zeros((2, 2, 3, 1)), 0.8))
    yield Case("T = 1.0 changes nothing", (_logits(rng, 2, 3, 3, 1), 1.0))
    yield Case("T = 1, an int", (_logits(rng, 2, 3, 3, 1), 1))
    yield Case("T = 2, an int", (_logits(rng, 2, 3, 3, 1), 2))
    yield Case("T = 100", (_logits(rng, 2, 3, 3, 1), 100.0))
    yield Case("T = 0.5 as a NumPy number", (_logits(rng, 5), np.float64(0.5)))
    # Probabilities down to exp(-80), which float32 still holds.
    yield Case("log-odds up to 40", (jnp.linspace(-40, 40, 9), 0.5))
    for t in (0.5, 0.8, 1.0, 1.2):
        case = (_logits(rng, 2, 28, 28, 1), t)
        yield Case(f"28x28 under jax.jit, T = {t}", case, run=_traced)


_WRONG = (
    WrongAnswer(
        "NumPy inside jit",
        _with_numpy,
        "Your log-odds are right, but the notebook calls the function inside jax.jit. "
        "There they have a shape but no values yet, and NumPy cannot read them. Use "
        "jnp throughout.",
    ),
    WrongAnswer(
        "through probabilities",
        _by_probabilities,
        "It is right for small log-odds, but not for 30: the probability of white is "
        "then so near 1 that float32 stores 1, 1 - p is 0, and the result is infinite. "
        "Can you do without probabilities? Write out the logarithm of p_T(white) / "
        "p_T(black).",
    ),
    WrongAnswer(
        "multiplied by T",
        lambda logits, temperature: logits * temperature,
        "You raised the probabilities to the power T, which multiplies the log-odds by "
        "T. The power is 1 / T: a low temperature makes the model surer.",
    ),
    WrongAnswer(
        "nothing changed",
        lambda logits, temperature: logits,
        "The log-odds are what they were, whatever T is. (Dividing both probabilities "
        "by T does nothing: normalising cancels it. They are raised to a power.)",
    ),
    WrongAnswer(
        "the probability divided by T",
        lambda logits, temperature: _log_odds(jax.nn.sigmoid(logits) / temperature),
        "You divided the probability of white by T, so it may even be above 1 (then "
        "you find nan). It is raised to the power 1 / T, and that of black too.",
    ),
    WrongAnswer(
        "the probability divided by T, returned",
        lambda logits, temperature: jax.nn.sigmoid(logits) / temperature,
        "You return the probability of white divided by T. Raise the probabilities to "
        "the power 1 / T, normalise, and return log-odds.",
    ),
    WrongAnswer(
        "the odds divided by T",
        lambda logits, temperature: logits - jnp.log(temperature),
        "You divided the odds by T, which subtracts log T from the log-odds. The "
        "probabilities are raised to the power 1 / T: what does this do to their "
        "logarithms?",
    ),
    WrongAnswer(
        "the odds multiplied by T",
        lambda logits, temperature: logits + jnp.log(temperature),
        "You multiplied the odds by T, which adds log T to the log-odds. The "
        "probabilities are raised to the power 1 / T: what does this do to their "
        "logarithms?",
    ),
    WrongAnswer(
        "not normalised",
        lambda logits, temperature: _log_odds(
            jax.nn.sigmoid(logits) ** (1 / temperature)
        ),
        "You raised the probability of white and took the rest for black. Black is "
        "raised as well, and after that the two do not add up to 1: divide both by "
        "their sum.",
    ),
    WrongAnswer(
        "the power T, not normalised",
        lambda logits, temperature: _log_odds(jax.nn.sigmoid(logits) ** temperature),
        "You raised the probability of white to the power T, where 1 / T is asked "
        "for, and took the rest for black. Black is raised as well, and after that "
        "both are divided by their sum.",
    ),
    WrongAnswer(
        "white alone raised",
        _raised_alone,
        "You raised the probability of white to the power 1 / T, but left that of "
        "black as it was. Both are raised.",
    ),
    WrongAnswer(
        "black alone raised",
        _black_raised_alone,
        "You raised the probability of black to the power 1 / T, but left that of "
        "white as it was. Both are raised.",
    ),
    WrongAnswer(
        "the power returned",
        lambda logits, temperature: jax.nn.sigmoid(logits) ** (1 / temperature),
        "You return p(white)^(1 / T): it is not normalised, and it is not the log-odds "
        "of white. The log-odds are log(p_T(white) / p_T(black)).",
    ),
    WrongAnswer(
        "the logarithm of the power",
        lambda logits, temperature: jax.nn.log_sigmoid(logits) / temperature,
        "You return log p(white) / T: black is missing. The log-odds of white are log "
        "p_T(white) - log p_T(black).",
    ),
    WrongAnswer(
        "a probability",
        lambda logits, temperature: jax.nn.sigmoid(logits / temperature),
        "These are the probabilities of white at temperature T, and they are right. "
        "But the log-odds are asked for, from which the notebook takes the sigmoid.",
    ),
    WrongAnswer(
        "a logarithm of a probability",
        lambda logits, temperature: jax.nn.log_sigmoid(logits / temperature),
        "These are the logarithms of the probability of white at temperature T. The "
        "log-odds are log p_T(white) - log p_T(black).",
    ),
    WrongAnswer(
        "odds",
        lambda logits, temperature: jnp.exp(logits / temperature),
        "These are the odds of white at temperature T. Their logarithm is asked for.",
    ),
    WrongAnswer(
        "nothing but 1",
        lambda logits, temperature: jnp.ones_like(logits),
        "All your numbers are 1. A softmax over an axis of length 1 is always 1: the "
        "last axis holds the log-odds of white, and no number for black.",
    ),
    WrongAnswer(
        "nothing but 0",
        lambda logits, temperature: jnp.zeros_like(logits),
        "All your numbers are 0, as if black and white were equally likely. Did you "
        "normalise over an axis of length 1? The sum goes over black and white.",
    ),
    *[
        WrongAnswer(
            f"a softmax over the {name}",
            lambda logits, temperature, axis=axis: jax.nn.softmax(
                logits / temperature, axis=axis
            ),
            f"You took a softmax over axis {axis}, the {name}. They have nothing to "
            "share with one another: the values that are normalised are black and "
            "white, for each pixel by itself.",
        )
        for name, axis in _AXES.items()
    ],
    WrongAnswer(
        "normalised over the images",
        _normalised_over_images,
        "You normalised over axis 0, the images. The sum goes over black and white, "
        "for each pixel by itself.",
    ),
    WrongAnswer(
        "the log-odds to the power 1 / T",
        lambda logits, temperature: logits ** (1 / temperature),
        "You raised the log-odds to the power 1 / T. It is the probabilities that are "
        "raised; what does this do to their logarithms?",
    ),
    WrongAnswer(
        "black and white exchanged",
        lambda logits, temperature: -logits / temperature,
        "These are the log-odds of black at temperature T: the sign is the other way "
        "round.",
    ),
    WrongAnswer(
        "whole numbers",
        lambda logits, temperature: logits // temperature,
        "The numbers are rounded down: // is the division of whole numbers.",
    ),
)


def _diagnose(answer):
    """Say what is wrong without jit, or for large log-odds only."""
    found = [answer(*case.args) for case in _CASES[:3]]
    for wrong in _WRONG[1:]:
        if _equal(found, wrong.answer):
            return wrong.message
    if not _equal(found[:2], at_temperature) or _equal(found, at_temperature):
        return None
    return (
        "It is right for small log-odds, but not for 20 or 30. There a probability is "
        "so near to 0 or 1 that float32 cannot tell, and a small constant or a clip "
        "changes it. Can you do without probabilities? Write out the logarithm of "
        "p_T(white) / p_T(black)."
    )


def _equal(found, answer):
    """Return whether an answer gives what was found on the first cases."""
    pairs = zip(found, _CASES, strict=False)
    return all(same(got, answer(*c.args), _RTOL, _ATOL) for got, c in pairs)


# Wide: on the way through probabilities float32 loses some of its digits.
_RTOL, _ATOL = 1e-3, 1e-4


EXERCISE = Exercise(
    id="6.5",
    title="temperature",
    reference=at_temperature,
    cases=_CASES,
    more=_more,
    then=jax.nn.sigmoid,
    rtol=_RTOL,
    atol=_ATOL,
    wrong=_WRONG,
    diagnose=_diagnose,
    afterword="Normalising cancels in a ratio, so the log-odds are divided by T.",
    hints=(
        "Write the log-odds as log(p_T(white) / p_T(black)). What becomes of the sum "
        "by which both were divided to normalise them?",
        "It cancels. What is left is the logarithm of p(white)^(1 / T) / "
        "p(black)^(1 / T), and the logarithm of a power is a product.",
        "log(p(white)^(1 / T)) is log p(white) / T, and the same holds for black. "
        "Their difference can be had from `logits` by one operation.",
    ),
)
