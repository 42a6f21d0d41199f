"""Grade submitted notebooks: `course grade FILES`, one JUnit case an exercise.

Only the cells tagged `exercise:ID` of a submission are run, each exercise in a process
of its own with a timeout, after the imports of the clean notebook. So a loop without
end, a crash or a deleted cell costs one exercise, never the whole class.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from course_utils.authoring import notebooks
from course_utils.authoring.sync import taught_import
from course_utils.exercises import engine
from course_utils.exercises.judge import Outcome, describe_error, judge


def grade(files: list[Path], report: Path, timeout: float) -> int:
    """Grade submissions, write the JUnit report, print a line each; 0 if all is right.

    Args:
        files: submitted notebooks.
        report: where the JUnit XML goes.
        timeout: seconds for one exercise, the start of Python included.
    """
    suites = ElementTree.Element("testsuites")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path in files:
            outcomes = _grade_file(path, timeout, pool)
            right = sum(outcome.status == "right" for outcome in outcomes.values())
            print(f"{path}: {right} of {len(outcomes)} right", flush=True)
            _add_suite(suites, path, outcomes)
    ElementTree.ElementTree(suites).write(
        report, encoding="utf-8", xml_declaration=True
    )
    print(f"The report is {report}")
    return 1 if suites.find(".//failure") is not None else 0


def _grade_file(path: Path, timeout: float, pool) -> dict[str, Outcome]:
    """Return the outcome of every exercise that the clean notebook asks for."""
    try:
        number = _notebook_number(path)
    except (OSError, ValueError, KeyError) as error:
        return {"file": Outcome("raised", str(error))}
    ids = [exercise.id for exercise in engine.module_of(number).EXERCISES]
    outcomes = pool.map(
        lambda exercise_id: _run_worker(path, exercise_id, timeout), ids
    )
    return dict(zip(ids, outcomes, strict=True))


def _notebook_number(path: Path) -> int:
    """Return which notebook a submission is, by its exercise tags, else by its name."""
    found = {
        exercise_id.split(".")[0]
        for cell in notebooks.read(path).cells
        if (exercise_id := notebooks.exercise_id(cell))
    }
    found = found or set(re.findall(r"\d\d", path.name)[:1])
    if len(found) != 1 or int(min(found)) not in engine.notebooks():
        raise ValueError(
            f"{path.name}: its cells carry no exercise tags of one notebook"
        )
    return int(min(found))


def _run_worker(path: Path, exercise_id: str, timeout: float) -> Outcome:
    """Judge one exercise of a submission in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "outcome.json"
        arguments = [str(path.resolve()), exercise_id, str(result)]
        try:
            subprocess.run(
                [sys.executable, "-m", "course_utils.grading", *arguments],
                cwd=folder,
                env={**os.environ, "COURSE_LIVE": "0", "MPLBACKEND": "agg"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            return Outcome("raised", f"It did not finish within {timeout:g} seconds.")
        if not result.exists():
            return Outcome("raised", "The process died before it had an answer.")
        return Outcome(**json.loads(result.read_text(encoding="utf-8")))


def judge_submission(path: Path, exercise_id: str) -> Outcome:
    """Run the cells of one exercise after the clean imports, and judge the answer."""
    cells = [
        cell.source
        for cell in notebooks.code_cells(notebooks.read(path))
        if notebooks.exercise_id(cell) == exercise_id
    ]
    if not cells:
        return Outcome("not attempted", f"No cell is tagged exercise:{exercise_id}.")
    namespace = clean_namespace(exercise_id)
    answers = []

    def record(given_id, answer):
        answers.extend([answer] if given_id == exercise_id else [])
        return answer

    namespace["check"] = record
    try:
        exec(
            compile("\n\n".join(cells), f"<exercise {exercise_id}>", "exec"), namespace
        )
    except Exception as error:
        return Outcome("raised", describe_error(error))
    if not answers:
        return Outcome("not attempted", f'check("{exercise_id}", ...) was not called.')
    return judge(engine.find(exercise_id), answers[-1])


def clean_namespace(exercise_id: str) -> dict:
    """Return what an exercise may rely on, taken from the clean notebook.

    That is its imports and settings, the definitions it teaches, and the references of
    its other exercises.
    """
    number = int(exercise_id.split(".")[0])
    clean = notebooks.read(notebooks.find_notebook(str(number)))
    namespace = {"__name__": "__main__"}
    for cell in notebooks.code_cells(clean):
        taught = taught_import(cell.source)
        if taught or {"imports", "parameters"} & set(notebooks.tags(cell)):
            exec(taught or cell.source, namespace)
    for exercise in engine.module_of(number).EXERCISES:
        if exercise.id != exercise_id and callable(exercise.reference):
            namespace[exercise.reference.__name__] = exercise.reference
    return namespace


def _add_suite(suites, path: Path, outcomes: dict[str, Outcome]):
    """Add a submission to the JUnit tree: one case an exercise."""
    failures = sum(outcome.status != "right" for outcome in outcomes.values())
    counts = {"tests": str(len(outcomes)), "failures": str(failures)}
    suite = ElementTree.SubElement(suites, "testsuite", name=str(path), **counts)
    for exercise_id, outcome in outcomes.items():
        names = {"classname": path.stem, "name": f"exercise {exercise_id}"}
        case = ElementTree.SubElement(suite, "testcase", **names)
        if outcome.status != "right":
            # An error text may hold bytes that XML forbids, such as terminal colours.
            text = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd]", "?", outcome.message)
            attributes = {"type": outcome.status, "message": text or outcome.status}
            ElementTree.SubElement(case, "failure", **attributes)


if __name__ == "__main__":
    submission, wanted_id, target = sys.argv[1:]
    verdict = judge_submission(Path(submission), wanted_id)
    Path(target).write_text(json.dumps(verdict._asdict()), encoding="utf-8")
