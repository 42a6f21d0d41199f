"""Exercise 5.1: what a pixel LSTM is fed."""

import jax
import jax.numpy as jnp
import numpy as np

from course_utils.exercises.compare import Complaint
from course_utils.exercises.describe import describe_error
from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def neighbour_inputs(x):
    """Return the values of the W, N, NW and NE neighbours of each pixel.

    x: images, [b, h, w, 1].
    Returns [b, h, w, 4], in this order: the pixel to the left, above, above
    left and above right. A neighbour outside the image counts as 0.
    """
    # A border of zeros: one row above, one column on either side.
    padded = jnp.pad(x, ((0, 0), (1, 0), (1, 1), (0, 0)))
    west = padded[:, 1:, :-2]
    north = padded[:, :-1, 1:-1]
    north_west = padded[:, :-1, :-2]
    north_east = padded[:, :-1, 2:]
    return jnp.concatenate([west, north, north_west, north_east], axis=-1)


_ITSELF = "the pixel itself"


# Rows down, columns to the right.
_ASKED = {"W": (0, -1), "N": (-1, 0), "NW": (-1, -1), "NE": (-1, 1)}


_UNSEEN = {"E": (0, 1), "S": (1, 0), "SE": (1, 1), "SW": (1, -1), _ITSELF: (0, 0)}


_PLACES = _ASKED | _UNSEEN


_MANY = 2_000  # operations: a loop over 28x28 pixels has more, one over rows fewer


def _seen(x, place, rows="constant", columns="constant"):
    """Return what the pixel at a place shows; `np.pad`'s modes say what is outside."""
    (down, right), (h, w) = _PLACES[place], x.shape[1:3]
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)), rows)
    padded = np.pad(padded, ((0, 0), (0, 0), (1, 1), (0, 0)), columns)
    return padded[:, 1 + down : 1 + down + h, 1 + right : 1 + right + w]


def _showing(*places, outside="constant"):
    def answer(x):
        return np.concatenate([_seen(x, p, outside, outside) for p in places], axis=-1)

    return answer


def _four(x):
    return [_seen(x, place) for place in _ASKED]


def _with_north_east(north_east):
    """Return an answer that is right but for NE."""
    return lambda x: np.concatenate([*_four(x)[:3], north_east(x)], axis=-1)


def _north_east_wraps(x):
    return _seen(x, "NE", columns="wrap")


def _first_column_cleared(x):
    return _north_east_wraps(x) * (np.arange(x.shape[2]) > 0)[:, None]


def _negative_indices(x):
    wrapped = [_seen(x, place, "wrap", "wrap") for place in ("W", "N", "NW")]
    return np.concatenate([*wrapped, _seen(x, "NE", "wrap", "edge")], axis=-1)


def _back(w):
    """Return how far back in raster order the four are, in images of width w."""
    return 1, w, w + 1, w - 1


def _in_one_row(x):
    b, h, w, _ = x.shape
    pixels = np.reshape(x, (b, h * w))
    fed = [np.pad(pixels, ((0, 0), (n, 0)))[:, : h * w] for n in _back(w)]
    return np.stack(fed, axis=-1).reshape(b, h, w, 4)


def _rolled_without_axis(x):
    return np.concatenate([np.roll(x, n) for n in _back(x.shape[2])], axis=-1)


def _images(rng, b, h, w):
    return jnp.asarray(rng.uniform(0.1, 0.9, (b, h, w, 1)), jnp.float32)


_GREY = _images(np.random.default_rng(1), 2, 3, 5)


def _shown(entry):
    """Return the place whose pixel an entry shows wherever that is in the image."""
    for place in _PLACES:
        inside = _seen(np.ones(_GREY.shape), place)[..., 0] > 0
        if np.allclose(entry[inside], _seen(_GREY, place)[..., 0][inside]):
            return place
    return None


def _fault(number, entry):
    """Say what is wrong with an entry: its place, or what counts as 0."""
    want, got = list(_ASKED)[number], _shown(entry)
    if got is None:
        return f"entry {number} is wrong for pixels whose {want} lies in the image"
    if got != want:
        return f"entry {number} should show {want} and shows {got}"
    if np.allclose(entry, _seen(_GREY, want)[..., 0]):
        return None
    return f"entry {number} is not 0 for pixels whose {want} lies outside the image"


