"""Running a notebook: the right kernel, quiet mode, pages with alt texts."""

import os
import re
import sys
from pathlib import Path

import jax
import nbformat
import numpy as np
import optax
import pytest
from flax import nnx
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from course_utils import training
from course_utils.app import cli, execution, testing
from course_utils.app.authoring import margins, mutants, notebooks, verify
from course_utils.app.environment import cache_folder
from course_utils.app.execution import execute, run_and_export, to_html


def run(folder, *sources, **options):
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    execute(notebook, folder, **options)
    return [verify.printed(cell).strip() for cell in notebook.cells]


def test_the_kernel_is_this_interpreter_in_the_given_folder_and_quiet(tmp_path):
    source = "import sys, os; print(sys.prefix, os.getcwd(), os.environ['COURSE_LIVE'])"
    expected = f"{sys.prefix} {os.path.realpath(tmp_path)} 0"
    assert run(tmp_path, source) == [expected]


def test_environment_variables_reach_the_kernel(tmp_path):
    source = "import os; print(os.environ['COURSE_EXAMPLE'])"
    assert run(tmp_path, source, env={"COURSE_EXAMPLE": "1"}) == ["1"]


def test_a_failing_cell_raises_and_keeps_what_ran(tmp_path):
    cells = [new_code_cell("print('ran')"), new_code_cell("1 / 0")]
    notebook = new_notebook(cells=cells)
    with pytest.raises(CellExecutionError):
        execute(notebook, tmp_path)
    assert notebook.cells[0].outputs[0].text == "ran\n"


@pytest.mark.slow
def test_course_run_leaves_a_page_and_does_not_touch_the_notebook(tmp_path, capsys):
    source = tmp_path / "00_tiny.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("print(6 * 7)")]), source)
    before = source.read_bytes()
    assert run_and_export(source, tmp_path / "page.html") == 0
    assert source.read_bytes() == before
    assert "42" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "cell 1 of 1" in capsys.readouterr().out


