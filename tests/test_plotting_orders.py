"""Orders and receptive fields: what is drawn where, and told apart without colour."""

import base64
import functools
import io
import itertools

import jax.numpy as jnp
import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.text import Text
from PIL import Image

from course_utils.plotting.orders import draw_orders
from course_utils.plotting.receptive import draw_receptive_fields
from course_utils.plotting.style import png_base64

matplotlib.use("agg")
PIXELS = [(3, 3), (0, 0), (0, 3), (3, 0), (2, 6), (5, 6)]
GRID = set(np.ndindex(6, 7))


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@functools.cache
def panels_of(pixel):
    """The panels of `draw_orders`, drawn once for all tests, which only look."""
    return draw_orders(pixel).axes


def cells(axes, label):
    """The pixels (row, column) whose squares a panel draws under a label."""
    (squares,) = [c for c in axes.collections if c.get_label() == label]
    middles = [path.vertices[:4].mean(axis=0) for path in squares.get_paths()]
    assert np.array_equal(np.rint(middles), middles)
    return {(int(y), int(x)) for x, y in middles}


def cross(axes):
    (line,) = [line for line in axes.lines if line.get_label() == "output"]
    ((x, y),) = line.get_xydata()
    return int(y), int(x)


def arrows(axes, dashed=None):
    """(source, target) of the arrows; all of them, or only the solid or dashed ones."""
    found = []
    for arrow in axes.texts:
        is_dashed = arrow.arrow_patch.get_linestyle() not in ("-", "solid")
        if dashed in (None, is_dashed):
            ends = [
                tuple(np.rint(p[::-1]).astype(int)) for p in (arrow.xyann, arrow.xy)
            ]
            found.append(tuple(ends))
    return found


def sources(axes, target, dashed=None):
    return {source for source, end in arrows(axes, dashed) if end == target}


def texts_of_legend(fig):
    return [text.get_text() for text in fig.legends[0].get_texts()]


def assert_nothing_is_cut_off(fig):
    """Texts lie inside the figure, apart from each other and from the panels."""
    fig.canvas.draw()
    found = [text for axes in fig.axes for text in axes.findobj(Text)]
    texts = [text for text in found if text.get_text().strip()]
    assert len(texts) >= len(fig.axes)  # the titles are among them
    boxes = [text.get_window_extent() for text in texts]
    boxes += [text.get_window_extent() for text in fig.legends[0].get_texts()]
    boxes += [axes.get_window_extent() for axes in fig.axes]
    for box in boxes:
        assert fig.bbox.x0 <= box.x0 < box.x1 <= fig.bbox.x1
        assert fig.bbox.y0 <= box.y0 < box.y1 <= fig.bbox.y1
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


# --- draw_orders


def test_three_panels_name_the_models_in_their_order_and_fit_the_page():
    fig = draw_orders()
    names = [axes.get_title(loc="left") for axes in fig.axes]
    assert names == ["Pixel LSTM", "Row LSTM", "Diagonal BiLSTM"]
    left = [axes.get_window_extent().x0 for axes in fig.axes]
    assert left == sorted(left)
    assert fig.bbox.width <= 900 and fig.bbox.height <= 360
    assert_nothing_is_cut_off(fig)
    for axes in fig.axes:  # an arrow from the next pixel needs room
        assert axes.get_window_extent().width / 7 > 36


def test_the_marked_pixel_is_the_same_in_all_panels():
    for pixel in PIXELS:
        assert [cross(axes) for axes in panels_of(pixel)] == [pixel] * 3


@pytest.mark.parametrize(
    "pixel, before, above, forth",
    [
        ((3, 3), {(3, 2)}, {(2, 2), (2, 3), (2, 4)}, {(3, 2), (2, 3)}),
        ((3, 0), {(2, 6)}, {(2, 0), (2, 1)}, {(2, 0)}),  # the jump from the row's end
        ((2, 6), {(2, 5)}, {(1, 5), (1, 6)}, {(2, 5), (1, 6)}),
        ((0, 3), {(0, 2)}, set(), {(0, 2)}),
        ((0, 0), set(), set(), set()),
    ],
)
def test_solid_arrows_at_the_pixel_come_from_its_neighbours(
    pixel, before, above, forth
):
    raster, rows, diagonals = panels_of(pixel)
    assert sources(raster, pixel, dashed=False) == before
    assert sources(rows, pixel, dashed=False) == above
    assert sources(diagonals, pixel, dashed=False) == forth


