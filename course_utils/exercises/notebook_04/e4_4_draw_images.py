"""Exercise 4.4: draws from a decoder."""

import jax
import jax.numpy as jnp
import numpy as np

from course_utils.exercises.compare import Complaint
from course_utils.exercises.exercise import Case, Exercise, WrongAnswer

_DRAWS = 3000


def draw_images(logits, key):
    """Return images x ~ p(x | z) of independent binary pixels, floats 0 and 1.

    logits: log-odds of white of each pixel, [b, h, w, c].
    key: a JAX random key.
    """
    white = jax.random.bernoulli(key, jax.nn.sigmoid(logits))
    return white.astype(jnp.float32)


def _observe(answer, logits):
    """Return what makes draws right: their values, frequencies and independence."""
    batch = jnp.broadcast_to(logits, (_DRAWS, *logits.shape))
    draws = answer(batch, jax.random.key(1))
    if draws is None:
        return None
    again, draws = np.asarray(answer(batch, jax.random.key(1))), np.asarray(draws)
    if draws.shape != batch.shape:
        return Complaint(f"The shape should be {batch.shape}, but it is {draws.shape}")
    others = [np.asarray(answer(batch, jax.random.key(i))) for i in range(2, 8)]
    pixels = draws.reshape(_DRAWS, -1).astype(float)
    seen = {
        "black or white": bool(np.all((draws == 0) | (draws == 1))),
        "a key fixes the images": np.array_equal(draws, again),
        "another key changes them": any(np.any(o != draws) for o in others),
        "sure": bool(np.all((draws == (batch > 0)) | (np.abs(batch) < 50))),
        "images differ": bool(np.any(pixels != pixels[0])),
        "pixels go together": _largest_covariance(pixels) > 0.03,  # 6 deviations
    }
    one_draw = seen["another key changes them"] and not seen["images differ"]
    share = "of a single draw" if one_draw else _share(pixels.mean(axis=0), logits)
    # Their type is of interest only when nothing else is wrong with them.
    usable = draws.dtype.kind == "f" or share != "right"
    return seen | {"share of white": share, "floats": usable}


def _largest_covariance(pixels):
    covariance = np.cov(pixels, rowvar=False)
    return np.abs(covariance - np.diag(np.diag(covariance))).max()


def _share(frequency, logits):
    """Name the probabilities that fit the frequencies (5 deviations)."""
    logits = np.asarray(logits, np.float64).ravel()
    sigmoid = jax.nn.sigmoid
    candidates = {
        "right": sigmoid(logits),
        "inverted": sigmoid(-logits),
        "rounded": logits > 0,
        "logits": np.clip(logits, 0, 1),
        "twice": sigmoid(sigmoid(logits)),
        "normal threshold": jax.scipy.stats.norm.cdf(sigmoid(logits)),
        "normal noise": jax.scipy.stats.norm.cdf(logits),
    }
    for name, probability in candidates.items():
        if np.abs(frequency - np.asarray(probability)).max() < 0.045:
            return name
    return "other"


def _with_noise_of(shape):
    def answer(logits, key):
        noise = jax.random.uniform(key, shape(logits))
        return jnp.where(noise < jax.nn.sigmoid(logits), 1.0, 0.0)

    return answer


def _overflows(logits, key):
    odds = jnp.exp(logits)
    return jax.random.bernoulli(key, odds / (1 + odds)).astype(float)


def _as_the_notebook(answer, logits, key):
    """Return what the next cells make of draws: joined with others, in arithmetic."""
    draws = answer(logits, jax.random.key(key))
    rows = np.concatenate([np.zeros((2, *logits.shape[1:])), draws[:9]])
    return rows.shape, (1 - 2 * draws).shape, bool(np.all((rows == 0) | (rows == 1)))


def _more(rng):
    logits = jnp.asarray(3 * rng.normal(size=(100, 28, 28, 1)), jnp.float32)
    yield Case("100 images of 28x28", (logits, 5), run=_as_the_notebook)
    yield Case("one image of one pixel", (logits[:1, :1, :1], 6), run=_as_the_notebook)
    yield Case(
        "images of 3x1, with two channels", (logits[0, :3, :2].reshape(3, 1, 2),)
    )


