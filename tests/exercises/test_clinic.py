"""The clinic mechanism: evidence is run, and a false verdict is refused."""

import dataclasses

import pytest

from course_utils.exercises.clinic import Clinic, problems, verdict_exercise
from course_utils.exercises.judge import judge

CLINIC = Clinic(
    id="9.7",
    suspects={"A": abs, "B": lambda x: x},
    guilty="B",
    fault="it forgets the sign",
    instruments={
        "positive input": lambda f: f(3) == 3,
        "negative input": lambda f: f(-3) == 3,
    },
    blind={"positive input": "both agree there."},
)


def accuse(guilty, instrument):
    verdict = {"guilty": guilty, "instrument": instrument}
    return judge(verdict_exercise(CLINIC), verdict)


def test_the_right_verdict():
    assert problems(CLINIC) == []
    assert accuse("B", "negative input") == ("right", "B: it forgets the sign.", None)


def test_the_right_suspect_by_a_blind_instrument():
    outcome = accuse("B", "positive input")
    assert outcome.status == "wrong" and "both agree there" in outcome.message


@pytest.mark.parametrize("instrument", ["positive input", "negative input"])
def test_an_innocent_suspect(instrument):
    outcome = accuse("A", instrument)
    assert outcome.status == "wrong" and "A" in outcome.message
    assert ("Try it" in outcome.message) == (instrument == "negative input")


def test_an_unknown_name_lists_the_choices():
    outcome = accuse("C", "negative input")
    assert "A or B" in outcome.message and "'positive input'" in outcome.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"guilty": "A"}, "convicts {'B'}, not {'A'}"),
        ({"blind": {}}, "convicts None"),
        ({"blind": dict.fromkeys(CLINIC.instruments, "?")}, "not None"),
        ({"suspects": {"A": abs, "B": abs}}, "convicts None, not {'B'}"),
        ({"instruments": {"positive input": lambda f: f(3) == 3}}, "no instrument"),
    ],
)
def test_evidence_that_does_not_hold_is_found(change, words):
    assert words in " ".join(problems(dataclasses.replace(CLINIC, **change)))
