"""Networks drawn as boxes and arrows."""

from collections.abc import Mapping

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from course_utils.plotting.receptive import PAGE

_BOX = {"ha": "center", "va": "center", "fontsize": 10}
_FILLS = {"": "white", "vertical": "#dbe6ff", "horizontal": "#fde3c4"}

_ARROW = {"arrowstyle": "-|>", "lw": 1.4, "color": "black", "shrinkB": 1}

Place = tuple[float, float]  # x to the right, y upwards


def draw_gated_block() -> Figure:
    """Return a figure of a gated block of a PixelCNN: two stacks, and the link.

    The vertical stack is on the left, the horizontal one on the right. The only arrow
    between them leads from left to right.

    van den Oord et al. 2016, arXiv:1606.05328, figure 2.
    """
    boxes = {
        "v": ((0, 5), "v\nrows above", "vertical"),
        "conv v": ((0, 4), "convolution\nof rows above", "vertical"),
        "gate v": ((0, 2), "tanh(a) · sigmoid(b)", "vertical"),
        "up": ((0, 1), "up: 1x1", "vertical"),
        "add v": ((0, 0), "+", "vertical"),
        "link": ((1.5, 3), "link: 1x1", ""),
        "h": ((3, 5), "h\nrows above,\npixels to the left", "horizontal"),
        "conv h": ((3, 4), "convolution\nof pixels to the left", "horizontal"),
        "add": ((3, 3), "+", "horizontal"),
        "gate h": ((3, 2), "tanh(a) · sigmoid(b)", "horizontal"),
        "out": ((3, 1), "out: 1x1", "horizontal"),
        "add h": ((3, 0), "+", "horizontal"),
    }
    chains = [
        ("v", "conv v", "gate v", "up", "add v"),
        ("h", "conv h", "add", "gate h", "out", "add h"),
        ("conv v", "link", "add"),
    ]
    fig, axes = plt.subplots(figsize=(PAGE, 5.2))
    drawn = draw_boxes(axes, boxes)
    axes.set(xlim=(-1.4, 4.6), ylim=(-0.6, 5.5))
    axes.axis("off")
    for chain in chains:
        for source, target in zip(chain, chain[1:], strict=False):
            _arrow(axes, drawn[source], drawn[target])
    for name, side in (("v", -1.0), ("h", 4.2)):
        _around(axes, drawn[name], drawn[f"add {name}"], side)
    return fig


def draw_boxes(
    axes: Axes, boxes: Mapping[str, tuple[Place, str, str]]
) -> dict[str, Text]:
    """Draw boxes, name -> (place of the middle, text, kind of fill); return them."""
    style = {"boxstyle": "round,pad=0.4", "edgecolor": "black"}
    return {
        name: axes.text(x, y, text, bbox=style | {"facecolor": _FILLS[kind]}, **_BOX)
        for name, ((x, y), text, kind) in boxes.items()
    }


def _arrow(axes: Axes, source: Text, target: Text) -> None:
    """Draw an arrow from the edge of a box to that of another."""
    patches = {"patchA": source.get_bbox_patch(), "patchB": target.get_bbox_patch()}
    places = target.get_position(), source.get_position()
    axes.annotate("", *places, arrowprops=_ARROW | patches)


def _around(axes: Axes, source: Text, target: Text, x: float) -> None:
    """Draw the connection that passes all boxes by: down at x, then to the target."""
    (left, top), (_, bottom) = source.get_position(), target.get_position()
    line = {"color": "black", "lw": _ARROW["lw"], "marker": "", "zorder": 0}
    axes.plot([left, x, x], [top, top, bottom], **line)
    patches = {"patchB": target.get_bbox_patch(), "shrinkA": 0}
    places = target.get_position(), (x, bottom)
    axes.annotate("", *places, arrowprops=_ARROW | patches)
