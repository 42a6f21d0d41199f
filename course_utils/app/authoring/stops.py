"""Press Stop in the training cells of a notebook, as a learner does: `author stops`.

Every press has to end its cell with an error, so that *Run All* halts there; and the
notebook, run on from that cell, has to print what is stored, as if Stop had never been
pressed.
"""

import os
import queue
import random
import sys
import time
from typing import NamedTuple

from jupyter_client import KernelManager
from nbformat import NotebookNode

from course_utils.app.authoring import notebooks
from course_utils.app.execution import CELL_TIMEOUT

LONGEST_WAIT = 12.0  # seconds from the start of a cell to the press
_HALTED = {"Stopped", "KeyboardInterrupt"}


class Ran(NamedTuple):
    """What became of a cell."""

    status: str  # ok, error
    error: str  # its name, or nothing
    text: str  # what the cell printed, figures by their alt texts
    next_status: str  # of the cell that was waiting behind it
    pressed: bool


def press_stops(number: str, presses: int, seed: int = 0) -> int:
    """Run a notebook, pressing Stop in it; print each press; return the faults.

    Args:
        number: of the notebook, such as "04".
        presses: how many in all, shared out among the training cells.
        seed: of the moments.
    """
    cells = notebooks.code_cells(notebooks.read(notebooks.find_notebook(number)))
    rng, faults, done = random.Random(seed), [], 0
    to_come = sum(map(_trains, cells))
    with _Kernel() as kernel:
        for cell in cells:
            here = -(-(presses - done) // to_come) if _trains(cell) else 0
            to_come -= _trains(cell)
            while True:
                # Some cells take a second, some take a minute.
                longest = rng.choice([1.0, 3.0, LONGEST_WAIT])
                wait = rng.uniform(0.1, longest) if here else None
                ran = kernel.run(cell.source, wait)
                if not ran.pressed:
                    break
                here, done = here - 1, done + 1
                faults += _faults_of_press(cell, ran)
                print(f"{number} {cell.id}: {ran.error} after {wait:.1f} s", flush=True)
                if ran.status == "ok":
                    break
            faults += _faults_of_cell(cell, ran)
    print(f"{number}: {done} presses, {len(faults)} faults", *faults, sep="\n- ")
    return len(faults)


def _trains(cell: NotebookNode) -> bool:
    return any(
        line.lstrip().startswith(("fit(", "_ = fit(", "history = fit(", "histories["))
        for line in cell.source.split("\n")
    )


def _faults_of_press(cell: NotebookNode, ran: Ran) -> list[str]:
    if ran.error not in _HALTED:
        return [f"{cell.id}: pressed, and ended with {ran.error or 'no error'}"]
    if ran.next_status != "aborted":
        return [f"{cell.id}: pressed, and the next cell was run: {ran.next_status}"]
    return []


def _faults_of_cell(cell: NotebookNode, ran: Ran) -> list[str]:
    """Compare a cell with what is stored: all of it, of a training cell its claims."""
    if ran.status != "ok":
        return [f"{cell.id}: {ran.error}"]
    if "nbval-ignore-output" in notebooks.tags(cell):
        return []
    stored = "".join(notebooks.output_texts(cell))
    if _trains(cell):
        texts = [t.splitlines() for t in (stored, ran.text)]
        stored, found = ([x for x in t if x.startswith("[ok]")] for t in texts)
        return [] if stored == found else [f"{cell.id}: {found} for {stored}"]
    return [] if stored == ran.text else [f"{cell.id}: {ran.text!r} for {stored!r}"]


class _Kernel:
    """A kernel in the notebooks' folder, stopped at the end."""

    def __enter__(self):
        self.manager = KernelManager(kernel_name="python3")
        self.manager.kernel_spec.argv[0] = sys.executable
        self.manager.start_kernel(
            cwd=str(notebooks.NOTEBOOKS),
            env={**os.environ, "COURSE_LIVE": "0"},
            extra_arguments=["--log-level=ERROR"],
        )
        self.client = self.manager.client()
        self.client.start_channels()
        try:
            self.client.wait_for_ready(timeout=120)
        except RuntimeError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, source: str, press_after: float | None) -> Ran:
        """Run a cell with another one waiting behind it, and press Stop, or not."""
        first = self.client.execute(source, stop_on_error=True)
        second = self.client.execute("None", stop_on_error=True)
        replies, start, pressed = {}, time.monotonic(), False
        while second not in replies:
            due = press_after is not None and time.monotonic() - start > press_after
            if due and not pressed and first not in replies:
                self.manager.interrupt_kernel()
                pressed = True
            if time.monotonic() - start > CELL_TIMEOUT:
                raise TimeoutError(f"a cell took over {CELL_TIMEOUT} seconds")
            try:
                reply = self.client.get_shell_msg(timeout=0.1)
            except queue.Empty:
                continue
            replies[reply["parent_header"]["msg_id"]] = reply["content"]
        content = replies[first]
        return Ran(
            content["status"],
            content.get("ename", ""),
            self._printed(first),
            replies[second]["status"],
            pressed,
        )

    def _printed(self, message: str) -> str:
        """Return what a message printed, from what has arrived."""
        parts = []
        while True:
            try:
                got = self.client.get_iopub_msg(timeout=1.0)
            except queue.Empty:
                return "".join(parts)
            mine = got["parent_header"].get("msg_id") == message
            kind, content = got["msg_type"], got["content"]
            if mine and kind == "stream":
                parts.append(content["text"])
            elif mine and kind in ("display_data", "execute_result"):
                parts.append(content["data"]["text/plain"])
            elif mine and kind == "status" and content["execution_state"] == "idle":
                return "".join(parts)
