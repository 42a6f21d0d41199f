"""Every stored notebook keeps the rules, shows packaged code, has solutions."""

import re
import tomllib

import pytest

from course_utils.app.authoring import hygiene, notebooks, solutions, sync
from course_utils.app.authoring.verify import set_seed
from course_utils.paths import ROOT

LEARNER = notebooks.learner_notebooks()
SOLUTIONS = notebooks.SOLUTIONS
SOLVED = sorted(SOLUTIONS.glob("*.ipynb"))
LEDGER = tomllib.loads(
    (ROOT / "course_utils" / "ledger.toml").read_text(encoding="utf-8")
)
CLAIM_ROW = re.compile(r'row="(\w+)"')


def name_of(path):
    return str(path.relative_to(notebooks.NOTEBOOKS))


@pytest.mark.parametrize("path", LEARNER + SOLVED, ids=name_of)
def test_hygiene(path):
    solved = path in SOLVED
    assert hygiene.problems(notebooks.read(path), solved=solved) == []


@pytest.mark.parametrize("path", LEARNER, ids=name_of)
def test_taught_cells_equal_the_package(path):
    stale = sync.out_of_sync(notebooks.read(path))
    assert [cell.id for cell in stale] == [], "run `course author execute`"


@pytest.mark.parametrize("path", LEARNER, ids=name_of)
def test_a_solved_notebook_equals_the_learners_but_for_the_exercises(path):
    """So it need not be run: what a cell prints does not hang on who solved it."""
    learner, solved = notebooks.read(path), notebooks.read(SOLUTIONS / path.name)
    pairs = zip(learner.cells[1:], solved.cells[1:], strict=True)
    for mine, theirs in pairs:
        if not notebooks.exercise_id(mine):
            assert mine == theirs, f"{mine.id}: run `course author solutions`"
    assert solved == solutions.solve(learner), "run `course author solutions`"


def test_every_notebook_has_a_solved_one_and_no_other_is_there():
    assert [path.name for path in SOLVED] == [path.name for path in LEARNER]


@pytest.mark.parametrize("path", SOLVED, ids=name_of)
def test_every_check_of_a_solution_says_right(path):
    cells = notebooks.code_cells(notebooks.read(path))
    texts = {
        notebooks.exercise_id(cell): "".join(o.get("text", "") for o in cell.outputs)
        for cell in cells
        if notebooks.exercise_id(cell)
    }
    assert texts
    for exercise_id, text in texts.items():
        assert f"[ok] exercise {exercise_id}: right." in text


@pytest.mark.parametrize("path", LEARNER, ids=name_of)
def test_every_exercise_is_a_stub_in_the_learners_notebook(path):
    for cell in notebooks.code_cells(notebooks.read(path)):
        if exercise_id := notebooks.exercise_id(cell):
            assert f"[--] exercise {exercise_id}: not attempted" in cell.outputs[0].text


@pytest.mark.parametrize("path", LEARNER, ids=name_of)
def test_a_notebook_states_which_seed_it_uses(path):
    notebook = notebooks.read(path)
    set_seed(notebook, 17)
    assert any(c.source == "seed = 17" for c in notebooks.code_cells(notebook))


def test_figures_of_the_readme_are_those_of_the_notebooks():
    stored = {p.stem: p.read_bytes() for p in notebooks.FIGURES.glob("*.png")}
    tagged = {}
    for path in LEARNER:
        tagged |= notebooks.tagged_figures(notebooks.read(path))
    assert stored == tagged
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[(.+?)\]\(notebooks/figures/(\w+)\.png\)", readme)
    assert {name for _, name in pictures} == set(stored)
    assert all(len(alt) >= 20 for alt, _ in pictures)


def claimed_rows():
    """Return (ledger row, place) for every claim in a learner's notebook."""
    return {
        (row, f"{path.stem}#{cell.id}")
        for path in LEARNER
        for cell in notebooks.code_cells(notebooks.read(path))
        for row in CLAIM_ROW.findall(cell.source)
    }


def test_the_ledger_links_to_every_claim_and_exercise_that_tests_a_row():
    linked = {(row, place) for row, r in LEDGER.items() for place in r["tested_in"]}
    assert claimed_rows() <= linked, "add the cell to tested_in"
    cells = {
        f"{path.stem}#{cell.id}": cell
        for path in LEARNER
        for cell in notebooks.code_cells(notebooks.read(path))
    }
    for row, place in linked - claimed_rows():
        assert place in cells, f"{row} links to {place}, which does not exist"
        assert notebooks.exercise_id(cells[place]), f"{place} tests nothing"
