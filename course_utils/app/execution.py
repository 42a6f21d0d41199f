"""Run a notebook in a kernel of this environment: for `course run` and authors."""

import copy
import html
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from nbformat import NotebookNode

_FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$]+)\$", re.DOTALL)
_NO_ALT = 'alt="No description has been provided for this image"'
CELL_TIMEOUT = 900  # seconds; a busy machine is two to three times slower


def execute(
    notebook: NotebookNode,
    folder: Path,
    env: dict[str, str] | None = None,
    on_cell: Callable = None,
    python: str = sys.executable,
) -> float:
    """Run all cells in place, in a fresh kernel, and return the seconds it took.

    Args:
        notebook: the notebook, changed in place: outputs and counts are replaced.
        folder: working directory of the kernel.
        env: environment variables for this run; COURSE_LIVE is 0 unless given.
        on_cell: called as `on_cell(index)` when a code cell is done.
        python: the interpreter of the kernel, whatever a "python3" kernelspec may say.

    Raises:
        nbclient.exceptions.CellExecutionError: if a cell fails; the notebook holds
            what ran until then.
    """
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        startup_timeout=120,
        kernel_name="python3",
        record_timing=False,
        # Kernels warn about unencrypted sockets, even on a machine of one user.
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
        on_cell_executed=lambda cell_index, **_: on_cell and on_cell(cell_index),
    )
    client.create_kernel_manager().kernel_spec.argv[0] = python
    start = time.perf_counter()
    client.execute(env={**os.environ, "COURSE_LIVE": "0", **(env or {})})
    return time.perf_counter() - start


def run_and_export(path: Path, target: Path, env: dict | None = None) -> int:
    """Run a notebook with one line of progress a cell and leave an HTML page.

    The notebook file is not touched. When a cell fails, the page is written all the
    same, up to the failure, and 1 is returned. `env` is as in `execute`.
    """
    notebook = nbformat.read(path, as_version=4)
    total = sum(cell.cell_type == "code" for cell in notebook.cells)
    start, done = time.perf_counter(), 0

    def report(index):
        nonlocal done
        done += notebook.cells[index].cell_type == "code"
        seconds = time.perf_counter() - start
        print(
            f"\r{path.stem}: cell {done} of {total}, {seconds:.0f} s",
            end="",
            flush=True,
        )

    failure = None
    try:
        execute(notebook, path.parent, env=env, on_cell=report)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        failure = error
    target.write_text(to_html(notebook, path.stem), encoding="utf-8")
    print(f"\nThe page is {target}")
    if failure:
        print(f"It stopped there: {str(failure).strip().splitlines()[-1]}")
    return 1 if failure else 0


def to_html(notebook: NotebookNode, title: str) -> str:
    """Return a notebook as one HTML page that needs no network.

    Its formulas are MathML, which browsers draw themselves, and every figure has its
    alt text.
    """
    from nbconvert import HTMLExporter  # half a second that other commands do not need

    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _FORMULA.sub(_to_mathml, cell.source)
    exporter = HTMLExporter(
        mathjax_url="", require_js_url="", mermaid_js_url="", widget_renderer_url=""
    )
    page, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})
    alts = [
        output.metadata["image/png"]["alt"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "alt" in output.get("metadata", {}).get("image/png", {})
    ]
    for alt in alts:
        page = page.replace(_NO_ALT, f'alt="{html.escape(alt)}"', 1)
    return page


def _to_mathml(match: re.Match) -> str:
    """Return a TeX formula between dollar signs as MathML, on one line."""
    from latex2mathml.converter import convert

    block, inline = match[1], match[2]
    display = "block" if block else "inline"
    return " ".join(convert(block or inline, display=display).split())
