"""Exercise 6.4: one pixel of a convolution."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from course_utils.exercises.compare import same
from course_utils.exercises.exercise import Case, Exercise
from course_utils.exercises.notebook_06.conv_at_mistakes import WRONG
from course_utils.layers.masked import causal_mask


def conv_at(kernel, bias, maps, row, column):
    """Return what a masked convolution gives at one pixel.

    kernel: masked weights, [k, k, d_in, d_out]; k is odd, and the weights
        that would lie on pixels after (row, column) in raster order are 0.
    bias: [d_out].
    maps: input of the layer, [b, height, width, d_in]; the pixels after
        (row, column) have not been computed yet and hold 0 or old numbers.
    row, column: of the pixel, counted from 0; Python's integers, or traced
        ones inside a compiled loop.
    As in jax.lax and Flax the kernel is not flipped, its centre lies on the
    pixel, and what is outside of the maps counts as 0. The work must be
    that of one pixel. Returns [b, d_out].
    """
    k, margin = len(kernel), len(kernel) // 2
    padded = jnp.pad(maps, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    # Padding has moved the pixel to row + margin: its window begins at row.
    size = (len(maps), k, k, maps.shape[3])
    near = jax.lax.dynamic_slice(padded, (0, row, column, 0), size)
    return jnp.einsum("bijc,ijcd->bd", near, kernel) + bias


_RTOL, _ATOL = 1e-4, 2e-5  # the order of a sum may be any


def _same(got, want):
    return same(got, want, _RTOL, _ATOL)


def _is_right(answer, kernel, bias, maps, pixels):
    """Return whether an answer gives the right numbers outside of compiled loops."""
    try:
        for row, column in pixels:
            layer = kernel, bias, maps, row, column
            if not _same(answer(*layer), conv_at(*layer)):
                return False
    except Exception:  # another case says so
        return False
    return True


@jax.jit(static_argnums=0)
def _loop(answer, kernel, bias, maps):
    """Return the results at all pixels, [b, h, w, d_out], from a compiled loop."""
    h, w = maps.shape[1:3]

    def step(i, results):
        row, column = i // w, i % w
        result = jnp.asarray(answer(kernel, bias, maps, row, column))
        return results.at[:, row, column].set(result)

    start = jnp.zeros((*maps.shape[:3], len(bias)))
    return jax.lax.fori_loop(0, h * w, step, start)


def _in_a_loop(answer, kernel, bias, maps, pixels):
    """Return what a compiled loop gives, if the numbers are right outside of one.

    Wrong numbers have passed: the other cases say what is wrong with them.
    """
    if not _is_right(answer, kernel, bias, maps, pixels):
        answer = conv_at
    return {"loop": _everywhere(answer, kernel, bias, maps)}


def _everywhere(answer, kernel, bias, maps):
    # JAX's own texts name a file and a line, so no two of them are the same.
    try:
        return _loop(answer, kernel, bias, maps)
    except jax.errors.TracerArrayConversionError as error:
        text, found = "NumPy cannot read an array while JAX traces it", error
    except jax.errors.TracerBoolConversionError as error:
        text, found = "a traced number is neither True nor False yet", error
    except (
        jax.errors.ConcretizationTypeError,
        jax.errors.TracerIntegerConversionError,
    ) as error:
        text, found = "a traced number cannot be a Python integer", error
    except IndexError as error:
        if "static" not in str(error):
            raise
        text, found = "a slice cannot have traced bounds", error
    raise TypeError(text).with_traceback(found.__traceback__) from None


def _work(answer, kernel, bias, maps, pixels):
    """Return at how many pixels an answer with right numbers multiplies.

    Wrong numbers have passed, and so has what cannot be traced.
    """
    pixels_worked = 1.0
    if _is_right(answer, kernel, bias, maps, pixels):
        try:
            traced = jax.make_jaxpr(answer)(kernel, bias, maps, 0, 0)
        except Exception:  # the loop's case says so
            return {"pixels": "one"}
        one = len(maps) * kernel.size
        pixels_worked = _multiplications(traced.jaxpr) / one
    if pixels_worked < 10:  # some may go into finding the window
        return {"pixels": "one"}
    every = math.prod(maps.shape[1:3])
    return {"pixels": "all" if pixels_worked > every / 2 else "several"}


def _multiplications(jaxpr):
    """Count the multiplications of a traced function; a `while` goes round once."""
    total = 0
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "conv_general_dilated":
            weights = eqn.invars[1].aval
            spec = eqn.params["dimension_numbers"].rhs_spec
            total += eqn.outvars[0].aval.size * weights.size // weights.shape[spec[0]]
        elif eqn.primitive.name == "dot_general":
            summed, left = eqn.params["dimension_numbers"][0][0], eqn.invars[0].aval
            length = math.prod(left.shape[axis] for axis in summed)
            total += eqn.outvars[0].aval.size * length
        elif eqn.primitive.name == "mul":
            total += eqn.outvars[0].aval.size
        for value in eqn.params.values():
            for part in value if isinstance(value, tuple | list) else [value]:
                inner = getattr(part, "jaxpr", part)
                if hasattr(inner, "eqns"):
                    total += eqn.params.get("length", 1) * _multiplications(inner)
    return total


def _layer(rng, size, shape, d_out, kind="B", scale=1.0):
    """Return kernel, bias and maps; all pixels hold numbers, the later ones too."""
    d_in = shape[3]
    mask = causal_mask(size, kind)
    spread = (d_in * max(mask.sum(), 1)) ** -0.5
    kernel = rng.normal(scale=spread, size=(size, size, d_in, d_out))
    kernel *= mask[..., None, None]
    bias, maps = rng.normal(size=d_out), scale * rng.normal(size=shape)
    return tuple(jnp.asarray(a, jnp.float32) for a in (kernel, bias, maps))


_RNG = np.random.default_rng(6)


# Rows and columns may be swapped and still lie inside, and d_in is d_out: then what is
# wrong has one behaviour, and not an error that depends on how it was written.
_TALL = _layer(_RNG, 3, (4, 7, 4, 2), 2)


_TALL_PIXELS = (3, 2), (0, 0), (0, 3), (2, 3), (3, 0)


_WIDE = _layer(_RNG, 5, (3, 6, 8, 2), 2)


_WIDE_PIXELS = (2, 3), (3, 1)


_LONG = _layer(_RNG, 5, (1, 12, 20, 2), 16)


_LONG_PIXELS = (6, 9), (0, 0), (5, 19)


def _at(name, layer, pixels):
    """Return a case for each pixel, outside of compiled loops."""
    for row, column in pixels:
        case = (*layer, row, column)
        yield Case(f"{name}, row {row}, column {column}", case)


def _more(rng):
    """All pixels of some layers, in a compiled loop, and a few outside of one."""
    layer = _layer(rng, 3, (1, 1, 1, 2), 3)
    yield Case("a single image of a single pixel", (*layer, 0, 0))
    for name, layer in (
        ("k = 1, one number in, one out", _layer(rng, 1, (2, 3, 4, 1), 1)),
        ("k = 3, mask A, one number in", _layer(rng, 3, (1, 4, 5, 1), 3, "A")),
        ("k = 3, one number out", _layer(rng, 3, (2, 5, 3, 4), 1)),
        ("k = 5, a single row", _layer(rng, 5, (2, 1, 6, 2), 3)),
        ("k = 5, a single column", _layer(rng, 5, (2, 6, 1, 2), 3)),
        ("k = 7, mask A, maps of 9x10", _layer(rng, 7, (5, 9, 10, 1), 8, "A")),
    ):
        yield Case(f"{name}, all pixels in a compiled loop", layer, run=_everywhere)
    layer = _layer(rng, 7, (2, 2, 3, 2), 3)
    yield from _at("k = 7, maps of 2x3", layer, ((0, 0), (1, 2)))
    kernel, bias, maps = _layer(rng, 3, (2, 4, 5, 3), 4)
    later = np.arange(20).reshape(4, 5, 1) > 8
    old = jnp.where(later, 1e30, maps)
    yield Case("later pixels hold 1e30", (kernel, bias, old, 1, 3))
    yield Case("numbers up to 1e20", (kernel, bias, 1e20 * maps, 2, 1))
    traced = jnp.int32(3), jnp.int32(4)
    yield Case("the last pixel, integers of JAX", (kernel, bias, maps, *traced))


def _weight(value, size):
    """Return the name of a weight of the probing kernel, which are powers of 2."""
    if not value:
        return "0, as if it were outside of the window"
    total, rest = divmod(float(value), 1)
    if rest or not 0 < total < 2 ** (size * size):
        return "a number that is no weight of the kernel"
    found = [n for n in range(size * size) if int(total) >> n & 1]
    return " + ".join(f"kernel[{n // size}, {n % size}]" for n in found)


def _look_at_places(answer):
    """Find out with which weight each pixel counts, by maps with a single 1."""
    h, w, size = 5, 6, 3
    mask = causal_mask(size, "B")
    kernel = mask * 2.0 ** np.arange(size * size).reshape(size, size)
    layer = kernel[..., None, None], np.zeros(1), np.eye(h * w).reshape(-1, h, w, 1)
    layer = tuple(jnp.asarray(a, jnp.float32) for a in layer)
    for row, column in ((2, 3), (2, 0), (2, 5), (0, 2), (0, 0), (4, 5)):
        got = np.asarray(answer(*layer, row, column)).reshape(-1)
        want = np.asarray(conv_at(*layer, row, column)).reshape(-1)
        if _same(got, want):
            continue
        n = np.argmax(~np.isclose(got, want))
        yield (
            f"Take maps of {h}x{w}, a kernel of {size}x{size} and the pixel in row "
            f"{row}, column {column} (counted from 0). In your sum the pixel in row "
            f"{n // w}, column {n % w} is multiplied by {_weight(got[n], size)}. It "
            f"should be multiplied by {_weight(want[n], size)}."
        )


def _look_at_features(answer):
    """Find out what each input feature adds to each output feature."""
    kernel, bias, _ = _TALL
    kernel = kernel[1:2, 1:2]
    maps = jnp.eye(2)[:, None, None]
    # Numbers that are only nearly right are told something else.
    if not same(answer(kernel, bias, 0 * maps, 0, 0), jnp.stack([bias, bias]), 0.02):
        yield "If all numbers of the maps are 0, the result is the bias. Yours is not."
    want = conv_at(kernel, bias, maps, 0, 0)
    if not same(answer(kernel, bias, maps, 0, 0), want, 0.02):
        yield (
            "Take a kernel of 1x1. Output feature d is the sum over the input features "
            "c of maps[:, row, column, c] * kernel[0, 0, c, d], and then bias[d]. "
            "Yours is not."
        )


def _look_at_images(answer):
    kernel, bias, maps = _TALL
    together = np.asarray(answer(*_TALL, 3, 2))
    alone = [np.asarray(answer(kernel, bias, x[None], 3, 2))[0] for x in maps]
    if not same(together, np.stack(alone), 0.02):
        yield "The result of an image depends on the other images of its batch."


def _diagnose(answer):
    looks = _look_at_images, _look_at_features, _look_at_places
    got = answer(*_TALL, 3, 2)
    if np.shape(got) != (4, 2):
        return None
    if np.asarray(got).dtype.kind not in "biuf":  # bfloat16
        return "Return numbers of the dtype of maps."
    return next((found for look in looks for found in look(answer)), None)


def _put_in(result):
    """Put a result into the maps of the next layer, as the notebook does."""
    maps = jnp.zeros((len(result), 2, 2, result.shape[1]))
    return maps.at[:, 1, 0].set(result)


EXERCISE = Exercise(
    id="6.4",
    title="one pixel of a convolution",
    reference=conv_at,
    cases=(
        *_at("k = 3, maps of 7x4", _TALL, _TALL_PIXELS),
        *_at("k = 5, maps of 6x8", _WIDE, _WIDE_PIXELS),
        Case("inside a compiled loop", (*_TALL, _TALL_PIXELS), run=_in_a_loop),
        Case("the work for one pixel", (*_LONG, _LONG_PIXELS), run=_work),
    ),
    more=_more,
    then=_put_in,
    parts={
        "loop": "the numbers are right outside of a compiled loop, but not inside one",
        "pixels": "the numbers are right, but the work is that of more than one pixel",
    },
    wrong=WRONG,
    diagnose=_diagnose,
    afterword="(jnp.pad still copies the maps for every pixel. A sampler that keeps "
    "its maps padded saves that as well.)",
    hints=(
        "On squared paper, lay a kernel of 3x3 on maps of 4x5, its centre on a pixel. "
        "On which rows and columns does it lie? And if the pixel is in a corner: what "
        "do the places outside count?",
        "Pad height and width of maps with k // 2 zeros on each side (jnp.pad). The "
        "pixel is then in row + k // 2, so the window begins in `row`. A slice needs "
        "fixed bounds; jax.lax.dynamic_slice(padded, starts, sizes) takes a traced "
        "start, and a fixed size, for each of the four axes.",
        "The starts are (0, row, column, 0) and the sizes (b, k, k, d_in). What is cut "
        "out, `near`, lies under the kernel place by place: "
        'jnp.einsum("bijc,ijcd->bd", near, kernel) multiplies and sums. What is still '
        "to be added?",
    ),
    rtol=_RTOL,
    atol=_ATOL,
    seconds=30.0,  # a loop over 7x7 places is right, and slow to compile
)