def test_all_arrows_of_states_that_are_passed_forth_end_at_the_pixel():
    for pixel in PIXELS:
        _, rows, diagonals = panels_of(pixel)
        for _, target in arrows(rows) + arrows(diagonals, dashed=False):
            assert target == pixel


@pytest.mark.parametrize(
    "pixel, right_and_up",
    [((3, 3), {(2, 4), (1, 3)}), ((2, 6), {(0, 6)}), ((1, 2), {(0, 3)})],
)
def test_dashed_arrows_feed_the_pixel_above_which_comes_down_a_row(pixel, right_and_up):
    raster, rows, diagonals = panels_of(pixel)
    above = (pixel[0] - 1, pixel[1])
    assert sources(diagonals, pixel, dashed=True) == {above}
    assert sources(diagonals, above, dashed=True) == right_and_up
    assert len(arrows(diagonals, dashed=True)) == 1 + len(right_and_up)
    assert not arrows(raster, dashed=True) + arrows(rows, dashed=True)


def test_no_dashed_arrow_where_no_row_is_above():
    for pixel in [(0, 0), (0, 3), (0, 6)]:
        assert arrows(panels_of(pixel)[2], dashed=True) == []


def test_no_arrow_begins_at_a_later_pixel_or_lies_on_another():
    for pixel in PIXELS:
        for axes in panels_of(pixel):
            assert all(source < pixel for source, _ in arrows(axes))
            drawn = [(*arrow.xyann, *arrow.xy) for arrow in axes.texts]
            assert len(set(drawn)) == len(drawn)


def test_the_chain_of_the_raster_goes_through_every_earlier_pixel():
    for pixel in PIXELS:
        order = [cell for cell in np.ndindex(6, 7) if cell <= pixel]
        found = arrows(panels_of(pixel)[0])
        assert sorted(found) == list(itertools.pairwise(order))


@pytest.mark.parametrize("pixel", PIXELS)
def test_pixels_are_filled_if_their_states_arrive(pixel):
    earlier = {cell for cell in GRID if cell < pixel}
    row, column = pixel
    triangle = {(r, c) for r, c in earlier if r < row and abs(c - column) <= row - r}
    panels = panels_of(pixel)
    for axes, arrive in zip(panels, (earlier, triangle, earlier), strict=True):
        assert cells(axes, "seen") == arrive
        assert cells(axes, "earlier, not seen") == earlier - arrive
        assert cells(axes, "later") == GRID - earlier
        assert cells(axes, "later, yet seen") == set()


def test_frames_hold_what_is_computed_at_once():
    raster, rows, diagonals = panels_of((3, 2))
    assert cells(raster, "computed at once") == {(3, 2)}
    assert cells(rows, "computed at once") == {(3, c) for c in range(7)}
    diagonal = {(0, 5), (1, 4), (2, 3), (3, 2), (4, 1), (5, 0)}
    assert cells(diagonals, "computed at once") == diagonal


def test_the_two_directions_differ_in_dashes_colour_and_marker():
    fig = draw_orders()
    solid, dashed = (
        handle
        for handle, text in zip(
            fig.legends[0].legend_handles, texts_of_legend(fig), strict=True
        )
        if text in ("state passed on", "right to left, then a row down")
    )
    for get in ("get_linestyle", "get_color", "get_marker"):
        assert getattr(solid, get)() != getattr(dashed, get)()
    # The panel shows what the legend says.
    starts = {tuple(arrow.xyann): arrow for arrow in fig.axes[2].texts}
    for line in fig.axes[2].lines:
        if line.get_label() != "output":
            patch = starts[tuple(line.get_xydata()[0])].arrow_patch
            is_solid = patch.get_linestyle() in ("-", "solid")
            handle = solid if is_solid else dashed
            assert line.get_marker() == handle.get_marker()
            assert line.get_color() == handle.get_color()
            assert patch.get_edgecolor() == matplotlib.colors.to_rgba(line.get_color())


@pytest.mark.parametrize("pixel", [(6, 0), (0, 7), (-1, 3), (2, -1)])
def test_a_pixel_outside_is_refused(pixel):
    with pytest.raises(ValueError, match=r"from \(0, 0\) to \(5, 6\), found \("):
        draw_orders(pixel)


# --- draw_receptive_fields


def a_map(height=5, width=7, seed=0):
    return np.random.default_rng(seed).random((height, width)) < 0.5


def panel(field, pixel=None):
    (axes,) = draw_receptive_fields({"a": field}, pixel).axes
    return axes


