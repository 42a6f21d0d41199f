"""How an answer to an exercise is judged.

An answer is run on a handful of cases and its outputs are compared with those of the
reference. If they differ, they are compared with the outputs of every named wrong
answer: the one that behaves the same names the misconception, however the learner
happened to write it. An answer that agrees on all of these is tried on many more, drawn
at random, and on what the notebook does with it next.
"""

import copy
import functools
import inspect
import sys
import warnings
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from course_utils.exercises import limits
from course_utils.exercises.compare import (
    IN_PLACE,
    Complaint,
    Raised,
    same,
)
from course_utils.exercises.describe import describe_difference, describe_error, kind
from course_utils.exercises.exercise import Case, Exercise

_STILL_RAISES = "There is code, but `raise NotImplementedError` is still reached."
_PRINTED = 2_000  # characters of a learner's own prints that a check shows


Status = Literal["right", "wrong", "raised", "not attempted"]


class Outcome(NamedTuple):
    """The verdict on one answer; `misconception` names the wrong answer it equals."""

    status: Status
    message: str = ""
    misconception: str | None = None


def judge(exercise: Exercise, answer: Any) -> Outcome:
    """Say whether an answer is right and, if not, which misconception it shows."""
    if answer is ...:
        return Outcome("not attempted")
    if exercise.cases and not callable(answer):
        return Outcome("wrong", f"A function is expected, not {kind(answer)}.")
    wanted = reference_outputs(exercise)  # before the answer could do any damage
    more_wanted, seen, stdout = _more_outputs(exercise), None, sys.stdout
    with limits.time_limit(exercise.seconds) as limit, limits.output_limit(_PRINTED):
        seen = _observe(exercise, answer, wanted, more_wanted)
    sys.stdout = stdout  # whatever the interrupt has broken off
    if limit.over or seen is None:
        return Outcome(
            "wrong",
            f"The check was stopped after {exercise.seconds:g} seconds of computing; "
            "the reference needs less than one. Is there a loop without an end, or one "
            "over single numbers where an array operation would do?",
        )
    outputs, outcome = seen
    return outcome or _explain(exercise, answer, outputs, wanted)


def _observe(exercise, answer, wanted: list, more_wanted: list):
    """Run an answer on its cases.

    Returns:
        The outputs on the named cases, and the verdict, unless one of these is wrong:
        then it takes the wrong answers to explain it.
    """
    outputs = outputs_of(exercise, answer)
    if _is_stub(outputs[0]):
        begun = inspect.isfunction(answer) and answer.__code__.co_nlocals > len(
            inspect.signature(answer).parameters
        )
        return outputs, Outcome("not attempted", _STILL_RAISES if begun else "")
    if _is_also_right(exercise, answer):
        return outputs, Outcome("right", exercise.afterword)
    if not all(_agreement(exercise, outputs, wanted)):
        return outputs, None
    for case, want in zip(_more_cases(exercise), more_wanted, strict=True):
        got = _output(exercise, answer, case)
        if not same(got, want, exercise.rtol, exercise.atol):
            return outputs, _describe(exercise, case, got, want)
    right = Outcome("right", exercise.afterword)
    return outputs, _try_next(exercise, outputs, wanted) or right


def _explain(exercise, answer, outputs: list, wanted: list) -> Outcome:
    """Name what is wrong with outputs: a misconception, a diagnosis, the difference."""
    for number, wrong in enumerate(exercise.wrong):
        if all(_agreement(exercise, outputs, _wrong_outputs(exercise, number))):
            errors = [o.error for o in outputs if isinstance(o, Raised)]
            error = f" ({describe_error(errors[0])}.)" if errors else ""
            return Outcome("wrong", wrong.message + error, wrong.name)
    diagnosis = _diagnosis(exercise, answer)
    if diagnosis:
        return Outcome("wrong", diagnosis)
    failed = _agreement(exercise, outputs, wanted).index(False)
    case = exercise.cases[failed] if exercise.cases else None
    return _describe(exercise, case, outputs[failed], wanted[failed])


def _try_next(exercise: Exercise, outputs: list, wanted: list) -> Outcome | None:
    """Do with right outputs what the notebook does; return what goes wrong, if so."""
    for case, got, want in zip(exercise.cases, outputs, wanted, strict=False):
        if exercise.then is None or case.run:
            continue
        needed = f"The values are right, but the notebook goes on with {kind(want)}"
        try:
            found, due = exercise.then(got), exercise.then(want)
            if same(found, due, exercise.rtol, exercise.atol):
                continue
            why = ""
        except Exception as error:
            why = f" ({type(error).__name__}: {error})"
        return Outcome("wrong", f"{needed}, and yours is {kind(got)}{why}.")
    return None


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
def _more_cases(exercise: Exercise) -> list[Case]:
    return list(exercise.more(np.random.default_rng(0)))


@functools.cache
def _more_outputs(exercise: Exercise) -> list:
    more = _more_cases(exercise)
    return [_output(exercise, exercise.reference, case) for case in more]


@functools.cache
def _wrong_outputs(exercise: Exercise, number: int) -> list:
    return outputs_of(exercise, exercise.wrong[number].answer)


def _output(exercise: Exercise, answer: Callable, case: Case) -> Any:
    args, run = copy.deepcopy(case.args), case.run or exercise.run
    try:
        # A learner's 0 / 0 is judged by its result, not by NumPy's warning.
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if case.megabytes is None:
                output = run(answer, *args)
            else:
                output = _measured(run, answer, args, case.megabytes)
    except (Exception, SystemExit) as error:
        return Raised(error)
    if inspect.iscoroutine(output):
        output.close()  # or Python warns that nobody waited for it
        return Complaint("A coroutine is returned: leave `async` out")
    if not same(args, case.args, rtol=0.0):
        return IN_PLACE
    return output


def _measured(run: Callable, answer: Callable, args: tuple, megabytes: float) -> Any:
    with limits.peak_memory() as peak:
        output = run(answer, *args)
    if peak.bytes > megabytes * limits.MEGABYTE:
        return Complaint(
            f"The result may be right, but it takes {peak.bytes / 1e6:.0f} MB on the "
            f"way, and the limit here is {megabytes:g} MB, some times what it needs: "
            "make no array of all pairs, and no larger copies"
        )
    return output


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
        with limits.time_limit(exercise.seconds), limits.output_limit(0):
            return exercise.diagnose(answer)
    except Exception:  # an answer nobody foresaw may break a diagnosis as well
        return None
    return None


def _describe(exercise: Exercise, case: Case | None, got: Any, want: Any) -> Outcome:
    """Return the outcome of an answer about which only the difference is known."""
    place = f', on the case "{case.name}"' if case else ""
    if isinstance(got, Raised):
        return Outcome("raised", f"{describe_error(got.error)}{place}.")
    if isinstance(got, Complaint):
        return Outcome("wrong", f"{got.message}{place}.")
    tolerances = exercise.rtol, exercise.atol
    difference = describe_difference(got, want, exercise.parts, *tolerances)
    message = f"{difference[0].upper()}{difference[1:]}{place}."
    return Outcome("wrong", f"{message} {exercise.otherwise}".strip())
