"""The orders of recurrent pixel models: which states feed the state of a pixel.

van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv:1601.06759, section 3.
"""

from collections.abc import Callable

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from course_utils.plotting.receptive import (
    KINDS,
    MARK,
    PAGE,
    TINT,
    add_legend,
    check_pixel,
    draw_pixels,
    pixel_squares,
)

HEIGHT, WIDTH = 6, 7
_FORTH = {"color": "black", "linestyle": "-", "marker": "o", "markersize": 5}
_BACK = {"color": "#c4122f", "linestyle": (0, (2, 1)), "marker": "D", "markersize": 5}
_CHAIN = _FORTH | {"marker": ""}
_TOGETHER = {"facecolor": "none", "edgecolor": "black", "linewidth": 1.8}

Cell = tuple[int, int]  # row and column


def draw_orders(pixel: tuple[int, int] = (3, 3)) -> Figure:
    """Return a figure of which states feed a pixel's state in three recurrent models.

    Three panels of 6x7 pixels: pixel LSTM, Row LSTM and Diagonal BiLSTM. Arrows that
    end at the marked pixel begin at the states that feed its own. Earlier pixels are
    filled if their states reach it in any number of steps, and hatched if they do not.
    Thick frames hold the states that are computed at once. Only the passing on of
    states is drawn: what a layer reads from its input is not.

    In the Diagonal BiLSTM the dashed arrows are the direction from right to left. Its
    map is moved down by one row, so the state that arrives at the pixel is that of the
    pixel above, which its right and upper neighbours feed.

    Args:
        pixel: row and column of the pixel being written, from (0, 0) to (5, 6).

    Raises:
        ValueError: the pixel lies outside.
    """
    check_pixel(pixel, (HEIGHT, WIDTH))
    fig, panels = plt.subplots(1, 3, figsize=(PAGE, 3.5))
    draw = (_draw_raster, _draw_rows, _draw_diagonals)
    for axes, draw_panel in zip(panels, draw, strict=True):
        draw_panel(axes, pixel)
    add_legend(fig, _handles(), columns=4)
    return fig


def _draw_raster(axes: Axes, pixel: Cell) -> None:
    reached = _reached(_before, pixel)
    _draw_states(axes, pixel, reached, [pixel])
    for cell in reached:
        _draw_arrows(axes, _before(cell), cell, _CHAIN)
    _draw_arrows(axes, _before(pixel), pixel, _FORTH)
    axes.set(title="Pixel LSTM", xlabel="one pixel at a time")


def _draw_rows(axes: Axes, pixel: Cell) -> None:
    row = [(pixel[0], column) for column in range(WIDTH)]
    _draw_states(axes, pixel, _reached(_three_above, pixel), row)
    _draw_arrows(axes, _three_above(pixel), pixel, _FORTH)
    axes.set(title="Row LSTM", xlabel="a whole row at once")


def _draw_diagonals(axes: Axes, pixel: Cell) -> None:
    diagonal = [cell for cell in np.ndindex(HEIGHT, WIDTH) if sum(cell) == sum(pixel)]
    reached = _reached(_left_and_up, pixel)
    for above in _up(pixel):
        reached |= {above} | _reached(_right_and_up, above)
    _draw_states(axes, pixel, reached, diagonal)
    _draw_arrows(axes, _left(pixel), pixel, _FORTH)
    # Side by side, for both directions come down from the pixel above.
    _draw_arrows(axes, _up(pixel), pixel, _FORTH, aside=-0.2)
    _draw_arrows(axes, _up(pixel), pixel, _BACK, aside=0.2)
    for above in _up(pixel):
        _draw_arrows(axes, _right_and_up(above), above, _BACK, aside=0.2)
    axes.set(title="Diagonal BiLSTM", xlabel="a whole diagonal at once")


def _before(cell: Cell) -> list[Cell]:
    row, column = cell
    return _inside([(row, column - 1) if column else (row - 1, WIDTH - 1)])


def _three_above(cell: Cell) -> list[Cell]:
    row, column = cell
    return _inside([(row - 1, column + k) for k in (-1, 0, 1)])


def _left(cell: Cell) -> list[Cell]:
    return _inside([(cell[0], cell[1] - 1)])


def _up(cell: Cell) -> list[Cell]:
    return _inside([(cell[0] - 1, cell[1])])


def _left_and_up(cell: Cell) -> list[Cell]:
    return _left(cell) + _up(cell)


def _right_and_up(cell: Cell) -> list[Cell]:
    return _inside([(cell[0], cell[1] + 1)]) + _up(cell)


def _inside(cells: list[Cell]) -> list[Cell]:
    return [(r, c) for r, c in cells if 0 <= r < HEIGHT and 0 <= c < WIDTH]


def _reached(sources: Callable, pixel: Cell) -> set[Cell]:
    """Return the cells from which steps from source to cell lead to the pixel."""
    reached, waiting = set(), [pixel]
    while waiting:
        new = set(sources(waiting.pop())) - reached
        reached |= new
        waiting += new
    return reached


def _draw_states(axes: Axes, pixel: Cell, reached: set, together: list) -> None:
    """Draw the pixels, and thick frames around those computed together."""
    strength = np.full((HEIGHT, WIDTH), np.nan)
    for cell in reached:
        strength[cell] = 0.0  # the palest, for arrows lie on top
    draw_pixels(axes, strength, pixel, marksize=10.0)
    squares = pixel_squares(together)
    axes.add_collection(PolyCollection(squares, label="computed at once", **_TOGETHER))


def _draw_arrows(
    axes: Axes, sources: list, target: Cell, style: dict, aside: float = 0.0
) -> None:
    """Draw arrows from the middles of cells, or a little aside, to that of another."""
    shape = {"arrowstyle": "-|>", "capstyle": "butt", "shrinkA": 0, "shrinkB": 6}
    shape |= {"mutation_scale": 12, "lw": 1.8}
    shape |= {"color": style["color"], "linestyle": style["linestyle"]}
    if style is _CHAIN:
        shape |= {"mutation_scale": 6, "lw": 0.8, "shrinkB": 0}
    end = (target[1] + aside, target[0])
    for row, column in sources:
        start = (column + aside, row)
        axes.annotate("", end, start, arrowprops=shape, zorder=5)
        axes.plot(*start, zorder=5, **style)


def _handles() -> dict:
    """Return what the legend has to explain, by text."""
    arrives, blind, later, _ = (Patch(**style) for style in KINDS.values())
    arrives.set_facecolor(TINT(0.0))
    return {
        "pixel being written": Line2D([], [], linestyle="", markersize=9, **MARK),
        "later pixel": later,
        "earlier, state arrives": arrives,
        "earlier, state does not": blind,
        "state passed on": Line2D([], [], **_FORTH),
        "right to left, then a row down": Line2D([], [], **_BACK),
        "computed at once": Patch(**_TOGETHER),
    }
