"""Every exercise of every notebook keeps the promises of an exercise."""

import inspect
import subprocess
import sys
import time

import pytest

from course_utils.app.authoring import notebooks, others, solutions, verify
from course_utils.exercises import engine
from course_utils.exercises import judge as judging
from course_utils.exercises.clinic import problems
from course_utils.exercises.compare import same
from course_utils.exercises.judge import judge, outputs_of, reference_outputs

EXERCISES = [e for number in engine.notebooks() for e in engine.exercises(number)]
CODING = [exercise for exercise in EXERCISES if exercise.cases]
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
each_coding_exercise = pytest.mark.parametrize("exercise", CODING, ids=lambda e: e.id)


def stub_cell(exercise):
    path = notebooks.find_notebook(exercise.id.split(".")[0])
    for cell in notebooks.code_cells(notebooks.read(path)):
        if notebooks.exercise_id(cell) == exercise.id:
            return cell.source
    raise AssertionError(f"{path.name} has no cell tagged exercise:{exercise.id}")


@each_exercise
def test_the_reference_is_right(exercise):
    assert judge(exercise, exercise.reference).status == "right"
    for value in exercise.also_right:
        assert judge(exercise, value).status == "right"


@each_coding_exercise
def test_alternatives_are_right(exercise):
    found = others.answers(exercise.id)
    assert found
    for alternative in found:
        assert judge(exercise, alternative).status == "right", alternative


@each_exercise
def test_every_named_wrong_answer_fails_with_its_own_message(exercise):
    for wrong in exercise.wrong:
        outcome = judge(exercise, wrong.answer)
        expected = ("wrong", wrong.name)  # a message may be followed by an error
        assert (outcome.status, outcome.misconception) == expected, outcome
        assert outcome.message.startswith(wrong.message)


@each_exercise
def test_there_are_hints_and_three_named_wrong_answers(exercise):
    assert len(exercise.hints) >= 2
    assert len(exercise.wrong) >= 3
    messages = [wrong.message for wrong in exercise.wrong]
    distinct = len({wrong.name for wrong in exercise.wrong})
    assert distinct == len(messages)
    assert len(set(messages)) == len(messages)


@each_coding_exercise
def test_there_are_many_random_cases_and_the_reference_is_deterministic(exercise):
    cases = judging._more_cases(exercise)
    assert len(cases) >= 3
    assert len({case.name for case in cases}) >= 3
    again = [judging._output(exercise, exercise.reference, case) for case in cases]
    for got, want in zip(again, judging._more_outputs(exercise), strict=True):
        assert same(got, want, exercise.rtol, exercise.atol)


@each_coding_exercise
def test_no_case_is_idle(exercise):
    """A case on which no wrong answer fails would test nothing."""
    want = reference_outputs(exercise)
    wrong = [outputs_of(exercise, w.answer) for w in exercise.wrong]
    tolerances = exercise.rtol, exercise.atol
    for i, case in enumerate(exercise.cases):
        assert not all(same(o[i], want[i], *tolerances) for o in wrong), case.name


@pytest.mark.slow
def test_a_check_takes_under_a_second_of_the_processor():
    for exercise in EXERCISES:
        judge(exercise, exercise.reference)  # compiles
        seconds = []
        for _ in range(3):
            start = time.process_time()
            judge(exercise, exercise.reference)
            seconds.append(time.process_time() - start)
        assert min(seconds) < 1, exercise.id


@each_coding_exercise
def test_the_stub_has_the_references_name_signature_and_docstring(exercise):
    namespace = {}
    solutions.find_stub(stub_cell(exercise), exercise)
    source = stub_cell(exercise).split("\n\n\n")[0]
    exec(f"from __future__ import annotations\n{source}", namespace)
    stub = namespace[exercise.reference.__name__]
    assert inspect.signature(stub) == inspect.signature(exercise.reference)
    assert inspect.getdoc(stub) == inspect.getdoc(exercise.reference)
    assert judge(exercise, stub).status == "not attempted"


def test_the_cells_hand_their_answers_to_their_own_checks():
    for exercise in EXERCISES:
        assert f'check("{exercise.id}", ' in stub_cell(exercise), exercise.id


def test_ids_are_in_order_and_agree_with_the_names_of_the_files():
    for number in engine.notebooks():
        files = engine._files(number)
        assert list(files) == [f"{number}.{i + 1}" for i in range(len(files))]
        assert [e.id for e in engine.exercises(number)] == list(files)
        assert 4 <= len(files) <= 7


def test_looking_one_up_leaves_other_notebooks_alone():
    code = """
import sys
from course_utils.exercises import engine
from course_utils.exercises import judge as judging
engine.find("0.3")
names = [name for name in sys.modules if ".notebook_" in name]
assert not any(".notebook_0" + n in name for n in "1234" for name in names), names
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("number", engine.notebooks())
def test_the_kill_table_is_up_to_date(number):
    stored = solutions.kill_table_path(number).read_text(encoding="utf-8")
    assert stored == solutions.kill_table(number), "run `course author solutions`"


@pytest.mark.slow
@pytest.mark.parametrize("number", engine.notebooks())
def test_every_clinics_evidence_holds(number):
    verdict = engine.exercises(number)[-1]
    assert problems(engine.clinic(verdict.id)) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", ["00", "01", "02"])
def test_what_a_check_accepts_serves_the_rest_of_the_notebook(number):
    """Of 03 and 04, which train for minutes, `author verify` shows it."""
    path = notebooks.find_notebook(number)
    for turn in range(others.count(number)):
        run = verify.Run(f"other answers {turn}", turn=turn)
        assert verify.perform(path, run)[1] == ""
