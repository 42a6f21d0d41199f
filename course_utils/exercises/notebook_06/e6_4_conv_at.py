"""Exercise 6.4: one pixel of a convolution."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from course_utils.exercises.compare import same
from course_utils.exercises.exercise import Case, Exercise, WrongAnswer
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


_LONG = _layer(_RNG, 5, (1, 12, 20, 1), 16)


_LONG_PIXELS = (6, 9), (0, 0), (5, 19)


def _more(rng):
    """All pixels of many layers, in a compiled loop, and a few outside of one."""
    layers = (
        ("k = 1, one number in, one out", _layer(rng, 1, (2, 3, 4, 1), 1)),
        ("k = 3, mask A, one number in", _layer(rng, 3, (2, 4, 5, 1), 3, "A")),
        ("k = 3, one number out", _layer(rng, 3, (1, 5, 3, 4), 1)),
        ("k = 7, mask A, 9x10, as a first layer", _layer(rng, 7, (5, 9, 10, 1), 8)),
        ("k = 7, maps smaller than the kernel", _layer(rng, 7, (2, 2, 3, 2), 3)),
        ("k = 5, a single row", _layer(rng, 5, (2, 1, 6, 2), 3)),
        ("k = 5, a single column", _layer(rng, 5, (2, 6, 1, 2), 3)),
        ("k = 3, a single pixel", _layer(rng, 3, (1, 1, 1, 2), 3)),
    )
    for name, layer in layers:
        yield Case(f"{name}, all pixels in a loop", layer, run=_everywhere)
    for row, column in ((0, 0), (1, 2)):
        name = f"{layers[4][0]}, row {row}, column {column}"
        yield Case(name, (*layers[4][1], row, column))
    kernel, bias, maps = _layer(rng, 3, (2, 4, 5, 3), 4)
    later = np.arange(20).reshape(4, 5, 1) > 8
    old = jnp.where(later, 1e30, maps)
    yield Case("later pixels hold 1e30", (kernel, bias, old, 1, 3))
    yield Case("numbers up to 1e20", (kernel, bias, 1e20 * maps, 2, 1))
    traced = jnp.int32(3), jnp.int32(4)
    yield Case("the last pixel, integers of JAX", (kernel, bias, maps, *traced))


def _cut(pads, first):
    """Return an answer that pads otherwise, or begins its window elsewhere.

    Args:
        pads: zeros on each side, of k.
        first: where the window begins in the padded maps, counted from (row, column).
    """

    def answer(kernel, bias, maps, row, column):
        k = len(kernel)
        p, f = pads(k), first(k)
        padded = jnp.pad(maps, ((0, 0), (p, p), (p, p), (0, 0)))
        starts, size = (0, row + f, column + f, 0), (len(maps), k, k, maps.shape[3])
        near = jax.lax.dynamic_slice(padded, starts, size)
        return jnp.einsum("bijc,ijcd->bd", near, kernel) + bias

    return answer


def _picked(index):
    """Return an answer that picks k rows and columns by index(first, k, length)."""

    def answer(kernel, bias, maps, row, column):
        k, (h, w) = len(kernel), maps.shape[1:3]
        rows = index(row - k // 2, k, h)[:, None]
        near = maps[:, rows, index(column - k // 2, k, w)]
        return jnp.einsum("bijc,ijcd->bd", near, kernel) + bias

    return answer


def _moved_inside(first, k, length):
    return jnp.clip(first, 0, length - k) + jnp.arange(k)


def _padded_with(**how):
    """Return an answer that takes something else for what is outside."""

    def answer(kernel, bias, maps, row, column):
        m = len(kernel) // 2
        padded = jnp.pad(maps, ((0, 0), (m, m), (m, m), (0, 0)), **how)
        return conv_at(kernel, bias, padded, row + m, column + m)

    return answer


def _with_if(kernel, bias, maps, row, column):
    k, (h, w) = len(kernel), maps.shape[1:3]
    total = bias
    for i, j in np.ndindex(k, k):
        r, c = row + i - k // 2, column + j - k // 2
        if 0 <= r < h and 0 <= c < w:
            total = total + maps[:, r, c] @ kernel[i, j]
    return total


def _padded(kernel, maps):
    m = len(kernel) // 2
    return jnp.pad(maps, ((0, 0), (m, m), (m, m), (0, 0)))


def _with_slices(kernel, bias, maps, row, column):
    k = len(kernel)
    near = _padded(kernel, maps)[:, row : row + k, column : column + k]
    return jnp.einsum("bijc,ijcd->bd", near, kernel) + bias


def _with_numpy(kernel, bias, maps, row, column):
    near = np.asarray(_padded(kernel, maps))[:, row:, column:]
    k = len(kernel)
    return np.einsum("bijc,ijcd->bd", near[:, :k, :k], kernel) + bias


def _with_integers(kernel, bias, maps, row, column):
    return conv_at(kernel, bias, maps, int(row), int(column))


def _convolution(kernel, maps, padding):
    axes = "NHWC", "HWIO", "NHWC"
    return jax.lax.conv_general_dilated(
        maps, kernel, (1, 1), padding, dimension_numbers=axes
    )


def _all_pixels(kernel, bias, maps, row, column):
    return _convolution(kernel, maps, "SAME")[:, row, column] + bias


def _one_row(kernel, bias, maps, row, column):
    k, padded = len(kernel), _padded(kernel, maps)
    rows = jax.lax.dynamic_slice_in_dim(padded, row, k, axis=1)
    return _convolution(kernel, rows, "VALID")[:, 0, column] + bias


_WRONG = (
    WrongAnswer(
        "a traced number in an if",
        _with_if,
        "Your numbers are right, but the notebook calls the function inside a compiled "
        "loop. There row and column are traced: they have no value yet, so neither "
        "`if` nor `and`, max or min can compare them. Pad the maps with zeros, and "
        "nothing is left to ask.",
    ),
    WrongAnswer(
        "a slice with traced bounds",
        _with_slices,
        "Your numbers are right, but the notebook calls the function inside a compiled "
        "loop. There row and column are traced: they have no value yet, so JAX does "
        "not know how long row:row + k is. jax.lax.dynamic_slice(padded, starts, "
        "sizes) takes traced starts, and sizes that are known.",
    ),
    WrongAnswer(
        "NumPy in a compiled loop",
        _with_numpy,
        "Your numbers are right, but the notebook calls the function inside a compiled "
        "loop. There the arguments are traced: they have a shape but no numbers yet, "
        "and NumPy cannot read them. Use jnp and jax.lax throughout.",
    ),
    WrongAnswer(
        "Python integers of traced ones",
        _with_integers,
        "Your numbers are right, but the notebook calls the function inside a compiled "
        "loop. There row and column are traced: they have no value yet, so int, range, "
        "lists and jnp.arange(row, row + k) cannot use them. row + jnp.arange(k) can, "
        "and so can jax.lax.dynamic_slice.",
    ),
    WrongAnswer(
        "all pixels",
        _all_pixels,
        "Your numbers are right, but you compute all pixels of the convolution and "
        "then pick one. That is what the naive sampler does, once for every pixel. Cut "
        "the window of k x k places around the pixel out of the maps first, and "
        "multiply nothing but this window with the kernel.",
    ),
    WrongAnswer(
        "more pixels than one",
        _one_row,
        "Your numbers are right, but you compute more pixels than the one that is new. "
        "(A whole row? One for every place of the window?) Cut the window of k x k "
        "places out of the maps, in both directions, multiply each place with its own "
        "weights, and sum.",
    ),
    WrongAnswer(
        "the kernel flipped",
        lambda w, b, x, r, c: conv_at(w[::-1, ::-1], b, x, r, c),
        "You flipped the kernel, as the convolution of mathematics does. What neural "
        "networks call a convolution is a cross-correlation: kernel[i, j] lies on "
        "place (i, j) of the window. Flipped, it looks at the later pixels.",
    ),
    WrongAnswer(
        "row and column swapped",
        lambda w, b, x, r, c: conv_at(w, b, x, c, r),
        "You took row for column and column for row. The axes of maps are image, row, "
        "column, feature.",
    ),
    WrongAnswer(
        "the kernel on its side",
        lambda w, b, x, r, c: conv_at(w.swapaxes(0, 1), b, x, r, c),
        "The rows of your kernel lie on the columns of the maps. Axis 0 of the kernel "
        "goes with axis 1 of maps, and axis 1 with axis 2.",
    ),
    WrongAnswer(
        "the window moved by dynamic_slice",
        _cut(lambda k: 0, lambda k: -(k // 2)),
        "Inside the maps you are right, at the border you are not: there the window is "
        "moved, where it should be filled with zeros. jax.lax.dynamic_slice always "
        "reads inside the array, without a word: a window that sticks out is moved "
        "back in, and a negative start counts from the end, as in Python, so that the "
        "window lands on the other side. Pad the maps with k // 2 zeros first.",
    ),
    WrongAnswer(
        "the window moved inside",
        _picked(_moved_inside),
        "Inside the maps you are right, at the border you are not: where the window "
        "sticks out of the maps you moved it inside, so its centre no longer lies on "
        "the pixel. What is outside counts as 0: pad the maps with k // 2 zeros.",
    ),
    WrongAnswer(
        "indices out of range",
        _picked(lambda first, k, length: first + jnp.arange(k)),
        "Inside the maps you are right, at the border you are not: JAX reports no "
        "index that is out of range. -1 is the last place, as in Python, and for one "
        "that is too large the last place is read. What is outside counts as 0: pad "
        "the maps with k // 2 zeros first.",
    ),
    WrongAnswer(
        "the window begins at the pixel, without padding",
        _cut(lambda k: 0, lambda k: 0),
        "Your window begins at the pixel, but the centre of the kernel has to lie on "
        "it: the window begins k // 2 rows above and k // 2 columns to the left. "
        "Padding the maps with k // 2 zeros on each side moves it there.",
    ),
    WrongAnswer(
        "the window begins at the pixel, with padding",
        _cut(lambda k: k // 2, lambda k: k // 2),
        "In the padded maps the pixel has moved to (row + k // 2, column + k // 2), "
        "and your window begins there. The centre of the kernel has to lie on the "
        "pixel, so the window begins k // 2 places before it.",
    ),
    WrongAnswer(
        "k // 2 subtracted twice",
        _cut(lambda k: k // 2, lambda k: -(k // 2)),
        "You padded the maps and subtracted k // 2 from row and column as well, so "
        "your window lies k // 2 places too far up and left. Padding has moved the "
        "pixel to (row + k // 2, column + k // 2); k // 2 places before it is (row, "
        "column).",
    ),
    WrongAnswer(
        "the window ends at the pixel",
        _cut(lambda k: k - 1, lambda k: 0),
        "The last row and column of your window lie on the pixel. The kernel has rows "
        "and columns after it as well, even if their weights are 0: its centre lies on "
        "the pixel. Pad with k // 2 zeros on each side.",
    ),
    WrongAnswer(
        "one more zero on each side",
        _cut(lambda k: k // 2 + 1, lambda k: 0),
        "Your window lies one place too far up and left. With k // 2 zeros on each "
        "side the window begins at (row, column) of the padded maps.",
    ),
    WrongAnswer(
        "k zeros on each side",
        _cut(lambda k: k, lambda k: 0),
        "You padded with k zeros on each side and began the window at (row, column): "
        "it lies before the pixel. With k // 2 zeros its centre lies on the pixel.",
    ),
    WrongAnswer(
        "one zero whatever k is",
        _cut(lambda k: 1, lambda k: 0),
        "For a kernel of 3x3 you are right, but a larger one needs more than one zero "
        "on each side: k // 2.",
    ),
    WrongAnswer(
        "the edge repeated",
        _padded_with(mode="edge"),
        "Inside the maps you are right, but outside you took the nearest pixel of the "
        "edge. What is outside counts as 0: jnp.pad without a mode.",
    ),
    WrongAnswer(
        "wrapped around",
        _padded_with(mode="wrap"),
        "Inside the maps you are right, but outside you took the pixels of the other "
        "side, as if the maps were closed to a ring. What is outside counts as 0.",
    ),
    WrongAnswer(
        "nan outside",
        _padded_with(constant_values=jnp.nan),
        "Inside the maps you are right, but outside your window holds nan, and 0 x nan "
        'is nan. (jnp.take, and mode="fill", put nan where an index is out of range.) '
        "What is outside counts as 0.",
    ),
    WrongAnswer(
        "the bias forgotten",
        lambda w, b, x, r, c: conv_at(w, 0 * b, x, r, c),
        "The sum over the window is right. What is missing is the bias.",
    ),
    WrongAnswer(
        "the bias once for each weight",
        lambda w, b, x, r, c: conv_at(w, len(w) ** 2 * b, x, r, c),
        "You added the bias once for each place of the window. Add it once, after the "
        "sum.",
    ),
    WrongAnswer(
        "d_in and d_out swapped",
        lambda w, b, x, r, c: conv_at(w.swapaxes(2, 3), b, x, r, c),
        "You summed over the last axis of the kernel, d_out. The sum goes over the "
        "rows, the columns and the input features, d_in; d_out remains: "
        '"bijc,ijcd->bd".',
    ),
    WrongAnswer(
        "each feature by itself",
        lambda w, b, x, r, c: conv_at(
            w * jnp.eye(w.shape[2])[: w.shape[3]].T, b, x, r, c
        ),
        "Your output feature d is made of input feature d alone. Every output feature "
        "is a sum over all the d_in input features.",
    ),
    WrongAnswer(
        "the pixel itself left out",
        lambda w, b, x, r, c: conv_at(
            w.at[len(w) // 2, len(w) // 2].set(0), b, x, r, c
        ),
        "You left the pixel itself out, as mask A does in the first layer. The kernel "
        "is masked already: after the first layer its centre is not 0, and it counts.",
    ),
    WrongAnswer(
        "the rows above alone",
        lambda w, b, x, r, c: conv_at(w.at[len(w) // 2].set(0), b, x, r, c),
        "You left out the row of the pixel. The pixels to its left count as well, and "
        "so does the pixel itself if the kernel's centre is not 0.",
    ),
    WrongAnswer(
        "the mean",
        lambda w, b, x, r, c: conv_at(w / w[..., 0].size, b, x, r, c),
        "You took the mean over the window and the input features. A convolution is "
        "the sum.",
    ),
    WrongAnswer(
        "relu",
        lambda *layer: jax.nn.relu(conv_at(*layer)),
        "Your negative numbers have become 0. The activation is another layer: return "
        "what the convolution gives.",
    ),
    WrongAnswer(
        "the sum over the images",
        lambda w, b, x, r, c: (conv_at(w, 0 * b, x, r, c)).sum(axis=0) + b,
        "You summed over the images of the batch. Each has its own result: keep axis "
        "0, [b, d_out].",
    ),
    WrongAnswer(
        "the mean of the images",
        lambda *layer: conv_at(*layer).mean(axis=0),
        "You took the mean over the images of the batch. Each has its own result: keep "
        "axis 0, [b, d_out].",
    ),
    WrongAnswer(
        "the first image",
        lambda *layer: conv_at(*layer)[0],
        "This is the result of the first image alone. Return those of all b images, "
        "[b, d_out].",
    ),
    WrongAnswer(
        "the first image for all",
        lambda w, b, x, r, c: conv_at(w, b, 0 * x + x[:1], r, c),
        "All images of the batch got the result of the first. Each has its own: keep "
        "axis 0 of maps.",
    ),
    WrongAnswer(
        "axes of length 1",
        lambda *layer: conv_at(*layer)[:, None, None],
        "Your numbers are right, but they stand in maps of a single pixel, [b, 1, 1, "
        "d_out]. Return [b, d_out].",
    ),
    WrongAnswer(
        "features before images",
        lambda *layer: conv_at(*layer).T,
        "Your numbers are right, but features stand before images. Return [b, d_out].",
    ),
)


def _weight(value, size):
    """Return the name of a weight of the probing kernel, which are 1, 2, 3 ..."""
    places = {n + 1: f"kernel[{n // size}, {n % size}]" for n in range(size * size)}
    places[0] = "0, as if it were outside of the window"
    return places.get(float(value), "what is no single weight of the kernel")


def _look_at_places(answer):
    """Find out with which weight each pixel counts, by maps with a single 1."""
    h, w, size = 5, 6, 3
    mask = causal_mask(size, "B")
    kernel = mask * np.arange(1.0, size * size + 1).reshape(size, size)
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
    if not _same(answer(kernel, bias, 0 * maps, 0, 0), jnp.stack([bias, bias])):
        yield "If all numbers of the maps are 0, the result is the bias. Yours is not."
    if not _same(answer(kernel, bias, maps, 0, 0), conv_at(kernel, bias, maps, 0, 0)):
        yield (
            "Take a kernel of 1x1. Output feature d is the sum over the input features "
            "c of maps[:, row, column, c] * kernel[0, 0, c, d], and then bias[d]. "
            "Yours is not."
        )


def _look_at_images(answer):
    kernel, bias, maps = _TALL
    together = np.asarray(answer(*_TALL, 3, 2))
    alone = [np.asarray(answer(kernel, bias, x[None], 3, 2))[0] for x in maps]
    if not _same(together, np.stack(alone)):
        yield "The result of an image depends on the other images of its batch."


def _diagnose(answer):
    looks = _look_at_features, _look_at_places, _look_at_images
    got = answer(*_TALL, 3, 2)
    if np.shape(got) != (4, 2):
        return None
    return next((found for look in looks for found in look(answer)), None)


def _put_in(result):
    """Put a result into the maps of the next layer, as the notebook does."""
    maps = jnp.zeros((len(result), 2, 2, result.shape[1]))
    return maps.at[:, 1, 0].set(result)


def _at(name, layer, pixels):
    """Return a case for each pixel, outside of compiled loops."""
    for row, column in pixels:
        case = (*layer, row, column)
        yield Case(f"{name}, row {row}, column {column}", case)


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
    wrong=_WRONG,
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
)
