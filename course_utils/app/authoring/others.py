"""Other right answers, put into a notebook: what a check accepts must serve there.

`tests/exercises/alternatives/aN_K.py` holds right answers in other styles. With any of
them in place of the reference, the rest of the notebook has to run and to print what
is stored.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode

from course_utils.app.authoring import notebooks
from course_utils.exercises import engine
from course_utils.paths import ROOT

FOLDER = ROOT / "tests" / "exercises" / "alternatives"


def answers(exercise_id: str) -> tuple[Callable, ...]:
    """Return the other right answers of an exercise, if it has some."""
    path = _path(exercise_id)
    if not path.exists():
        return ()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ALTERNATIVES


def count(number: str) -> int:
    """Return how many runs it takes to try every answer of a notebook."""
    return max(len(answers(e.id)) for e in engine.exercises(int(number)))


def put_in(notebook: NotebookNode, turn: int) -> None:
    """Let the exercise cells of a notebook define the answers of one turn."""
    for cell in notebooks.code_cells(notebook):
        exercise_id = notebooks.exercise_id(cell)
        if exercise_id and _path(exercise_id).exists():
            name = engine.find(exercise_id).reference.__name__
            module = f"__import__({__name__!r}, fromlist=[''])"
            found = f"{module}.answers({exercise_id!r})"
            cell.source = f"{name} = {found}[{turn} % len({found})]"


def _path(exercise_id: str) -> Path:
    return FOLDER / f"a{exercise_id.replace('.', '_')}.py"
