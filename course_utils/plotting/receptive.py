"""Receptive fields: which pixels of the input an output pixel sees.

Every pixel is of one kind, told by fill and hatching as well as by colour: seen;
earlier in raster order and not seen, the blind ones; later. A later pixel that is seen
is a fault of the model, and is drawn as one.
"""

import textwrap
from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Array
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

PAGE = 8.6  # inches: the width of an output on a small laptop's JupyterLab
TINT = LinearSegmentedColormap.from_list("seen", ["#bcd2ff", "#3266d0"])
KINDS = {
    "seen": {"facecolor": TINT(1.0), "edgecolor": "#9c9ca1"},
    "earlier, not seen": {
        "facecolor": "white",
        "edgecolor": "#77777c",
        "hatch": "////",
    },
    "later": {"facecolor": "white", "edgecolor": "#9c9ca1"},
    "later, yet seen": {"facecolor": "#f9c4c9", "edgecolor": "#e42536", "hatch": "xxx"},
}
MARK = {"marker": "X", "color": "#f89c20", "markeredgecolor": "black"}
_WEAKER = 1000  # times less than the largest change: the palest fill
_ROUNDING = 1e-6  # of the largest change: what `assertions.influence` ignores, too


def draw_receptive_fields(
    fields: Mapping[str, np.ndarray | Array], pixel: tuple[int, int] | None = None
) -> Figure:
    """Return a figure of receptive fields side by side, under their titles.

    A cross marks the output pixel; its place is filled if the map says that it sees
    itself. The legend names the other pixels: seen; earlier, not seen; later; and, if
    there are any, those that are later and yet seen, which no pixel model may have.

    Args:
        fields: maps [h, w], all of one shape, by title. Of booleans: whether an input
            pixel changes the output. Of numbers: by how much; the darker, the more, on
            a logarithmic scale, relative to the largest of the map. What is below a
            millionth of that counts as rounding, as in `assertions.influence`.
        pixel: row and column of the output pixel; the middle, (h // 2, w // 2), if not
            given.

    Raises:
        ValueError: there is no map, the maps are not [h, w] or differ in shape, a value
            is negative or not finite, or the pixel lies outside.
    """
    strengths = [_strength(change) for change in _checked(fields)]
    height, width = strengths[0].shape
    pixel = (height // 2, width // 2) if pixel is None else pixel
    check_pixel(pixel, (height, width))
    num = len(fields)
    side = min(2.86, PAGE / num)  # inches
    titles = [textwrap.fill(title, int(11 * side)) for title in fields]
    handles = _handles(strengths, pixel)
    rows = -(-len(handles) // min(num + 1, 5))  # of the legend
    lines = rows + 1 + max(title.count("\n") + 1 for title in titles)
    size = (max(side * num, 4.3), side * height / width + 0.23 * lines)
    # The default layout cuts titles off when the panels' shape is fixed.
    style = {"figsize": size, "squeeze": False, "layout": "compressed"}
    fig, panels = plt.subplots(1, num, **style)
    for axes, title, strength in zip(panels[0], titles, strengths, strict=True):
        draw_pixels(axes, strength, pixel, max(6.0, 40 * side / width))
        axes.set_title(title)
    add_legend(fig, handles, columns=-(-len(handles) // rows))
    return fig


def draw_pixels(
    axes: Axes, strength: np.ndarray, pixel: tuple[int, int], marksize: float
) -> None:
    """Draw a grid of pixels, each as its kind, and a cross on one.

    Args:
        axes: where; pixel (row, column) is the unit square around x = column, y = row.
        strength: [h, w], how dark a seen pixel is, from 0 to 1; nan if it is not seen.
        pixel: row and column of the one with the cross.
        marksize: of the cross, in points.
    """
    height, width = strength.shape
    for kind, cells in _kinds(strength, pixel).items():
        style = KINDS[kind] | {"linewidth": 0.5, "clip_on": False}
        if kind == "seen":
            style |= {"facecolor": TINT(strength[cells])}
        squares = pixel_squares(np.argwhere(cells))
        axes.add_collection(PolyCollection(squares, label=kind, **style))
    row, column = pixel
    axes.plot(column, row, label="output", markersize=marksize, zorder=4, **MARK)
    axes.set(xlim=(-0.55, width - 0.45), ylim=(height - 0.45, -0.55), aspect="equal")
    axes.set(xticks=[], yticks=[], frame_on=False)


def pixel_squares(cells: Iterable) -> list[np.ndarray]:
    """Return the corners (x, y) of the squares of pixels (row, column)."""
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    return [corners + (column, row) for row, column in cells]


def add_legend(fig: Figure, handles: Mapping, columns: int) -> None:
    """Put a legend below all panels: handles by their texts, column after column."""
    place = {"loc": "outside lower center", "ncols": columns, "fontsize": 10}
    fig.legend(handles.values(), handles, columnspacing=1.0, **place)


def check_pixel(pixel: tuple[int, int], shape: tuple[int, int]) -> None:
    """Refuse a pixel outside an image of height and width `shape`.

    Raises:
        ValueError: it lies outside.
    """
    (row, column), (height, width) = pixel, shape
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(
            f"expected a pixel (row, column) from (0, 0) to {(height - 1, width - 1)}, "
            f"found {pixel}; choose one inside"
        )


def _kinds(strength: np.ndarray, pixel: tuple[int, int]) -> dict[str, np.ndarray]:
    """Return the cells [h, w] of every kind; the pixel itself is seen or empty."""
    seen = np.isfinite(strength)
    place = np.arange(seen.size).reshape(seen.shape)
    earlier, later = place < place[pixel], place > place[pixel]
    kinds = [seen & ~later, ~seen & earlier, ~seen & ~earlier, seen & later]
    return dict(zip(KINDS, kinds, strict=True))


def _strength(change: np.ndarray) -> np.ndarray:
    """Return 1 for the largest change, 0 for one `_WEAKER` times less, nan for none."""
    relative = change / (change.max() or 1)
    relative[relative <= _ROUNDING] = np.nan
    return np.clip(1 + np.log10(relative) / np.log10(_WEAKER), 0, 1)


def _handles(strengths: list[np.ndarray], pixel: tuple[int, int]) -> dict:
    """Return what the legend has to explain, by text."""
    seen, blind, later, leak = (Patch(**style) for style in KINDS.values())
    handles = {"output": Line2D([], [], linestyle="", markersize=9, **MARK)}
    if any((strength < 1).any() for strength in strengths):
        weak = Patch(**KINDS["seen"] | {"facecolor": TINT(0.0)})
        handles |= {"seen, most": seen, f"seen, {_WEAKER} times less": weak}
    else:
        handles["seen"] = seen
    handles |= {"earlier, not seen": blind, "later": later}
    if any(_kinds(s, pixel)["later, yet seen"].any() for s in strengths):
        handles["later, yet seen"] = leak
    return handles


def _checked(fields: Mapping) -> list[np.ndarray]:
    """Return the maps as numbers."""
    if not fields:
        raise ValueError("expected at least one map [h, w] with its title, found none")
    changes = {title: np.asarray(field, float) for title, field in fields.items()}
    (first, shape), *_ = ((title, change.shape) for title, change in changes.items())
    for title, change in changes.items():
        if change.ndim != 2 or change.size == 0:
            raise ValueError(
                f"expected maps [h, w], found shape {change.shape} in {title!r}; a row "
                "of assertions.influence needs .reshape(h, w)"
            )
        if change.shape != shape:
            raise ValueError(
                f"expected maps of one shape, found {shape} in {first!r} and "
                f"{change.shape} in {title!r}; draw them in two figures"
            )
        if not (np.isfinite(change).all() and change.min() >= 0):
            raise ValueError(
                f"expected finite values >= 0, found {change.min():.3g} to "
                f"{change.max():.3g} in {title!r}; take np.abs of a gradient"
            )
    return list(changes.values())
