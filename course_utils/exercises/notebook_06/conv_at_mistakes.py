"""Plausible wrong answers to exercise 6.4.

They change a convolution of JAX's own, not the reference of the exercise.
"""

import jax
import jax.numpy as jnp
import numpy as np

from course_utils.exercises.exercise import WrongAnswer


def _convolution(kernel, maps, padding):
    axes = "NHWC", "HWIO", "NHWC"
    return jax.lax.conv_general_dilated(
        maps, kernel, (1, 1), padding, dimension_numbers=axes
    )


def _all_pixels(kernel, bias, maps, row, column):
    return _convolution(kernel, maps, "SAME")[:, row, column] + bias


def _padded(kernel, maps):
    m = len(kernel) // 2
    return jnp.pad(maps, ((0, 0), (m, m), (m, m), (0, 0)))


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
        return _all_pixels(kernel, bias, padded, row + m, column + m)

    return answer


def _with_if(kernel, bias, maps, row, column):
    k, (h, w) = len(kernel), maps.shape[1:3]
    total = bias
    for i, j in np.ndindex(k, k):
        r, c = row + i - k // 2, column + j - k // 2
        if 0 <= r < h and 0 <= c < w:
            total = total + maps[:, r, c] @ kernel[i, j]
    return total


def _with_slices(kernel, bias, maps, row, column):
    k = len(kernel)
    near = _padded(kernel, maps)[:, row : row + k, column : column + k]
    return jnp.einsum("bijc,ijcd->bd", near, kernel) + bias


def _with_numpy(kernel, bias, maps, row, column):
    near = np.asarray(_padded(kernel, maps))[:, row:, column:]
    k = len(kernel)
    return np.einsum("bijc,ijcd->bd", near[:, :k, :k], kernel) + bias


def _with_integers(kernel, bias, maps, row, column):
    return _all_pixels(kernel, bias, maps, int(row), int(column))


def _one_row(kernel, bias, maps, row, column):
    k, padded = len(kernel), _padded(kernel, maps)
    rows = jax.lax.dynamic_slice_in_dim(padded, row, k, axis=1)
    return _convolution(kernel, rows, "VALID")[:, 0, column] + bias


WRONG = (
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
        lambda w, b, x, r, c: _all_pixels(w[::-1, ::-1], b, x, r, c),
        "You flipped the kernel, as the convolution of mathematics does. What neural "
        "networks call a convolution is a cross-correlation: kernel[i, j] lies on "
        "place (i, j) of the window. Flipped, it looks at the later pixels.",
    ),
    WrongAnswer(
        "row and column swapped",
        lambda w, b, x, r, c: _all_pixels(w, b, x, c, r),
        "You took row for column and column for row. The axes of maps are image, row, "
        "column, feature.",
    ),
    WrongAnswer(
        "the kernel on its side",
        lambda w, b, x, r, c: _all_pixels(w.swapaxes(0, 1), b, x, r, c),
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
        "one more zero on each side",
        _cut(lambda k: k // 2 + 1, lambda k: 0),
        "Your window lies one place too far up and left. With k // 2 zeros on each "
        "side the window begins at (row, column) of the padded maps.",
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
        lambda w, b, x, r, c: _all_pixels(w, 0 * b, x, r, c),
        "The sum over the window is right. What is missing is the bias.",
    ),
    WrongAnswer(
        "the bias once for each weight",
        lambda w, b, x, r, c: _all_pixels(w, len(w) ** 2 * b, x, r, c),
        "You added the bias once for each place of the window. Add it once, after the "
        "sum.",
    ),
    WrongAnswer(
        "d_in and d_out swapped",
        lambda w, b, x, r, c: _all_pixels(w.swapaxes(2, 3), b, x, r, c),
        "You summed over the last axis of the kernel, d_out. The sum goes over the "
        "rows, the columns and the input features, d_in; d_out remains: "
        '"bijc,ijcd->bd".',
    ),
    WrongAnswer(
        "each feature by itself",
        lambda w, b, x, r, c: _all_pixels(w * jnp.eye(w.shape[2]), b, x, r, c),
        "Your output feature d is made of input feature d alone. Every output feature "
        "is a sum over all the d_in input features.",
    ),
    WrongAnswer(
        "the pixel itself left out",
        lambda w, b, x, r, c: _all_pixels(
            w.at[len(w) // 2, len(w) // 2].set(0), b, x, r, c
        ),
        "You left the pixel itself out, as mask A does in the first layer. The kernel "
        "is masked already: after the first layer its centre is not 0, and it counts.",
    ),
    WrongAnswer(
        "the rows above alone",
        lambda w, b, x, r, c: _all_pixels(w.at[len(w) // 2].set(0), b, x, r, c),
        "You left out the row of the pixel. The pixels to its left count as well, and "
        "so does the pixel itself if the kernel's centre is not 0.",
    ),
    WrongAnswer(
        "the mean",
        lambda w, b, x, r, c: _all_pixels(w / w[..., 0].size, b, x, r, c),
        "You took the mean over the window and the input features. A convolution is "
        "the sum.",
    ),
    WrongAnswer(
        "relu",
        lambda *layer: jax.nn.relu(_all_pixels(*layer)),
        "Your negative numbers have become 0. The activation is another layer: return "
        "what the convolution gives.",
    ),
    WrongAnswer(
        "the sum over the images",
        lambda w, b, x, r, c: _all_pixels(w, 0 * b, x, r, c).sum(axis=0) + b,
        "You summed over the images of the batch. Each has its own result: keep axis "
        "0, [b, d_out].",
    ),
    WrongAnswer(
        "the mean of the images",
        lambda *layer: _all_pixels(*layer).mean(axis=0),
        "You took the mean over the images of the batch. Each has its own result: keep "
        "axis 0, [b, d_out].",
    ),
    WrongAnswer(
        "the first image",
        lambda *layer: _all_pixels(*layer)[0],
        "This is the result of the first image alone. Return those of all b images, "
        "[b, d_out].",
    ),
    WrongAnswer(
        "axes of length 1",
        lambda *layer: _all_pixels(*layer)[:, None, None],
        "Your numbers are right, but they stand in maps of a single pixel, [b, 1, 1, "
        "d_out]. Return [b, d_out].",
    ),
)
