import base64
import io
import itertools
from types import SimpleNamespace

import matplotlib
import nbformat
import numpy as np
import pytest
from matplotlib import pyplot as plt
from nbclient import NotebookClient
from PIL import Image

from course_utils.plotting import (
    explore,
    filmstrip,
    filmstrips,
    image_grid,
    plot_history,
    plot_lines,
    scatter_latents,
    show,
    style,
)

matplotlib.use("agg")
ALT = "Two lines cross where x is one half."


@pytest.fixture
def shown(monkeypatch):
    """Everything that is displayed, as if this were IPython (but no kernel)."""
    calls = []

    def display(data, raw=False, metadata=None):
        calls.append(SimpleNamespace(data=data, raw=raw, metadata=metadata))

    monkeypatch.setattr(style, "get_ipython", lambda: object())
    for module in (style, filmstrips):
        monkeypatch.setattr(module, "display", display)
    return calls


def png_of(call):
    return base64.b64decode(call.data["image/png"])


def opened(png):
    with Image.open(io.BytesIO(png)) as image:
        image.load()
    return image


@pytest.fixture
def drawn(shown):
    """A function from a figure to the pixels [h,w,3] that a reader sees."""

    def pixels(fig):
        show(fig, ALT)
        return np.asarray(opened(png_of(shown.pop())).convert("RGB")).astype(int)

    return pixels


def a_figure():
    fig, axes = plt.subplots()
    axes.plot([0, 1], [0, 1])
    axes.plot([0, 1], [1, 0])
    return fig


def noise(*shape):
    return np.random.default_rng(0).random(shape)


# --- show


def test_a_figure_is_a_png_with_its_alt_text(shown):
    show(a_figure(), ALT)
    (call,) = shown
    assert call.raw
    assert call.data.keys() == {"image/png", "text/plain"}
    assert call.data["text/plain"] == f"Figure: {ALT}"
    assert call.metadata == {"image/png": {"alt": ALT}}
    assert opened(png_of(call)).size == (700, 400)


def test_a_shown_figure_is_closed_and_others_are_not(shown):
    other, fig = plt.figure(), a_figure()
    show(fig, ALT)
    assert plt.get_fignums() == [other.number]
    plt.close(other)


@pytest.mark.parametrize("content", ["lines", "photograph"])
def test_png_is_small_opaque_and_says_nothing_but_its_pixels(shown, content):
    fig = a_figure() if content == "lines" else image_grid(noise(1, 200, 300, 3))
    show(fig, ALT)
    image = opened(png_of(shown[0]))
    assert image.mode == "P" and image.info == {}
    assert len(image.getcolors()) <= 128
    assert len(png_of(shown[0])) < 90_000


def test_the_same_figure_gives_the_same_bytes(shown):
    show(a_figure(), ALT)
    show(a_figure(), ALT)
    assert png_of(shown[0]) == png_of(shown[1])


def test_a_rare_colour_survives_the_reduction(drawn):
    y, x = np.mgrid[:200, :300] / 300
    sunset = np.stack([0.9 * x, 0.5 * x + 0.4 * y, 0.5 * y], axis=-1)
    photograph = sunset + 0.1 * noise(1, 200, 300, 3)
    photograph[0, 90:92, 100:102] = [0.3, 0.8, 0.2]  # the median cut loses this spot
    pixels = drawn(image_grid(photograph))
    np.testing.assert_allclose(pixels[98, 108], [76, 204, 51], atol=20)


def test_a_transparent_figure_looks_as_on_white_paper(drawn):
    def titled(colour):
        fig, axes = plt.subplots(facecolor=colour)
        axes.set_title("round letters have grey edges")
        return fig

    np.testing.assert_array_equal(drawn(titled("none")), drawn(titled("white")))


def test_outside_ipython_the_alt_line_is_printed(capsys):
    show(a_figure(), ALT)
    assert capsys.readouterr() == (f"Figure: {ALT}\n", "")
    assert plt.get_fignums() == []


def test_an_alt_text_written_over_several_lines_becomes_one(shown):
    show(a_figure(), "Two lines\n    cross where  x is one half. ")
    assert shown[0].data["text/plain"] == f"Figure: {ALT}"


