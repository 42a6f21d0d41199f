"""Training curves: raw values behind, a running mean in front, and a legend."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatter


class _PlainLog(LogFormatter):
    """Labels the same ticks as `LogFormatter`, with 0.06 in place of 6e-02."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        if not super().__call__(x, pos):
            return ""
        return np.format_float_positional(float(f"{x:.3g}"), trim="-")


def plot_history(
    history: Mapping,
    names: str | Sequence[str] = "loss",
    ylabel: str = "nats per image",
    log: bool = False,
) -> Figure:
    """Return a figure of what training recorded at each step, one line a quantity.

    The thin line is what was recorded, the thick one its mean over a fiftieth of the
    steps around each step. The axis shows the thick lines whole; single outliers of
    the thin ones may leave it.

    Args:
        history: one history, from names to values step by step; or several, from a
            label to a history.
        names: which of its quantities.
        ylabel: what they measure.
        log: a logarithmic axis, for positive values.

    Raises:
        KeyError: a history does not have the quantity.
        ValueError: there is no value to draw, or one that a logarithm cannot show.
    """
    lines = _lines(history, [names] if isinstance(names, str) else list(names))
    lowest = min(values.min() for values in lines.values())
    if log and not lowest > 0:
        raise ValueError(
            f"expected values > 0 on a logarithmic axis, found {lowest:.3g}; take "
            "log=False"
        )
    fig, axes = plt.subplots()
    means = [_draw(axes, _running_mean(values), 2) for values in lines.values()]
    if log:
        axes.set_yscale("log")
        plain = _PlainLog(labelOnlyBase=False, minor_thresholds=(2, 0.5))
        axes.yaxis.set_major_formatter(plain)
        axes.yaxis.set_minor_formatter(plain)
    axes.autoscale_view()
    axes.autoscale(False)
    for values, mean in zip(lines.values(), means, strict=True):
        _draw(axes, values, 0.6, color=mean.get_color(), marker="", alpha=0.4, zorder=1)
    axes.set(xlabel="step", ylabel=ylabel)
    if len(lines) > 1:
        axes.legend(means, list(lines))
    return fig


def _draw(axes, values: np.ndarray, linewidth: float, **style) -> Line2D:
    steps = np.arange(1, len(values) + 1)
    return axes.plot(steps, values, linewidth=linewidth, **style)[0]


def _lines(history: Mapping, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return values by label: of several runs, or of one."""
    several = all(isinstance(run, Mapping) for run in history.values())
    runs = history if several else {"": history}
    lines = {}
    for label, run in runs.items():
        for name in names:
            if name not in run:
                raise KeyError(f"no {name!r} in the history; it has {', '.join(run)}")
            parts = [label, name] if len(names) > 1 else [label or name]
            lines[", ".join(filter(None, parts))] = np.asarray(run[name], float)
    if not lines or not all(values.size for values in lines.values()):
        raise ValueError("expected at least one step in every history, found none")
    if not all(np.isfinite(values).all() for values in lines.values()):
        raise ValueError(
            "expected finite values, found nan or infinity; leave them out of the "
            "history that is drawn"
        )
    return lines


def _running_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over a fiftieth of all steps around each; at the ends, fewer."""
    half = len(values) // 100
    total = np.concatenate([[0.0], np.cumsum(values)])
    low = np.maximum(np.arange(len(values)) - half, 0)
    high = np.minimum(np.arange(len(values)) + half + 1, len(values))
    return (total[high] - total[low]) / (high - low)
