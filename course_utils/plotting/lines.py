"""Curves: one quantity against another, several lines in one frame."""

from collections.abc import Mapping

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

_STYLES = ("-", "--", ":", "-.")


def plot_lines(
    lines: Mapping[str, tuple],
    title: str,
    xlabel: str,
    ylabel: str,
    scale: tuple[str, str] = ("linear", "linear"),
) -> Figure:
    """Return a figure of lines, told apart by colour, marker, dashes and a legend.

    Args:
        lines: (x, y) of each line, by the name that the legend gives it.
        title: what there is to see.
        xlabel: what x is.
        ylabel: what y is, with its unit.
        scale: of the axes, "linear" or "log" each.

    Raises:
        ValueError: there is no line, or x and y of one differ in length.
    """
    if not lines:
        raise ValueError("expected at least one line, found none")
    fig, axes = plt.subplots(figsize=(7.0, 3.2))
    for number, (name, (x, y)) in enumerate(lines.items()):
        if len(x) != len(y):
            raise ValueError(
                f"expected as many y as x in {name!r}, found {len(y)} and {len(x)}"
            )
        axes.plot(x, y, linestyle=_STYLES[number % len(_STYLES)], label=name)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title, xscale=scale[0])
    axes.set_yscale(scale[1])
    axes.legend()
    return fig