@pytest.mark.parametrize(
    "alt",
    [
        "",
        "figure",
        "Two lines cross",
        "loss_over_training_steps.png",
        "Figure: two lines that cross where x is one half.",
        "image of two lines that cross in the middle",
        " " * 40,
    ],
)
def test_an_alt_text_that_says_nothing_is_refused(alt, shown):
    with pytest.raises(ValueError, match="describe what there is to see"):
        show(a_figure(), alt)
    assert shown == []
    plt.close("all")


def test_markers_are_thinned_only_where_they_hide_a_line(shown):
    fig, axes = plt.subplots()
    (long,) = axes.plot(np.arange(600))
    (short,) = axes.plot(np.arange(40))
    (dots,) = axes.plot(np.arange(600), "o")
    (chosen,) = axes.plot(np.arange(600), markevery=np.array([3, 5]))
    show(fig, ALT)
    assert long.get_markevery() == 60
    assert short.get_markevery() is None
    assert dots.get_markevery() is None
    assert list(chosen.get_markevery()) == [3, 5]


def test_every_line_of_the_cycle_has_a_colour_and_a_marker_of_its_own():
    cycle = plt.rcParams["axes.prop_cycle"].by_key()
    assert len(set(cycle["color"])) == len(set(cycle["marker"])) == 6


# --- image_grid


def tile(pixels, row, column, size=112, step=120, top=8):
    """The pixels of one tile, and the frame around them."""
    y, x = top + step * row, 8 + step * column
    frame = pixels[y - 1 : y + size + 1, x - 1 : x + size + 1].copy()
    frame[1:-1, 1:-1] = 150
    return pixels[y : y + size, x : x + size], frame


def constant(*values):
    return np.stack([np.full((28, 28, 1), value) for value in values])


@pytest.mark.parametrize(
    "images, expected",
    [
        (constant(0.0), 0),
        (constant(0.2), 51),
        (constant(1.0), 255),
        (constant(False), 0),
        (constant(True), 255),
        (constant(1), 255),
        (constant(51).astype(np.uint8), 51),
        (constant(0).astype(np.uint8), 0),
        (constant(0.2).astype(np.float16), 51),
    ],
)
def test_the_dtype_decides_the_range_and_the_contents_do_not(images, expected, drawn):
    inside, frame = tile(drawn(image_grid(images)), 0, 0)
    np.testing.assert_allclose(inside, expected, atol=3)
    np.testing.assert_allclose(frame, 150, atol=3)  # seen on black and on white


