"""Maps of two-dimensional codes."""

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, Float, Int
from matplotlib import patheffects
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from course_utils.plotting.grids import text_width

# Petroff 2021, arXiv:2107.02270: ten colours; each class also has a marker and a name.
COLOURS = ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"]
COLOURS += ["#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"]
ROUNDS = 10
HALO = [patheffects.withStroke(linewidth=3, foreground="white")]
MARKERS = ["o", "s", "^", "D", "v", "X", "P", "<", ">", "*"]


def scatter_latents(
    z: Float[np.ndarray | Array, "n 2"],
    labels: Int[np.ndarray | Array, " n"],
    names: Sequence[str],
) -> Figure:
    """Return a map of codes: a colour and a marker for each class, and its name.

    The name stands at the median of the class's codes, or near it if others are there.

    Args:
        z: codes of two numbers.
        labels: classes, from 0.
        names: of the classes, at most ten.

    Raises:
        ValueError: the codes are not [n, 2], or the labels do not fit them or the
            names.
    """
    z, labels = np.asarray(z), np.asarray(labels)
    if z.ndim != 2 or z.shape[1] != 2 or labels.shape != z.shape[:1] or not len(z):
        raise ValueError(
            f"expected codes [n, 2] and labels [n], found {z.shape} and {labels.shape};"
            " of larger codes take two columns, z[:, :2]"
        )
    if not 1 <= len(names) <= len(COLOURS) or not set(labels) <= set(range(len(names))):
        raise ValueError(
            f"expected at most {len(COLOURS)} names and labels 0 to "
            f"{len(names) - 1}, found {len(names)} names and labels "
            f"{labels.min()} to {labels.max()}"
        )
    fig, axes = plt.subplots(figsize=(7.0, 6.0))
    for part, c in itertools.product(range(ROUNDS), np.unique(labels)):
        own = z[labels == c][part::ROUNDS]  # in turns, so that no class hides another
        axes.scatter(*own.T, s=9, color=COLOURS[c], marker=MARKERS[c], linewidths=0)
    axes.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal", adjustable="datalim")
    axes.autoscale_view()  # now, for the names are placed by pixels
    _name_classes(axes, z, labels, names)
    return fig


def _name_classes(axes, z, labels, names: Sequence[str]) -> None:
    """Put each name and its marker at the median, or above names that stand there."""
    line = 1.6 * plt.rcParams["font.size"] * axes.figure.dpi / 72  # pixels
    centres = {c: np.median(z[labels == c], axis=0) for c in np.unique(labels)}
    placed = []  # left, right and height in pixels, from the lowest
    for c, centre in sorted(centres.items(), key=lambda item: item[1][1]):
        left, y = axes.transData.transform(centre)
        right = left + 1.2 * text_width([names[c]]) + line
        for other_left, other_right, other in sorted(placed, key=lambda box: box[2]):
            if left < other_right and other_left < right and abs(y - other) < line:
                y = other + line
        placed.append((left, right, y))
        x, y = axes.transData.inverted().transform((left, y))
        style = {"color": COLOURS[c], "marker": MARKERS[c], "markeredgecolor": "black"}
        axes.plot(x, y, markersize=9, path_effects=HALO, **style)
        axes.annotate(
            names[c],
            (x, y),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            weight="bold",
            path_effects=HALO,
        )
