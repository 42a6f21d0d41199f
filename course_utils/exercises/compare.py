"""When two outputs count as the same, and what is said of two that do not."""

import linecache
import traceback
from typing import Any, NamedTuple

import numpy as np

_asarray = np.asarray  # bound now: an answer may have replaced NumPy's own


class Raised(NamedTuple):
    """Stands for the output of a case in which the answer raised an exception."""

    error: Exception


def same(got: Any, want: Any, rtol: float, atol: float | None = None) -> bool:
    """Compare two outputs: containers by parts, numbers within the tolerances.

    Args:
        got: an output.
        want: another one, whose type decides how they are compared.
        rtol: relative tolerance.
        atol: absolute tolerance; a thousandth of `rtol` if it is None.
    """
    if isinstance(want, Raised):
        return isinstance(got, Raised) and type(got.error) is type(want.error)
    if isinstance(want, dict):
        return (
            isinstance(got, dict)
            and got.keys() == want.keys()
            and all(same(got[k], want[k], rtol, atol) for k in want)
        )
    if isinstance(want, tuple):
        return (
            np.iterable(got)
            and hasattr(got, "__len__")
            and not isinstance(got, str | dict)
            and len(got) == len(want)
            and all(same(g, w, rtol, atol) for g, w in zip(got, want, strict=True))
        )
    if callable(want):
        return got is want or type(got) is type(want)
    return _same_arrays(got, want, rtol, rtol / 1000 if atol is None else atol)


def _same_arrays(got: Any, want: Any, rtol: float, atol: float) -> bool:
    try:
        got, want = _asarray(got), _asarray(want)
    except Exception:  # whatever cannot be an array is not the same as one
        return False
    if got.shape != want.shape:
        return False
    if want.dtype.kind not in "fc" or got.dtype.kind not in "biufc":
        return bool(np.array_equal(got, want))  # counts have no tolerance
    return np.allclose(got, want, rtol=rtol, atol=atol, equal_nan=True)


def describe_difference(got: Any, want: Any) -> str:
    """Say how an output differs without giving the right numbers away."""
    if got is None:
        return "the answer is None (a function without a `return`?)"
    if isinstance(want, Raised):
        return f"{type(want.error).__name__} should be raised, but a value is returned"
    if isinstance(want, tuple | dict) and type(got) is not type(want):
        kind = f"{type(want).__name__} with {len(want)} entries"
        return f"a {kind} is expected, not one of type {type(got).__name__}"
    try:
        got_shape, want_shape = _asarray(got).shape, _asarray(want).shape
    except Exception:
        return f"the result, of type {type(got).__name__}, is not an array"
    if got_shape != want_shape:
        return f"the shape should be {want_shape}, but it is {got_shape}"
    return _describe_values(_asarray(got), _asarray(want))


def _describe_values(got: np.ndarray, want: np.ndarray) -> str:
    """Name what wrong numbers have to do with the right ones, if it is simple."""
    if got.dtype.kind not in "biuf" or want.dtype.kind not in "biuf":
        return "the answer has the wrong value"
    got, want = got.astype(float).ravel(), want.astype(float).ravel()
    if np.isnan(got).any():
        return "the result holds nan (a 0 / 0, or a logarithm of 0?)"
    if np.allclose(got, -want):
        return "the sign is wrong"
    if len(want) > 1:
        if np.allclose(np.sort(got), np.sort(want)):
            return "these are the right numbers in the wrong order or places"
        if np.allclose(got * np.abs(want).sum(), want * np.abs(got).sum()):
            return "every number is off by the same factor"
        if np.ptp(got - want) < 1e-6 * np.abs(want).max():
            return "every number is off by the same amount"
    return "the result has the right form but the wrong value"


def describe_error(error: Exception) -> str:
    """Name an exception and the line of the learner's code that raised it."""
    text = f"Your code raised {type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    # The innermost frame that is neither ours nor a library's is the learner's.
    own = [
        f for f in frames if "ipykernel" in f.filename or f.filename.startswith("<ex")
    ]
    if not own:
        return text
    line = linecache.getline(own[-1].filename, own[-1].lineno).strip()
    return f"{text}, in line {own[-1].lineno} of the cell" + (
        f": {line}" if line else ""
    )
