"""Exercise 5.2: images drawn pixel by pixel."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer
from course_utils.worlds import state_index


def draw_pixels(model, uniforms):
    """Return images drawn pixel by pixel, in raster order: floats 0 and 1.

    model: model(x) -> logits [b, h, w, 1]; the logit of a pixel is the
        log-odds of white and depends only on the pixels before it.
    uniforms: numbers from [0, 1), [b, h, w]; a pixel is white if its number
        lies below p(white | the pixels before it).
    Returns [b, h, w, 1].
    """
    _, h, w = uniforms.shape
    x = jnp.zeros((*uniforms.shape, 1))
    for r, c in np.ndindex(h, w):
        p = jax.nn.sigmoid(model(x)[:, r, c, 0])
        x = x.at[:, r, c, 0].set(uniforms[:, r, c] < p)  # True becomes 1.0
    return x


class _Calls:
    number = 0


class _Chain(nnx.Module):
    """Pixel i has the logit bias[i] + sum over j < i of weights[i, j] x[j].

    Args:
        bias: [h, w].
        weights: [h * w, h * w]; what is not below the diagonal is not used.
    """

    def __init__(self, bias, weights):
        self.bias = nnx.Param(jnp.asarray(bias, jnp.float32))
        self.weights = nnx.Param(jnp.asarray(np.tril(weights, -1), jnp.float32))
        self.calls = _Calls()

    def __call__(self, x):
        self.calls.number += 1
        h, w = self.bias.shape
        if np.shape(x)[1:] != (h, w, 1):
            raise ValueError(f"the model takes [b, {h}, {w}, 1], not {np.shape(x)}")
        return _logits(self.bias[...], self.weights[...], x)


@jax.jit
def _logits(bias, weights, x):
    return bias[..., None] + (x.reshape(len(x), -1) @ weights.T).reshape(x.shape)


# All logits are multiples of 1/4. No sigmoid of such a number comes close to any
# (k + 1/2) / 492, so rounding decides no colour.
def _uniforms(rng, *shape):
    return jnp.float32((rng.integers(492, size=shape) + 0.5) / 492)


def _model(rng, h, w, largest=2):
    bias = rng.integers(-6, 7, (h, w)) / 4
    steps = rng.integers(-4 * largest, 4 * largest + 1, (h * w, h * w))
    return _Chain(bias, steps / 4)


def _sure(rng, h, w):
    """Return a model that repeats or reverses earlier pixels; the first is free."""
    n = h * w
    signs, copied = rng.choice([-1, 1], n), rng.integers(np.maximum(np.arange(n), 1))
    bias = np.append(0.5, -100.0 * signs[1:]).reshape(h, w)
    return _Chain(bias, 200 * signs[:, None] * np.eye(n)[copied])


def _usable(answer, model, uniforms):
    """Return whether right images are floats and took few calls of the model.

    Wrong images have passed: the other cases say what is wrong with them.
    """
    images = answer(model, uniforms)
    few = model.calls.number <= 10 * uniforms[0].size
    wrong = not np.array_equal(images, draw_pixels(model, uniforms))
    floats = wrong or np.asarray(images).dtype.kind == "f"
    return {"few calls": wrong or few, "floats": floats}


def _drawn(
    white=lambda u, logit: u < jax.nn.sigmoid(logit),
    order=np.ndindex,
    seen=lambda x, r, c: x,
):
    """Return an answer that draws pixels one by one, with one thing changed.

    Args:
        white: what is put into a pixel, of its numbers and logits, [b] each.
        order: the places, of h and w.
        seen: what the model is given of the image.
    """

    def answer(model, uniforms):
        u = np.asarray(uniforms)
        x = np.zeros((*u.shape, 1), np.float32)
        for r, c in order(*u.shape[1:]):
            logits = np.asarray(model(seen(x, r, c)))
            x[:, r, c, 0] = white(u[:, r, c], logits[:, r, c, 0])
        return x

    return answer


def _with_probabilities(model, uniforms):
    p = _drawn(lambda u, logit: jax.nn.sigmoid(logit))(model, uniforms)
    return 1.0 * (uniforms[..., None] < p)


def _more(rng):
    """The notebook's own size, wide and high images, single ones, equal numbers."""
    sizes = (2000, 3, 3), (300, 4, 4), (20, 6, 3), (1, 1, 5), (2, 1, 1)
    for b, h, w in sizes:
        model = _model(rng, h, w, largest=rng.integers(1, 9))
        name = f"images of {h}x{w}, {b:,} of them"
        yield Case(name, (model, _uniforms(rng, b, h, w)))
    numbers = _uniforms(rng, 60, 3, 3)
    yield Case("pixels that are independent", (_model(rng, 3, 3, 0), numbers))
    yield Case("equal numbers", (_model(rng, 3, 3), numbers[:1, :1, :1] + 0 * numbers))
    yield Case("9 pixels, 8 of them sure", (_sure(rng, 3, 3), numbers))


