"""Grade submitted notebooks: `course grade FILES`, one JUnit case an exercise.

Only the cells tagged `exercise:ID` of a submission are run, each exercise in a process
of its own with a limit on its processor time, after the imports of the clean notebook.
So a loop without end, a crash or a deleted cell costs one exercise, never the whole
class, and a busy machine costs nobody anything. It is no sandbox: grade the work of
people you would lend your computer to.
"""

import contextlib
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from course_utils.app.authoring import notebooks
from course_utils.app.authoring.sync import taught_import
from course_utils.exercises import engine
from course_utils.exercises.judge import Outcome

_WORKER_ENVIRONMENT = {"COURSE_LIVE": "0", "MPLBACKEND": "agg", "PYTHONUTF8": "1"}


def grade(files: list[Path], report: Path, timeout: float) -> int:
    """Grade submissions, write the JUnit report, print a line each; 0 if all is right.

    Args:
        files: submitted notebooks.
        report: where the JUnit XML goes.
        timeout: seconds of processor time for one exercise, the start of Python
            included.
    """
    report.parent.mkdir(parents=True, exist_ok=True)
    report.touch()  # what cannot be written should be known before the work
    suites = ElementTree.Element("testsuites")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path in files:
            outcomes = _grade_file(path, timeout, pool)
            right = sum(outcome.status == "right" for outcome in outcomes.values())
            print(f"{path}: {right} of {len(outcomes)} right", flush=True)
            _add_suite(suites, path, outcomes)
    tree = ElementTree.ElementTree(suites)
    tree.write(report, encoding="utf-8", xml_declaration=True)
    print(f"The report is {report}")
    return 1 if suites.find(".//failure") is not None else 0


def _grade_file(path: Path, timeout: float, pool) -> dict[str, Outcome]:
    """Return the outcome of every exercise that the clean notebook asks for."""
    try:
        submission = notebooks.read(path)
        number = _notebook_number(path, submission)
    except (OSError, ValueError) as error:
        return {"file": Outcome("raised", str(error))}
    jobs = {e.id: [] for e in engine.exercises(number)}
    for cell in notebooks.code_cells(submission):
        jobs.get(notebooks.exercise_id(cell), []).append(cell.source)
    outcomes = pool.map(
        lambda job: _run_worker(job[0], clean_setup(number), job[1], timeout),
        jobs.items(),
    )
    return dict(zip([f"exercise {i}" for i in jobs], outcomes, strict=True))


def _notebook_number(path: Path, submission) -> int:
    """Return which notebook a submission is, by its exercise tags, else by its name."""
    ids = filter(None, map(notebooks.exercise_id, submission.cells))
    found = {exercise_id.split(".")[0] for exercise_id in ids}
    found = found or set(re.findall(r"\d\d", path.name)[:1])
    if len(found) != 1 or int(min(found)) not in engine.notebooks():
        raise ValueError(
            f"{path.name}: its cells carry no exercise tags of one notebook"
        )
    return int(min(found))


@functools.cache
def clean_setup(number: int) -> tuple[str, ...]:
    """Return what the exercises of a notebook may rely on, from the clean notebook.

    That is its imports and settings, and the definitions it teaches.
    """
    clean = notebooks.read(notebooks.find_notebook(str(number)))
    return tuple(
        taught_import(cell.source) or cell.source
        for cell in notebooks.code_cells(clean)
        if taught_import(cell.source)
        or {"imports", "parameters"} & set(notebooks.tags(cell))
    )


def _run_worker(exercise_id, setup, cells, timeout: float) -> Outcome:
    """Judge one exercise of a submission in a process of its own."""
    if not cells:
        return Outcome("not attempted", f"No cell is tagged exercise:{exercise_id}.")
    # On Windows a process that a submission left behind may keep the folder open.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        job, result = Path(folder) / "job.json", Path(folder) / "outcome.json"
        content = {"exercise_id": exercise_id, "setup": setup, "cells": cells}
        job.write_text(json.dumps(content), encoding="utf-8")
        worker = [sys.executable, "-m", "course_utils.app.worker", job, result]
        ended = _run_limited(list(map(str, worker)), folder, timeout)
        if ended:
            return Outcome("raised", ended)
        if not result.exists():
            return Outcome("raised", "The process died before it had an answer.")
        return Outcome(**json.loads(result.read_text(encoding="utf-8")))


def _run_limited(
    command: list[str], folder: str, seconds: float, patience: float = 10.0
) -> str:
    """Run a process; end it with its children when it has used up its time.

    Args:
        command: to run.
        folder: its working directory.
        seconds: of processor time.
        patience: so many times as long may it last by the clock: it may wait for
            others on a busy machine, but not for ever.

    Returns:
        Why it was ended, or nothing if it ended by itself.
    """
    process = psutil.Popen(
        command,
        cwd=folder,
        env=os.environ | _WORKER_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # a loop that prints would fill the memory
        stderr=subprocess.DEVNULL,
    )
    start = time.monotonic()
    try:
        while True:
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(timeout=0.1)
                return ""
            if _processor_seconds(process) > seconds:
                return f"It did not finish within {seconds:g} seconds of computing."
            if time.monotonic() - start > patience * seconds:
                return f"It still waited after {patience * seconds:g} seconds."
    finally:
        _end(process)


def _processor_seconds(process: psutil.Process) -> float:
    """Return what a process and its children have used so far."""
    total = 0.0
    for part in _family(process):
        with contextlib.suppress(psutil.Error):
            total += sum(part.cpu_times()[:4])  # its own, and of children that ended
    return total


def _family(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return [process, *process.children(recursive=True)]
    return []


def _end(process: psutil.Process) -> None:
    for part in _family(process):
        with contextlib.suppress(psutil.Error):
            part.kill()
    process.wait()


def _add_suite(suites, path: Path, outcomes: dict[str, Outcome]):
    """Add a submission to the JUnit tree: one case an exercise."""
    failures = sum(outcome.status != "right" for outcome in outcomes.values())
    counts = {"tests": str(len(outcomes)), "failures": str(failures)}
    suite = ElementTree.SubElement(suites, "testsuite", name=str(path), **counts)
    for name, outcome in outcomes.items():
        attributes = {"classname": path.stem, "name": name}
        case = ElementTree.SubElement(suite, "testcase", **attributes)
        if outcome.status != "right":
            # An error text may hold bytes that XML forbids, such as terminal colours.
            text = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd]", "?", outcome.message)
            attributes = {"type": outcome.status, "message": text or outcome.status}
            ElementTree.SubElement(case, "failure", **attributes)
