"""The one writer of stored outputs: `course author execute`.

It brings the taught cells up to date, runs the notebook top to bottom, removes what
differs from machine to machine, puts the measured minutes into the header, and writes
the file with its digest, but only if the hygiene rules hold. The solved notebook is
made from it without another run.
"""

import math
import re
from pathlib import Path

from nbformat import NotebookNode

from course_utils.app.authoring import hygiene, notebooks, solutions, sync
from course_utils.app.execution import execute

_MINUTES = re.compile(r"\*\*Run\*\* [^·\n]*")


def execute_notebooks(numbers: list[str]) -> None:
    """Execute the named notebooks (all if none is named) and write their solutions."""
    for path in _paths(numbers):
        notebook = notebooks.read(path)
        sync.sync(notebook)
        seconds = execute(notebook, notebooks.NOTEBOOKS)
        print(f"{path.name}: {seconds:.0f} s", flush=True)
        normalise(notebook)
        set_minutes(notebook, seconds)
        _write(path, notebook)
        save_figures(notebook)
    write_solutions(numbers)


def write_solutions(numbers: list[str]) -> None:
    """Write kill tables and solved notebooks of the named notebooks, or of all."""
    for path in _paths(numbers):
        table = solutions.kill_table_path(int(path.name[:2]))
        table.parent.mkdir(exist_ok=True)
        text = solutions.kill_table(int(path.name[:2]))
        table.write_text(text, encoding="utf-8", newline="\n")
        solved = solutions.solve(notebooks.read(path))
        _write(notebooks.SOLUTIONS / path.name, solved)


def set_minutes(notebook: NotebookNode, seconds: float) -> None:
    """Write the measured running time into the header: half minutes, rounded up."""
    halves = math.ceil(seconds / 30)
    text = f"**Run** {halves / 2:g} min " if halves > 1 else "**Run** under 1 min "
    header = notebook.cells[0]
    if not _MINUTES.search(header.source):
        raise ValueError(
            "the first cell needs a line with **Read**, **Run**, **Exercises**"
        )
    header.source = _MINUTES.sub(text, header.source, count=1)


def _paths(numbers: list[str]) -> list[Path]:
    found = [notebooks.find_notebook(number) for number in numbers]
    return found or notebooks.learner_notebooks()


def _write(path: Path, notebook: NotebookNode) -> None:
    """Write a notebook that keeps the rules; refuse any other."""
    solved = path.parent == notebooks.SOLUTIONS
    problems = hygiene.problems(notebook, digest=False, solved=solved)
    if problems:
        raise ValueError(f"{path.name} is not written:\n- " + "\n- ".join(problems))
    notebook.metadata["course"] = {"digest": notebooks.digest(notebook)}
    notebooks.write(path, notebook)


def save_figures(notebook: NotebookNode) -> None:
    """Write the pictures that the README shows: of cells tagged `figure:NAME`."""
    for name, png in notebooks.tagged_figures(notebook).items():
        notebooks.FIGURES.mkdir(exist_ok=True)
        (notebooks.FIGURES / f"{name}.png").write_bytes(png)


def normalise(notebook: NotebookNode) -> None:
    """Remove what depends on machine or moment: versions, timings, chunks of output."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    notebook.metadata["language_info"] = {"name": "python", "file_extension": ".py"}
    for cell in notebooks.code_cells(notebook):
        cell.metadata.pop("execution", None)
        cell.outputs = _merge_streams(cell.outputs)


def _merge_streams(outputs: list) -> list:
    """Join neighbouring pieces of one stream: how they are cut is an accident."""
    merged = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == "stream" and last.get("name") == output.name:
            last["text"] += output.text
        else:
            merged.append(output)
    return merged