_PLACES = [f"row {r}, column {c}" for r, c in np.ndindex(2, 3)]


def _pixels(answer, bias, weights, numbers):
    """Return what an answer draws with a model of 2x3 images: [b, 6], in raster order.

    bias, weights, numbers: whatever broadcasts to [6], [6, 6] and [b, 6].
    """
    bias, weights = np.broadcast_to(bias, 6), np.broadcast_to(weights, (6, 6))
    numbers = jnp.float32(np.broadcast_arrays(numbers, np.zeros(6))[0])
    images = answer(_Chain(bias.reshape(2, 3), weights), numbers.reshape(-1, 2, 3))
    return np.asarray(images, float).reshape(numbers.shape)


def _look_at_values(answer):
    numbers = np.asarray(_uniforms(np.random.default_rng(7), 20, 6))
    images = _pixels(answer, 0.5, 1, numbers)
    if not np.all((images == 0) | (images == 1)):
        yield "Some of your pixels are neither 0 nor 1. White is 1, and black is 0."
    if np.any(images != _pixels(answer, 0.5, 1, numbers)):
        yield (
            "The same model and the same numbers gave two different batches. All the "
            "randomness is in `uniforms`: draw no other numbers."
        )
    if np.all(images == _pixels(answer, 0.5, 1, 1 - numbers)):
        yield (
            "Your images do not depend on `uniforms`: other numbers gave the same "
            "images. A pixel is white if its own number lies below p."
        )


def _look_at_places(answer):
    numbers = np.full((2, 6), 0.5)
    images = [_pixels(answer, 200 * a - 100, 0, numbers)[0] for a in np.eye(6)]
    wrong = np.any(images != np.eye(6), axis=1)
    i = np.argmax(wrong * (1 + np.any(images, axis=1)))  # white somewhere, if one is
    if wrong[i]:
        found = [_PLACES[j] for j in np.flatnonzero(images[i])]
        yield (
            "Take a model of 2x3 images that makes a single pixel white for sure and "
            f"all others black. When it is the one in {_PLACES[i]} (counted from 0), "
            f"your image is white in: {'; '.join(found) or 'no place at all'}. Does "
            "your loop reach every pixel, read the logit at [:, r, c] and write to "
            "[:, r, c]?"
        )


def _look_at_numbers(answer):
    numbers = np.where(np.eye(6), 0.1, 0.9)
    images = _pixels(answer, 0.0, 0, numbers)
    if any(np.ptp(images[numbers == number]) for number in (0.1, 0.9)):
        yield (
            "With all logits equal, pixels with equal numbers should get the same "
            "colour, and yours do not. The number of a pixel is uniforms[:, r, c], one "
            "for each image."
        )
    for logit in (0.5, -2.0, 3.0):
        grid = (np.arange(400)[:, None] + 0.5) / 400
        share, p = _pixels(answer, logit, 0, grid).mean(), jax.nn.sigmoid(logit)
        if abs(share - p) > 0.01:
            yield (
                f"With a logit of {logit:g} a pixel should be white for {p:.0%} of all "
                f"numbers, and yours is for {share:.0%}. p(white) is the sigmoid of "
                "the logit."
            )


