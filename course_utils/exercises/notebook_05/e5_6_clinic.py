"""Exercise 5.6: the bug clinic."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from course_utils.exercises.clinic import Clinic, verdict_exercise
from course_utils.layers import DiagonalBiLSTM, RasterLSTM, RowLSTM, earlier_pixels
from course_utils.losses import bernoulli_nll
from course_utils.models.pixelrnn import PixelRNN
from course_utils.sampling import draw_images, stateful
from course_utils.worlds import all_images, state_index

_ROWS = np.arange(9)  # the pixels by their places in raster order
_COLUMNS = _ROWS.reshape(3, 3).T.ravel()
_FEATURES = 6
_DEVIATION = 1.5  # of a pixel's logit from image to image
_SEED = 10  # of the weights: the tests say what other weights can hide
_DRAWS = 4_000


class Program:
    """A pixel model of 3x3 images with a sampler; `program(x)` is log p(x), [b].

    Attributes:
        order: the nine pixels, as places in raster order, in the order it takes them.
    """

    def __init__(self, make, sampler, seed, order=_ROWS):
        self.order = order
        self._make, self._sampler, self._seed = make, sampler, seed

    def __call__(self, x):
        """Return log p(x) in nats, [b]."""
        return _log_p(self.logits(x), x, self.order)

    def logits(self, x):
        """Return the log-odds of white, [b, 9]; column k is for pixel order[k]."""
        return self.parts.logits(self.parts.weights, x, self.order)

    def draw(self, uniforms):
        """Return images [b, 3, 3, 1] from uniform numbers [b, 3, 3]."""
        return self._sampler(self, uniforms)

    @functools.cached_property
    def parts(self):
        """The model, with random weights; made when it is first asked for."""
        graph, shapes = nnx.split(nnx.eval_shape(lambda: self._make(nnx.Rngs(0))))
        rng = np.random.default_rng(self._seed)
        weights = jax.tree.map(
            lambda leaf: rng.normal(size=leaf.shape).astype(np.float32),
            nnx.to_pure_dict(shapes),
        )
        logits = _logits(graph)
        # Some random networks do nothing, others make all images but a few impossible.
        found = np.asarray(logits(weights, _images(), self.order))
        scale = _DEVIATION / np.std(found - found.mean(axis=0))
        weights["out"]["bias"] -= found.mean()
        weights["out"] = {name: scale * w for name, w in weights["out"].items()}
        return _Parts(graph, jax.device_put(weights), logits)


class _Parts(NamedTuple):
    graph: nnx.GraphDef
    weights: dict
    logits: Callable


@functools.cache
def _logits(graph):
    """Return the function that gives logits, one for all models of a kind."""

    @jax.jit
    def logits(weights, x, order):
        model, pixels = nnx.merge(graph, weights), _arranged(x, order)
        return model(pixels.reshape(-1, 3, 3, 1)).reshape(-1, 9)

    return logits


def _arranged(x, order):
    """Return the pixels in an order, [b, 9]."""
    return x.reshape(-1, 9)[:, order].astype(jnp.float32)


@jax.jit
def _log_p(logits, x, order):
    return -bernoulli_nll(logits, _arranged(x, order))


@functools.cache
def _images():
    return all_images(3, 3).astype(np.float32)


def _in_order(program, uniforms, walk=_ROWS, from_above=False):
    """Draw pixel order[k] for every k in `walk`: in the program's order, or another.

    In batches of 512, the number for which the model is compiled.
    """
    b = len(uniforms)
    batches = np.resize(uniforms, (-(-b // 512), 512, 9))
    drawn = [_draw_batch(program, u, walk, from_above) for u in batches]
    return jnp.asarray(np.concatenate(drawn)[:b])


def _draw_batch(program, uniforms, walk, from_above):
    x = np.zeros((512, 9), np.float32)
    for k in walk:
        pixel = program.order[k]
        p = jax.nn.sigmoid(program.logits(x.reshape(-1, 3, 3, 1))[:, k])
        u = uniforms[:, pixel]
        x[:, pixel] = u >= 1 - p if from_above else u < p
    return x.reshape(-1, 3, 3, 1)


def _from_above(program, uniforms):
    """Draw white if u >= 1 - p, which is as likely as u < p."""
    return _in_order(program, uniforms, from_above=True)


def _down_the_columns(program, uniforms):
    """The faulty one: it asks for a pixel while earlier ones are still zeros."""
    return _in_order(program, uniforms, walk=_COLUMNS)


def _by_one_number(program, uniforms):
    """A fault: the first pixel's uniform number decides about all nine."""
    return _in_order(program, jnp.broadcast_to(uniforms[:, :1, :1], uniforms.shape))


