"""Show that every claim can come out false: each has a mutant that refutes it.

`tests/claims/NN.toml` lists the mutants of a notebook:

    [[mutant]]
    claims = ["half of all training pixels are exactly 0"]
    what = "grey levels turned around"
    run = "train = train._replace(images=255 - train.images)"

`run` is executed before the cell that makes the claim, or before the cell named by
`start`; then the cells from there to the claim. Instead of `run`, `old` and `new`
change the text of that first cell. The names are put back afterwards, the objects are
not: a mutant that trains begins where the states are made.
"""

import contextlib
import io
import os
import tomllib
from pathlib import Path

from nbformat import NotebookNode

from course_utils import claims
from course_utils.app.authoring import margins, notebooks
from course_utils.paths import ROOT

FOLDER = ROOT / "tests" / "claims"


def read(number: str) -> list[dict]:
    """Return the mutants of a notebook."""
    path = FOLDER / f"{number:0>2}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", [])


def unrefuted(notebook: NotebookNode, mutants: list[dict]) -> list[str]:
    """Run a notebook in this process with its mutants; return what is wrong with them.

    Problems are a claim that no mutant names, a mutant that names no claim, one that
    leaves a claim true, and one that fails before it gets there.
    """
    cells = notebooks.code_cells(notebook)
    made_in = claims_by_cell(notebook)
    named = {name for mutant in mutants for name in mutant["claims"]}
    problems = [f"no mutant: {name}" for name in made_in if name not in named]
    problems += [f"no such claim: {name}" for name in named if name not in made_in]
    places = {cell.id: i for i, cell in enumerate(cells)}
    starts = {}
    for mutant in mutants:
        where = [made_in[name] for name in mutant["claims"] if name in made_in]
        if where:
            start = places[mutant.get("start", min(where, key=places.get))]
            end = max(places[cell] for cell in where)
            starts.setdefault(start, []).append((mutant, end))
    with _recorded_claims() as entries:
        names = {"__name__": "__main__"}
        for i, cell in enumerate(cells):
            for mutant, end in starts.get(i, []):
                before = dict(names)
                problems += _refute(mutant, cells[i : end + 1], names, entries)
                names.clear()
                names.update(before)
            _run(cell.source, names)
    return problems


def claims_by_cell(notebook: NotebookNode) -> dict[str, str]:
    """Return the id of the cell that prints each claim, by its sentence."""
    found = {}
    for cell in notebooks.code_cells(notebook):
        for output in cell.outputs:
            for line in output.get("text", "").splitlines():
                if line.startswith("[ok] ") and "exercise:" not in str(cell.metadata):
                    found[line.removeprefix("[ok] ")] = cell.id
    return found


def _refute(mutant: dict, cells: list, names: dict, entries: list) -> list[str]:
    """Run a mutant; return its claims that stayed true, or the error it raised."""
    sources = [cell.source for cell in cells]
    if "old" in mutant:
        if mutant["old"] not in sources[0]:
            return [f"{mutant['what']}: {mutant['old']!r} is not in the cell"]
        sources[0] = sources[0].replace(mutant["old"], mutant["new"])
    entries.clear()
    ending = "still true"
    try:
        for source in (mutant.get("run", ""), *sources):
            _run(source, names)
    except Exception as error:  # after its claim a mutant may break in any way
        ending = f"{type(error).__name__}: {error}"
    false = {entry["claim"] for entry in entries if not entry["holds"]}
    return [
        f"{mutant['what']}: {name}: {ending}"
        for name in mutant["claims"]
        if name not in false
    ]


@contextlib.contextmanager
def _recorded_claims():
    """Yield a list to which every claim is added, in the notebooks' folder."""
    entries, original, folder = [], claims.claim, Path.cwd()
    claims.claim = margins.recording(original, entries.append)
    live = os.environ.get("COURSE_LIVE")
    os.environ["COURSE_LIVE"] = "0"
    os.chdir(notebooks.NOTEBOOKS)
    try:
        yield entries
    finally:
        os.chdir(folder)
        claims.claim = original
        os.environ.pop("COURSE_LIVE")
        if live is not None:
            os.environ["COURSE_LIVE"] = live


def _run(source: str, names: dict) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, "<cell>", "exec"), names)
