"""Exercise 5.3: diagonals stand upright."""

import jax
import jax.numpy as jnp
import numpy as np

from course_utils.exercises.compare import same
from course_utils.exercises.exercise import Case, Exercise, WrongAnswer
from course_utils.layers import unskew


def skew(x):
    """Return the maps with row r moved r places to the right.

    x: maps, [b, h, w, f].
    Returns [b, h, h + w - 1, f], in which diagonals stand upright; places
    to which no pixel is moved are filled with 0.
    """
    b, h, w, f = x.shape
    padded = jnp.pad(x, ((0, 0), (0, 0), (0, h), (0, 0)))
    # Cut into rows that are one place shorter, each row slips one further.
    places = padded.reshape(b, h * (w + h), f)[:, : h * (w + h - 1)]
    return places.reshape(b, h, w + h - 1, f)


def _moved(start, width, wrap=False):
    """Return an answer that puts row r at column start(r, h) of width(h, w) columns.

    What does not fit is lost, or with `wrap` comes in again on the other side.
    """

    def answer(x):
        h, w = x.shape[1:3]
        r, c = np.indices((h, width(h, w)))
        c = c - start(r, h)
        c = c % width(h, w) if wrap else c
        inside = (c >= 0) & (c < w)
        return x[:, r, np.where(inside, c, 0)] * inside[..., None]

    return answer


def _right(r, h):
    return r


def _sum(h, w):
    return h + w - 1


def _given(h, w):
    return w


def _with_numpy(x):
    b, h, w, f = x.shape
    maps = np.zeros((b, h, h + w - 1, f), np.float32)
    for r in range(h):
        maps[:, r, r : r + w] = x[:, r]
    return maps


def _by_numbers(x):
    h, f = x.shape[1], x.shape[3]
    padded = jnp.pad(x, ((0, 0), (0, 0), (0, h - 1), (0, 0)))
    rows = [jnp.roll(padded[:, r], r) for r in range(h)]
    return jnp.stack(rows, axis=1).reshape(len(x), h, -1, f)


def _rows_kept(keep):
    """Return an answer that leaves rows empty: those r without keep(r, h, w)."""

    def answer(x):
        h, w = x.shape[1:3]
        kept = keep(np.arange(h), h, w)
        return skew(x) * kept[:, None, None]

    return answer


def _compiled(answer, x):
    """Return the maps as a compiled model gets them."""
    try:
        return jax.jit(answer)(x)
    except jax.errors.TracerArrayConversionError as error:
        # JAX's own text names a file and a line, so no two of them are the same.
        text = "NumPy cannot read an array while JAX traces it"
        raise TypeError(text).with_traceback(error.__traceback__) from None


def _gradient(answer, x):
    """Return the gradient of a loss of the maps, as a training step asks for it."""
    return jax.jit(jax.grad(lambda x: jnp.sum(jnp.array(answer(x)) ** 3)))(x)


def _maps(rng, *shape):
    return jnp.asarray(rng.normal(size=shape), jnp.float32)


_WIDE = _maps(np.random.default_rng(1), 2, 4, 6, 3)


_TALL = _maps(np.random.default_rng(2), 3, 5, 2, 4)


def _more(rng):
    """A single row, column, pixel, image and feature; large, empty and full maps."""
    shapes = [(2, 1, 5, 3), (2, 5, 1, 3), (3, 1, 1, 2), (1, 3, 4, 2), (2, 2, 3, 1)]
    for b, h, w, f in [*shapes, (1, 7, 7, 1), (4, 28, 28, 8)]:
        name = f"{b} of {h}x{w}, {f} features"
        yield Case(name, (_maps(rng, b, h, w, f),))
    yield Case("numbers up to 1e30", (1e30 * _maps(rng, 2, 3, 4, 2),))
    yield Case("all numbers 0", (jnp.zeros((2, 3, 4, 2)),))
    yield Case("all numbers 1", (jnp.ones((2, 3, 4, 2)),))
    case = (_maps(rng, 2, 3, 4, 2),)
    yield Case("inside a training step, under jit and grad", case, run=_gradient)


