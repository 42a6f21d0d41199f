"""Grids of images, every pixel a sharp square.

The page is composed pixel by pixel and shown by one imshow. Subplots were tried: a grid
of 96 images takes 0.8 s instead of 0.1 s and 15 % more bytes, and Matplotlib resamples
each image to the size of its axes, so that its pixels become unequal.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, Shaped, UInt8
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

from course_utils.plotting.style import DPI

PAGE = 860  # pixels: the width of an output on a small laptop's JupyterLab
GAP = 8  # pixels between images
LARGEST = 20_000_000  # pixels of a page: 60 MB, twenty screens
_TILE = 112  # pixels: the longer side that small images are enlarged to
_LINE = 20  # pixels: the height of a line of text
_FRAME = 150  # the grey line around an image: seen against black and against white


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
        ValueError: images of another shape or range, a wrong number of titles, or more
            images than a page can hold.
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
    left = GAP + text_width(row_titles)
    step_x = GAP + max(width, text_width(titles))
    step_y = GAP + height + (above if len(titles) > columns else 0)
    x = left + (step_x - GAP - width) // 2 + step_x * (np.arange(n) % columns)
    y = GAP + above + step_y * (np.arange(n) // columns)
    size = (y[-1] + height + GAP, left + columns * step_x)
    fig, axes = _blank(_framed(tiles, x, y, size))
    for title, i, j in zip(titles, x, y, strict=False):
        axes.text(i + width / 2, j - 5, title, ha="center", va="bottom")
    for title, j in zip(row_titles, y[::columns], strict=False):
        axes.text(left - GAP, j + height / 2, title, ha="right", va="center")
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
    """Repeat pixels by the largest whole factor that fits the tile and the page.

    Raises:
        ValueError: the page would be too large: a whole data set takes all memory.
    """
    n, height, width, _ = pixels.shape
    room = min(_TILE, PAGE // columns - GAP)
    factor = max(1, room // max(height, width))
    size = -(-n // columns) * columns * height * width * factor**2
    if size > LARGEST:
        fewer = "show some of them, for example images[:64]"
        remedy = fewer if n > 64 else "make them smaller, for example x[:, ::4, ::4]"
        raise ValueError(
            f"expected a page of at most {LARGEST / 1e6:.0f} million pixels, found "
            f"{n:,} images that make one of {size / 1e6:,.0f} million: {remedy}"
        )
    return pixels.repeat(factor, axis=1).repeat(factor, axis=2)


def text_width(texts: Sequence[str]) -> int:
    """Return the pixels that the widest line takes, with a small margin."""
    size = plt.rcParams["font.size"]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    widths = [TextPath((0, 0), line, size).get_extents().width for line in lines]
    return max((int(width * DPI / 72) + GAP for width in widths), default=0)


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
    fig = Figure((width / DPI, height / DPI), dpi=DPI, layout="none")
    axes = fig.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.imshow(page, interpolation="none", aspect="auto")
    return fig, axes
