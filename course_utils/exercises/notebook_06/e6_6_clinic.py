"""Exercise 6.6: the bug clinic."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from course_utils.assertions import influence
from course_utils.exercises.clinic import Clinic, verdict_exercise
from course_utils.exercises.notebook_05 import e5_6_clinic as clinic_05
from course_utils.layers.masked import looking_back
from course_utils.models.pixelcnn import GatedPixelCNN, PixelCNN
from course_utils.sampling import draw_images, naive, stateful
from course_utils.worlds import all_images, state_index

_FEATURES, _BLOCKS = 8, 2
_SEED = 10  # of the weights
_DRAWS = 4_000
_BELOW_ONE = np.nextafter(np.float32(1), np.float32(0))


class Program(clinic_05.Program):
    """A program of notebook 05 that may keep something between two batches of draws.

    Args:
        make: random numbers of Flax -> the model; its weights are drawn anew.
        sampler: (program, uniforms) -> images.
        seed: of the weights.
    """

    def __init__(self, make, sampler, seed):
        super().__init__(make, sampler, seed)
        self.kept = {}  # shape of a batch -> what its last pixel has left

    def restart(self):
        """Forget what earlier draws have left."""
        self.kept.clear()

    def without_weights_in_blocks(self, x):
        """Return the logits [b, 9] if all weights of the blocks were zero."""
        return self.parts.logits(self._silenced(), x, self.order)

    def without_blocks(self, x):
        """Return the logits [b, 9] if there were no blocks."""
        model = nnx.merge(self.parts.graph, self._silenced())
        model.blocks = nnx.List([])
        return model(x).reshape(-1, 9)

    def _silenced(self):
        weights = self.parts.weights
        return {**weights, "blocks": jax.tree.map(jnp.zeros_like, weights["blocks"])}


_COMPILED = {}  # one step of a sampler, for all models of a kind


@functools.cache
def _predictor(kind, program):
    found = kind(nnx.merge(program.parts.graph, program.parts.weights))
    step = found.traceable
    shared = _COMPILED.setdefault((kind, program.parts.graph), step.advance)
    return found._replace(traceable=step._replace(advance=shared))


def _naively(program, uniforms):
    """Run the whole network for every pixel."""
    return draw_images(_predictor(naive, program), uniforms)


def _cached(program, uniforms):
    """Keep what the layers have computed."""
    return draw_images(_predictor(stateful, program), uniforms)


def _from_above(program, uniforms):
    """Draw white if u > 1 - p, which is as likely as u < p."""
    return _naively(program, jnp.minimum(1 - uniforms, _BELOW_ONE))


def _by_one_number(program, uniforms):
    """A fault: the first pixel's uniform number decides about all nine."""
    return _naively(program, jnp.broadcast_to(uniforms[:, :1, :1], uniforms.shape))


def _not_cleared(program, uniforms):
    """A fault: a batch begins with what the last one has left in the cache."""
    predictor, kept = _predictor(stateful, program), program.kept

    def start(shape):
        return kept[shape] if shape in kept else predictor.start(shape)

    def advance(before, x, i):
        kept[x.shape], logits = predictor.advance(before, x, i)
        return kept[x.shape], logits

    # Without `traceable` the sampler calls these two in Python, so they may keep.
    faulty = predictor._replace(start=start, advance=advance, traceable=None)
    return draw_images(faulty, uniforms)


def _model(kind=PixelCNN, size=3):
    """Return a maker of models whose first kernel has a size."""
    return lambda rngs: kind(_FEATURES, _BLOCKS, size, rngs=rngs)


def _masked(first, later):
    """Return a maker of stacks of 3x3 kernels with other masks."""

    def make(rngs):
        model = _model()(rngs)
        for conv, mask in [
            (model.first, first),
            *((block.conv, later) for block in model.blocks),
        ]:
            conv.mask = tuple(map(tuple, mask.tolist()))
        return model

    return make


_A, _B = looking_back(3, "A"), looking_back(3, "B")
_NO_CENTRE_ROW = np.stack([_B[0], np.zeros(3, bool)])


class _AddedTwice(PixelCNN):
    """A fault: a block adds its input to its output, and the stack adds it again."""

    def features(self, x):
        """Return features of every pixel."""
        features = self.first(x)
        for block in self.blocks:
            features = features + block(features)
        return features


class _MixedStacks(GatedPixelCNN):
    """A fault: the vertical stack is given the horizontal map as well.

    A vertical kernel lies on the pixels to the right, too. There the vertical map knows
    the rows above and no more, but the horizontal map knows this pixel.
    """

    def features(self, x):
        """Return features of every pixel."""
        v = self.above(x)
        h = self.left(x) + self.link(v)
        for block in self.blocks:
            v, h = block(v + h, h)
        return h


