"""Masked convolutions against loops, and one pixel or one row at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from lstm_by_hand import random_layer, random_maps

from course_utils.assertions import influence
from course_utils.layers.masked import MaskedConv, causal_mask, looking_back

T, F = True, False
ABOVE = np.array([[T, T, T], [F, F, F]])  # nothing of the pixel's own row
LEFT = looking_back(5, "B")[-1:]
MASKS = {
    "A3": looking_back(3, "A"),
    "B3": looking_back(3, "B"),
    "A5": looking_back(5, "A"),
    "B7": looking_back(7, "B"),
    "above": ABOVE,
    "left": LEFT,
    "rows": np.ones((2, 3), bool),
}
SIZES = [(6, 5), (2, 3), (1, 4), (3, 1)]  # 7 columns and dilated 3 are far larger


def slow(*arguments):
    return pytest.param(*arguments, marks=pytest.mark.slow)


def random_conv(mask, dilation=1, in_features=2, features=3, seed=0):
    def make(in_features, features, rngs):
        return MaskedConv(in_features, features, mask, dilation, rngs=rngs)

    return random_layer(make, in_features, features, scale=0.5, seed=seed)


# --- masks


def test_the_masks_of_size_3():
    a = [[T, T, T], [T, F, F], [F, F, F]]
    b = [[T, T, T], [T, T, F], [F, F, F]]
    np.testing.assert_array_equal(causal_mask(3, "A"), a)
    np.testing.assert_array_equal(causal_mask(3, "B"), b)
    np.testing.assert_array_equal(looking_back(3, "A"), a[:2])
    np.testing.assert_array_equal(looking_back(3, "B"), b[:2])


def test_the_masks_of_size_5():
    above, below = [[T] * 5] * 2, [[F] * 5] * 2
    a, b = [T, T, F, F, F], [T, T, T, F, F]
    np.testing.assert_array_equal(causal_mask(5, "A"), [*above, a, *below])
    np.testing.assert_array_equal(causal_mask(5, "B"), [*above, b, *below])
    np.testing.assert_array_equal(looking_back(5, "A"), [*above, a])
    np.testing.assert_array_equal(looking_back(5, "B"), [*above, b])


def test_a_mask_of_one_weight_sees_nothing_or_the_pixel():
    assert causal_mask(1, "A").tolist() == looking_back(1, "A").tolist() == [[False]]
    assert causal_mask(1, "B").tolist() == looking_back(1, "B").tolist() == [[True]]


@pytest.mark.parametrize("mask", [causal_mask, looking_back])
def test_a_kernel_without_a_centre_and_other_kinds_are_refused(mask):
    for size in (4, 2, 0, -1):
        with pytest.raises(ValueError, match=f"an odd size, found {size}: a kernel"):
            mask(size, "A")
    for kind in ("C", "a", "AB", ""):
        with pytest.raises(ValueError, match=f"first layer.*found '{kind}'"):
            mask(3, kind)


# --- whole maps


def by_loop(conv, x):
    """Return the outputs, one weight after another, in float64."""
    kernel, bias = np.float64(conv.kernel[...]), np.float64(conv.bias[...])
    mask, d = np.array(conv.mask), conv.dilation
    rows, columns = mask.shape
    out = np.zeros((*x.shape[:3], len(bias))) + bias
    for row, column in np.ndindex(*x.shape[1:3]):
        for r, c in np.argwhere(mask):
            y, z = row + d * (r - rows + 1), column + d * (c - columns // 2)
            if y >= 0 and 0 <= z < x.shape[2]:
                out[:, row, column] += x[:, y, z] @ kernel[r, c]
    return out


@pytest.mark.parametrize("dilation", [slow(1), 2, slow(3)])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_a_masked_convolution_agrees_with_a_loop(mask, dilation):
    conv = random_conv(mask, dilation)
    for size in SIZES:
        x = random_maps(2, *size, 2)
        found = conv(x)
        assert found.shape == (2, *size, 3)
        np.testing.assert_allclose(found, by_loop(conv, np.float64(x)), atol=1e-5)


@pytest.mark.parametrize("dilation", [1, slow(2), slow(3)])
@pytest.mark.parametrize("kind", ["A", "B"])
@pytest.mark.parametrize("size", [3, 5, 7])
def test_it_is_flax_s_convolution_with_the_square_mask(size, kind, dilation):
    conv = random_conv(looking_back(size, kind), dilation)
    mask = np.broadcast_to(causal_mask(size, kind)[..., None, None], (size, size, 2, 3))
    square = nnx.Conv(
        2, 3, (size, size), kernel_dilation=dilation, mask=mask, rngs=nnx.Rngs(0)
    )
    rows = size // 2 + 1
    square.kernel[...] = square.kernel[...].at[:rows].set(conv.kernel[...])
    square.bias[...] = conv.bias[...]
    for height, width in SIZES[:2]:
        x = random_maps(2, height, width, 2)
        np.testing.assert_allclose(conv(x), square(x), atol=1e-5)


def test_it_looks_where_the_mask_says_and_nowhere_else():
    """Of 5 x 5, dilated: two rows up and four, and as far to the sides."""
    conv = random_conv(looking_back(5, "A"), 2, in_features=1)
    x = np.random.default_rng(2).integers(2, size=(2, 6, 7, 1)).astype(np.float32)
    row, column = np.divmod(np.arange(42), 7)
    up, right = row[:, None] - row, column - column[:, None]
    near = np.isin(up, (2, 4)) & np.isin(right, (-4, -2, 0, 2, 4))
    beside = (up == 0) & np.isin(right, (-4, -2))
    np.testing.assert_array_equal(influence(conv, x), near | beside)


# --- weights that do not count


@pytest.mark.parametrize("mask", ["A3", "B7", "above", "left"])
def test_masked_weights_have_no_influence_however_large(mask):
    conv, huge = random_conv(MASKS[mask]), random_conv(MASKS[mask])
    hidden = ~MASKS[mask][..., None, None]
    huge.kernel[...] = jnp.where(hidden, 3e38, huge.kernel[...])
    x = random_maps(2, 4, 5, 2)
    np.testing.assert_array_equal(huge(x), conv(x))
    np.testing.assert_array_equal(huge.at(x, 2, 3), conv.at(x, 2, 3))
    start, here = conv.start(2, 5) + 1, x[:, 0, 3]
    for found, expected in zip(
        huge.advance(start, here, 4, 3), conv.advance(start, here, 4, 3), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("mask", ["A3", "B7", "above", "left"])
def test_masked_weights_have_no_gradient_and_the_others_have_one(mask):
    conv, x = random_conv(MASKS[mask]), random_maps(2, 8, 8, 2)
    slope = nnx.grad(lambda conv: (conv(x) ** 2).sum())(conv).kernel[...]
    np.testing.assert_array_equal(slope[~MASKS[mask]], 0)
    assert (np.asarray(slope[MASKS[mask]]) != 0).all()


@pytest.mark.parametrize("mask", ["A3", "B7", "above", "left"])
def test_a_new_layer_hands_on_what_it_is_given_at_about_its_size(mask):
    """Whatever share of the weights is masked."""
    conv = MaskedConv(64, 256, MASKS[mask], rngs=nnx.Rngs(0))
    out = np.asarray(conv(random_maps(4, 8, 8, 64)))[:, 4:, 3:5]
    assert 0.5 < out.std() < 1.1 and (conv.bias[...] == 0).all()


# --- one pixel or one row at a time

WAYS = [("A5", 1), ("B3", 2)]
WAYS += [slow("B3", 1), slow("B7", 3), slow("above", 1), slow("left", 2)]
TWO_SIZES = [(7, 5), (3, 4)]  # one after the other


def ways(mask, dilation):
    conv = random_conv(MASKS[mask], dilation)
    maps = [random_maps(3, *size, 2, seed=i) for i, size in enumerate(TWO_SIZES)]
    return conv, [(x, jax.jit(conv)(x)) for x in maps]


def rubbish_from(x, place):
    """Return the maps with something else at the place, in raster order, and later."""
    out = x.reshape(len(x), -1, x.shape[-1]).copy()
    out[:, place:] = 1e4 * np.random.default_rng(place).normal(
        size=out[:, place:].shape
    )
    return out.reshape(x.shape)


@pytest.mark.parametrize(("mask", "dilation"), WAYS)
def test_at_gives_at_each_pixel_what_the_call_gives_there(mask, dilation):
    """And needs no more of the map than the mask shows."""
    conv, cases = ways(mask, dilation)
    at, itself = jax.jit(conv.at), MASKS[mask][-1, MASKS[mask].shape[1] // 2]
    for x, expected in cases:
        width = x.shape[2]
        for row, column in np.ndindex(*x.shape[1:3]):
            known = row * width + column + itself if mask != "above" else row * width
            found = at(rubbish_from(x, known), row, column)
            np.testing.assert_allclose(found, expected[:, row, column], atol=1e-5)


@pytest.mark.parametrize(("mask", "dilation"), WAYS)
def test_at_row_gives_along_each_row_what_the_call_gives_there(mask, dilation):
    conv, cases = ways(mask, dilation)
    at_row = jax.jit(conv.at_row)
    for x, expected in cases:
        for row in range(x.shape[1]):
            known = (row + (mask != "above")) * x.shape[2]
            found = at_row(rubbish_from(x, known), row)
            np.testing.assert_allclose(found, expected[:, row], atol=1e-5)


@pytest.mark.parametrize(("mask", "dilation"), WAYS)
def test_advance_gives_at_each_pixel_what_the_call_gives_there(mask, dilation):
    conv, cases = ways(mask, dilation)
    advance = jax.jit(conv.advance)
    for x, expected in cases:
        kept = conv.start(len(x), x.shape[2])
        for row, column in np.ndindex(*x.shape[1:3]):
            kept, found = advance(kept, x[:, row, column], row, column)
            np.testing.assert_allclose(found, expected[:, row, column], atol=1e-5)


@pytest.mark.parametrize(("mask", "dilation"), WAYS)
def test_what_is_kept_right_of_a_pixel_in_its_row_is_not_looked_at(mask, dilation):
    conv, [(x, expected), _] = ways(mask, dilation)
    advance, kept = jax.jit(conv.advance), conv.start(len(x), x.shape[2])
    for row, column in np.ndindex(*x.shape[1:3]):
        later = kept.shape[2] - conv.reach[1] - column
        place, right = row % kept.shape[1], column + conv.reach[1]
        rubbish = 1e4 * random_maps(3, 1, later, 2)[:, 0]
        _, found = advance(
            kept.at[:, place, right:].set(rubbish), x[:, row, column], row, column
        )
        np.testing.assert_allclose(found, expected[:, row, column], atol=1e-5)
        kept, _ = advance(kept, x[:, row, column], row, column)


@pytest.mark.parametrize(("mask", "dilation"), [*WAYS, slow("rows", 1), ("rows", 2)])
def test_advance_row_gives_along_each_row_what_the_call_gives_there(mask, dilation):
    conv, cases = ways(mask, dilation)
    advance_row = jax.jit(conv.advance_row)
    for x, expected in cases:
        kept = conv.start(len(x), x.shape[2])
        for row in range(x.shape[1]):
            kept, found = advance_row(kept, x[:, row], row)
            np.testing.assert_allclose(found, expected[:, row], atol=1e-5)


@pytest.mark.parametrize(
    ("mask", "dilation", "rows", "columns"),
    [("A3", 1, 2, 12), ("B3", 2, 3, 14), ("B7", 1, 4, 16), ("left", 3, 1, 22)],
)
def test_no_more_rows_are_kept_than_the_kernel_reaches(mask, dilation, rows, columns):
    conv = random_conv(MASKS[mask], dilation)
    assert conv.reach == (rows - 1, (columns - 10) // 2)
    start = conv.start(4, 10)
    assert start.shape == (4, rows, columns, 2) and not start.any()
    for row in range(3 * rows):
        start, _ = conv.advance_row(start, jnp.ones((4, 10, 2)), row)
    assert start.shape == (4, rows, columns, 2)