def _with_states(program, uniforms):
    """Draw in raster order, keeping the states of the recurrent layers."""
    return draw_images(_predictor(program), uniforms)


@functools.cache
def _predictor(program):
    return stateful(nnx.merge(program.parts.graph, program.parts.weights))


def _model(layer, kind=PixelRNN):
    """Return a maker of models with one recurrent layer."""
    return lambda rngs: kind(layer, _FEATURES, rngs=rngs)


class _SeesItself(PixelRNN):
    """A fault: the shift to the right is forgotten, so W shows the pixel itself."""

    def __call__(self, x):
        """Return the logits of every pixel."""
        seen = jnp.concatenate([earlier_pixels(x)[..., :3], x], axis=-1)
        features = self.first(seen)
        return self._logits(features + self.layers[0](features))


class _LeftOnly(PixelRNN):
    """No fault, but poor: of the earlier pixels it sees W, and it keeps no state."""

    def __call__(self, x):
        """Return the logits of every pixel."""
        return self._logits(self.first(earlier_pixels(x) * jnp.array([0, 0, 0, 1])))


class _NotReset(RasterLSTM):
    """A fault: it reads the images of a batch as if they were one tall image."""

    def __call__(self, x):
        """Return the outputs at all pixels."""
        return super().__call__(x.reshape(1, -1, *x.shape[2:])).reshape(*x.shape)


class _NotMoved(DiagonalBiLSTM):
    """A fault: the right-to-left map is not moved down by one row."""

    def __call__(self, x):
        """Return the outputs at all pixels."""
        return self.forth(x) + self.back(x[:, :, ::-1])[:, :, ::-1]


def suspects(seed):
    """Return the four programs, with weights drawn from a seed."""
    row = _model(RowLSTM)
    return {
        "A": Program(row, _from_above, (seed, 0)),
        "B": Program(row, _down_the_columns, (seed, 1)),
        "C": Program(_model(DiagonalBiLSTM), _with_states, (seed, 2)),
        "D": Program(row, _in_order, (seed, 3), _COLUMNS),
    }


def faults(seed):
    """Return a program for every planted fault, with weights drawn from a seed."""
    row = _model(RowLSTM)
    planted = {
        "the pixel sees itself": (_model(RowLSTM, _SeesItself), _in_order),
        "the state is not reset": (_model(_NotReset), _in_order),
        "the right-to-left map is not moved": (_model(_NotMoved), _in_order),
        "the sampler walks the columns": (row, _down_the_columns),
        "one uniform number for all pixels": (row, _by_one_number),
        "only the left pixel is seen": (_model(RowLSTM, _LeftOnly), _in_order),
    }
    return {name: Program(*parts, (seed, 4)) for name, parts in planted.items()}


FAULTS = faults(_SEED)


def _nats(program, x):
    """Return log p(x) in double precision, [b]."""
    return _finite(program(x), len(x))


def _finite(values, *shape):
    """Return the values in double precision; no NaN shall look like an innocent."""
    values = np.asarray(values, float)
    if values.shape != shape or not np.isfinite(values).all():
        raise ValueError(f"expected finite numbers {shape}, found {values}")
    return values


