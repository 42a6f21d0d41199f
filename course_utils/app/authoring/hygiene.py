"""The rules that every stored notebook keeps, as a list of what is broken.

Strict nbval compares nothing where outputs or counts are missing, and never looks at
pictures, prose or size: these rules see what it cannot.
"""

import ast
import json
import re

from nbformat import NotebookNode

from course_utils.app.authoring import notebooks, sync

MAX_BYTES = 2 * 1024 * 1024
MAX_CELL_LINES, MAX_FUNCTION_LINES, MAX_COLUMNS = 40, 30, 80
MAX_OUTPUT_LINES = 60
_PATH = re.compile(r"/(?:home|Users|root|tmp)/|[A-Z]:\\|site-packages")
_ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")
_NUMBERED_KEY = re.compile(r"\bkeys\[\d+\]")
_SPEAKS = re.compile(
    r"^\s*(?:\w+ = )?(?:claim|check|show|explore|filmstrip|print)\(", re.MULTILINE
)
_TAUGHT = re.compile(r"#\s*(from|import)\s+course_utils")
_HEADER = re.compile(r"\*\*Read\*\* .+ · \*\*Run\*\* .+ · \*\*Exercises\*\* ")
_CHANGED = """\
the file was changed after it was executed (your own work? Keep a copy under another
name and `git restore` this one. An author runs `course author execute`.)"""


def problems(
    notebook: NotebookNode, digest: bool = True, solved: bool = False
) -> list[str]:
    """Return the broken rules of an executed notebook, in words; empty if none is.

    Args:
        notebook: a learner's one, or a solved one.
        digest: whether it must be as the one writer left it.
        solved: whether it is a solved one, whose answers come from the package.
    """
    found = [*_structure(notebook), *_headings(notebook), *_size(notebook)]
    for cell in notebooks.code_cells(notebook):
        broken = [*_code_cell(cell), *([] if solved else _reading(cell))]
        found += [f"cell {cell.id!r}: {problem}" for problem in broken]
    if digest and not notebooks.is_unchanged(notebook):
        found.append(_CHANGED)
    return found


def _structure(notebook):
    """Yield what is wrong with the notebook as a whole."""
    cells = notebooks.code_cells(notebook)
    counts = [cell.execution_count for cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        yield f"execution counts are {counts}, not 1 to {len(cells)}"
    ids = [cell.id for cell in notebook.cells]
    if len(set(ids)) != len(ids):
        yield "two cells have the same id"
    tags = [tag for cell in notebook.cells for tag in notebooks.tags(cell)]
    for tag in ("imports", "parameters"):
        if tags.count(tag) != 1:
            yield f"{tags.count(tag)} cells are tagged {tag!r}, not one"
    imported = "".join(c.source for c in cells if "imports" in notebooks.tags(c))
    names = {alias.name for alias in _imported_names(imported)}
    if not {"check", "hint", "solution"} <= names:
        yield "check, hint and solution are not imported, but check speaks of them"
    exercises = [tag for tag in tags if tag.startswith("exercise:")]
    if len(set(exercises)) != len(exercises):
        yield "two cells are tagged with the same exercise"
    if "widgets" in notebook.metadata:
        yield "widget state is stored"
    if not _HEADER.search(notebook.cells[0].source):
        yield "the first cell lacks **Read** ... · **Run** ... · **Exercises** ..."
    folded = sum(cell.source.count("<details>") for cell in notebook.cells)
    if folded < 5:
        yield f"{folded} folded answers; the quiz has five questions"


def _imported_names(source: str) -> list[ast.alias]:
    try:
        nodes = ast.walk(ast.parse(source))
    except SyntaxError:  # which the cell's own rule names
        return []
    return [a for node in nodes if isinstance(node, ast.ImportFrom) for a in node.names]


def _headings(notebook):
    """Yield what is wrong with the headings: one H1, no level skipped."""
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    text = re.sub(r"```.*?```", "", "\n".join(prose), flags=re.DOTALL)
    levels = [len(match) for match in re.findall(r"^(#+) ", text, re.MULTILINE)]
    if levels[:1] != [1] or levels.count(1) != 1:
        yield f"there are {levels.count(1)} titles (#), not one at the top"
    for above, below in zip(levels, levels[1:], strict=False):
        if below > above + 1:
            yield f"a heading of level {below} follows one of level {above}"
    for alt in re.findall(r"!\[(.*?)\]\(", text):
        if len(alt) < 20:
            yield f"the alt text {alt!r} of a picture does not describe it"


def _size(notebook):
    """Yield the budgets that are exceeded."""
    size = len(json.dumps(notebook, ensure_ascii=False).encode("utf-8"))
    if size > MAX_BYTES:
        yield f"{size / 2**20:.1f} MiB, over {MAX_BYTES // 2**20} MiB"


def _reading(cell):
    """Yield what makes a cell hard to read."""
    for line in cell.source.split("\n"):
        if len(line) > MAX_COLUMNS:
            yield f"a line of {len(line)} columns, over {MAX_COLUMNS}: {line.strip()!r}"
    if _NUMBERED_KEY.search(cell.source):
        yield "a numbered key: give it a name, or fold_in a number once"


def _code_cell(cell):
    """Yield what is wrong with a code cell and what it printed."""
    if cell.source.count("\n") >= MAX_CELL_LINES:
        yield f"{cell.source.count(chr(10)) + 1} lines, over {MAX_CELL_LINES}"
    if _TAUGHT.match(cell.source) and not sync.taught_import(cell.source):
        yield "its first line looks like a taught cell's mark, but is none"
    try:
        tree = ast.parse(cell.source)
    except SyntaxError:
        yield "it is not plain Python: a shell command or magic?"
        tree = ast.Module([], [])
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                yield f"{node.name} has {lines} lines, over {MAX_FUNCTION_LINES}"
    if _SPEAKS.search(cell.source) and not cell.outputs:
        yield "its output is missing"
    for output in cell.outputs:
        yield from _output(output)


def _output(output):
    """Yield what is wrong with one stored output."""
    if output.output_type == "error":
        yield f"a stored error: {output.ename}"
        return
    if output.output_type == "stream":
        if output.name != "stdout":
            yield f"something was written to {output.name}: {output.text[:80]!r}"
        texts = [output.text]
    else:
        foreign = set(output.data) - {"text/plain", "image/png"}
        if foreign:
            yield f"output that not every viewer shows, or nbval compares: {foreign}"
        texts = [str(output.data.get("text/plain", ""))]
        if "image/png" in output.data:
            alt = output.metadata.get("image/png", {}).get("alt", "")
            if not alt or texts != [f"Figure: {alt}"]:
                yield "a figure without alt text: use show(fig, alt)"
    for text in texts:
        if text.count("\n") >= MAX_OUTPUT_LINES:
            yield f"{text.count(chr(10)) + 1} lines of output, over {MAX_OUTPUT_LINES}"
        if _PATH.search(text):
            yield f"a path of one machine: {text[:80]!r}"
        if _ADDRESS.search(text):
            yield f"a memory address: {text[:80]!r}"
