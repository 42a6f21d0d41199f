"""What is said of two outputs that are not the same, without giving numbers away."""

import inspect
import linecache
import traceback
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from course_utils.exercises.compare import Raised, same

_asarray, _allclose = np.asarray, np.allclose  # an answer may have replaced NumPy's own

# Numbers this close are not "off by a factor": a small constant, or a wide tolerance.
_NEARLY = 1e-2


def wrong_form(got: Any, want: Any) -> str | None:
    """Say that an output is not even the kind of thing that is asked for.

    A list in place of an array passes: `Exercise.then` says whether one will do.

    Args:
        got: what an answer returned.
        want: what the reference returned.
    """
    if got is None:
        return "the answer is None (a function without a `return`?)"
    if isinstance(want, dict):
        return None if isinstance(got, dict) else f"a dict is expected, not {kind(got)}"
    if isinstance(want, tuple):
        entries = "one entry" if len(want) == 1 else f"{len(want)} entries"
        expected = f"a tuple with {entries} is expected"
        if not isinstance(got, tuple | list) and not (is_array(got) and np.ndim(got)):
            return f"{expected}, not {kind(got)}"
        return None if len(got) == len(want) else f"{expected}, not with {len(got)}"
    if is_array(want) or isinstance(want, bool | int | float):
        return _not_numbers(got, "an array" if np.ndim(want) else "a number")
    return None


def _not_numbers(got: Any, expected: str) -> str | None:
    if not (is_array(got) or isinstance(got, bool | int | float | complex | list)):
        return f"{expected} is expected, not {kind(got)}"
    try:
        letter = _asarray(got).dtype.kind
    except Exception:
        letter = "O"
    if letter in "biuf":
        return None
    if letter == "O" and isinstance(got, list):
        objects = "objects" if _fits(got) else "lists of different lengths"
        return f"{expected} is expected, not a list of {objects}"
    names = {"c": "complex numbers", "U": "texts"}
    return f"numbers are expected, not {names.get(letter, 'objects')}"


def _fits(values: list) -> bool:
    """Return whether a list makes an array at all."""
    try:
        return _asarray(values) is not None
    except Exception:
        return False


def is_array(value: Any) -> bool:
    """Return whether a value is an array of NumPy or JAX, or one of its scalars."""
    return isinstance(value, np.ndarray | np.generic | jax.Array)


def kind(value: Any) -> str:
    """Return what a value is, in words."""
    if inspect.isgenerator(value) or isinstance(value, map | filter | zip | range):
        return f"something to loop over (a {type(value).__name__}): make a list of it"
    if callable(value):
        return "a function (did you forget to call it?)"
    words = {str: "a text", dict: "a dict", list: "a list", tuple: "a tuple"}
    words |= {
        int: "an int",
        float: "a float",
        set: "a set",
        bool: "True or False",
        bytes: "bytes",
        type(None): "None",
    }
    if is_array(value) and np.ndim(value):
        return f"an array of shape {np.shape(value)}"
    if is_array(value):
        return "a single number"
    return words.get(type(value), f"a value of type {type(value).__name__}")


def describe_difference(
    got: Any,
    want: Any,
    parts: Mapping | None = None,
    rtol: float = 1e-5,
    atol: float | None = None,
) -> str:
    """Say how an output differs without giving the right numbers away.

    Args:
        got: what an answer returned.
        want: what the reference returned.
        parts: what is said of the entries of a tuple or dict if they differ.
        rtol: relative tolerance of the comparison.
        atol: absolute tolerance, as in `same`.
    """
    if isinstance(want, Raised):
        return f"{type(want.error).__name__} should be raised, but a value is returned"
    form = wrong_form(got, want)
    if form:
        return form
    tolerances = rtol, atol
    if isinstance(want, dict):
        return _describe_dict(got, want, parts or {}, tolerances)
    if isinstance(want, tuple):
        return _describe_tuple(got, want, parts or {}, tolerances)
    try:
        got, want = _asarray(got), _asarray(want)
    except Exception:
        return f"an array is expected, not {kind(got)}"
    if got.shape != want.shape:
        return f"the shape should be {want.shape}, but it is {got.shape}"
    return _describe_values(got, want)


def _describe_dict(got: dict, want: dict, parts: Mapping, tolerances) -> str:
    if got.keys() != want.keys():
        return f"a dict with the keys {', '.join(map(repr, want))} is expected"
    for name in want:
        if not same(got[name], want[name], *tolerances):
            return parts.get(name, f"{name!r} has the wrong value")
    return "the answer has the wrong value"


def _describe_tuple(got: Any, want: tuple, parts: Mapping, tolerances) -> str:
    different = [i for i in range(len(want)) if not same(got[i], want[i], *tolerances)]
    swapped = [w for w in want if any(same(g, w, *tolerances) for g in got)]
    if len(different) > 1 and len(swapped) == len(want):
        return "these are the right results in the wrong order"
    first = different[0]
    part = parts.get(first, f"entry {first} (counted from 0)")
    if not is_array(want[first]) and not isinstance(want[first], int | float):
        return part if first in parts else f"{part} is wrong"
    difference = describe_difference(got[first], want[first], None, *tolerances)
    return f"{part}: {difference}"


def _describe_values(got: np.ndarray, want: np.ndarray) -> str:
    """Name what wrong numbers have to do with the right ones, if it is simple."""
    if got.dtype.kind not in "biuf" or want.dtype.kind not in "biuf":
        return "the answer has the wrong value"
    if want.dtype.kind == "b":
        return f"the answer {got} is wrong" if not want.shape else "it has wrong values"
    counts = want.dtype.kind in "iu"
    got, want = got.astype(float).ravel(), want.astype(float).ravel()
    if np.isnan(got).any() and not np.isnan(want).any():
        return (
            "the result holds nan (a 0 / 0, a logarithm of 0, arccos of more than 1?)"
        )
    if np.isinf(got).any() and not np.isinf(want).any():
        return "a number is infinite (a logarithm of 0, or an exp that overflows?)"
    if not (np.isfinite(got).all() and np.isfinite(want).all()):
        return "the result has the right form but the wrong value"
    relation = _relation(got, want, counts)
    return relation or "the result has the right form but the wrong value"


def _relation(got: np.ndarray, want: np.ndarray, counts: bool) -> str | None:
    """Name a relation between numbers if it holds far better than by chance."""
    size = np.abs(want).max(initial=0)
    if not size:
        return None
    if not np.abs(got).max():
        return "all of your numbers are 0"
    if np.allclose(got, -want, rtol=0, atol=1e-6 * size):
        return "the sign is wrong"
    several = len(want) > 1 and np.ptp(want) > 1e-6 * size
    if several:
        factor = (got @ want) / (want @ want)
        if _holds(got - factor * want, (factor - 1) * want):
            return "every number is off by the same factor"
        shift = np.mean(got - want)
        if _holds(got - want - shift, shift):
            return "every number is off by the same amount"
    if not counts and np.allclose(got, want, rtol=_NEARLY, atol=1e-3 * size):
        return (
            "the numbers are nearly right, but only nearly: is something rounded or "
            "cut off, or a small constant added?"
        )
    if several and np.allclose(np.sort(got), np.sort(want), rtol=0, atol=1e-6 * size):
        return "these are the right numbers in the wrong order or places"
    return None


def _holds(rest: np.ndarray, effect: float | np.ndarray) -> bool:
    """Return whether what a relation leaves is small beside what it explains."""
    return bool(np.all(np.abs(rest) <= 1e-3 * np.abs(effect)) and np.any(effect))


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
