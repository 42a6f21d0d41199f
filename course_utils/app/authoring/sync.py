"""Keep taught cells equal to the package: `course author sync`.

A cell that teaches a packaged definition starts with the import it stands for,
commented out: `# from course_utils.losses import gaussian_kl`. The rest of the cell is
the packaged text, letter by letter; this module writes it there.
"""

import importlib
import inspect
import re

from nbformat import NotebookNode

from course_utils.app.authoring import notebooks

_MARK = re.compile(r"# from (course_utils[\w.]*) import (\w+(?:, \w+)*)")


def taught_import(source: str) -> str | None:
    """Return the import that a taught cell stands for, or None for any other cell."""
    match = _MARK.fullmatch(source.split("\n", 1)[0])
    return match[0].removeprefix("# ") if match else None


def taught_source(source: str) -> str:
    """Return what a taught cell must hold: its first line, then the packaged text.

    Raises:
        ImportError, AttributeError: if the package has no such definition.
    """
    first_line = source.split("\n", 1)[0]
    match = _MARK.fullmatch(first_line)
    module = importlib.import_module(match[1])
    definitions = [getattr(module, name) for name in match[2].split(", ")]
    texts = [inspect.getsource(definition).rstrip() for definition in definitions]
    return "\n".join([first_line, "\n\n\n".join(texts)])


def out_of_sync(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the taught cells whose text differs from the package's."""
    taught = (
        cell for cell in notebooks.code_cells(notebook) if taught_import(cell.source)
    )
    return [cell for cell in taught if cell.source != taught_source(cell.source)]


def sync(notebook: NotebookNode) -> int:
    """Rewrite the taught cells of a notebook; return how many changed."""
    stale = out_of_sync(notebook)
    for cell in stale:
        cell.source = taught_source(cell.source)
    return len(stale)


def sync_files(numbers: list[str]) -> None:
    """Rewrite the taught cells of the named notebooks, or of all; then execute them."""
    paths = [notebooks.find_notebook(number) for number in numbers]
    for path in paths or notebooks.learner_notebooks():
        notebook = notebooks.read(path)
        changed = sync(notebook)
        if changed:
            notebooks.write(path, notebook)
        print(f"{path.name}: {changed} cells rewritten")