_WRONG = (
    WrongAnswer(
        "NumPy inside jit",
        _with_numpy,
        "Your maps are right, but the notebook calls the function inside a model that "
        "jax.jit compiles. There x has a shape but no numbers yet, and NumPy cannot "
        "read it. Use jnp throughout. You cannot assign to part of a jnp array: write "
        "maps = maps.at[:, r, start:stop].set(row).",
    ),
    WrongAnswer(
        "the last row stays",
        _moved(lambda r, h: h - 1 - r, _sum),
        "The top row has moved farthest and the last row not at all, so the other "
        "diagonals stand upright. Row r moves r places to the right, so the top row "
        "stays.",
    ),
    WrongAnswer(
        "rolled to the left",
        _moved(lambda r, h: -r, _sum, wrap=True),
        "Row r has moved r places to the left, and what left the map there came in on "
        "the right. Move it to the right: jnp.roll does so with a positive shift.",
    ),
    WrongAnswer(
        "rolled without padding",
        _moved(_right, _given, wrap=True),
        "The map is as wide as before, so pixels that leave it on the right come in "
        "again on the left. Make it h + w - 1 places wide first.",
    ),
    WrongAnswer(
        "rolled to the left without padding",
        _moved(lambda r, h: -r, _given, wrap=True),
        "Row r has moved r places to the left, what left the map there came in on the "
        "right, and the map is as wide as before. Make it h + w - 1 places wide, and "
        "move row r to the right.",
    ),
    WrongAnswer(
        "cut off",
        _moved(_right, _given),
        "The map is as wide as before, so the pixels of row r that move out of it on "
        "the right are lost. Make it h + w - 1 places wide.",
    ),
    WrongAnswer(
        "one column too many",
        _moved(_right, lambda h, w: h + w),
        "Every pixel is in its place, but the last column is empty: one too many. The "
        "last row, r = h - 1, moves h - 1 places, so h + w - 1 are enough.",
    ),
    WrongAnswer(
        "one place too far",
        _moved(lambda r, h: r + 1, lambda h, w: h + w),
        "Row r has moved r + 1 places, so the first column is empty. Rows are counted "
        "from 0, and row 0 stays where it is.",
    ),
    WrongAnswer(
        "not moved",
        _moved(lambda r, h: 0, _sum),
        "The width is right, but all rows still begin in column 0. Row r has to begin "
        "in column r.",
    ),
    WrongAnswer(
        "columns moved down",
        lambda x: skew(x.swapaxes(1, 2)).swapaxes(1, 2),
        "You moved column c down by c places, so the height has grown. Move row r to "
        "the right by r places: axis 2 grows.",
    ),
    WrongAnswer(
        "moved by numbers",
        _by_numbers,
        "Row r has moved by r numbers instead of r pixels, and a pixel has f numbers. "
        "(Without `axis`, jnp.roll shifts the numbers of the flattened array.)",
    ),
    WrongAnswer(
        "mirrored",
        lambda x: skew(x[:, :, ::-1]),
        "Row r begins in column r, but its pixels stand in reverse order. Keep the "
        "order of x.",
    ),
    WrongAnswer(
        "the map mirrored",
        lambda x: skew(x)[:, :, ::-1],
        "This is the right map mirrored: its columns stand in reverse order.",
    ),
    WrongAnswer(
        "upside down",
        lambda x: skew(x[:, ::-1]),
        "The rows stand in reverse order: the last row of x has become the top one, "
        "row 0. Keep the order of x.",
    ),
    WrongAnswer(
        "whole numbers",
        lambda x: skew(x.astype(int)),
        "The places are right, but the numbers have lost their decimals. Give the new "
        "map the dtype of x.",
    ),
    WrongAnswer(
        "nothing but 0",
        _rows_kept(lambda r, h, w: r < 0),
        "All your numbers are 0. Note that maps.at[...].set(...) leaves `maps` as it "
        "is and returns a changed copy: maps = maps.at[...].set(...).",
    ),
    WrongAnswer(
        "the top row only",
        _rows_kept(lambda r, h, w: r == 0),
        "Only row 0 is filled; the others hold 0. Is there a `return` inside the loop?",
    ),
    WrongAnswer(
        "the last row only",
        _rows_kept(lambda r, h, w: r == h - 1),
        "Only the last row is filled; the others hold 0. Does each turn of the loop "
        "start from an empty map again?",
    ),
    WrongAnswer(
        "as many rows as columns",
        _rows_kept(lambda r, h, w: r < w),
        "In an image that is taller than wide, the rows from r = w on hold 0. There "
        "are h rows, and x.shape is (b, h, w, f).",
    ),
    WrongAnswer(
        "the rows first",
        lambda x: jnp.moveaxis(skew(x), 1, 0),
        "Your rows are right, but they stand on axis 0, before the images. Return "
        "[b, h, h + w - 1, f]: jnp.stack takes the new axis as `axis`.",
    ),
    WrongAnswer(
        "the columns first",
        lambda x: jnp.moveaxis(skew(x), 2, 0),
        "Your columns are right, but they stand on axis 0, as a scan wants them. "
        "Return [b, h, h + w - 1, f].",
    ),
    WrongAnswer(
        "the first image",
        lambda x: skew(x)[0],
        "These are the maps of the first image alone. Return those of all b images.",
    ),
    WrongAnswer(
        "the first feature",
        lambda x: skew(x)[..., 0],
        "This is the first feature alone. Move all f of them together.",
    ),
)


