"""`course grade`: the untouched notebook fails every case, the solved one none."""

import copy
import json
import xml.etree.ElementTree as ElementTree

import nbformat
import pytest

from course_utils import cli
from course_utils.authoring import notebooks
from course_utils.grading import judge_submission

LEARNER = notebooks.find_notebook("00")
SOLVED = notebooks.find_notebook("00", notebooks.SOLUTIONS)


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
    """Return a function that writes the solved notebook with one exercise replaced."""

    def write(exercise_id, source):
        notebook = copy.deepcopy(notebooks.read(SOLVED))
        for cell in notebooks.code_cells(notebook):
            if notebooks.exercise_id(cell) == exercise_id:
                cell.source = source
        path = tmp_path / "ada.ipynb"
        nbformat.write(notebook, path)
        return path

    return write


def test_untouched_fails_everything_and_solved_nothing(tmp_path, capsys):
    code, cases = run(tmp_path, LEARNER, SOLVED.with_name(SOLVED.name))
    assert code == 1
    assert len(cases) == 4  # same stem: the second overwrites the first in this dict
    code, cases = run(tmp_path, LEARNER)
    assert code == 1 and all(f.get("type") == "not attempted" for f in cases.values())
    code, cases = run(tmp_path, SOLVED)
    assert code == 0 and not any(f is not None for f in cases.values())
    assert "4 of 4 right" in capsys.readouterr().out


def test_a_wrong_answer_is_named_and_the_others_still_count(tmp_path, submission):
    source = "def white_share(images):\n    return images.mean()\n\n"
    path = submission("0.2", source + 'white_share = check("0.2", white_share)')
    code, cases = run(tmp_path, path)
    failures = {name: f for (_, name), f in cases.items() if f is not None}
    assert code == 1 and set(failures) == {"exercise 0.2"}
    assert "averaged over the whole batch" in failures["exercise 0.2"].get("message")


@pytest.mark.parametrize(
    ("source", "status", "words"),
    [
        ("def white_share(images:", "raised", "SyntaxError"),
        ("undefined", "raised", "NameError"),
        ("x = 1", "not attempted", "was not called"),
        ("check = print\ncheck('0.2', 1)", "not attempted", "was not called"),
        ('check("0.1", lambda h: 0)', "not attempted", "was not called"),
        ('check("0.2", lambda i: i.mean(axis=(1, 2, 3)))', "right", ""),
        ('check("0.2", lambda i: np.mean(i, axis=(1, 2, 3)))', "right", ""),
        ('check("0.2", lambda i: binarize(i))', "raised", "TypeError"),
        ('raise ValueError("\\x1b[31mred")', "raised", "ValueError"),
    ],
)
def test_outcomes_of_one_exercise(submission, source, status, words):
    outcome = judge_submission(submission("0.2", source), "0.2")
    assert outcome.status == status
    assert words in outcome.message


def test_a_deleted_cell_costs_one_exercise(submission, tmp_path):
    path = submission("0.2", "")
    notebook = notebooks.read(path)
    kept = [c for c in notebook.cells if notebooks.exercise_id(c) != "0.2"]
    notebook.cells = kept
    nbformat.write(notebook, path)
    assert "No cell is tagged" in judge_submission(path, "0.2").message
    assert judge_submission(path, "0.3").status == "right"


def test_a_loop_without_end_and_a_crash_cost_one_exercise(tmp_path, submission):
    code, cases = run(tmp_path, submission("0.3", "while True: pass"), timeout="15")
    failures = {name: f for (_, name), f in cases.items() if f is not None}
    assert code == 1 and set(failures) == {"exercise 0.3"}
    assert "did not finish within 15 seconds" in failures["exercise 0.3"].get("message")
    _, cases = run(tmp_path, submission("0.3", "import os; os._exit(3)"))
    assert "died" in cases["ada", "exercise 0.3"].get("message")


@pytest.mark.parametrize("text", ["", "not json", "{}", json.dumps({"cells": 3})])
def test_a_file_that_is_no_notebook_is_one_failed_case(tmp_path, text):
    path = tmp_path / "00_broken.ipynb"
    path.write_text(text, encoding="utf-8")
    code, cases = run(tmp_path, path)
    assert code == 1
    assert "00_broken.ipynb" in cases["00_broken", "file"].get("message")


def test_a_missing_file_does_not_stop_the_others(tmp_path):
    code, cases = run(tmp_path, tmp_path / "gone.ipynb", SOLVED)
    assert code == 1
    assert "gone" in cases["gone", "file"].get("message")
    assert cases[SOLVED.stem, "exercise 0.1"] is None


def test_a_notebook_without_exercise_tags_says_so(tmp_path):
    path = tmp_path / "essay.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    _, cases = run(tmp_path, path)
    assert "no exercise tags" in cases["essay", "file"].get("message")


def test_terminal_colours_in_an_error_do_not_break_the_report(tmp_path, submission):
    _, cases = run(tmp_path, submission("0.2", 'raise ValueError("\\x1b[31mred")'))
    assert "ValueError" in cases["ada", "exercise 0.2"].get("message")
