"""What a learner calls in an exercise cell: check, hint, solution.

`check` never stops a notebook: when an answer is missing or wrong it says so and hands
back the reference, so that *Run All* goes on.
"""

import copy
import importlib
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import course_utils.exercises as exercises_package
from course_utils.exercises.clinic import Clinic
from course_utils.exercises.exercise import Exercise
from course_utils.exercises.judge import Outcome, judge

_hints_given = Counter()
_handed_back = {}  # exercise id -> the reference that a failed check returned


def notebooks() -> list[int]:
    """Return the numbers of the notebooks that have exercises, in order."""
    modules = pkgutil.iter_modules(exercises_package.__path__)
    names = sorted(m.name for m in modules if m.name.startswith("notebook_"))
    return [int(name.removeprefix("notebook_")) for name in names]


def exercises(notebook: int) -> tuple[Exercise, ...]:
    """Return the exercises of a notebook, in order: one file each, found by name."""
    modules = map(importlib.import_module, _files(notebook).values())
    return tuple(module.EXERCISE for module in modules)


def find(exercise_id: str) -> Exercise:
    """Return the exercise with this id.

    Raises:
        KeyError: if there is none; the message lists the ids of that notebook.
    """
    return _find_module(exercise_id).EXERCISE


def siblings(exercise_id: str) -> list[Exercise]:
    """Return the other exercises of the same notebook."""
    number = int(find(exercise_id).id.split(".")[0])
    return [e for e in exercises(number) if e.id != exercise_id]


def _files(notebook: int) -> dict[str, str]:
    """Return the modules of a notebook's exercises by exercise id, in order."""
    package = f"{exercises_package.__name__}.notebook_{notebook:02d}"
    folder = Path(exercises_package.__file__).with_name(f"notebook_{notebook:02d}")
    found = {}
    for info in pkgutil.iter_modules([str(folder)]):
        match = re.fullmatch(r"e(\d+)_(\d+)_\w+", info.name)
        if match:
            found[int(match[1]), int(match[2])] = f"{package}.{info.name}"
    return {f"{a}.{b}": found[a, b] for a, b in sorted(found)}


def _find_module(exercise_id: str) -> ModuleType:
    match = re.fullmatch(r"(\d)\.(\d+)", str(exercise_id))
    if not match or not isinstance(exercise_id, str):
        raise KeyError(f'an exercise id looks like "1.3", not {exercise_id!r}')
    files = _files(int(match[1]))
    if exercise_id not in files:
        known = ", ".join(files) or "none"
        number = int(match[1])
        raise KeyError(f"no exercise {exercise_id}; notebook {number:02d} has: {known}")
    return importlib.import_module(files[exercise_id])


def check(exercise_id: str, answer: Any) -> Any:
    """Judge an answer, say what is right or wrong, and return what to go on with.

    Args:
        exercise_id: such as "1.3".
        answer: the function, class or value that the exercise asks for.

    Returns:
        The answer itself if it is right, otherwise the reference.
    """
    exercise = find(exercise_id)
    outcome = judge_answer(exercise, answer)
    report = describe(exercise, outcome)
    if outcome.status == "right":
        print(report)
        return answer
    print(f"{report}\n     Going on with the reference.", end=" ")
    print(f'hint("{exercise_id}") helps, solution("{exercise_id}") shows it.')
    _handed_back[exercise_id] = copy.deepcopy(exercise.reference)
    return _handed_back[exercise_id]


def judge_answer(exercise: Exercise, answer: Any) -> Outcome:
    """Judge an answer, unless it is the reference that a failed check handed back."""
    if _is_handed_back(exercise, answer):
        return Outcome("not attempted", "This is the reference: run your own cell.")
    return judge(exercise, answer)


def _is_handed_back(exercise: Exercise, answer: Any) -> bool:
    """Return whether an answer is, as an object, what a failed check returned."""
    if callable(answer):
        return answer is exercise.reference
    # Python keeps one object for small numbers and short texts: theirs says nothing.
    small = isinstance(answer, int) and -5 <= answer <= 256
    if answer is ... or answer is None or isinstance(answer, str) or small:
        return False
    return answer is _handed_back.get(exercise.id)


def describe(exercise: Exercise, outcome: Outcome) -> str:
    """Return the line that `check` prints for an outcome."""
    sign = {"right": "ok", "wrong": "no", "raised": "!!", "not attempted": "--"}
    verdict = {"right": "right", "wrong": "not yet", "raised": "an error"}
    line = f"[{sign[outcome.status]}] exercise {exercise.id}"
    line = f"{line}: {verdict.get(outcome.status, outcome.status)}."
    return f"{line} {outcome.message}".rstrip()


def hint(exercise_id: str) -> None:
    """Print the next hint of an exercise; each call goes one step further."""
    hints = find(exercise_id).hints
    given = _hints_given[exercise_id]
    if given >= len(hints):
        print(f'That was the last hint. solution("{exercise_id}") shows the answer.')
        _hints_given[exercise_id] = 0
        return
    _hints_given[exercise_id] += 1
    print(f"Hint {given + 1} of {len(hints)}: {hints[given]}")


def solution(exercise_id: str) -> None:
    """Print the reference answer of an exercise."""
    print(reference_source(find(exercise_id)))


def clinic(exercise_id: str) -> Clinic:
    """Return the clinic whose verdict this exercise is.

    Raises:
        KeyError: the exercise is not the verdict of a clinic.
    """
    found = getattr(_find_module(exercise_id), "CLINIC", None)
    if found is None:
        raise KeyError(f"exercise {exercise_id} is not the verdict of a clinic")
    return found


def suspects(exercise_id: str) -> dict[str, Callable]:
    """Return the suspects of the clinic with this verdict exercise: name -> part.

    They wear masks: a function's own name may say what is wrong with it.
    """
    parts = clinic(exercise_id).suspects
    return {name: _masked(part) for name, part in parts.items()}


def instruments(exercise_id: str) -> dict[str, Callable[[Callable], bool]]:
    """Return the clinic's instruments by name: True if one finds nothing wrong."""
    tools = clinic(exercise_id).instruments
    return {name: _masked(tool) for name, tool in tools.items()}


def _masked(part: Callable) -> Callable:
    return (lambda *args, **kw: part(*args, **kw)) if inspect.isfunction(part) else part


def reference_source(exercise: Exercise) -> str:
    """Return the reference as source text: a definition, or a literal value."""
    if callable(exercise.reference):
        return inspect.getsource(exercise.reference).rstrip()
    return _literal(exercise.reference)


def _literal(value: object) -> str:
    """Return a value as ruff formats it: a long dict with one entry per line."""
    text = repr(value)
    text = text if '"' in text else text.replace("'", '"')
    if not isinstance(value, dict) or len(text) <= 66:
        return text
    rows = [f"    {_literal(k)}: {_literal(v)}," for k, v in value.items()]
    return "\n".join(["{", *rows, "}"])
