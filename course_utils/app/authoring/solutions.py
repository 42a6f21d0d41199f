"""Solution notebooks and the kill table, made from the exercises' one source."""

import ast
import copy
from pathlib import Path

from course_utils.app.authoring import notebooks
from course_utils.exercises import engine
from course_utils.exercises.judge import judge

_ABOUT = (
    "Written by `course author solutions` and remade by the tests: each named wrong",
    "answer was given to its check and got the message beside it.",
)
_BANNER = """\
> **Solutions.** This notebook is generated from the learner's by putting the reference
> answers in; edit that one and run `course author solutions`."""


def solve(learner):
    """Return a copy of a learner's notebook with every stub replaced by its answer."""
    solved = copy.deepcopy(learner)
    for cell in notebooks.code_cells(solved):
        exercise_id = notebooks.exercise_id(cell)
        if exercise_id:
            cell.source = fill(cell.source, engine.find(exercise_id))
    header = solved.cells[0]
    title, rest = header.source.split("\n", 1)
    header.source = f"{title}\n\n{_BANNER}\n{rest}"
    return solved


def fill(source: str, exercise) -> str:
    """Put the reference of an exercise in place of its stub.

    Raises:
        ValueError: if the cell holds no stub for it.
    """
    stub = find_stub(source, exercise)
    lines = source.split("\n")
    answer = engine.reference_source(exercise)
    if isinstance(stub, ast.Assign):
        answer = f"{ast.unparse(stub.targets[0])} = {answer}"
    first = min([stub.lineno, *(d.lineno for d in getattr(stub, "decorator_list", []))])
    return "\n".join([*lines[: first - 1], answer, *lines[stub.end_lineno :]])


def find_stub(source: str, exercise) -> ast.stmt:
    """Return the definition, or the `name = ...`, that is to be filled."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if node.name == getattr(exercise.reference, "__name__", None):
                return node
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            if node.value.value is ... and not callable(exercise.reference):
                return node
    raise ValueError(f"the cell of exercise {exercise.id} holds no stub for it")


def kill_table_path(number: int) -> Path:
    """Return where the kill table of a notebook is kept."""
    return notebooks.NOTEBOOKS / "instructor" / f"{number:02d}_kill_table.md"


def kill_table(number: int) -> str:
    """Return all named wrong answers of a notebook, and what its checks say to them.

    Raises:
        ValueError: if a wrong answer is not caught by its own message.
    """
    rows = [f"# What the checks of notebook {number:02d} catch", "", *_ABOUT]
    for exercise in engine.exercises(number):
        rows += ["", f"## {exercise.id} {exercise.title}", ""]
        rows += ["| wrong answer | what the learner reads |", "|---|---|"]
        for wrong in exercise.wrong:
            outcome = judge(exercise, wrong.answer)
            if outcome.misconception != wrong.name:
                raise ValueError(f"{exercise.id}: {wrong.name!r} gives {outcome}")
            message = wrong.message.replace("|", "\\|")
            rows.append(f"| {wrong.name} | {message} |")
    return "\n".join(rows) + "\n"


def stale() -> list:
    """Return the notebooks whose stored solutions were made from another text."""
    return [path for path in notebooks.learner_notebooks() if _is_stale(path)]


def _is_stale(path) -> bool:
    target = notebooks.SOLUTIONS / path.name
    if not target.exists():
        return True
    wanted = [cell.source for cell in solve(notebooks.read(path)).cells]
    return wanted != [cell.source for cell in notebooks.read(target).cells]
