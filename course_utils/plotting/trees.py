"""Trees that grow from left to right."""

from collections.abc import Mapping, Sequence

from matplotlib import pyplot as plt
from matplotlib.figure import Figure


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