def where(mask):
    return {(int(r), int(c)) for r, c in np.argwhere(mask)}


@pytest.mark.parametrize("num", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [(5, 7), (12, 4)])
def test_maps_stand_side_by_side_under_their_titles(num, size):
    names = [f"{i} layers of the masked kind" for i in range(num)]
    fields = {name: a_map(*size, i) + 1e-3 for i, name in enumerate(names)}
    fig = draw_receptive_fields(fields)
    titles = [" ".join(a.get_title(loc="left").split()) for a in fig.axes]
    assert titles == names
    left = [axes.get_window_extent().x0 for axes in fig.axes]
    assert left == sorted(left) and len(set(left)) == num
    assert fig.bbox.width <= 860
    assert len(texts_of_legend(fig)) == 6  # the longest
    assert_nothing_is_cut_off(fig)


@pytest.mark.parametrize("pixel", [(0, 0), (2, 3), (4, 6), (1, 5)])
def test_every_pixel_is_drawn_as_its_kind(pixel):
    field, order = a_map(), np.arange(35).reshape(5, 7)
    axes = panel(field, pixel)
    earlier = order < order[pixel]
    own = {pixel} if field[pixel] else set()
    assert cells(axes, "seen") == where(field & earlier) | own
    assert cells(axes, "earlier, not seen") == where(~field & earlier)
    assert cells(axes, "later, yet seen") == where(field & (order > order[pixel]))
    kinds = ("seen", "earlier, not seen", "later", "later, yet seen")
    drawn = [cell for kind in kinds for cell in cells(axes, kind)]
    assert sorted(drawn) == list(np.ndindex(5, 7))
    assert cross(axes) == pixel


def test_a_later_pixel_is_never_drawn_as_seen_but_as_a_fault():
    for pixel in np.ndindex(2, 3):
        everything = np.ones((2, 3))
        later = {cell for cell in np.ndindex(2, 3) if cell > pixel}
        axes = panel(everything, pixel)
        assert not cells(axes, "seen") & later
        assert cells(axes, "later, yet seen") == later
        assert ("later, yet seen" in texts_of_legend(axes.figure)) == bool(later)


def test_the_legend_explains_the_kinds_and_a_fault_only_where_one_is():
    order = np.arange(35).reshape(5, 7)
    fig = draw_receptive_fields({"a": order < 10, "b": order < 17})
    kinds = ["output", "seen", "earlier, not seen", "later"]
    assert texts_of_legend(fig) == kinds
    fig = draw_receptive_fields({"a": order < 17, "b": order < 19})
    assert texts_of_legend(fig) == [*kinds, "later, yet seen"]


def test_the_pixel_is_the_middle_unless_another_is_given():
    assert cross(panel(np.zeros((5, 7), bool))) == (2, 3)
    assert cross(panel(np.zeros((28, 28), bool))) == (14, 14)
    assert cross(panel(np.zeros((1, 1), bool))) == (0, 0)


def test_rows_go_down_and_columns_to_the_right():
    for axes in (panel(a_map()), draw_orders().axes[2]):
        axes.figure.canvas.draw()
        (x, y), (right, _), (_, below) = axes.transData.transform(
            [(0, 0), (1, 0), (0, 1)]
        )
        assert right - x == pytest.approx(y - below, rel=1e-6)  # squares
        assert right > x


def grey_of(fig):
    """A function from a panel and a cell to the greys inside, as printed without ink.

    That is, without coloured ink, and of the PNG that a reader gets.
    """
    png = Image.open(io.BytesIO(base64.b64decode(png_base64(fig)))).convert("L")
    printed = np.asarray(png)[::-1].astype(int)

    def greys(axes, row, column):
        corners = [(column - 0.5, row + 0.5), (column + 0.5, row - 0.5)]
        (x0, y0), (x1, y1) = np.rint(axes.transData.transform(corners)).astype(int)
        return printed[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2]

    return greys


@pytest.mark.parametrize("size", [(5, 7), (28, 28)])
@pytest.mark.parametrize("weakest", [1.0, 1e-3, 1e-5])
def test_the_kinds_are_told_apart_without_colour(size, weakest):
    height, width = size
    field = np.zeros(size)
    field[0] = weakest
    field[1, 1] = 1.0
    field[-1, 0] = 1.0  # later
    axes = panel(field)
    fig, row = axes.figure, height // 2
    greys = grey_of(fig)
    filled, hatched = (
        greys(axes, 0, 1),
        np.hstack([greys(axes, row, c) for c in (0, 1)]),
    )
    empty, leak = greys(axes, height - 2, width - 2), greys(axes, height - 1, 0)
    assert np.ptp(filled) == 0 and filled.max() < 225
    assert (hatched > 245).mean() > 0.3 and (hatched < 225).mean() > 0.1
    assert empty.min() > 250
    assert np.ptp(leak) > 30 and (leak > 245).mean() < 0.1  # crosses on a ground


