"""Notebook files: where they are, reading, writing, tags, and the digest."""

import base64
import hashlib
import json
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.paths import ROOT

NOTEBOOKS = ROOT / "notebooks"
SOLUTIONS = NOTEBOOKS / "solutions"
FIGURES = NOTEBOOKS / "figures"


def learner_notebooks() -> list[Path]:
    """Return the learner's notebooks in the order of the course."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def find_notebook(number: str, folder: Path = NOTEBOOKS) -> Path:
    """Return the notebook with a number such as "04" or "4".

    Raises:
        FileNotFoundError: if there is none; the message lists those there are.
    """
    prefix = f"{number:0>2}"
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        if path.name.startswith(f"{prefix}_"):
            return path
    known = ", ".join(path.stem for path in learner_notebooks())
    raise FileNotFoundError(f"there is no notebook {prefix}; there are: {known}")


def read(path: Path) -> NotebookNode:
    """Read a notebook.

    Raises:
        ValueError: if the file is not a notebook; the message says what it is.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        return notebook
    except OSError:
        raise
    except Exception as error:  # there are many ways not to be a notebook
        raise ValueError(
            f"{path.name} cannot be read as a notebook: {error}"
        ) from error


def write(path: Path, notebook: NotebookNode) -> None:
    """Write a notebook as JupyterLab would."""
    path.parent.mkdir(exist_ok=True)
    text = nbformat.writes(notebook, version=4)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def digest(notebook: NotebookNode) -> str:
    """Return a hash of all that a reader sees: sources, tags, counts and outputs.

    A stored notebook whose digest does not match was changed after it was executed.
    """
    seen = [
        (
            cell.cell_type,
            cell.source,
            tags(cell),
            cell.get("execution_count"),
            cell.get("outputs"),
        )
        for cell in notebook.cells
    ]
    text = json.dumps(seen, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def is_unchanged(notebook: NotebookNode) -> bool:
    """Return whether a notebook is as the one writer left it."""
    return stored_digest(notebook) == digest(notebook)


def stored_digest(notebook: NotebookNode) -> str | None:
    """Return the digest that the one writer left, also after later changes."""
    return notebook.metadata.get("course", {}).get("digest")


def tags(cell: NotebookNode) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.metadata.get("tags", []))


def exercise_id(cell: NotebookNode) -> str | None:
    """Return the id of the exercise that a cell is tagged with, if any."""
    for tag in tags(cell):
        if tag.startswith("exercise:"):
            return tag.removeprefix("exercise:")
    return None


def tagged_figures(notebook: NotebookNode) -> dict[str, bytes]:
    """Return the pictures of the cells tagged `figure:NAME`, as PNG bytes by name."""
    return {
        tag.removeprefix("figure:"): base64.b64decode(output.data["image/png"])
        for cell in code_cells(notebook)
        for tag in tags(cell)
        for output in cell.outputs
        if tag.startswith("figure:") and "image/png" in output.get("data", {})
    }


def output_texts(cell: NotebookNode) -> list[str]:
    """Return the text of each output of a cell; of a figure its alt text."""
    return [
        output.text if output.output_type == "stream" else output.data["text/plain"]
        for output in cell.outputs
    ]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]