def _look_at_memory(answer):
    for later, earlier in np.argwhere(np.tri(6, k=-1)):
        copies = 200 * np.outer(np.eye(6)[later], np.eye(6)[earlier])
        numbers = 0.5 + np.outer([-0.4, 0.4], np.eye(6)[earlier])
        images = _pixels(answer, 100 * np.eye(6)[earlier] - 100, copies, numbers)
        if np.any(images[:, later] != images[:, earlier]):
            yield (
                "Take a model of 2x3 images that makes the pixel in "
                f"{_PLACES[later]} (counted from 0) a copy of the one in "
                f"{_PLACES[earlier]}. In your images it is not always a copy. Is the "
                "earlier pixel in the image when the model is called for the later one?"
            )
    numbers = 0.5 + np.outer([-0.4, 0.4], np.eye(6)[0])
    images = _pixels(answer, 100 * np.eye(6)[0] - 100, 200 * np.eye(6, k=-1), numbers)
    if np.any(images != images[:, :1]):
        yield (
            "Take a model that makes each pixel a copy of the one before it. Then all "
            "pixels of an image have the same colour, and yours do not. Every pixel "
            "has to wait until all the pixels before it are final."
        )


def _diagnose(answer):
    looks = _look_at_values, _look_at_places, _look_at_numbers, _look_at_memory
    return next((found for look in looks for found in look(answer)), None)


_RNG = np.random.default_rng(4)


