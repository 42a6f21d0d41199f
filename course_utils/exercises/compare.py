"""When two outputs count as the same."""

import contextlib
from typing import Any, NamedTuple

import numpy as np

# Bound now: an answer may have replaced NumPy's own.
_asarray, _allclose, _array_equal = np.asarray, np.allclose, np.array_equal


class Raised(NamedTuple):
    """Stands for the output of a case in which the answer raised an exception."""

    error: Exception


class Complaint(NamedTuple):
    """Stands for an output that is refused whatever its value, and says why."""

    message: str


IN_PLACE = Complaint(
    "The function changes its argument in place, so the caller's data are spoilt: copy "
    "it first"
)


def same(got: Any, want: Any, rtol: float, atol: float | None = None) -> bool:
    """Compare two outputs: containers by parts, numbers within the tolerances.

    Args:
        got: an output.
        want: another one, whose type decides how they are compared.
        rtol: relative tolerance.
        atol: absolute tolerance; a thousandth of `rtol` if it is None.
    """
    if isinstance(got, Complaint) or isinstance(want, Complaint):
        return isinstance(got, Complaint) and isinstance(want, Complaint)
    if isinstance(want, Raised) or isinstance(got, Raised):
        return _same_errors(got, want)
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
            and not isinstance(got, str | dict | set)
            and len(got) == len(want)
            and all(same(g, w, rtol, atol) for g, w in zip(got, want, strict=True))
        )
    if callable(want):
        return got is want or type(got) is type(want)
    return _same_arrays(got, want, rtol, rtol / 1000 if atol is None else atol)


def _same_errors(got: Any, want: Any) -> bool:
    """Two errors are the same if they say the same: a type alone has many causes."""
    return (
        isinstance(got, Raised)
        and isinstance(want, Raised)
        and type(got.error) is type(want.error)
        and str(got.error) == str(want.error)
    )


def _same_arrays(got: Any, want: Any, rtol: float, atol: float) -> bool:
    try:
        got, want = _asarray(got), _asarray(want)
    except Exception:  # whatever cannot be an array is not the same as one
        return False
    if got.shape != want.shape:
        return False
    if want.dtype.kind not in "fc" or got.dtype.kind not in "biuf":
        with contextlib.suppress(ValueError):  # arrays inside of an array
            return bool(_array_equal(got, want))  # counts have no tolerance
        return False
    return _allclose(got, want, rtol=rtol, atol=atol, equal_nan=True)
