"""What an exercise is, and how an answer to it is judged.

An answer is run on a handful of cases and its outputs are compared with those of the
reference. If they differ, they are compared with the outputs of every named wrong
answer: the one that behaves the same names the misconception, however the learner
happened to write it.
"""

import copy
import functools
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from course_utils.exercises.compare import (
    Raised,
    describe_difference,
    describe_error,
    same,
)


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


def call(answer: Callable, *args: Any) -> Any:
    """Run a function on a case: what most exercises do with an answer."""
    return answer(*args)


@dataclass(frozen=True, eq=False)
class Exercise:
    """One exercise, the single source of its check, hints, solution and tests.

    Args:
        id: notebook and number, such as "1.3".
        title: what is asked, in a few words.
        reference: the right answer: a function, a class or a plain value.
        cases: inputs for a function or class; none for a plain value.
        wrong: named wrong answers, the most specific first.
        also_right: other plain values that are right as well.
        hints: from a nudge to nearly the answer.
        run: `run(answer, *case.args)` gives what is compared.
        diagnose: `diagnose(answer)` says what is wrong with an answer that is neither
            right nor one of the named wrong ones, or None if it cannot tell.
        afterword: what a right answer is told on top.
        otherwise: advice added when an answer is wrong in a way nobody foresaw.
        rtol: relative tolerance of the comparison.
        atol: absolute tolerance; a thousandth of `rtol` if it is None.
    """

    id: str
    title: str
    reference: Any
    cases: tuple[Case, ...] = ()
    wrong: tuple[WrongAnswer, ...] = ()
    also_right: tuple = ()
    hints: tuple[str, ...] = ()
    run: Callable = call
    diagnose: Callable[[Any], str | None] = lambda answer: None
    afterword: str = ""
    otherwise: str = ""
    rtol: float = 1e-5
    atol: float | None = None


Status = Literal["right", "wrong", "raised", "not attempted"]


class Outcome(NamedTuple):
    """The verdict on one answer; `misconception` names the wrong answer it equals."""

    status: Status
    message: str = ""
    misconception: str | None = None


class ArgumentChanged(Exception):
    """An answer changed its argument, so that the caller's data are spoilt."""


def judge(exercise: Exercise, answer: Any) -> Outcome:
    """Say whether an answer is right and, if not, which misconception it shows."""
    if answer is ...:
        return Outcome("not attempted")
    if exercise.cases and not callable(answer):
        kind = type(answer).__name__
        return Outcome("wrong", f"A function is expected, not a value of type {kind}.")
    wanted = reference_outputs(exercise)  # before the answer could do any damage
    outputs = outputs_of(exercise, answer)
    if _is_stub(outputs[0]):
        begun = inspect.isfunction(answer) and answer.__code__.co_nlocals > len(
            inspect.signature(answer).parameters
        )
        return Outcome("not attempted", _STILL_RAISES if begun else "")
    agrees = _agreement(exercise, outputs, wanted)
    if all(agrees) or _is_also_right(exercise, answer):
        return Outcome("right", exercise.afterword)
    for number, wrong in enumerate(exercise.wrong):
        if all(_agreement(exercise, outputs, _wrong_outputs(exercise, number))):
            return Outcome("wrong", wrong.message, wrong.name)
    diagnosis = _diagnosis(exercise, answer)
    if diagnosis:
        return Outcome("wrong", diagnosis)
    failed = agrees.index(False)
    return _describe(exercise, failed, outputs[failed], wanted[failed])


def outputs_of(exercise: Exercise, answer: Any) -> list:
    """Return what an answer gives on every case, exceptions included as `Raised`.

    A plain value is its own and only output.
    """
    if not exercise.cases:
        return [answer]
    return [_output(exercise, answer, case) for case in exercise.cases]


@functools.cache
def reference_outputs(exercise: Exercise) -> list:
    """Return the reference's outputs, computed once."""
    return outputs_of(exercise, exercise.reference)


@functools.cache
def _wrong_outputs(exercise: Exercise, number: int) -> list:
    return outputs_of(exercise, exercise.wrong[number].answer)


def _output(exercise: Exercise, answer: Callable, case: Case) -> Any:
    args = copy.deepcopy(case.args)
    try:
        # A learner's 0 / 0 is judged by its result, not by NumPy's warning.
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = exercise.run(answer, *args)
        if not same(args, case.args, rtol=0.0):
            return Raised(ArgumentChanged("it works in place; copy first"))
        return output
    except Exception as error:
        return Raised(error)


def _is_stub(output: Any) -> bool:
    return isinstance(output, Raised) and isinstance(output.error, NotImplementedError)


def _agreement(exercise: Exercise, outputs: list, others: list) -> list[bool]:
    pairs = zip(outputs, others, strict=True)
    return [same(got, want, exercise.rtol, exercise.atol) for got, want in pairs]


def _is_also_right(exercise: Exercise, answer: Any) -> bool:
    values = exercise.also_right
    return any(same(answer, value, exercise.rtol, exercise.atol) for value in values)


def _diagnosis(exercise: Exercise, answer: Any) -> str | None:
    try:
        return exercise.diagnose(answer)
    except Exception:  # an answer nobody foresaw may break a diagnosis as well
        return None


def _describe(exercise: Exercise, failed: int, got: Any, want: Any) -> Outcome:
    """Return the outcome of an answer about which only the difference is known."""
    place = f', on the case "{exercise.cases[failed].name}"' if exercise.cases else ""
    if isinstance(got, Raised):
        return Outcome("raised", f"{describe_error(got.error)}{place}.")
    difference = describe_difference(got, want)
    message = f"{difference[0].upper()}{difference[1:]}{place}."
    return Outcome("wrong", f"{message} {exercise.otherwise}".strip())
