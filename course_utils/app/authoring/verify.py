"""Show that a notebook prints the same by other seeds: `course author verify`.

What a learner reads must not hang on one lucky seed or one processor. The notebook is
run again with each seed, once with parameters that differ in their last digits, and
once with older vector instructions, which round differently and stand in for another
laptop; every run must print what is stored.
"""

import os

import jax
import optax
from flax import nnx
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from course_utils import training
from course_utils.app.authoring import notebooks
from course_utils.app.authoring.execute import normalise
from course_utils.app.execution import execute

# XLA then leaves out AVX: sums are taken in another order, as on another machine.
OTHER_MACHINE = "--xla_cpu_max_isa=SSE4_2"
PERTURBED = "seed 0 perturbed"
_PERTURB = "__import__({module!r}, fromlist=['']).perturb_every_start()"


def verify(number: str, seeds: list[int]) -> int:
    """Run a notebook with other seeds; print what differs; return how many runs did."""
    path = notebooks.find_notebook(number)
    runs = [(f"seed {seed}", seed, {}) for seed in seeds]
    flags = f"{os.environ.get('XLA_FLAGS', '')} {OTHER_MACHINE}".strip()
    runs.append(("seed 0 without AVX", 0, {"XLA_FLAGS": flags}))
    runs.append((PERTURBED, 0, {}))
    failed = 0
    for name, seed, env in runs:
        notebook = notebooks.read(path)
        stored = [printed(cell) for cell in notebooks.code_cells(notebook)]
        set_seed(notebook, seed)
        if name == PERTURBED:
            perturb_first(notebook)
        try:
            seconds = execute(notebook, notebooks.NOTEBOOKS, env=env)
        except CellExecutionError as error:
            print(f"{path.stem}, {name}: a cell fails\n{error}")
            failed += 1
            continue
        normalise(notebook)
        new = [printed(cell) for cell in notebooks.code_cells(notebook)]
        different = [
            i for i, (a, b) in enumerate(zip(stored, new, strict=True)) if a != b
        ]
        print(f"{path.stem}, {name}: {len(different)} cells differ ({seconds:.0f} s)")
        for i in different:
            print(f"--- code cell {i + 1}, stored:\n{stored[i]}\n--- now:\n{new[i]}")
        failed += bool(different)
    return failed


def perturb_first(notebook: NotebookNode) -> None:
    """Make a notebook perturb the initial parameters of all it trains.

    The line stands before its imports, so that they bring the changed `init_state`.
    """
    for cell in notebooks.code_cells(notebook):
        if "imports" in notebooks.tags(cell):
            cell.source = f"{_PERTURB.format(module=__name__)}\n{cell.source}"


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
    return "\n".join(
        output.text if output.output_type == "stream" else output.data["text/plain"]
        for output in cell.outputs
    )
