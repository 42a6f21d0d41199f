"""check, hint and solution as a learner sees them."""

import inspect

import pytest

from course_utils.exercises import engine
from course_utils.exercises.engine import check, find, hint, solution


def test_right_returns_the_learners_own_answer(capsys):
    assert check("0.3", 512) == 512
    assert capsys.readouterr().out == "[ok] exercise 0.3: right.\n"


def test_wrong_explains_and_goes_on_with_the_reference(capsys):
    assert check("0.3", 81) == 512
    out = capsys.readouterr().out
    assert out.startswith("[no] exercise 0.3: not yet. 81 is 9 to the power 2")
    assert 'Going on with the reference. hint("0.3") helps' in out


def test_the_reference_handed_back_does_not_pass_as_the_learners(capsys):
    idx_shape = check("0.1", ...)
    capsys.readouterr()
    assert check("0.1", idx_shape) is find("0.1").reference
    assert "not attempted. This is the reference" in capsys.readouterr().out


def test_not_attempted_is_said_loudly(capsys):
    def idx_shape(header):
        raise NotImplementedError

    assert check("0.1", idx_shape) is find("0.1").reference
    assert capsys.readouterr().out.startswith("[--] exercise 0.1: not attempted.")


def test_an_error_is_shown_and_does_not_stop_the_notebook(capsys):
    reference = check("0.1", lambda header: header["shape"])
    assert reference is find("0.1").reference
    assert "[!!] exercise 0.1: an error. Your code raised TypeError" in (
        capsys.readouterr().out
    )


def test_the_reference_cannot_be_damaged_through_the_returned_value():
    reference = check("0.4", ...)
    reference["guilty"] = "nobody"
    assert check("0.4", ...)["guilty"] != "nobody"


def test_hints_come_one_by_one_and_end(capsys):
    engine._hints_given.clear()
    count = len(find("0.1").hints)
    for i in range(count):
        hint("0.1")
        assert capsys.readouterr().out.startswith(f"Hint {i + 1} of {count}: ")
    hint("0.1")
    assert 'solution("0.1")' in capsys.readouterr().out
    hint("0.1")
    assert capsys.readouterr().out.startswith("Hint 1 of")


def test_solution_shows_source_or_value(capsys):
    solution("0.1")
    assert capsys.readouterr().out.startswith("def idx_shape(header):")
    solution("0.3")
    assert capsys.readouterr().out == "512\n"


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("0.99", "notebook 00 has: 0.1"),
        ("1", "looks like"),
        (0.3, "looks like"),
        ("7.1", "none"),
    ],
)
def test_an_unknown_id_names_those_there_are(bad, words):
    with pytest.raises(KeyError, match=words):
        check(bad, 1)


def test_suspects_belong_to_a_clinic():
    suspects = engine.suspects("0.4")
    assert set(suspects) == {"A", "B", "C"}
    assert "column" not in f"{suspects} {inspect.getsource(suspects['B'])}"
    with pytest.raises(KeyError, match="not the verdict"):
        engine.suspects("0.1")


def test_instruments_belong_to_a_clinic_and_tell_suspects_apart():
    tools, parts = engine.instruments("0.4"), engine.suspects("0.4")
    assert set(tools) == {"total", "entropy", "direct count"}
    assert {name: tools["direct count"](part) for name, part in parts.items()} == {
        "A": True,
        "B": False,
        "C": True,
    }
    with pytest.raises(KeyError, match="not the verdict"):
        engine.instruments("0.1")
