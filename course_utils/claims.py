"""Executable claims: sentences of the lessons that are computed each time.

A claim about a fact gets True or False. A claim about a measured number gets the number
and its bound, so that `course author verify` can tell how far apart they are.
"""

import difflib
import functools
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Array, Bool, Num

Number = int | float | np.number | list | Num[Array | np.ndarray, "..."]
Bound = int | float | np.number | Num[Array | np.ndarray, ""]
Fact = bool | np.bool_ | Bool[Array | np.ndarray, ""]


class ClaimFailed(AssertionError):
    """A sentence of the course turned out to be false."""


def claim(
    sentence: str,
    value: Fact | Number,
    *,
    above: Bound | None = None,
    below: Bound | None = None,
    row: str | None = None,
) -> None:
    """Print `[ok] sentence`, or `[ok] A8: sentence` with a row, if the sentence holds.

    `claim("one is one", 1 == 1)` states a fact. `claim("most are right", share,
    above=0.5)` states that a number, or every number of an array, lies beyond a bound.

    Args:
        sentence: the fact in words. It is printed as it stands, so a number from
            training does not belong in it: the output has to be the same everywhere.
        value: a single boolean; or, if there is a bound, what was measured.
        above: every number has to be larger than this.
        below: every number has to be smaller than this.
        row: id of the ledger row that this claim tests, such as "A8".

    Raises:
        ClaimFailed: the fact is false, or a number lies on the wrong side or is NaN.
        TypeError: `value` is not a single boolean, or, with a bound, holds no number.
            Such a claim could never fail.
        ValueError: the sentence is empty.
        LookupError: the ledger has no such row.
    """
    bounded = above is not None or below is not None
    wrong = _beyond(value, above, below) if bounded else _not_true(value)
    if not sentence.strip():
        raise ValueError("a claim needs a sentence that says what holds")
    if row is not None:
        _check_row(row)
        sentence = f"{row}: {sentence}"
    if wrong is not None:
        raise ClaimFailed(sentence + wrong)
    print(f"[ok] {sentence}")


def extremes(value: Number) -> tuple[float, float]:
    """Return the smallest and the largest number of a measured value.

    Raises:
        TypeError: there is no number, or booleans, which have no distance to a bound.
    """
    found = np.asarray(value)
    if found.size == 0 or not np.issubdtype(found.dtype, np.number):
        raise TypeError(
            f"a claim with a bound needs at least one number, found {found.dtype} of "
            f"shape {found.shape}; pass what was measured, not the comparison"
        )
    return float(found.min()), float(found.max())


def _beyond(value, above, below) -> str | None:
    """Return how a measured value breaks a bound, or None."""
    low, high = extremes(value)
    if above is not None and not low > above:
        return f" (measured {low:.4g}, which is not above {above:.4g})"
    if below is not None and not high < below:
        return f" (measured {high:.4g}, which is not below {below:.4g})"
    return None


def _not_true(value) -> str | None:
    """Return None if the fact holds, and nothing to add to the sentence otherwise."""
    if isinstance(value, bool | np.bool_):
        return None if value else ""
    if isinstance(value, np.ndarray | jax.Array):
        if value.shape == () and value.dtype == bool:
            return None if value else ""
        found = f"an array of shape {value.shape} and dtype {value.dtype}"
    else:
        found = type(value).__name__
    raise TypeError(
        f"a claim needs a single True or False, found {found}; write a comparison, and "
        "reduce arrays with .all() or .any(), or give a bound: above=... or below=..."
    )


@functools.cache
def _ledger_rows() -> frozenset[str]:
    text = Path(__file__).with_name("ledger.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text))


def _check_row(row: str) -> None:
    rows = _ledger_rows()
    if row not in rows:
        near = difflib.get_close_matches(row.upper(), sorted(rows), cutoff=0.5)
        raise LookupError(
            f"the ledger has no row {row!r}; its ids look like "
            f"{', '.join(near or ['A1', 'B1', 'C1', 'D1'])}"
        )


@contextmanager
def expect_error(exception_type: type[Exception]) -> Iterator[None]:
    """Run a cell that has to fail: print `[raised] Type: message` and go on.

    Exactly this type is swallowed, not its subclasses, and of the message only the
    first line is printed.

    Raises:
        AssertionError: nothing was raised.
    """
    try:
        yield
    except exception_type as error:
        if type(error) is not exception_type:
            raise
        message = str(error).strip().partition("\n")[0]
        print(f"[raised] {exception_type.__name__}: {message}".removesuffix(": "))
    else:
        raise AssertionError(
            f"expected {exception_type.__name__}, but nothing was raised"
        )
