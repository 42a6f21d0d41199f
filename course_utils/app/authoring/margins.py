"""How far the claims of a notebook are from coming out false.

In a process that called `record_claims`, every claim writes down what it measured, and
one that fails says so and goes on. `table` turns the records of many runs into a page.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from course_utils import claims
from course_utils.app.authoring import notebooks

NEAREST = 3  # spreads: a claim that is nearer to its bound needs a sharper experiment
Runs = dict[str, list[dict]]  # what each run's claims measured


class Margin(NamedTuple):
    """One bound of one claim: the mean over the seeds, and its spread over all runs."""

    bound: str
    mean: float
    spread: float
    spreads: float


def record_claims(path: str) -> None:
    """Let every claim of this process append what it measured to a file."""

    def write(entry):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    claims.claim = recording(claims.claim, write)


def recording(claim: Callable, write: Callable) -> Callable:
    """Return a claim that reports to `write`, and prints `[false]` where it fails."""

    def recorded(sentence, value, *, above=None, below=None, row=None):
        entry = {"claim": f"{row}: {sentence}" if row else sentence}
        if above is not None or below is not None:
            low, high = claims.extremes(value)
            entry |= {"low": low, "high": high}
            sides = {"above": above, "below": below}
            entry |= {side: float(b) for side, b in sides.items() if b is not None}
        try:
            claim(sentence, value, above=above, below=below, row=row)
            write(entry | {"holds": True})
        except claims.ClaimFailed as failure:
            print(f"[false] {failure}")
            write(entry | {"holds": False})

    return recorded


def margins(runs: Runs, sentence: str) -> list[Margin]:
    """Return the margins of a claim: one for each of its bounds; none for a fact.

    The spread is the standard deviation over the seeds, or over all runs with seed 0,
    whichever is larger. Runs are called "seed 0", "seed 1" ..., or anything else.
    """
    found = {run: e for run in runs for e in runs[run] if e["claim"] == sentence}
    first = next(iter(found.values()))
    result = []
    for side, end, sign in (("above", "low", 1), ("below", "high", -1)):
        if first.get(side) is not None:
            values = {run: entry[end] for run, entry in found.items()}
            bound = np.mean([entry[side] for entry in found.values()])
            mean, spread = _mean_and_spread(values)
            distance = sign * (mean - bound)
            spreads = distance / spread if spread else math.copysign(math.inf, distance)
            result.append(Margin(f"{side} {bound:.4g}", mean, spread, spreads))
    return result


def _mean_and_spread(values: dict[str, float]) -> tuple[float, float]:
    seeds = [v for run, v in values.items() if is_seed(run)]
    others = [v for run, v in values.items() if not is_seed(run)]
    mean = float(np.mean(seeds))
    groups = [group for group in (seeds, [seeds[0], *others]) if len(group) > 1]
    spread = max((np.std(group, ddof=1) for group in groups), default=0.0)
    # Sums in another order differ in their last digits: that is no spread.
    return mean, float(spread) if spread > 1e-6 * abs(mean) else 0.0


def is_seed(run: str) -> bool:
    """Return whether a run differs from the stored one in its seed alone."""
    return run.removeprefix("seed ").isdigit()


def too_near(runs: Runs) -> list[str]:
    """Return the claims that some run refutes or that lie too near to a bound."""
    failed = {e["claim"] for run in runs.values() for e in run if not e["holds"]}
    return [
        sentence
        for sentence in sentences(runs)
        if sentence in failed
        or any(margin.spreads < NEAREST for margin in margins(runs, sentence))
    ]


def sentences(runs: Runs) -> list[str]:
    """Return the claims in their order."""
    return list(dict.fromkeys(e["claim"] for run in runs.values() for e in run))


def table(number: str, runs: Runs, false_when: dict[str, str]) -> str:
    """Return the page with every claim of a notebook, its margin and its mutant."""
    rows = [f"# The claims of notebook {number}, and what would make them false", ""]
    rows += [f"Made by `course author verify {number}`. Runs: {', '.join(runs)}.", ""]
    rows += [
        "Spreads away: the distance of the mean over the seeds from the bound, in "
        "spreads. A spread is the standard deviation over the seeds, or over all runs "
        "with seed 0, whichever is larger. \u221e: no run differs.",
        "",
        "| claim | bound | mean | spread | spreads away | false when |",
        "|---|---|---|---|---|---|",
    ]
    for sentence in sentences(runs):
        ends = margins(runs, sentence) or [
            Margin("a fact", math.nan, math.nan, math.nan)
        ]
        cells = [" / ".join(column) for column in zip(*map(_texts, ends), strict=True)]
        text = [sentence, *cells, false_when.get(sentence, "")]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in text) + " |")
    return "\n".join(rows) + "\n"


def _texts(margin: Margin) -> list[str]:
    numbers = [
        "" if math.isnan(x) else "\u221e" if math.isinf(x) else f"{x:.3g}"
        for x in margin[1:]
    ]
    return [margin.bound, *numbers]


def table_path(number: str) -> Path:
    """Return where the table of a notebook is kept, beside its kill table."""
    return notebooks.NOTEBOOKS / "instructor" / f"{number:0>2}_claims.md"