@pytest.mark.slow
def test_course_run_reports_a_failure_and_leaves_the_page(tmp_path, capsys):
    source = tmp_path / "00_tiny.ipynb"
    cells = [new_code_cell("print(6 * 7)"), new_code_cell("1 / 0")]
    nbformat.write(new_notebook(cells=cells), source)
    assert run_and_export(source, tmp_path / "page.html") == 1
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert "42" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_course_run_explains_a_dead_kernel(tmp_path, capsys):
    source = tmp_path / "00_tiny.ipynb"
    cells = [new_code_cell("print(6 * 7)"), new_code_cell("import os; os._exit(1)")]
    nbformat.write(new_notebook(cells=cells), source)
    assert run_and_export(source, tmp_path / "page.html") == 1
    assert "Kernel died" in capsys.readouterr().out
    assert "42" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_is_explained(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(execution, "execute", lambda *_, **__: 0.0)
    assert cli.main(["run", "00", "--output", str(tmp_path / "no" / "page.html")]) == 2
    assert "course run: " in capsys.readouterr().out


def test_every_figure_of_the_page_has_its_own_alt_text():
    notebook = notebooks.read(notebooks.find_notebook("00"))
    page = to_html(notebook, "00")
    alts = [
        output.metadata["image/png"]["alt"]
        for cell in notebooks.code_cells(notebook)
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert len(alts) >= 4
    assert "No description has been provided" not in page
    positions = [page.find(f'alt="{alt}"') for alt in alts]
    assert -1 not in positions and positions == sorted(positions)


@pytest.mark.parametrize("path", notebooks.learner_notebooks(), ids=lambda p: p.stem)
def test_a_page_shows_formulas_and_asks_no_network(path):
    page = to_html(notebooks.read(path), path.stem)
    text = re.sub(r"<(style|script|pre|code|math)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert page.count("<math") > 10
    assert "$" not in text
    assert not re.findall(r'(?:src|href)="https?://[^"]*\.(?:js|css)"', page)


def stored(folder, name, *sources):
    """Return the path of an executed notebook with the line `seed = 0` in front."""
    cells = [
        new_code_cell("seed = 0", metadata={"tags": ["parameters"]}),
        new_code_cell("import jax", metadata={"tags": ["imports"]}),
        *map(new_code_cell, sources),
    ]
    notebook = new_notebook(cells=cells)
    execute(notebook, folder)
    nbformat.write(notebook, folder / name)
    return folder / name


@pytest.mark.slow
def test_a_run_with_another_seed_shows_what_differs(tmp_path):
    path = stored(tmp_path, "00_tiny.ipynb", "print(seed)", "print(seed < 9)")
    assert verify.perform(path, verify.Run("seed 0")) == ([], "")
    _, differs = verify.perform(path, verify.Run("seed 1", 1))
    assert "seed 1: 1 cells differ" in differs
    assert "code cell 3, stored:\n0\n\n--- now:\n1" in differs


@pytest.mark.slow
def test_verify_keeps_runs_counts_faults_and_writes_the_table(
    tmp_path, monkeypatch, capsys
):
    claimed = "from course_utils.claims import claim\nclaim('small', seed, below=9)"
    path = stored(tmp_path, "00_tiny.ipynb", claimed)
    monkeypatch.setattr(notebooks, "find_notebook", lambda n: path)
    monkeypatch.setattr(verify, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(margins, "table_path", lambda n: tmp_path / "table.md")
    mutant = {"claims": ["small"], "what": "a large seed", "run": "seed = 10"}
    monkeypatch.setattr(mutants, "read", lambda n: [mutant])
    few = [verify.Run(f"seed {i}", i) for i in range(4)]
    monkeypatch.setattr(verify, "planned", lambda *args: few)
    assert verify.verify("00", [1, 2], []) == 0
    few.append(verify.Run("AVX2"))  # five runs are not five seeds
    assert verify.verify("00", [1, 2], []) == 0
    assert not (tmp_path / "table.md").exists()
    few.pop()
    few.append(verify.Run("seed 4", 4))
    assert verify.verify("00", [1, 2, 3, 4, 5], []) == 0
    row = "| small | below 9 | 2 | 1.58 | 4.43 | a large seed |"
    assert row in (tmp_path / "table.md").read_text()
    monkeypatch.setattr(verify, "perform", None)  # nothing is run again
    assert verify.verify("00", [1, 2, 3, 4, 5], []) == 0
    monkeypatch.undo()


def test_the_planned_runs_name_seeds_machines_and_interpreters():
    names = [run.name for run in verify.planned("00", [3, 1], [sys.executable])]
    other = f"jax {jax.__version__}"
    assert names == [
        "seed 0", "seed 1", "seed 3", other, "seed 0 perturbed", "other answers 0",
        "other answers 1", "AVX2", "SSE4.2", "one thread", f"{other}, AVX2",
        f"{other}, SSE4.2",
    ]  # fmt: skip


TINY_IMPORTS = """
import jax
import optax
from flax import nnx
from course_utils.training import init_state"""
TINY_START = """
state = init_state(nnx.Linear(50, 60, rngs=nnx.Rngs(0)), optax.sgd(0.1))
print(round(float(state.model.kernel[...].sum()), 2))"""


@pytest.mark.slow
def test_a_perturbed_run_disturbs_the_parameters(tmp_path, monkeypatch):
    path = stored(tmp_path, "00_tiny.ipynb", TINY_IMPORTS + TINY_START)
    notebook = notebooks.read(path)
    notebook.cells[1].source = TINY_IMPORTS
    notebook.cells[2].source = TINY_START
    nbformat.write(notebook, path)
    start_with = verify.start_with

    def a_tenth(notebook, module, call):  # seen in two decimals
        start_with(notebook, module, call.replace("start()", "start(0.1)"))

    monkeypatch.setattr(verify, "start_with", a_tenth)
    assert verify.perform(path, verify.Run("plain"))[1] == ""
    assert "1 cells differ" in verify.perform(path, verify.Run("p", perturbed=True))[1]


def test_a_perturbation_changes_every_parameter_by_a_millionth(monkeypatch):
    """Each by its own noise, always the same."""
    plain = np.asarray(nnx.Linear(200, 300, rngs=nnx.Rngs(0)).kernel[...], float)

    def change(scale):
        model = nnx.Linear(200, 300, rngs=nnx.Rngs(0))
        verify.perturb(model, scale)
        return np.asarray(model.kernel[...], float) / plain - 1

    noise = change(1e-3)
    assert abs(noise.std() - 1e-3) < 1e-5 and abs(noise.mean()) < 2e-5
    np.testing.assert_array_equal(noise, change(1e-3))
    assert 0.9e-6 < change(1e-6).std() < 1.1e-6
    monkeypatch.setattr(training, "init_state", training.init_state)
    verify.perturb_every_start(1e-3)
    model = nnx.Linear(200, 300, rngs=nnx.Rngs(0))
    state = training.init_state(model, optax.sgd(0.1))
    changed = np.asarray(state.model.kernel[...], float) / plain - 1
    np.testing.assert_array_equal(changed, noise)


def test_lessons_and_the_quick_test_keep_what_they_compile(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    seen = {}
    monkeypatch.setattr(
        execution, "run_and_export", lambda *_, env: seen.update(env) or 0
    )
    assert cli.main(["run", "00"]) == 0
    assert Path(seen["JAX_COMPILATION_CACHE_DIR"]).parent == cache_folder()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    assert cli.main(["run", "00"]) == 0
    assert seen["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path)
    assert "JAX_COMPILATION_CACHE_DIR" not in testing._environment("unit")
    assert "JAX_COMPILATION_CACHE_DIR" in testing._environment("quick")
    assert cli.main(["author", "verify", "77"]) == 2
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ


@pytest.mark.slow
def test_a_run_says_that_a_cell_fails(tmp_path):
    path = stored(tmp_path, "00_tiny.ipynb", "assert seed < 1")
    records, differs = verify.perform(path, verify.Run("seed 1", 1))
    assert records == [] and "seed 1: a cell fails" in differs


def test_set_seed_needs_a_parameters_cell():
    with pytest.raises(ValueError, match="seed"):
        verify.set_seed(new_notebook(cells=[new_code_cell("seed = 0")]), 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "77"], "there is no notebook 77"),
        (["test", "nothing"], "no such step"),
        (["author", "verify", "77"], "there is no notebook 77"),
    ],
)
def test_a_mistyped_command_is_explained(arguments, words, capsys):
    assert cli.main(arguments) == 2
    assert words in capsys.readouterr().out


def test_unknown_options_are_refused_except_for_jupyterlab(capsys):
    with pytest.raises(SystemExit):
        cli.main(["doctor", "--colour"])
    assert "unknown arguments: --colour" in capsys.readouterr().err