def suspects(seed):
    """Return the four programs, with weights drawn from a seed."""
    return {
        "A": Program(_model(), _naively, (seed, 0)),
        "B": Program(_model(GatedPixelCNN), _cached, (seed, 1)),
        "C": Program(_masked(_A, _NO_CENTRE_ROW), _cached, (seed, 2)),
        "D": Program(_model(size=5), _from_above, (seed, 3)),
    }


def faults(seed):
    """Return a program for every planted fault, with weights drawn from a seed.

    The last one is odd, and innocent.
    """
    planted = {
        "mask B in the first layer": (_masked(_B, _B), _naively),
        "no centre row in later layers": (_masked(_A, _NO_CENTRE_ROW), _naively),
        "the residual is added twice": (_model(_AddedTwice), _naively),
        "one uniform number for all pixels": (_model(), _by_one_number),
        "the cache is not cleared": (_model(), _not_cleared),
        "the vertical stack reads the other": (_model(_MixedStacks), _naively),
        "mask A in every layer": (_masked(_A, _A), _naively),
    }
    return {name: Program(*parts, (seed, 4)) for name, parts in planted.items()}


FAULTS = faults(_SEED)


@functools.cache
def _images():
    return all_images(3, 3).astype(np.float32)


def _within_reach():
    """Return which pixels two layers of 3x3 kernels have to see, [9, 9].

    All earlier ones but for the blind spot: with every row up, a path through masked
    3x3 kernels comes no more than one column further to the right.
    """
    row, column = np.divmod(np.arange(9), 3)
    up = row[:, None] - row
    return _earlier() & (column - column[:, None] <= up)


def _earlier():
    return np.tri(9, k=-1, dtype=bool)


def _sees_what_it_should(program):
    """Flip each pixel in all 512 images: who sees it? See `_within_reach`.

    What is in the blind spot of 3x3 kernels may be seen or not, later pixels and the
    pixel itself may not.
    """
    sees = influence(lambda x: program.logits(x).reshape(-1, 3, 3, 1), _images())
    return bool(sees[_within_reach()].all() and not sees[~_earlier()].any())


def _draws_what_it_scores(program):
    """Started anew, does it draw images with the frequencies exp(log p)?"""
    program.restart()
    return clinic_05.CLINIC.instruments["draws"](program)


@functools.cache
def _two_batches():
    return jax.random.uniform(jax.random.key(1), (2, _DRAWS, 3, 3))


def _draws_the_same_again(program):
    """Started anew, does it draw the same images again after other ones?"""
    program.restart()
    ours, others = _two_batches()
    first, _, again = (state_index(program.draw(u)) for u in (ours, others, ours))
    return len(first) == _DRAWS and bool(np.array_equal(first, again))


def zero_weights(program):
    """Do blocks return their input when all their weights are zero?

    No instrument of the clinic: those see what goes in and what comes out, this one
    opens the program.
    """
    x = _images()
    silent, none = program.without_weights_in_blocks(x), program.without_blocks(x)
    return bool(np.allclose(silent, none, atol=1e-4))


CLINIC = Clinic(
    id="6.6",
    suspects=suspects(_SEED),
    guilty="C",
    fault="the mask of its later layers has no centre row, so along its own row a "
    "pixel sees only the neighbour that the first layer shows it. It is a correct "
    "probability model, but of another network than was meant",
    instruments={
        "total": clinic_05.CLINIC.instruments["total"],
        "field": _sees_what_it_should,
        "draws": _draws_what_it_scores,
        "twice": _draws_the_same_again,
    },
    blind={
        "total": "whatever a pixel sees of the pixels before it, its two probabilities "
        "add up to one, and so do the 512 products. The sum can break where a pixel "
        "sees itself or a later one, never because it sees too little.",
        "draws": "it compares a program with itself. A network that sees too little "
        "is drawn from as faithfully as any other.",
        "twice": "it asks whether a batch of draws leaves something behind. Which "
        "pixels the network looks at is all the same to it.",
    },
    hints=(
        "Scores that sum to one, and draws that agree with them: that makes a correct "
        "probability model. Does it make the network that was meant?",
        "A missing pixel is no crime by itself: stacks of 3x3 kernels have a blind "
        "spot. Which earlier pixels are in it, and which never are?",
        "Flip the first pixel of a row in some images. Does the logit of the third "
        "pixel of that row, `run.logits(x)[:, 2]` in the first row, move?",
    ),
)

EXERCISE = verdict_exercise(CLINIC)
