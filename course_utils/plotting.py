"""Figures that everybody can read: in colour, in print, and through their alt text.

Importing this module sets the style of the course (colours told apart by colour-blind
readers, a marker for every colour, readable text). It is the only module that imports
Matplotlib.
"""

import base64
import html
import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from IPython import get_ipython
from IPython.display import display
from jaxtyping import Array, Shaped, UInt8
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath
from PIL import Image

_DPI = 100
_PAGE = 860  # pixels: the width of an output on a small laptop's JupyterLab
_TILE = 112  # pixels: the longer side that small images are enlarged to
_GAP = 8  # pixels between images
_LINE = 20  # pixels: the height of a line of text
_FRAME = 150  # the grey line around an image: seen against black and against white

plt.rcParams.update(
    {
        # Petroff 2021, arXiv:2107.02270: six colours, which Matplotlib before 3.11 does
        # not have by name.
        "axes.prop_cycle": plt.cycler(
            color=["#5790fc", "#f89c20", "#e42536", "#964a8b", "#9c9ca1", "#7a21dd"],
            marker=["o", "s", "^", "D", "v", "X"],
        ),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "figure.constrained_layout.use": True,
        "figure.dpi": _DPI,
        "figure.figsize": (7.0, 4.0),
        "font.size": 11,
        "legend.frameon": False,
        "lines.markersize": 7,
    }
)


def is_live() -> bool:
    """Return whether a person sits at this kernel: not when COURSE_LIVE is "0"."""
    in_kernel = hasattr(get_ipython(), "kernel")
    return in_kernel and os.environ.get("COURSE_LIVE") != "0"


def show(fig: Figure, alt: str) -> None:
    """Display a figure as a PNG of at most 128 colours, and close it.

    The output's plain text is `Figure: ` and the alt text, which is also stored as the
    image's metadata. Outside IPython that line is printed instead.

    Args:
        fig: the figure; markers on long lines are thinned out.
        alt: a sentence that says what there is to see, for those who cannot see it.

    Raises:
        ValueError: the alt text is missing or says nothing.
    """
    alt = _checked_alt(alt)
    _thin_markers(fig)
    data = {"image/png": _png(fig), "text/plain": f"Figure: {alt}"}
    plt.close(fig)  # or the inline backend would show it once more, without alt text
    if get_ipython() is None:
        print(data["text/plain"])
    else:
        display(data, raw=True, metadata={"image/png": {"alt": alt}})


def _checked_alt(alt: str) -> str:
    words = alt.split()
    placeholder = ("figure", "image", "picture")
    if len(alt) < 20 or len(words) < 4 or words[0].lower().strip(":") in placeholder:
        raise ValueError(
            "the alt text must describe what there is to see, in a sentence of at "
            f"least 20 characters that does not begin with 'Figure'; found {alt!r}"
        )
    return " ".join(words)


