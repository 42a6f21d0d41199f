"""Solution notebooks and the kill table, made from the exercises' one source."""

import ast
import copy
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_output

from course_utils.app.authoring import notebooks
from course_utils.exercises import engine
from course_utils.exercises.exercise import Exercise
from course_utils.exercises.judge import judge

_ABOUT = (
    "Written by `course author solutions` and remade by the tests: each named wrong",
    "answer was given to its check and got the message beside it.",
)
_BANNER = """\
> **Solutions.** This notebook is generated from the learner's by putting the reference
> answers in; edit that one and run `course author solutions`."""


def solve(learner: NotebookNode) -> NotebookNode:
    """Return an executed learner's notebook as it is when every answer is right.

    Nothing is run: a check hands back the reference when an answer is missing, so the
    cells after it print the same in both. Only the exercise cells differ, and the
    header, which says what this notebook is.
    """
    solved = copy.deepcopy(learner)
    for cell in notebooks.code_cells(solved):
        exercise_id = notebooks.exercise_id(cell)
        if exercise_id:
            exercise = engine.find(exercise_id)
            cell.source = fill(cell.source, exercise)
            cell.outputs = [new_output("stream", name="stdout", text=said(exercise))]
    header = solved.cells[0]
    title, rest = header.source.split("\n", 1)
    header.source = f"{title}\n\n{_BANNER}\n{rest}"
    solved.metadata["course"] = {"digest": notebooks.digest(solved)}
    return solved


def said(exercise: Exercise) -> str:
    """Return what `check` prints when it is given the reference."""
    return engine.describe(exercise, judge(exercise, exercise.reference)) + "\n"


def fill(source: str, exercise: Exercise) -> str:
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


def find_stub(source: str, exercise: Exercise) -> ast.stmt:
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