def _diagnose(answer):
    output = np.asarray(answer(_GREY))
    if output.shape[:-1] != _GREY.shape[:-1]:
        return None
    entries = list(np.moveaxis(output, -1, 0))
    shown = {_shown(entry) for entry in entries}
    if len(entries) != 4:
        told = f"The last axis has length {len(entries)}; it should be 4"
        return f"{told}. One entry is {_ITSELF}." if _ITSELF in shown else None
    faults = [_fault(i, entry) for i, entry in enumerate(entries)]
    if shown == {None} or not any(faults):
        return None
    told = f"Counted from 0, {'; '.join(filter(None, faults))}."
    if shown & _UNSEEN.keys():
        told += " The network must not see the pixel that it predicts, nor later ones."
    return told


def _in_a_model(answer, x):
    """Return the gradient of a model that uses the answer, as a training step does."""

    def loss(weights, x):
        return jnp.mean(jnp.tanh(jnp.asarray(answer(x)) @ weights))

    try:
        return jax.jit(jax.grad(loss))(jnp.linspace(-1, 1, 8).reshape(4, 2), x)
    except Exception as error:  # outside jax.jit, these images went well
        return Complaint(
            "The values are right, but the model calls the function under jax.jit, "
            "where pixels have no values yet. Use jnp functions: NumPy, float() or an "
            f"`if` on pixels would need the values. {describe_error(error)}"
        )


def _at_full_size(answer, x):
    """Return the output, if jax.jit can compile the answer in reasonable time."""
    operations = len(jax.make_jaxpr(answer)(x).eqns)
    if operations > _MANY:
        return Complaint(
            f"The values are right, but they take {operations:,} operations, which "
            "jax.jit is slow to compile in every model. Move whole images at once"
        )
    return answer(x)


def _more(rng):
    """Small sizes, negative pixels, one colour, under jax.jit, the notebook's size."""
    for b, h, w in [(1, 1, 1), (3, 1, 1), (2, 4, 1), (1, 6, 2), (4, 4, 4), (5, 2, 3)]:
        yield Case(f"batch of {b}, images of {h}x{w}", (_images(rng, b, h, w),))
    yield Case("negative pixels", (-_images(rng, 2, 3, 4),))
    yield Case("white images", (jnp.ones((2, 4, 3, 1)),))
    yield Case("under jax.jit, as in a model", (_GREY,), run=_in_a_model)
    binary = jnp.asarray(rng.integers(0, 2, (3, 28, 28, 1)), jnp.float32)
    yield Case("three binary images of 28x28", (binary,), run=_at_full_size)


