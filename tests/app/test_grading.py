"""`course grade`: the untouched notebook fails every case, the solved one none."""

import copy
import json
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import psutil
import pytest

from course_utils.app import cli
from course_utils.app.authoring import notebooks
from course_utils.app.grading import (
    _add_suite,
    _run_limited,
    _run_worker,
    clean_setup,
)
from course_utils.app.worker import run_job
from course_utils.exercises import engine
from course_utils.exercises.judge import Outcome

LEARNER = notebooks.find_notebook("00")
SOLVED = notebooks.find_notebook("00", notebooks.SOLUTIONS)
NAME_01 = notebooks.find_notebook("01").name


def run(tmp_path, *files, timeout="60"):
    report = tmp_path / "grades.xml"
    arguments = [str(f) for f in files]
    code = cli.main(
        ["grade", *arguments, "--report", str(report), "--timeout", timeout]
    )
    cases = ElementTree.parse(report).getroot().iter("testcase")
    return code, {(c.get("classname"), c.get("name")): c.find("failure") for c in cases}


@pytest.fixture
def submission(tmp_path):
    """Return a function that writes the solved notebook with exercises replaced."""

    def write(sources):
        notebook = copy.deepcopy(notebooks.read(SOLVED))
        for cell in notebooks.code_cells(notebook):
            cell.source = sources.get(notebooks.exercise_id(cell), cell.source)
        path = tmp_path / "ada.ipynb"
        nbformat.write(notebook, path)
        return path

    return write


def judge_submission(path, exercise_id):
    """Judge one exercise without a process of its own, which takes seconds."""
    cells = notebooks.code_cells(notebooks.read(path))
    sources = [c.source for c in cells if notebooks.exercise_id(c) == exercise_id]
    return run_job(exercise_id, clean_setup(int(exercise_id[0])), sources)


@pytest.mark.slow
@pytest.mark.parametrize("number", engine.notebooks())
def test_no_exercise_of_an_untouched_notebook_is_attempted(number):
    """That those of a solved one are right is a step of the whole test."""
    learner = notebooks.find_notebook(str(number))
    for exercise in engine.exercises(number):
        outcome = judge_submission(learner, exercise.id)
        assert outcome.status == "not attempted", exercise.id


def test_each_exercise_can_be_graded_apart_from_its_notebook():
    for exercise in engine.exercises(1):
        outcome = judge_submission(SOLVED.with_name(NAME_01), exercise.id)
        assert outcome.status == "right", exercise.id


@pytest.mark.slow
def test_untouched_fails_everything_and_solved_nothing(tmp_path, capsys):
    code, cases = run(tmp_path, LEARNER)
    assert code == 1 and len(cases) == 4
    assert all(failure.get("type") == "not attempted" for failure in cases.values())
    code, cases = run(tmp_path, SOLVED)
    assert code == 0 and len(cases) == 4 and set(cases.values()) == {None}
    assert "0 of 4 right" in capsys.readouterr().out


@pytest.mark.slow
def test_each_failure_costs_one_exercise(tmp_path, submission):
    path = submission(
        {
            "0.1": 'check("0.1", lambda header: (header[3],))',
            "0.2": "while True: pass",
            "0.3": "import os; os._exit(3)",
        }
    )
    code, cases = run(tmp_path, path, timeout="20")
    messages = {
        name: failure.get("message")
        for (_, name), failure in cases.items()
        if failure is not None
    }
    assert code == 1
    assert set(messages) == {"exercise 0.1", "exercise 0.2", "exercise 0.3"}
    assert "a tuple with 3 entries is expected" in messages["exercise 0.1"].lower()
    assert "did not finish within 20 seconds of computing" in messages["exercise 0.2"]
    assert "died" in messages["exercise 0.3"]