def _diagnose(answer):
    """Say what is wrong without jit, even if the answer fails under it as well."""
    maps = tuple(jnp.array(x) for x in (_WIDE, _TALL))
    found = tuple(answer(x) for x in maps)
    for wrong in _WRONG[1:]:
        if same(found, tuple(wrong.answer(x) for x in maps), 1e-5):
            return wrong.message
    for got, x in zip(found, maps, strict=True):
        got, want = np.asarray(got), np.asarray(skew(x))
        if got.shape != want.shape or got.dtype.kind not in "iuf":
            return None
        if not same(got, want, 1e-5):
            return _partly_right(got, want) or _misplaced(got, np.asarray(x))
    return None


def _partly_right(got, want):
    """Say whether the first image or the first feature is right."""
    if same(got[0], want[0], 1e-5):
        return "The maps of the first image are right, but those of the others are not."
    if same(got[..., 0], want[..., 0], 1e-5):
        return "The first feature is right, but the others are not."
    return None


def _misplaced(got, x):
    """Say where the first row that is not in its place has gone."""
    h, w = x.shape[1:3]
    for r in range(h):
        places = [c for c in range(h) if same(got[:, r, c : c + w], x[:, r], 1e-5)]
        if not places:
            return (
                f"In maps of {h}x{w}, your row {r} (counted from 0) does not hold row "
                f"{r} of x in one piece, with all images and features."
            )
        if places[0] != r:
            return (
                f"In maps of {h}x{w}, your row {r} (counted from 0) begins in column "
                f"{places[0]}; it has to begin in column {r}."
            )
    return (
        "Every pixel is in its place, but some of the places to which no pixel is "
        "moved do not hold 0."
    )


EXERCISE = Exercise(
    id="5.3",
    title="diagonals stand upright",
    reference=skew,
    cases=(
        Case("2 wide images of 4x6, 3 features", (_WIDE,)),
        Case("3 tall images of 5x2, 4 features", (_TALL,)),
        Case("inside a model, under jax.jit", (_WIDE[:, :, :4],), run=_compiled),
    ),
    more=_more,
    then=lambda maps: unskew(maps, maps.shape[2] - maps.shape[1] + 1),
    wrong=_WRONG,
    diagnose=_diagnose,
    hints=(
        "Draw a 3x3 image on squared paper and move its rows. How many zeros stand "
        "before row r, and how many behind it?",
        "x[:, r] is row r of all images, [b, w, f], and jnp.pad(row, ((0, 0), (2, 5), "
        "(0, 0))) puts 2 zeros before and 5 behind its pixels. A loop over range(h) "
        "is fine under jit. On which axis do you stack the rows again?",
        "Without a loop: pad each row with h zeros, put all rows of an image in one "
        "line, and cut this line into rows of h + w - 1 places. Each row before r was "
        "one place longer than that, so row r begins r places late. What is left over "
        "at the end?",
    ),
)