EXERCISE = Exercise(
    id="5.2",
    title="images drawn pixel by pixel",
    reference=draw_pixels,
    cases=(
        Case("20 images of 2x3", (_model(_RNG, 2, 3), _uniforms(_RNG, 20, 2, 3))),
        Case("20 images of 4x2", (_model(_RNG, 4, 2), _uniforms(_RNG, 20, 4, 2))),
        Case("logits of 100 and -100", (_sure(_RNG, 2, 3), _uniforms(_RNG, 20, 2, 3))),
        Case(
            "60 images of 3x3, as the notebook uses them",
            (_model(_RNG, 3, 3), _uniforms(_RNG, 60, 3, 3)),
            run=_usable,
        ),
    ),
    more=_more,
    then=lambda images: (state_index(images), 1 - 2 * images),
    parts={
        "few calls": "the images are right, but the model is called too often",
        "floats": "the images are right, but they are not floats",
    },
    wrong=(
        WrongAnswer(
            "all black",
            lambda model, uniforms: jnp.zeros((*uniforms.shape, 1)),
            "All your pixels are black, whatever the logits are. Does the image keep "
            "what you draw? x.at[...].set(...) leaves x as it is and returns a new "
            "array. And is the number compared with p, a number between 0 and 1?",
        ),
        WrongAnswer(
            "all white",
            lambda model, uniforms: jnp.ones((*uniforms.shape, 1)),
            "All your pixels are white, whatever the logits are. (A softmax over an "
            "axis of length 1 is always 1. A single logit, the log-odds of white, "
            "needs the sigmoid.)",
        ),
        WrongAnswer(
            "the drawn pixels not seen",
            _drawn(seen=lambda x, r, c: 0 * x),
            "You drew every pixel as if all the pixels before it were black. The model "
            "has to see what has been drawn: go through the pixels in raster order, "
            "and for each one call the model on the image as it is by then.",
        ),
        WrongAnswer(
            "the likelier colour",
            _drawn(lambda u, logit: logit > 0),
            "You gave each pixel its likelier colour and did not use `uniforms`: every "
            "image is the same. Draw instead: white if the number lies below p.",
        ),
        WrongAnswer(
            "white above p",
            _drawn(lambda u, logit: u > jax.nn.sigmoid(logit)),
            "The colours are exchanged: your pixels are white if the number lies above "
            "p, which happens with probability 1 - p. It should lie below.",
        ),
        WrongAnswer(
            "the sign of the logit",
            _drawn(lambda u, logit: u < jax.nn.sigmoid(-logit)),
            "You took 1 - p for p: your pixels are white if the number lies below the "
            "probability of black. The logit is the log-odds of white.",
        ),
        WrongAnswer(
            "white above 1 - p",
            _drawn(lambda u, logit: u > jax.nn.sigmoid(-logit)),
            "Your pixels are white if the number lies above 1 - p. That has "
            "probability p as well, but other numbers make it happen. Here the numbers "
            "fix the images: white below p.",
        ),
        WrongAnswer(
            "logits taken for probabilities",
            _drawn(lambda u, logit: u < logit),
            "You compared the numbers with the logits. A logit lies between minus and "
            "plus infinity: the sigmoid turns it into a probability.",
        ),
        WrongAnswer(
            "overflow",
            _drawn(lambda u, logit: u < np.exp(logit) / (1 + np.exp(logit))),
            "It is right for small logits, but exp(100) is infinite here, and infinity "
            "over infinity is not a probability. jax.nn.sigmoid avoids it.",
        ),
        WrongAnswer(
            "column by column",
            _drawn(order=lambda h, w: [(r, c) for c in range(w) for r in range(h)]),
            "You drew column by column. Raster order goes along the rows: the first "
            "row from left to right, then the second. A pixel that the model looks at "
            "has to be drawn first.",
        ),
        WrongAnswer(
            "row by row",
            _drawn(seen=lambda x, r, c: x * (np.arange(x.shape[1]) < r)[:, None, None]),
            "Your pixels see the rows above, but not the pixels to the left in their "
            "own row. Call the model again for every pixel, not once for each row.",
        ),
        WrongAnswer(
            "probabilities in the image",
            _with_probabilities,
            "The model was given probabilities of the earlier pixels, not their "
            "colours. It knows black and white images only. Compare p with the number "
            "first, and put 0 or 1 into the image.",
        ),
        WrongAnswer(
            "the numbers of the first image",
            _drawn(lambda u, logit: u[0] < jax.nn.sigmoid(logit)),
            "You used the numbers of the first image for all images, so that all are "
            "the same. Each image has its own: uniforms[:, r, c].",
        ),
        WrongAnswer(
            "the logits of the first image",
            _drawn(lambda u, logit: u < jax.nn.sigmoid(logit[0])),
            "You used the logits of the first image for all images. They differ as "
            "soon as the pixels drawn differ: keep the batch axis, [:, r, c, 0].",
        ),
        WrongAnswer(
            "one image at a time",
            lambda model, uniforms: np.concatenate(
                [draw_pixels(model, u[None]) for u in uniforms]
            ),
            "Your images are right, but the model was called more than ten times per "
            "pixel. Do you loop over the images? One call gives the logits of the "
            "whole batch, and uniforms[:, r, c] are the numbers for it.",
        ),
        WrongAnswer(
            "no floats",
            lambda model, uniforms: draw_pixels(model, uniforms).astype(int),
            "The images are right, but they are booleans or integers. Models and "
            "losses compute with floats: .astype(float).",
        ),
    ),
    diagnose=_diagnose,
    hints=(
        "Start from an image of zeros. What the model says of a pixel does not depend "
        "on that pixel or on later ones, so whatever stands there does no harm.",
        "For each row r and each column c: call the model on the image as it is now, "
        "make a probability of the logit at [:, r, c, 0], and compare the numbers "
        "uniforms[:, r, c] with it, for the whole batch at once.",
        "jax.nn.sigmoid(model(x)[:, r, c, 0]) is p(white), and "
        "x = x.at[:, r, c, 0].set(...) puts one pixel of every image into x. True "
        "becomes 1.0 there.",
    ),
)