EXERCISE = Exercise(
    id="4.4",
    title="draws from a decoder",
    reference=draw_images,
    cases=(
        Case(
            "images of 2x2",
            (jnp.array([1.2, -0.7, 0.4, -2.0]).reshape(2, 2, 1),),
        ),
        Case(
            "two pixels that are nearly certain",
            (jnp.array([200.0, -200.0, 0.9]).reshape(1, 3, 1),),
        ),
    ),
    run=_observe,
    more=_more,
    parts={
        "black or white": "some pixels are neither 0 nor 1",
        "a key fixes the images": "the same key gives two different batches",
        "another key changes them": "two different keys give the same images",
        "sure": "a pixel with a logit of 200 or -200 is not always white or black",
        "images differ": "equal logits give equal images: their noise is shared",
        "pixels go together": "the pixels of an image are not drawn independently",
        "share of white": "the pixels are not white as often as sigmoid(logits) says",
        "floats": "the draws are no floats",
    },
    wrong=(
        WrongAnswer(
            "the mean of the decoder",
            lambda logits, key: jax.nn.sigmoid(logits),
            "These are the probabilities, the mean of all draws. No image of the data "
            "is grey. Draw every pixel: white with this probability.",
        ),
        WrongAnswer(
            "the mean, rounded",
            lambda logits, key: jnp.where(logits > 0, 1.0, 0.0),
            "You rounded the probabilities. That is the most probable image, the same "
            "at every call: a pixel that is white in 4 of 10 images never is. Draw.",
        ),
        WrongAnswer(
            "logits taken for probabilities",
            lambda logits, key: jax.random.bernoulli(key, logits).astype(float),
            "You drew with the logits as probabilities. A logit lies between minus and "
            "plus infinity: the sigmoid turns it into a probability.",
        ),
        WrongAnswer(
            "sigmoid twice",
            lambda logits, key: draw_images(jax.nn.sigmoid(logits), key),
            "The sigmoid is applied twice, so no pixel is ever black with more than "
            "one half. Apply it once.",
        ),
        WrongAnswer(
            "black and white exchanged",
            lambda logits, key: draw_images(-logits, key),
            "The colours are exchanged: a uniform number lies BELOW p with "
            "probability p.",
        ),
        WrongAnswer(
            "normal noise below the probability",
            lambda logits, key: jnp.where(
                jax.random.normal(key, logits.shape) < jax.nn.sigmoid(logits), 1.0, 0.0
            ),
            "You compared p with a normal number. A normal number lies below p more "
            "often than with probability p; a uniform one does so exactly.",
        ),
        WrongAnswer(
            "normal noise on the logits",
            lambda logits, key: jnp.where(
                logits + jax.random.normal(key, logits.shape) > 0, 1.0, 0.0
            ),
            "You added normal noise to the logits. Then a pixel is white with another "
            "probability than the sigmoid's. Take logistic noise, or compare uniform "
            "noise with the sigmoid.",
        ),
        WrongAnswer(
            "one random number an image",
            _with_noise_of(lambda logits: (len(logits), 1, 1, 1)),
            "Pixels of one image share random numbers, so they turn white "
            "together. Given z the pixels are independent: take noise of the shape "
            "of logits.",
        ),
        WrongAnswer(
            "the same random numbers for every image",
            _with_noise_of(lambda logits: logits.shape[1:]),
            "All images of a batch share their random numbers: equal logits give "
            "equal images. Take noise of the shape of logits.",
        ),
        WrongAnswer(
            "a key of its own",
            lambda logits, key: draw_images(logits, jax.random.key(0)),
            "Your images do not depend on the key given: every call returns the same "
            "ones. Use `key`.",
        ),
        WrongAnswer(
            "chance without a key",
            lambda logits, key: draw_images(
                logits, jax.random.key(np.random.randint(2**31))
            ),
            "The same key gave two different batches, so the chance comes from "
            "somewhere else. Use the key: then a seed fixes the images.",
        ),
        WrongAnswer(
            "noise added to the mean",
            lambda logits, key: (
                jax.nn.sigmoid(logits) + 0.1 * jax.random.normal(key, logits.shape)
            ),
            "You added noise to the mean. The pixels of this decoder are black or "
            "white: draw which.",
        ),
        WrongAnswer(
            "overflow",
            _overflows,
            "It is right for small logits, but exp(200) is infinite, and infinity "
            "over infinity is no probability. jax.nn.sigmoid avoids it.",
        ),
        WrongAnswer(
            "no floats",
            lambda logits, key: jax.random.bernoulli(key, jax.nn.sigmoid(logits)),
            "The draws are right, but they are booleans or integers. Models and losses "
            "compute with floats: .astype(float).",
        ),
    ),
    hints=(
        "Which number is the probability that a pixel is white? Which function of jax "
        "makes a probability of a logit?",
        "jax.random.bernoulli(key, p) draws True with probability p, one draw for each "
        "entry of p.",
        "jax.random.bernoulli(key, jax.nn.sigmoid(logits)).astype(float)",
    ),
)
