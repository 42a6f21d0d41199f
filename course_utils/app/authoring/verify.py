"""Show that no sentence of a notebook hangs on luck: `course author verify`.

What a learner reads must not hang on one lucky seed or one processor. The notebook is
run again with other seeds, with parameters that differ in their last digits, with older
vector instructions, on one thread, with other interpreters (so other versions of JAX),
and with other right answers to its exercises. Every run must print what is stored, and
no claim may lie nearer to its bound than three spreads of what it measures. Runs are
kept: the same command resumes.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import jax
import optax
from flax import nnx
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from course_utils import training
from course_utils.app.authoring import margins, mutants, notebooks, others
from course_utils.app.authoring.execute import normalise
from course_utils.app.environment import cache_folder
from course_utils.app.execution import execute
from course_utils.paths import ROOT

# What stands in for another machine: XLA then takes sums in another order.
MACHINES = {
    "AVX2": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
    "SSE4.2": {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"},
    "one thread": {"NPROC": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
}
ENOUGH_SEEDS = 5  # for a table of margins
_START = "__import__({module!r}, fromlist=['']).{call}"


class Run(NamedTuple):
    """One way of running a notebook."""

    name: str
    seed: int = 0
    env: dict[str, str] = {}
    perturbed: bool = False
    python: str = sys.executable
    turn: int | None = None  # of the other right answers


def verify(number: str, seeds: list[int], pythons: list[str]) -> int:
    """Run a notebook in many ways; print what differs; return the number of faults.

    From the fifth seed on the table of its claims is written after each run.

    Args:
        number: of the notebook, such as "04".
        seeds: of the runs; 0 is always among them.
        pythons: interpreters of further environments with the course's packages.
    """
    path = notebooks.find_notebook(number)
    notebook, listed = notebooks.read(path), mutants.read(number)
    faults = mutants.unrefuted(notebook, listed)
    print(f"{path.stem}: {len(listed)} mutants", *faults, sep="\n- ", flush=True)
    runs = {}
    for run in planned(number, seeds, pythons):
        runs[run.name], differs = _kept(path, run)
        faults += [run.name] if differs else []
        print(differs or f"{path.stem}, {run.name}: as stored", flush=True)
        if sum(map(margins.is_seed, runs)) >= ENOUGH_SEEDS:
            _write_table(number, runs, listed)
    for sentence in margins.too_near(runs):
        print(f"too near: {sentence}", *margins.margins(runs, sentence), sep="\n    ")
        faults.append(sentence)
    return len(faults)


def _write_table(number: str, runs: margins.Runs, listed: list[dict]) -> None:
    why = {name: m["what"] for m in listed for name in m["claims"]}
    text = margins.table(number, runs, why)
    margins.table_path(number).write_text(text, encoding="utf-8", newline="\n")


def planned(number: str, seeds: list[int], pythons: list[str]) -> list[Run]:
    """Return the runs of a notebook, that with seed 0 first."""
    runs = [Run(f"seed {seed}", seed) for seed in sorted({0, *seeds})]
    elsewhere = {_jax_of(python): python for python in pythons}
    runs += [Run(name, python=python) for name, python in elsewhere.items()]
    runs.append(Run("seed 0 perturbed", perturbed=True))
    turns = range(others.count(number))
    runs += [Run(f"other answers {turn}", turn=turn) for turn in turns]
    runs += [Run(name, env=env) for name, env in MACHINES.items()]
    for name, python in elsewhere.items():
        for machine in ("AVX2", "SSE4.2"):
            runs.append(Run(f"{name}, {machine}", 0, MACHINES[machine], python=python))
    return runs


def _jax_of(python: str) -> str:
    """Return the name and the version of an interpreter's JAX."""
    command = [python, "-c", "import jax; print('jax', jax.__version__)"]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    return out.stdout.strip()


def _kept(path: Path, run: Run) -> tuple[list[dict], str]:
    """Return the records of a run and how it differs; from its file if it was done."""
    kept = cache_folder() / "verify" / f"{path.stem}, {run.name}.json"
    mark = fingerprint(path)
    if kept.exists():
        done = json.loads(kept.read_text(encoding="utf-8"))
        if done["fingerprint"] == mark:
            return done["records"], done["differs"]
    records, differs = perform(path, run)
    kept.parent.mkdir(parents=True, exist_ok=True)
    done = {"fingerprint": mark, "records": records, "differs": differs}
    kept.write_text(json.dumps(done), encoding="utf-8")
    return records, differs