def fills(axes, cells_in_order):
    """The luminances of seen pixels, from black 0 to white 1."""
    (seen,) = [c for c in axes.collections if c.get_label() == "seen"]
    where = [tuple(path.vertices[:4].mean(axis=0)[::-1]) for path in seen.get_paths()]
    colour = dict(zip(where, seen.get_facecolor(), strict=True))
    return [float(colour[cell][:3] @ [0.299, 0.587, 0.114]) for cell in cells_in_order]


def test_what_changes_the_output_more_is_darker_down_to_a_thousandth():
    field = np.zeros((3, 7))
    field[0] = [1.0, 0.1, 0.01, 0.001, 1e-5, 1e-7, 0.0]
    axes = panel(field, (2, 0))
    assert cells(axes, "seen") == {(0, c) for c in range(5)}
    one, tenth, hundredth, least, less = fills(axes, [(0, c) for c in range(5)])
    assert one < tenth < hundredth < least == less
    assert hundredth - tenth == pytest.approx(tenth - one, rel=0.05)
    assert texts_of_legend(axes.figure)[1:3] == ["seen, most", "seen, 1000 times less"]
    same = [(0, c) for c in range(5)]
    assert fills(panel(1e-4 * field, (2, 0)), same) == pytest.approx(fills(axes, same))


def test_booleans_and_equal_numbers_look_the_same():
    field = a_map()
    colours = [
        [c.get_facecolor().tolist() for c in panel(f, (4, 6)).collections]
        for f in (field, 0.3 * field, jnp.asarray(field), jnp.float32(0.3) * field)
    ]
    assert all(other == colours[0] for other in colours)


def test_each_map_is_measured_by_its_own_largest():
    field, weak = np.zeros((3, 3)), np.zeros((3, 3))
    field[0], weak[0] = [1.0, 0.1, 0.01], [2e-5, 1e-6, 1e-6]
    top = [(0, c) for c in range(3)]
    together = draw_receptive_fields({"a": field, "b": weak}).axes
    for axes, alone in zip(together, (field, weak), strict=True):
        assert fills(axes, top) == fills(panel(alone), top)


def test_a_map_of_zeros_shows_that_nothing_is_seen():
    for zeros in (np.zeros((4, 4)), np.zeros((4, 4), bool)):
        axes = panel(zeros)
        assert cells(axes, "seen") == set()
        assert len(cells(axes, "earlier, not seen")) == 10


def test_the_maps_are_left_as_they_are():
    field = np.array([[1.0, 1e-9], [0.0, 0.0]])
    kept = field.copy()
    panel(field)
    np.testing.assert_array_equal(field, kept)


GOOD = np.ones((3, 4), bool)


@pytest.mark.parametrize(
    "fields, pixel, words",
    [
        ({}, None, r"at least one map \[h, w\]"),
        ({"flat": np.ones(12)}, None, r"\(12,\) in 'flat'.*\.reshape\(h, w\)"),
        ({"a": GOOD, "deep": GOOD[..., None]}, None, r"\(3, 4, 1\) in 'deep'"),
        ({"none": np.ones((0, 4))}, None, r"\(0, 4\) in 'none'"),
        ({"a": GOOD, "b": GOOD.T}, None, r"\(3, 4\) in 'a' and \(4, 3\) in 'b'"),
        ({"a": GOOD, "minus": -1.0 * GOOD}, None, "-1 to -1 in 'minus'; take np.abs"),
        ({"nan": np.where(GOOD, np.nan, 0)}, None, "found nan to nan in 'nan'"),
        ({"a": GOOD}, (3, 0), r"from \(0, 0\) to \(2, 3\), found \(3, 0\)"),
        ({"a": GOOD}, (0, 4), r"from \(0, 0\) to \(2, 3\), found \(0, 4\)"),
        ({"a": GOOD}, (-1, 0), r"from \(0, 0\) to \(2, 3\), found \(-1, 0\)"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_way_out(fields, pixel, words):
    with pytest.raises(ValueError, match=words):
        draw_receptive_fields(fields, pixel)
    assert plt.get_fignums() == []
