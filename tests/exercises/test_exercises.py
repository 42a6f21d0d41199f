"""Every exercise of every notebook keeps the promises of an exercise."""

import inspect
import time

import pytest

from course_utils.app.authoring import notebooks, solutions
from course_utils.exercises import engine
from course_utils.exercises.judge import judge, outputs_of, same

MODULES = [engine.module_of(number) for number in engine.notebooks()]
EXERCISES = [exercise for module in MODULES for exercise in module.EXERCISES]
CODING = [exercise for exercise in EXERCISES if exercise.cases]
WRONG = [(exercise, wrong) for exercise in EXERCISES for wrong in exercise.wrong]


def stub_cell(exercise):
    path = notebooks.find_notebook(exercise.id.split(".")[0])
    for cell in notebooks.code_cells(notebooks.read(path)):
        if notebooks.exercise_id(cell) == exercise.id:
            return cell.source
    raise AssertionError(f"{path.name} has no cell tagged exercise:{exercise.id}")


def name_of(exercise):
    return exercise.id


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_the_reference_is_right(exercise):
    assert judge(exercise, exercise.reference).status == "right"


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_alternatives_are_right(exercise):
    assert exercise.alternatives or not exercise.cases
    for alternative in exercise.alternatives:
        assert judge(exercise, alternative).status == "right"


@pytest.mark.parametrize(
    ("exercise", "wrong"), WRONG, ids=[f"{e.id} {w.name}" for e, w in WRONG]
)
def test_a_named_wrong_answer_fails_with_its_own_message(exercise, wrong):
    outcome = judge(exercise, wrong.answer)
    assert (outcome.status, outcome.misconception) == ("wrong", wrong.name)
    assert outcome.message == wrong.message


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_there_are_hints_and_three_named_wrong_answers(exercise):
    assert len(exercise.hints) >= 2
    assert len(exercise.wrong) >= 3
    messages = [wrong.message for wrong in exercise.wrong]
    assert len(set(messages)) == len(messages)
    assert len({wrong.name for wrong in exercise.wrong}) == len(messages)


@pytest.mark.parametrize("exercise", CODING, ids=name_of)
def test_no_case_is_idle(exercise):
    """A case on which no wrong answer fails would test nothing."""
    want = outputs_of(exercise, exercise.reference)
    for i, case in enumerate(exercise.cases):
        outputs = [outputs_of(exercise, wrong.answer)[i] for wrong in exercise.wrong]
        assert not all(same(o, want[i], exercise.rtol) for o in outputs), case.name


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_a_check_takes_under_a_second(exercise):
    judge(exercise, exercise.reference)  # compiles
    start = time.perf_counter()
    judge(exercise, exercise.reference)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("exercise", CODING, ids=name_of)
def test_the_stub_has_the_references_name_signature_and_docstring(exercise):
    namespace = {}
    solutions.find_stub(stub_cell(exercise), exercise)
    source = stub_cell(exercise).split("\n\n\n")[0]
    exec(f"from __future__ import annotations\n{source}", namespace)
    stub = namespace[exercise.reference.__name__]
    assert inspect.signature(stub) == inspect.signature(exercise.reference)
    assert inspect.getdoc(stub) == inspect.getdoc(exercise.reference)
    assert judge(exercise, stub).status == "not attempted"


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_the_cell_hands_the_answer_to_its_own_check(exercise):
    assert f'check("{exercise.id}", ' in stub_cell(exercise)


def test_ids_are_in_order_and_belong_to_their_notebook():
    for number, module in zip(engine.notebooks(), MODULES, strict=True):
        ids = [exercise.id for exercise in module.EXERCISES]
        assert ids == [f"{number}.{i + 1}" for i in range(len(ids))]
        assert 4 <= len(ids) <= 7


@pytest.mark.parametrize("number", engine.notebooks())
def test_the_kill_table_is_up_to_date(number):
    stored = solutions.kill_table_path(number).read_text(encoding="utf-8")
    assert stored == solutions.kill_table(number), "run `course author solutions`"


def test_every_clinics_evidence_holds():
    from course_utils.exercises.clinic import problems

    for module in MODULES:
        assert problems(module.CLINIC) == []
