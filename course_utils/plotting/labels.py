"""Labels beside what they name, so that nobody has to match colours with a legend."""

from collections.abc import Sequence

import numpy as np
from matplotlib import patheffects

HALO = [patheffects.withStroke(linewidth=3, foreground="white")]


def spread(places: Sequence[float], gap: float) -> np.ndarray:
    """Return the places moved up and down until they are `gap` apart, in their order.

    Places that are too near form a group, which spreads evenly around its mean.
    """
    places = np.asarray(places, float)
    order = np.argsort(places, kind="stable")
    groups = []
    for place in places[order]:
        groups.append([place])
        while len(groups) > 1 and _top(groups[-2], gap) + gap > _low(groups[-1], gap):
            last = groups.pop()
            groups[-1] += last
    moved = np.concatenate([_evenly(group, gap) for group in groups])
    result = np.empty_like(places)
    result[order] = moved
    return result


def _evenly(group, gap):
    return np.mean(group) + gap * (np.arange(len(group)) - (len(group) - 1) / 2)


def _low(group, gap):
    return _evenly(group, gap)[0]


def _top(group, gap):
    return _evenly(group, gap)[-1]