def test_images_stand_row_by_row(drawn):
    grey = [0.0, 0.2, 0.4, 0.6, 0.8]
    pixels = drawn(image_grid(constant(*grey), columns=3))
    assert pixels.shape == (248, 368, 3)
    for i, value in enumerate(grey):
        inside, _ = tile(pixels, i // 3, i % 3)
        np.testing.assert_allclose(inside, 255 * value, atol=3)
    empty, _ = tile(pixels, 1, 2)
    assert (empty == 255).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_is_a_sharp_square_in_its_place_and_colour(channels, drawn):
    image = noise(1, 7, 14, channels)  # not square, not symmetric
    pixels = drawn(image_grid(image))
    assert pixels.shape == (56 + 16, 112 + 16, 3)
    squares = pixels[8:64, 8:120].reshape(7, 8, 14, 8, 3)
    assert (squares == squares[:, :1, :, :1]).all()
    np.testing.assert_allclose(
        squares[:, 0, :, 0], np.broadcast_to(255 * image[0], (7, 14, 3)), atol=20
    )


def test_large_images_are_not_shrunk_and_many_columns_fit_the_page(drawn):
    assert drawn(image_grid(noise(1, 300, 400, 3))).shape == (316, 416, 3)
    assert drawn(image_grid(constant(*noise(20)), columns=10)).shape[1] <= 860


@pytest.mark.parametrize(
    "images, found",
    [
        (constant(-0.5, 1.0), r"\[0, 1\], found float64 from -0.5 to 1; show \(x \+ 1"),
        (constant(0.0, 1.01), "to 1.01.*np.clip"),
        (constant(0.0, np.nan), "found float64 from nan"),
        (constant(0, 255), "found int64 from 0 to 255.*x / 255"),
        (constant(0, 1).astype(np.uint8), "uint8 means 0..255.*bool"),
    ],
)
def test_a_wrong_range_is_refused_with_the_way_out(images, found):
    with pytest.raises(ValueError, match=found):
        image_grid(images)


@pytest.mark.parametrize(
    "shape", [(28, 28), (4, 28, 28), (4, 28, 28, 2), (4, 1, 28, 28), (0, 28, 28, 1)]
)
def test_a_wrong_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected images \[n,h,w,1\].*found shape"):
        image_grid(np.zeros(shape))


def text_of(fig):
    """The texts of a grid and their boxes in pixels from the lower left."""
    texts = fig.axes[0].texts
    return {t.get_text(): t.get_window_extent() for t in texts}


def test_titles_stand_above_their_images_and_row_titles_to_the_left():
    titles = ["one", "two", "three", "four", "five"]
    fig = image_grid(noise(5, 28, 28, 1), titles, columns=3, row_titles=["A", "Bcd"])
    boxes = text_of(fig)
    assert list(boxes) == [*titles, "A", "Bcd"]
    page = fig.bbox.height
    left = max(boxes["A"].x1, boxes["Bcd"].x1) + 8
    for i, title in enumerate(titles):
        centre = left + 120 * (i % 3) + 56
        top = page - (28 + (i // 3) * 140)
        assert (boxes[title].x0 + boxes[title].x1) / 2 == pytest.approx(centre, abs=3)
        assert 0 <= boxes[title].y0 - top <= 8
    assert boxes["A"].y0 > boxes["one"].y0 - 112 > boxes["Bcd"].y1


def test_titles_of_columns_stand_above_the_first_row_only():
    fig = image_grid(noise(6, 28, 28, 1), ["x", "y"], columns=2)
    boxes = text_of(fig)
    assert list(boxes) == ["x", "y"]
    assert boxes["x"].y0 == boxes["y"].y0 > fig.bbox.height - 28
    assert fig.bbox.height == 28 + 3 * 120  # no room for titles further down


@pytest.mark.parametrize("rows", [[], ["short", "a long name of a row"]])
@pytest.mark.parametrize("title", ["a title much wider than its image", "two\nlines"])
def test_texts_neither_overlap_nor_leave_the_page(title, rows):
    titles = [f"{title} {i}" for i in range(4)]
    fig = image_grid(noise(4, 3, 3, 1), titles, columns=2, row_titles=rows)
    boxes = list(text_of(fig).values())
    assert len(boxes) == 4 + len(rows)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    page = fig.bbox
    for box in boxes:
        assert page.x0 <= box.x0 < box.x1 <= page.x1
        assert page.y0 <= box.y0 < box.y1 <= page.y1


@pytest.mark.parametrize("titles, rows", [(["a"], None), (list("abcdef"), None)])
def test_a_wrong_number_of_titles_is_refused(titles, rows):
    with pytest.raises(ValueError, match=r"5 titles .* 3 .* 2 row titles; found"):
        image_grid(noise(5, 4, 4, 1), titles, columns=3, row_titles=rows)
    with pytest.raises(ValueError, match="found 0 and 3"):
        image_grid(noise(5, 4, 4, 1), columns=3, row_titles=list("abc"))


# --- filmstrip and explore


def test_a_filmstrip_shows_frames_in_order_and_wraps_rows(monkeypatch):
    grids = []
    monkeypatch.setattr(filmstrips, "show", lambda fig, alt: grids.append((fig, alt)))
    frames = [np.full((280, 280), v) for v in (0.0, 0.5, 1.0)]
    filmstrip(frames, ["start", "middle", "end"], ALT)
    (fig, alt), *rest = grids
    assert alt == ALT and not rest
    assert list(text_of(fig)) == ["start", "middle", "end"]
    assert fig.bbox.width == 8 + 2 * 288  # three in a row would not fit the page
    filmstrip([np.zeros((28, 28))] * 16, list("abcdefghijklmnop"), ALT)
    assert grids[-1][0].bbox.width == 8 + 8 * 92  # small ones stay readable


def test_colour_frames_are_taken_and_other_shapes_refused(shown):
    filmstrip([noise(4, 4, 3)] * 2, ["a", "b"], ALT)
    filmstrip([noise(4, 4, 1)] * 2, ["a", "b"], ALT)
    assert len(shown) == 2
    with pytest.raises(ValueError, match=r"expected images .* found shape \(2, 4\)"):
        filmstrip([noise(4)] * 2, ["a", "b"], ALT)


class Render:
    """A picture as bright as the value; remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, value):
        self.asked.append(value)
        return np.full((4, 4), value / 100)


@pytest.mark.parametrize("count, frames", [(2, 2), (8, 8), (9, 8), (100, 8)])
def test_a_filmstrip_of_at_most_eight_values_from_first_to_last(count, frames, shown):
    render = Render()
    explore(render, "level", range(count), ALT)
    assert len(render.asked) == frames
    assert render.asked == sorted(set(render.asked))
    assert (render.asked[0], render.asked[-1]) == (0, count - 1)
    steps = np.diff(render.asked)
    assert steps.max() - steps.min() <= 1
    (call,) = shown  # a picture, and no widget
    assert call.data["text/plain"] == f"Figure: {ALT}"


def test_labels_are_short_and_the_first_one_names_the_quantity(monkeypatch, shown):
    seen = []
    monkeypatch.setattr(filmstrips, "filmstrip", lambda f, names, a: seen.append(names))
    explore(Render(), "level", [0.1 + 0.2, 1, np.float32(0.7)], ALT)
    explore(lambda name: noise(4, 4), "model", ["VAE", "GAN"], ALT)
    assert seen == [["level\n0.3", "1", "0.7"], ["model\nVAE", "GAN"]]


@pytest.mark.parametrize("values", [[], [1]])
def test_one_value_is_nothing_to_explore(values, shown):
    with pytest.raises(ValueError, match=f"nothing to explore in {len(values)}"):
        explore(Render(), "level", values, ALT)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_live_kernel_gets_a_slider_over_all_values(shown, monkeypatch):
    monkeypatch.setattr(filmstrips, "is_live", lambda: True)
    render = Render()
    explore(render, "level", range(0, 100, 5), 'Squares get "brighter" from 0 to 95.')
    strip, box = shown
    assert strip.data["text/plain"].startswith("Figure: Squares")
    slider, picture = box.data.children
    assert [value for _, value in slider.options] == list(range(0, 100, 5))
    assert slider.description == "level" and slider.continuous_update is False
    assert render.asked[8:] == [0]  # on demand: one picture, of the first value
    before = picture.value
    slider.value = 65
    assert render.asked[9:] == [65]
    assert picture.value != before
    alt = "Squares get &quot;brighter&quot; from 0 to 95. Now level is 65."
    assert picture.value.startswith(f'<img alt="{alt}" src="data:image/png;base64,')
    png = base64.b64decode(picture.value.split(",")[1].removesuffix('">'))
    assert opened(png).convert("RGB").getpixel((64, 64)) == (166, 166, 166)


# --- plot_history


def a_history(n=500, level=100.0, seed=0):
    noise = np.random.default_rng(seed).normal(size=n)
    loss = level + 300 * np.exp(-np.arange(n) / 20) + 5 * noise
    return {"loss": list(loss), "kl": list(np.linspace(0, 20, n))}


def texts(fig):
    return [text.get_text() for text in fig.axes[0].texts]


def test_raw_values_lie_behind_a_running_mean_of_the_same_colour():
    history = a_history()
    (axes,) = plot_history(history).axes
    mean, raw = axes.lines
    np.testing.assert_array_equal(raw.get_xdata(), np.arange(1, 501))
    np.testing.assert_array_equal(raw.get_ydata(), history["loss"])
    values = np.array(history["loss"])
    for i in (0, 3, 100, 497, 499):  # by hand, fewer values at both ends
        expected = values[max(0, i - 5) : i + 6].mean()
        assert mean.get_ydata()[i] == pytest.approx(expected)
    assert mean.get_color() == raw.get_color()
    assert raw.get_zorder() < mean.get_zorder()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "nats per image")
    low, high = axes.get_ylim()
    assert low < min(mean.get_ydata()) < max(mean.get_ydata()) < high
    plt.close("all")


def test_an_outlier_does_not_flatten_the_curve():
    history = {"loss": [1.0] * 300 + [1e6] + [2.0] * 300}
    smooth = plot_history(history).axes[0].lines[0].get_ydata()
    assert smooth.max() == pytest.approx(1e6 / 13, rel=1e-3)
    assert plot_history(history).axes[0].get_ylim()[1] < 1e5
    plt.close("all")


def test_short_histories_are_drawn_as_they_are():
    mean = plot_history({"loss": [3.0, 1.0, 2.0]}).axes[0].lines[0]
    np.testing.assert_array_equal(mean.get_ydata(), [3, 1, 2])
    plt.close("all")


def legend_of(fig):
    legend = fig.axes[0].get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def test_several_runs_or_quantities_are_named_in_a_legend():
    runs = {"low": a_history(level=50), "high": a_history(400, level=90)}
    assert legend_of(plot_history(runs)) == ["low", "high"]
    assert legend_of(plot_history(a_history(), ["loss", "kl"])) == ["loss", "kl"]
    both = plot_history(runs, ["loss", "kl"])
    assert legend_of(both) == ["low, loss", "low, kl", "high, loss", "high, kl"]
    assert legend_of(plot_history(a_history())) == []
    handles = plot_history(runs).axes[0].get_legend().legend_handles
    assert len({handle.get_marker() for handle in handles}) == 2  # told without colours
    assert len({handle.get_linewidth() for handle in handles}) == 1  # of the means
    plt.close("all")


def test_the_ticks_of_a_logarithmic_axis_are_plain_decimals():
    axes = plot_history({"mse": np.geomspace(0.06, 0.009, 50)}, "mse", log=True).axes[0]
    axes.figure.canvas.draw()
    ticks = axes.yaxis.get_ticklabels(which="both")
    texts = {label.get_text() for label in ticks} - {""}
    assert {"0.01", "0.02"} <= texts
    assert not any("e" in text for text in texts)


def test_a_logarithmic_axis_is_for_positive_values():
    axes = plot_history(a_history(), log=True).axes[0]
    assert axes.get_yscale() == "log"
    with pytest.raises(ValueError, match="> 0 on a logarithmic axis, found 0; take"):
        plot_history(a_history(), "kl", log=True)
    plt.close("all")


@pytest.mark.parametrize(
    "history, names, error, words",
    [
        (a_history(), "acuracy", KeyError, "no 'acuracy' in the history; it has loss"),
        ({"a": a_history(), "b": {}}, "loss", KeyError, "no 'loss'"),
        ({"loss": []}, "loss", ValueError, "at least one step"),
        ({}, "loss", ValueError, "at least one step"),
        (a_history(), [], ValueError, "at least one step"),
        ({"loss": [1.0, np.nan]}, "loss", ValueError, "finite values, found nan"),
    ],
)
def test_a_history_without_the_values_is_refused(history, names, error, words):
    with pytest.raises(error, match=words):
        plot_history(history, names)
    plt.close("all")


# --- scatter_latents


def codes(centres, n=60):
    labels = np.arange(n * len(centres)) % len(centres)
    noise = np.random.default_rng(0).normal(size=(len(labels), 2))
    return np.array(centres, float)[labels] + 0.1 * noise, labels


def test_each_class_has_a_colour_a_marker_and_its_name():
    z, labels = codes([[i, i % 3] for i in range(10)])
    axes = scatter_latents(z, labels, list("abcdefghij")).axes[0]
    assert len({line.get_color() for line in axes.lines}) == 10
    assert len({line.get_marker() for line in axes.lines}) == 10
    assert sorted(texts(axes.figure)) == list("abcdefghij")
    assert sum(len(dots.get_offsets()) for dots in axes.collections) == 600
    plt.close("all")


def test_names_stand_at_the_medians_of_their_classes():
    z, labels = codes([[0, 0], [3, 1], [1, 4]])
    z[:12] = 9  # some in each class far away: the means would move
    axes = scatter_latents(z, labels, ["a", "b", "c"]).axes[0]
    found = {text.get_text(): text.xy for text in axes.texts}
    for c, name in enumerate("abc"):
        np.testing.assert_allclose(found[name], np.median(z[labels == c], axis=0))
    plt.close("all")


def test_dots_have_their_own_class_s_colour_and_place():
    z, labels = codes([[0, 0], [5, 5]])
    axes = scatter_latents(z, labels, ["a", "b"]).axes[0]
    colour = {
        text.get_text(): line for text, line in zip(axes.texts, axes.lines, strict=True)
    }
    for name, near in (("a", 0), ("b", 5)):
        expected = matplotlib.colors.to_rgba(colour[name].get_color())
        dots = [d for d in axes.collections if (abs(d.get_offsets() - near) < 1).all()]
        assert len(dots) == 10  # the classes take turns: none lies on top of all others
        assert all(tuple(d.get_facecolor()[0]) == expected for d in dots)
    plt.close("all")


def test_names_of_classes_in_one_place_do_not_overlap():
    z, labels = codes([[0, 0], [0.05, 0], [0, 0.03], [0.02, 0.01], [4, 3]])
    fig = scatter_latents(z, labels, ["Pullover", "Coat", "Shirt", "Dress", "Bag"])
    fig.canvas.draw()
    boxes = [text.get_window_extent() for text in fig.axes[0].texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    plt.close("all")


def test_a_class_without_codes_gets_no_name():
    z, labels = codes([[0, 0], [1, 1]])
    assert sorted(texts(scatter_latents(z, 2 * labels, list("abc")))) == ["a", "c"]
    plt.close("all")


@pytest.mark.parametrize(
    "shape, labels, names, words",
    [
        ((4, 3), [0, 1, 0, 1], "ab", r"take two columns"),
        ((4,), [0, 1, 0, 1], "ab", r"codes \[n, 2\]"),
        ((4, 2), [0, 1, 0], "ab", r"labels \[n\]"),
        ((0, 2), [], "ab", r"codes \[n, 2\]"),
        ((4, 2), [0, 1, 2, 0], "ab", "labels 0 to 1, found 2 names and labels 0 to 2"),
        ((4, 2), [0, -1, 0, 0], "ab", "labels -1 to 0"),
        ((4, 2), [0, 1, 0, 1], "abcdefghijk", "at most 10 names"),
    ],
)
def test_codes_that_cannot_be_drawn_are_refused(shape, labels, names, words):
    with pytest.raises(ValueError, match=words):
        scatter_latents(np.zeros(shape), np.array(labels, int), list(names))


# --- the whole in a kernel

CELL = f"""
from matplotlib import pyplot as plt
import numpy as np
from course_utils.plotting import explore, show
fig, axes = plt.subplots()
axes.plot([1, 2]);
show(fig, {ALT!r})
explore(lambda v: np.full((4, 4), v), "level", [0, 1], {ALT!r})
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the kernel's machinery on some systems
def test_a_kernel_shows_each_figure_once_and_a_widget_only_when_live(monkeypatch):
    monkeypatch.setenv("COURSE_LIVE", "0")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel's own: inline
    live = 'import os; os.environ["COURSE_LIVE"] = "1"\n' + CELL
    cells = [nbformat.v4.new_code_cell(source) for source in (CELL, live)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    quiet, lively = (cell.outputs for cell in notebook.cells)
    widget = "application/vnd.jupyter.widget-view+json"
    assert [out.output_type for out in quiet] == ["display_data"] * 2
    for out in quiet:
        assert out.data["text/plain"] == f"Figure: {ALT}"
        assert out.metadata == {"image/png": {"alt": ALT}}
        assert opened(base64.b64decode(out.data["image/png"])).mode == "P"
        assert widget not in out.data
    assert [widget in out.data for out in lively] == [False, False, True]


# --- plot_lines


def test_plot_lines_draws_and_names_every_line():
    lines = {"a": ([1, 2, 4], [3.0, 2.0, 1.0]), "b": ([1, 4], [2.0, 2.0])}
    (axes,) = plot_lines(lines, "Falls", "k", "nats", ("log", "linear")).axes
    assert [line.get_label() for line in axes.lines] == ["a", "b"]
    np.testing.assert_array_equal(axes.lines[0].get_xydata()[:, 1], [3, 2, 1])
    assert len({line.get_linestyle() for line in axes.lines}) == 2
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    assert axes.get_title(loc="left") == "Falls"
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["a", "b"]


def test_plot_lines_refuses_what_it_cannot_draw():
    with pytest.raises(ValueError, match="at least one line"):
        plot_lines({}, "Nothing", "x", "y")
    with pytest.raises(ValueError, match="'a', found 2 and 3"):
        plot_lines({"a": ([1, 2, 3], [1, 2])}, "Uneven", "x", "y")