EXERCISE = Exercise(
    id="5.1",
    title="what a pixel LSTM is fed",
    reference=neighbour_inputs,
    cases=(
        Case("two grey images of 3x5", (_GREY,)),
        Case("an image of one row", (_images(np.random.default_rng(2), 1, 1, 6),)),
    ),
    more=_more,
    then=lambda inputs: inputs @ jnp.ones((4, 2)),
    diagnose=_diagnose,
    wrong=(
        WrongAnswer(
            "the opposite edge",
            _showing(*_ASKED, outside="wrap"),
            "Right inside, but at an edge you show pixels of the opposite edge, as "
            "jnp.roll does: W of the first column is the last column, a pixel that "
            "comes later. Outside the image there is 0.",
        ),
        WrongAnswer(
            "the edge repeated",
            _showing(*_ASKED, outside="edge"),
            "Right inside, but at an edge you repeat the nearest pixel, so the first "
            "pixel of an image sees itself. Outside the image there is 0.",
        ),
        WrongAnswer(
            "indices outside",
            _negative_indices,
            "Right inside. At the top and the left you show the opposite edge, as "
            "index -1 does, and in the last column NE repeats the pixel above, as an "
            "index past the end does in JAX. Outside the image there is 0.",
        ),
        WrongAnswer(
            "rows run together",
            _in_one_row,
            "You went back along the raster order, where rows run together: W of the "
            "first column is the last pixel of the row above, and NE of the last "
            "column the first of its own row. Both are outside the image: 0.",
        ),
        WrongAnswer(
            "rows and images run together",
            _rolled_without_axis,
            "Rows and images run together, as in jnp.roll without an axis: at the "
            "edges you show pixels of another row or of another image. Outside the "
            "image there is 0.",
        ),
        WrongAnswer(
            "the future",
            _showing("E", "S", "SE", "SW"),
            "You moved the images the wrong way: these are E, S, SE and SW, pixels "
            "that come later. For a pixel to see its left neighbour, the image moves "
            "to the right.",
        ),
        WrongAnswer(
            "the future, and the opposite edge",
            _showing("E", "S", "SE", "SW", outside="wrap"),
            "You moved the images the wrong way: these are E, S, SE and SW, pixels "
            "that come later. And what leaves the image at one edge comes back at the "
            "other, where 0 is asked for.",
        ),
        WrongAnswer(
            "left and right exchanged",
            _showing("E", "N", "NE", "NW"),
            "Left and right are exchanged: W shows E, a pixel that comes later, and "
            "NW and NE are swapped. To see its left neighbour, move the image to the "
            "right.",
        ),
        WrongAnswer(
            "up and down exchanged",
            _showing("W", "S", "SW", "SE"),
            "Up and down are exchanged: N, NW and NE show the row below, which comes "
            "later. To see the row above, move the image down.",
        ),
        WrongAnswer(
            "rows and columns exchanged",
            _showing("N", "W", "NW", "SW"),
            "Rows and columns are exchanged: W shows N, N shows W, and NE shows SW, a "
            "pixel that comes later. In [b, h, w, 1], axis 1 counts the rows.",
        ),
        WrongAnswer(
            "W and N swapped",
            _showing("N", "W", "NW", "NE"),
            "W and N have changed places. The order is W, N, NW, NE.",
        ),
        WrongAnswer(
            "NW and NE swapped",
            _showing("W", "N", "NE", "NW"),
            "NW and NE have changed places. The order is W, N, NW, NE.",
        ),
        WrongAnswer(
            "in raster order",
            _showing("NW", "N", "NE", "W"),
            "These are the right four, but in raster order. The order asked for is W, "
            "N, NW, NE.",
        ),
        WrongAnswer(
            "NW twice",
            _showing("W", "N", "NW", "NW"),
            "The last entry shows NW again. For NE the column of zeros stands on the "
            "right: the last column has no NE.",
        ),
        WrongAnswer(
            "NE from the opposite edge",
            _with_north_east(_north_east_wraps),
            "All is right but NE in the last column, where you show the first pixel "
            "of the row above. There NE is outside the image: 0.",
        ),
        WrongAnswer(
            "the wrong column cleared for NE",
            _with_north_east(_first_column_cleared),
            "W, N and NW are right. NE is 0 in the first column, where it is in the "
            "image, and not in the last, where it is outside.",
        ),
        WrongAnswer(
            "the pixel itself for W",
            _showing(_ITSELF, "N", "NW", "NE"),
            "The first entry is the pixel itself: the network would be shown what it "
            "has to predict. W is one column further to the left.",
        ),
        WrongAnswer(
            "the pixel itself as a fifth",
            _showing(_ITSELF, *_ASKED),
            "The four are right, but before them stands the pixel itself: the network "
            "would be shown what it has to predict. Leave it out.",
        ),
        WrongAnswer(
            "an axis too many",
            lambda x: np.stack(_four(x), axis=-1),
            "The four are right, but the shape is [b, h, w, 1, 4]. The axis of length "
            "1 is the one to join them along: concatenate, and do not stack.",
        ),
        WrongAnswer(
            "one after another",
            _four,
            "The four are right, but they come one after another, [4, b, h, w, 1]. "
            "Join them along the last axis.",
        ),
        WrongAnswer(
            "the neighbours first",
            lambda x: np.stack(_four(x))[..., 0],
            "The four are right, but the neighbours are the first axis, [4, b, h, w]. "
            "They should be the last.",
        ),
        WrongAnswer(
            "channels before rows",
            lambda x: np.stack(_four(x), axis=1)[..., 0],
            "The four are right, but in the order [b, 4, h, w]. In Flax, channels are "
            "the last axis.",
        ),
        WrongAnswer(
            "joined along the batch",
            lambda x: np.concatenate(_four(x)),
            "You joined the four along the batch, axis 0, so they look like more "
            "images. Join them along the last axis.",
        ),
        WrongAnswer(
            "reshaped",
            lambda x: np.reshape(_four(x), (*x.shape[:3], 4)),
            "The shape is right, but a reshape made it of [4, b, h, w]: that keeps "
            "the numbers in their order and mixes the pixels. Join the four along the "
            "last axis.",
        ),
        WrongAnswer(
            "added up",
            lambda x: sum(_four(x)),
            "You added the four up. The network has a weight for each: join them "
            "along the last axis.",
        ),
        WrongAnswer(
            "the first image only",
            lambda x: neighbour_inputs(x[:1]),
            "These are the neighbours in the first image only. Axis 0 counts the "
            "images: keep all of them.",
        ),
    ),
    hints=(
        "Move a whole image one column to the right, with zeros coming in at the left. "
        "What does each pixel of the moved image show?",
        "jnp.pad puts zeros around an image: one row above and one column on either "
        "side will do. Each neighbour is then a window of h rows and w columns in it.",
        "If p is the padded x, W is p[:, 1:, :-2]. Cut out the other three in the same "
        "way, and join them with jnp.concatenate(..., axis=-1).",
    ),
)
