"""The one writer of stored outputs: `course author execute`.

It brings the taught cells up to date, runs the notebook top to bottom, removes what
differs from machine to machine, puts the measured minutes into the header, and writes
the file with its digest, but only if the hygiene rules hold.
"""

import math
import re

from course_utils.app.authoring import hygiene, notebooks, solutions, sync
from course_utils.app.execution import execute

_MINUTES = re.compile(r"\*\*Run\*\* [^·\n]*")


def execute_notebooks(numbers: list[str]):
    """Execute the named notebooks (all if none is named) and their solutions."""
    for path in _paths(numbers):
        learner = notebooks.read(path)
        sync.sync(learner)
        set_minutes(learner, _run(path, learner, strict="0"))
        _write(path, learner)
        save_figures(learner)
    execute_solutions(numbers)


def execute_solutions(numbers: list[str]):
    """Write the kill tables and the solutions of the named notebooks, executed."""
    for path in _paths(numbers):
        table = solutions.kill_table_path(int(path.name[:2]))
        table.parent.mkdir(exist_ok=True)
        text = solutions.kill_table(int(path.name[:2]))
        table.write_text(text, encoding="utf-8", newline="\n")
        solved = solutions.solve(notebooks.read(path))
        target = notebooks.SOLUTIONS / path.name
        _run(target, solved, strict="1")
        _write(target, solved)


def set_minutes(notebook, seconds: float):
    """Write the measured running time into the header: half minutes, rounded up."""
    halves = math.ceil(seconds / 30)
    text = f"**Run** {halves / 2:g} min " if halves > 1 else "**Run** under 1 min "
    header = notebook.cells[0]
    if not _MINUTES.search(header.source):
        raise ValueError(
            "the first cell needs a line with **Read**, **Run**, **Exercises**"
        )
    header.source = _MINUTES.sub(text, header.source, count=1)


def _paths(numbers):
    found = [notebooks.find_notebook(number) for number in numbers]
    return found or notebooks.learner_notebooks()


def _run(path, notebook, strict: str) -> float:
    seconds = execute(notebook, notebooks.NOTEBOOKS, env={"COURSE_STRICT": strict})
    normalise(notebook)
    print(f"{path.relative_to(notebooks.NOTEBOOKS)}: {seconds:.0f} s", flush=True)
    return seconds


def _write(path, notebook):
    """Write a notebook that keeps the rules; refuse any other."""
    problems = hygiene.problems(notebook, digest=False)
    if problems:
        raise ValueError(f"{path.name} is not written:\n- " + "\n- ".join(problems))
    notebook.metadata["course"] = {"digest": notebooks.digest(notebook)}
    notebooks.write(path, notebook)


def save_figures(notebook):
    """Write the pictures that the README shows: of cells tagged `figure:NAME`."""
    for name, png in notebooks.tagged_figures(notebook).items():
        notebooks.FIGURES.mkdir(exist_ok=True)
        (notebooks.FIGURES / f"{name}.png").write_bytes(png)


def normalise(notebook):
    """Remove what depends on the machine or on chance: versions, timings, chunks."""
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


def _merge_streams(outputs) -> list:
    """Join neighbouring pieces of one stream: how they are cut is chance."""
    merged = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == "stream" and last.get("name") == output.name:
            last["text"] += output.text
        else:
            merged.append(output)
    return merged