def _thin_markers(fig: Figure) -> None:
    """Leave about ten markers on lines so long that they would hide the line."""
    for line in (line for axes in fig.axes for line in axes.lines):
        points = len(line.get_xdata())
        joined = line.get_linestyle() != "None"  # else the markers are the data
        if points > 40 and joined and line.get_markevery() is None:
            line.set_markevery(points // 10)


def _png(fig: Figure) -> str:
    """Return the figure as a PNG in base64 that depends on nothing but the figure."""
    drawn, reduced = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", facecolor="white")
    image = Image.open(drawn).convert("RGB")
    # Maximum coverage keeps rare colours (a marker, a cat's green eyes), which the
    # median cut gives up; k-means then pulls the palette to the frequent ones.
    image = image.quantize(128, Image.Quantize.MAXCOVERAGE, 1, dither=Image.Dither.NONE)
    image.save(reduced, format="png", optimize=True)
    return base64.b64encode(reduced.getvalue()).decode("ascii")


def image_grid(
    images: Shaped[Array | np.ndarray, "n h w c"],
    titles: Sequence[str] | None = None,
    columns: int = 8,
    row_titles: Sequence[str] | None = None,
) -> Figure:
    """Return a figure of framed images, row by row, every pixel a sharp square.

    The dtype decides the range and the contents never do, so that images of one grid
    and of two can be compared: uint8 means 0..255, everything else [0, 1]. Small images
    are enlarged by a whole factor.

    Args:
        images: grey (c = 1) or RGB (c = 3).
        titles: one above each image, or one above each column.
        columns: images in a row.
        row_titles: one to the left of each row.

    Raises:
        ValueError: images of another shape or range, or a wrong number of titles.
    """
    pixels = _pixels(images)
    columns = max(1, min(columns, len(pixels)))
    tiles = _enlarged(pixels, columns)
    n, height, width, _ = tiles.shape
    rows = -(-n // columns)
    titles, row_titles = list(titles or []), list(row_titles or [])
    if len(titles) not in (0, columns, n) or len(row_titles) not in (0, rows):
        raise ValueError(
            f"expected {n} titles (one an image) or {columns} (one a column) and "
            f"{rows} row titles; found {len(titles)} and {len(row_titles)}"
        )
    above = _LINE * max((1 + title.count("\n") for title in titles), default=0)
    left = _GAP + _text_width(row_titles)
    step_x = _GAP + max(width, _text_width(titles))
    step_y = _GAP + height + (above if len(titles) > columns else 0)
    x = left + (step_x - _GAP - width) // 2 + step_x * (np.arange(n) % columns)
    y = _GAP + above + step_y * (np.arange(n) // columns)
    size = (y[-1] + height + _GAP, left + columns * step_x)
    fig, axes = _blank(_framed(tiles, x, y, size))
    for title, i, j in zip(titles, x, y, strict=False):
        axes.text(i + width / 2, j - 5, title, ha="center", va="bottom")
    for title, j in zip(row_titles, y[::columns], strict=False):
        axes.text(left - _GAP, j + height / 2, title, ha="right", va="center")
    return fig


def _pixels(images) -> UInt8[np.ndarray, "n h w 3"]:
    """Return images of any accepted range as RGB."""
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or images.size == 0:
        raise ValueError(
            f"expected images [n,h,w,1] or [n,h,w,3], found shape {images.shape}"
        )
    if images.dtype == np.uint8 and images.max() == 1:
        raise ValueError(
            "uint8 means 0..255, and with values of 0 and 1 alone all of it looks "
            "black; show images.astype(bool) if these are binary images"
        )
    unit = images.astype(np.float32) / (255 if images.dtype == np.uint8 else 1)
    low, high = unit.min(), unit.max()
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"expected images in [0, 1], found {images.dtype} from {low:.3g} to "
            f"{high:.3g}; show (x + 1) / 2 if they are in [-1, 1], x / 255 if they "
            "are in 0..255, and cut off what sticks out by np.clip(x, 0, 1)"
        )
    pixels = np.rint(unit * 255).astype(np.uint8)
    return np.broadcast_to(pixels, (*pixels.shape[:3], 3))


def _enlarged(pixels: np.ndarray, columns: int) -> np.ndarray:
    """Repeat pixels by the largest whole factor that fits the tile and the page."""
    room = min(_TILE, _PAGE // columns - _GAP)
    factor = max(1, room // max(pixels.shape[1:3]))
    return pixels.repeat(factor, axis=1).repeat(factor, axis=2)


def _text_width(texts: Sequence[str]) -> int:
    """Return the pixels that the widest line takes, with a small margin."""
    size = plt.rcParams["font.size"]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    widths = [TextPath((0, 0), line, size).get_extents().width for line in lines]
    return max((int(width * _DPI / 72) + _GAP for width in widths), default=0)


def _framed(tiles, x, y, size) -> UInt8[np.ndarray, "height width 3"]:
    """Return a white page with each tile at its corner (x, y), in a thin frame."""
    page = np.full((*size, 3), 255, np.uint8)
    _, height, width, _ = tiles.shape
    for tile, i, j in zip(tiles, x, y, strict=True):
        page[j - 1 : j + height + 1, i - 1 : i + width + 1] = _FRAME
        page[j : j + height, i : i + width] = tile
    return page


def _blank(page: np.ndarray):
    """Return a figure that shows the page pixel by pixel, and its axes."""
    height, width, _ = page.shape
    fig = Figure((width / _DPI, height / _DPI), dpi=_DPI, layout="none")
    axes = fig.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.imshow(page, interpolation="none", aspect="auto")
    return fig, axes


def filmstrip(frames: Iterable, labels: Sequence[str], alt: str) -> None:
    """Show frames [h,w] or [h,w,3] one after the other, each below its label."""
    images = _stacked(frames)
    columns = max(1, min(8, _PAGE // (images.shape[-2] + _GAP)))
    show(image_grid(images, titles=labels, columns=columns), alt)


def _stacked(frames: Iterable) -> np.ndarray:
    images = np.stack([np.asarray(frame) for frame in frames])
    return images[..., None] if images.ndim == 3 else images


def explore(render: Callable, name: str, values: Iterable, alt: str) -> None:
    """Show what `render` makes of a value: a filmstrip, and live also a slider.

    Args:
        render: maps a value to an image [h,w] or [h,w,3], as `image_grid` takes them.
        name: of the quantity.
        values: numbers or strings, at least two; the filmstrip shows eight of them at
            most, from the first to the last.
        alt: a sentence that says what the filmstrip shows.

    Raises:
        ValueError: fewer than two values, or as `image_grid` and `show`.
    """
    values = list(values)
    if len(values) < 2:
        raise ValueError(f"there is nothing to explore in {len(values)} values")
    labels = [value if isinstance(value, str) else f"{value:g}" for value in values]
    chosen = np.linspace(0, len(values) - 1, min(len(values), 8)).round().astype(int)
    titles = [labels[i] for i in chosen]
    titles[0] = f"{name}\n{titles[0]}"
    filmstrip([render(values[i]) for i in chosen], titles, alt)
    if is_live():
        _slider(render, name, list(zip(labels, values, strict=True)), alt)


def _slider(render: Callable, name: str, options: list, alt: str) -> None:
    import ipywidgets  # only here: nothing about widgets may happen when not live

    slider = ipywidgets.SelectionSlider(
        options=options, description=name, continuous_update=False
    )
    picture = ipywidgets.HTML()  # ipywidgets.Image has no alt text

    def draw(_=None) -> None:
        png = _png(image_grid(_stacked([render(slider.value)])))
        shown = html.escape(f"{alt} Now {name} is {slider.label}.")
        source = f"data:image/png;base64,{png}"
        picture.value = f'<img alt="{shown}" src="{source}">'

    draw()
    slider.observe(draw, names="value")
    display(ipywidgets.VBox([slider, picture]))


def draw_tree(tree: Mapping) -> Figure:
    """Return a figure of a tree that grows from left to right.

    Args:
        tree: nested mappings from a label to its branches; a leaf is a label in a list.
    """
    fig, axes = plt.subplots(figsize=(8.6, 0.5 * _count_leaves(tree) + 0.3))
    _draw_branches(axes, tree, depth=0, top=0.0)
    axes.set(xlim=(0, 4), ylim=(0.4 - _count_leaves(tree), 0.6))
    axes.set_axis_off()
    return fig


def _count_leaves(tree: Mapping | Sequence) -> int:
    if isinstance(tree, Mapping):
        return sum(_count_leaves(branches) for branches in tree.values())
    return len(tree)


def _draw_branches(axes, tree: Mapping | Sequence, depth: int, top: float) -> list:
    """Draw branches below `top`; return the heights at which they begin."""
    heights = []
    for label in tree:
        branches = tree[label] if isinstance(tree, Mapping) else ()
        ends = _draw_branches(axes, branches, depth + 1, top)
        heights.append(sum(ends) / len(ends) if ends else top)
        for end in ends:
            x = [depth + 0.75, depth + 0.97]
            axes.plot(x, [heights[-1], end], color="#9c9ca1", marker="")
        text = label.replace(": ", ":\n")
        axes.text(depth, heights[-1], text, va="center")
        top -= max(1, _count_leaves(branches))
    return heights