def _sums_to_one(program):
    """Do the probabilities of the 512 images add up to one?"""
    return bool(abs(np.exp(_nats(program, _images())).sum() - 1) < 1e-4)


def _ignores_the_batch(program):
    """Is log p of an image the same at another place, and among other images?"""
    x, places = _images(), np.random.default_rng(0).permutation(512)
    halves = np.tile(np.arange(256), 2), np.tile(np.arange(256, 512), 2)
    nats = _nats(program, x)
    return all(
        np.allclose(_nats(program, x[batch]), nats[batch], rtol=1e-5, atol=1e-4)
        for batch in (places, *halves)
    )


def _ignores_later_pixels(program):
    """Flip one pixel: do its logit and those before it stay, in all 512 images?

    Each image is a batch of its own. A flipped image is in the list as well.
    """
    x = _images()
    logits = [program.logits(x[i : i + 1]) for i in range(512)]
    logits = _finite(np.concatenate(logits), 512, 9)
    for k, pixel in enumerate(program.order):
        flipped = np.arange(512) ^ (256 >> pixel)
        change = np.abs(logits[flipped] - logits)[:, : k + 1]
        if change.max() > 1e-5 * np.abs(logits).max():
            return False
    return True


@functools.cache
def _uniforms():
    return jax.random.uniform(jax.random.key(0), (_DRAWS, 3, 3))


def _draws_what_it_scores(program):
    """Do 4,000 drawn images have the frequencies exp(log p), up to chance?"""
    drawn = state_index(program.draw(_uniforms()))
    counts = np.bincount(drawn, minlength=512)
    expected = _DRAWS * np.exp(_nats(program, _images()))
    statistic, freedom = _chi_square(counts, expected)
    return bool(statistic < _bound(freedom))


def _chi_square(counts, expected, least=10):
    """Return the statistic and its degrees of freedom.

    From the rarest image on, images share a cell until 10 are expected in it. The last
    cell has the likeliest image, so it is not small either.
    """
    cells = [np.zeros(2)]
    for image in np.argsort(expected, kind="stable"):
        if cells[-1][1] >= least:
            cells.append(np.zeros(2))
        cells[-1] += counts[image], expected[image]
    counts, expected = np.transpose(cells)
    return np.sum((counts - expected) ** 2 / expected), max(len(cells) - 1, 1)


def _bound(freedom, deviations=5.2):
    """Return what chi-square passes about once in ten million times.

    By the approximation of Wilson and Hilferty (1931): the cube root of chi-square /
    freedom is nearly normal. So a false alarm has a probability under 1e-6, with room
    for what the approximations are wrong by.
    """
    spread = 2 / (9 * freedom)
    return freedom * (1 - spread + deviations * np.sqrt(spread)) ** 3


CLINIC = Clinic(
    id="5.6",
    suspects=suspects(_SEED),
    guilty="B",
    fault="its model takes the pixels row by row, its sampler column by column, so the "
    "model is asked for a pixel while earlier ones are not drawn yet and still 0",
    instruments={
        "total": _sums_to_one,
        "batch": _ignores_the_batch,
        "later pixels": _ignores_later_pixels,
        "draws": _draws_what_it_scores,
    },
    blind={
        "total": "it adds up the probabilities of images that are listed, not drawn. "
        "Right scores sum to one whatever the sampler does.",
        "batch": "it scores an image in several batches and draws none. A sampler "
        "is never called.",
        "later pixels": "it says what the logits depend on when the whole image is "
        "there. Whether a sampler asks for them in that order, it does not see.",
    },
    hints=(
        "A program does two things: it scores images, and it draws them. Which "
        "instruments call `program.draw`?",
        "Rows, columns or any other order: the chain rule holds in each. What must a "
        "program's scores and its draws have in common?",
        "Count how often each of the 512 images is drawn, and compare the counts with "
        "4,000 p(x).",
    ),
)

EXERCISE = verdict_exercise(CLINIC)
