"""What an exercise is, and how an answer to it is judged.

An answer is run on a handful of cases and its outputs are compared with those of the
reference. If they differ, they are compared with the outputs of every named wrong
answer: the one that behaves the same names the misconception, however the learner
happened to write it.
"""

import copy
import inspect
import linecache
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np


class Case(NamedTuple):
    """One input to try an answer on; the name is shown when the answer fails there."""

    name: str
    args: tuple


class WrongAnswer(NamedTuple):
    """A plausible mistake: how it behaves, and what to tell whoever makes it."""

    name: str
    answer: Any
    message: str


_STILL_RAISES = "There is code, but `raise NotImplementedError` is still reached."


def call(answer, *args):
    """Run a function on a case: what most exercises do with an answer."""
    return answer(*args)


@dataclass(frozen=True)
class Exercise:
    """One exercise, the single source of its check, hints, solution and tests.

    Args:
        id: notebook and number, such as "1.3".
        title: what is asked, in a few words.
        reference: the right answer: a function, a class or a plain value.
        cases: inputs for a function or class; none for a plain value.
        wrong: named wrong answers, the most specific first.
        alternatives: right answers written differently (for the tests).
        hints: from a nudge to nearly the answer.
        run: `run(answer, *case.args)` gives what is compared.
        afterword: what a right answer is told on top.
        otherwise: advice added when an answer is wrong in a way nobody foresaw.
        rtol: relative tolerance of the comparison, and a thousandth of it absolute.
    """

    id: str
    title: str
    reference: Any
    cases: tuple[Case, ...] = ()
    wrong: tuple[WrongAnswer, ...] = ()
    alternatives: tuple = ()
    hints: tuple[str, ...] = ()
    run: Callable = call
    afterword: str = ""
    otherwise: str = ""
    rtol: float = 1e-5


Status = Literal["right", "wrong", "raised", "not attempted"]


class Outcome(NamedTuple):
    """The verdict on one answer; `misconception` names the wrong answer it equals."""

    status: Status
    message: str = ""
    misconception: str | None = None


class ArgumentChanged(Exception):
    """An answer changed its argument, so that the caller's data are spoilt."""


class Raised(NamedTuple):
    """Stands for the output of a case in which the answer raised an exception."""

    error: Exception


def judge(exercise: Exercise, answer) -> Outcome:
    """Say whether an answer is right and, if not, which misconception it shows."""
    if answer is ...:
        return Outcome("not attempted")
    if not exercise.cases:
        if any(same(answer, right, exercise.rtol) for right in exercise.alternatives):
            return Outcome("right", exercise.afterword)
        return _judge_outputs(exercise, [answer], lambda value: [value], ("",))
    if not callable(answer):
        kind = type(answer).__name__
        return Outcome("wrong", f"A function is expected, not a value of type {kind}.")
    outputs = outputs_of(exercise, answer)
    first = outputs[0]
    if isinstance(first, Raised) and isinstance(first.error, NotImplementedError):
        begun = inspect.isfunction(answer) and answer.__code__.co_nlocals > len(
            inspect.signature(answer).parameters
        )
        return Outcome("not attempted", _STILL_RAISES if begun else "")
    names = tuple(f', on the case "{case.name}"' for case in exercise.cases)
    return _judge_outputs(exercise, outputs, lambda a: outputs_of(exercise, a), names)


def outputs_of(exercise: Exercise, answer) -> list:
    """Return what an answer gives on every case, exceptions included as `Raised`."""
    outputs = []
    for case in exercise.cases:
        args = copy.deepcopy(case.args)
        try:
            # A learner's 0 / 0 is judged by its result, not by NumPy's warning.
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                output = exercise.run(answer, *args)
            if not same(args, case.args, rtol=0.0):
                output = Raised(ArgumentChanged("it works in place; copy first"))
        except Exception as error:
            output = Raised(error)
        outputs.append(output)
    return outputs


def same(got, want, rtol: float) -> bool:
    """Compare two outputs: containers by parts, numbers within a relative tolerance."""
    if isinstance(want, Raised):
        return isinstance(got, Raised) and type(got.error) is type(want.error)
    if isinstance(want, dict):
        return (
            isinstance(got, dict)
            and got.keys() == want.keys()
            and all(same(got[k], want[k], rtol) for k in want)
        )
    if isinstance(want, tuple):
        return (
            np.iterable(got)
            and hasattr(got, "__len__")
            and not isinstance(got, str | dict)
            and len(got) == len(want)
            and all(same(g, w, rtol) for g, w in zip(got, want, strict=True))
        )
    if callable(want):
        return got is want or type(got) is type(want)
    try:
        got, want = np.asarray(got), np.asarray(want)
    except Exception:  # whatever cannot be an array is not the same as one
        return False
    if got.shape != want.shape:
        return False
    if want.dtype.kind not in "fc" or got.dtype.kind not in "biufc":
        return bool(np.array_equal(got, want))  # counts have no tolerance
    return np.allclose(got, want, rtol=rtol, atol=rtol / 1000, equal_nan=True)


def _judge_outputs(exercise, outputs, outputs_for, names) -> Outcome:
    """Compare outputs with the reference's, then with those of each wrong answer."""

    def agrees(answer):
        pairs = zip(outputs, outputs_for(answer), strict=True)
        return [same(got, want, exercise.rtol) for got, want in pairs]

    right = agrees(exercise.reference)
    if all(right):
        return Outcome("right", exercise.afterword)
    for wrong in exercise.wrong:
        if all(agrees(wrong.answer)):
            return Outcome("wrong", wrong.message, wrong.name)
    failed = right.index(False)
    got, want = outputs[failed], outputs_for(exercise.reference)[failed]
    if isinstance(got, Raised):
        return Outcome("raised", f"{describe_error(got.error)}{names[failed]}.")
    difference = describe_difference(got, want)
    message = f"{difference[0].upper()}{difference[1:]}{names[failed]}."
    return Outcome("wrong", f"{message} {exercise.otherwise}".strip())


def describe_difference(got, want) -> str:
    """Say how an output differs without giving the right numbers away."""
    if got is None:
        return "the answer is None (a function without a `return`?)"
    if isinstance(want, Raised):
        return f"{type(want.error).__name__} should be raised, but a value is returned"
    if isinstance(want, tuple | dict) and type(got) is not type(want):
        kind = f"{type(want).__name__} with {len(want)} entries"
        return f"a {kind} is expected, not one of type {type(got).__name__}"
    try:
        got_shape, want_shape = np.asarray(got).shape, np.asarray(want).shape
    except Exception:
        return f"the result, of type {type(got).__name__}, is not an array"
    if got_shape != want_shape:
        return f"the shape should be {want_shape}, but it is {got_shape}"
    return _describe_values(np.asarray(got), np.asarray(want))


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