def fingerprint(path: Path) -> str:
    """Return a hash of all that a run depends on: the cells and the package's code."""
    cells = notebooks.code_cells(notebooks.read(path))
    parts = [cell.source + printed(cell) for cell in cells]
    for source in sorted((ROOT / "course_utils").rglob("*.py")):
        if "app" not in source.relative_to(ROOT).parts:
            parts.append(source.read_text(encoding="utf-8"))
    parts += [
        p.read_text(encoding="utf-8") for p in sorted(others.FOLDER.glob("a*.py"))
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def perform(path: Path, run: Run) -> tuple[list[dict], str]:
    """Run a notebook; return the records of its claims, and how its outputs differ."""
    notebook = notebooks.read(path)
    compared = notebooks.code_cells(notebook)
    if run.turn is not None:
        compared = [cell for cell in compared if not notebooks.exercise_id(cell)]
        others.put_in(notebook, run.turn)
    stored = [printed(cell) for cell in compared]
    set_seed(notebook, run.seed)
    env = {"PYTHONPATH": str(ROOT), **run.env}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "claims.jsonl"
        start_with(notebook, margins.__name__, f"record_claims({str(file)!r})")
        if run.perturbed:
            start_with(notebook, __name__, "perturb_every_start()")
        try:
            execute(notebook, notebooks.NOTEBOOKS, env=env, python=run.python)
        except CellExecutionError as error:
            return [], f"{path.stem}, {run.name}: a cell fails\n{error}"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    normalise(notebook)
    new = [printed(cell) for cell in compared]
    differs = _differences(f"{path.stem}, {run.name}", stored, new)
    return list(map(json.loads, lines)), differs


def _differences(head: str, stored: list[str], new: list[str]) -> str:
    """Return what two runs print differently, or nothing."""
    pairs = enumerate(zip(stored, new, strict=True), start=1)
    different = [
        f"--- code cell {i}, stored:\n{a}\n--- now:\n{b}"
        for i, (a, b) in pairs
        if a != b
    ]
    title = f"{head}: {len(different)} cells differ"
    return "\n".join([title, *different] if different else [])


def start_with(notebook: NotebookNode, module: str, call: str) -> None:
    """Let a notebook call a function of a module before its imports.

    So they bring what that function has changed.
    """
    for cell in notebooks.code_cells(notebook):
        if "imports" in notebooks.tags(cell):
            cell.source = f"{_START.format(module=module, call=call)}\n{cell.source}"


def perturb_every_start(scale: float = 1e-6) -> None:
    """Let `init_state` perturb the parameters, in this process from now on."""
    original = training.init_state

    def init_state(
        model: nnx.Module, tx: optax.GradientTransformation
    ) -> training.TrainState:
        perturb(model, scale)
        return original(model, tx)

    training.init_state = init_state


def perturb(model: nnx.Module, scale: float) -> None:
    """Turn every parameter w into w (1 + scale e), e ~ N(0, 1), in place.

    No sentence that a notebook prints may hang on the last digits of its parameters.
    """
    params, rest = jax.tree.flatten(nnx.state(model, nnx.Param))
    keys = jax.random.split(jax.random.key(0), len(params))
    noisy = [
        w * (1 + scale * jax.random.normal(key, w.shape, w.dtype))
        for w, key in zip(params, keys, strict=True)
    ]
    nnx.update(model, jax.tree.unflatten(rest, noisy))


def set_seed(notebook: NotebookNode, seed: int) -> None:
    """Replace the line `seed = ...` of the parameters cell.

    Raises:
        ValueError: if that cell sets no seed.
    """
    for cell in notebooks.code_cells(notebook):
        if "parameters" in notebooks.tags(cell):
            lines = cell.source.split("\n")
            for i, line in enumerate(lines):
                if line.startswith("seed = "):
                    lines[i] = f"seed = {seed}"
                    cell.source = "\n".join(lines)
                    return
    raise ValueError("the cell tagged 'parameters' sets no seed")


def printed(cell: NotebookNode) -> str:
    """Return the text of all outputs of a cell: what strict nbval compares."""
    if "nbval-ignore-output" in notebooks.tags(cell):
        return ""
    return "\n".join(notebooks.output_texts(cell))