@pytest.mark.slow
def test_time_is_what_the_processor_spent(tmp_path):
    """Waiting costs nothing for a while; computing does, in a child as well."""

    def ended(source, seconds, patience=10.0):
        command = [sys.executable, "-c", source]
        return _run_limited(command, str(tmp_path), seconds, patience)

    assert ended("import time; time.sleep(0.5)", 0.2) == ""
    assert "0.3 seconds of computing" in ended("while True: pass", 0.3, 1e6)
    assert "waited after" in ended("import time; time.sleep(999)", 0.2)
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', {!r}])"
    left = "open('alive', 'w').close()\nwhile True: pass"
    assert "of computing" in ended(child.format(left), 0.5, 1e6)
    assert (tmp_path / "alive").exists()
    running = psutil.Process().children(recursive=True)
    assert not [p for p in running if p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(
    ("source", "status", "words"),
    [
        ("def white_share(images:", "raised", "SyntaxError"),
        ("undefined", "raised", "NameError"),
        ("x = 1", "not attempted", "was not called"),
        ("check = print\ncheck('0.2', 1)", "not attempted", "was not called"),
        ('check("0.1", lambda h: 0)', "not attempted", "was not called"),
        (
            "from course_utils.exercises.engine import find\n"
            'check("0.2", find("0.2").reference)',
            "not attempted",
            "This is the reference",
        ),
        (
            "from course_utils.exercises.engine import check\n"
            'check("0.2", lambda i: i.mean(axis=(1, 2, 3)))',
            "right",
            "",
        ),
        ('check("0.2", lambda i: i.mean(axis=(1, 2, 3)))', "right", ""),
        ('check("0.2", lambda i: np.mean(i, axis=(1, 2, 3)))', "right", ""),
        ('check("0.2", lambda i: binarize(i))', "raised", "TypeError"),
        ('raise ValueError("\\x1b[31mred")', "raised", "ValueError"),
    ],
)
def test_outcomes_of_one_exercise(submission, source, status, words):
    outcome = judge_submission(submission({"0.2": source}), "0.2")
    assert outcome.status == status
    assert words in outcome.message


def test_a_grader_without_the_packages_is_told_so():
    outcome = run_job("0.3", ["import no_such_module"], ["check('0.3', 512)"])
    assert "clean notebook's imports fail here" in outcome.message
    assert "doctor" in outcome.message


def test_a_pattern_is_expanded_and_the_reports_folder_made(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.ipynb").write_text("", encoding="utf-8")
    report = tmp_path / "new" / "grades.xml"
    pattern = str(tmp_path / "*.ipynb")
    assert cli.main(["grade", pattern, "--report", str(report)]) == 1
    assert len(ElementTree.parse(report).getroot().findall("testsuite")) == 2


def test_a_deleted_cell_is_not_attempted():
    outcome = _run_worker("0.2", clean_setup(0), [], timeout=60)
    assert outcome == ("not attempted", "No cell is tagged exercise:0.2.", None)


MALFORMED = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
    "cells": [{"cell_type": "code", "metadata": {"tags": None}, "id": "a"}],
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "{}",
        json.dumps({"cells": 3}),
        json.dumps(MALFORMED),
    ],
)
def test_a_file_that_is_no_notebook_is_one_failed_case(tmp_path, text):
    path = tmp_path / "00_broken.ipynb"
    path.write_text(text, encoding="utf-8")
    code, cases = run(tmp_path, path)
    assert code == 1
    assert "00_broken.ipynb" in cases["00_broken", "file"].get("message")


def test_a_missing_file_does_not_stop_the_others(tmp_path):
    essay = tmp_path / "essay.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), essay)
    code, cases = run(tmp_path, tmp_path / "gone.ipynb", essay)
    assert code == 1
    assert "gone.ipynb" in cases["gone", "file"].get("message")
    assert "no exercise tags" in cases["essay", "file"].get("message")


def test_terminal_colours_in_an_error_do_not_break_the_report():
    suites = ElementTree.Element("testsuites")
    outcome = Outcome("raised", "\x1b[31mred\x00 and \u20ac")
    _add_suite(suites, Path("ada.ipynb"), {"exercise 0.1": outcome})
    parsed = ElementTree.fromstring(ElementTree.tostring(suites))
    assert parsed.find(".//failure").get("message") == "?[31mred? and \u20ac"
