"""The judge: what counts as the same answer, and what is said of any other."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course_utils.exercises.compare import same
from course_utils.exercises.exercise import Case, Exercise, WrongAnswer
from course_utils.exercises.judge import judge


def mean_of_rows(x):
    """Return the mean of each row."""
    return x.mean(axis=1)


ROWS = np.array([[1.0, 2.0], [5.0, 9.0]])
EXERCISE = Exercise(
    id="9.9",
    title="row means",
    reference=mean_of_rows,
    cases=(Case("two rows", (ROWS,)), Case("one row", (ROWS[:1],))),
    wrong=(
        WrongAnswer("columns", lambda x: x.mean(axis=0), "You averaged columns."),
        WrongAnswer("sum", lambda x: x.sum(axis=1), "That is the sum."),
    ),
    otherwise="Look at the axes.",
)


def verdict(answer):
    return judge(EXERCISE, answer)


@pytest.mark.parametrize(
    "answer",
    [
        mean_of_rows,
        lambda x: jnp.asarray(x).mean(axis=1),
        lambda x: [float(sum(row)) / len(row) for row in x],
        lambda x: mean_of_rows(x) * (1 + 1e-7),
    ],
)
def test_right_answers_in_any_container(answer):
    assert verdict(answer).status == "right"


def test_a_misconception_is_recognised_however_it_is_written():
    outcome = verdict(
        lambda x: np.array([sum(c) / len(c) for c in zip(*x, strict=True)])
    )
    assert outcome == ("wrong", "You averaged columns.", "columns")
    assert verdict(lambda x: x @ np.ones(x.shape[1])).misconception == "sum"


def test_a_misconception_must_agree_on_every_case():
    def half_wrong(x):
        return x.mean(axis=0) if len(x) == 2 else np.zeros(7)

    outcome = verdict(half_wrong)
    assert outcome.status == "wrong" and outcome.misconception is None


def test_not_attempted():
    def stub(x):
        raise NotImplementedError

    def begun(x):
        total = x.sum(axis=1)
        raise NotImplementedError(total)

    assert verdict(stub) == ("not attempted", "", None)
    assert "still reached" in verdict(begun).message
    assert verdict(...).status == "not attempted"


def test_a_subclass_of_not_implemented_error_counts_as_not_attempted_only_at_once():
    def later(x):
        if len(x) == 1:
            raise NotImplementedError
        return x.mean(axis=1)

    assert verdict(later).status == "raised"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: None, "without a `return`"),
        (lambda x: -x.mean(axis=1), "the sign is wrong"),
        (lambda x: x.mean(axis=1)[::-1], "wrong order"),
        (lambda x: x.mean(axis=1) * 3, "the same factor"),
        (lambda x: x.mean(axis=1) + 1e-3, "the same amount"),
        (lambda x: x.mean(axis=1) ** 2, "wrong value"),
        (lambda x: x.mean(), "the shape should be (2,), but it is ()"),
        (lambda x: x.mean(axis=1, keepdims=True), "but it is (2, 1)"),
        (lambda x: x.mean(axis=1) * np.nan, "nan"),
        (lambda x: {"a": 1}, "not a dict"),
        (lambda x: "text", "not a text"),
        (lambda x: [[1], [1, 2]], "lists of different lengths"),
        (lambda x: object(), "of type object"),
        (mean_of_rows(ROWS), "A function is expected, not an array"),
    ],
)
def test_other_wrong_answers_are_described_without_numbers(answer, words):
    outcome = verdict(answer)
    assert outcome.status == "wrong"
    assert words.lower() in outcome.message.lower()
    assert outcome.misconception is None
    assert "1.5" not in outcome.message  # the right value is not given away


def test_advice_is_added_to_what_nobody_foresaw():
    assert "Look at the axes." in verdict(lambda x: x.mean(axis=1) + 1).message


def test_an_exception_is_named_with_its_line():
    source = "def f(x):\n    y = x\n    return y / undefined_name\n"
    namespace = {}
    exec(compile(source, "<exercise 9.9>", "exec"), namespace)
    outcome = verdict(namespace["f"])
    assert outcome.status == "raised"
    assert "NameError" in outcome.message and "line 3" in outcome.message
    assert "two rows" in outcome.message


def test_keyboard_interrupt_is_not_swallowed():
    def stopped(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verdict(stopped)


def test_changing_the_argument_in_place_is_refused_and_harmless():
    def in_place(x):
        x /= x.shape[1]
        return x.sum(axis=1)

    before = ROWS.copy()
    outcome = verdict(in_place)
    assert outcome.status == "wrong" and "in place" in outcome.message
    assert (before == ROWS).all()
    assert verdict(mean_of_rows).status == "right"


def test_changing_the_argument_is_no_substitute_for_an_expected_error():
    def refuse(x):
        raise ValueError("no")

    def in_place(x):
        x += 1

    exercise = Exercise(id="9.9", title="", reference=refuse, cases=EXERCISE.cases)
    assert judge(exercise, refuse).status == "right"
    assert judge(exercise, in_place).status == "wrong"


def test_a_stub_with_keyword_only_arguments_is_a_stub():
    def stub(x, *, key=None):
        raise NotImplementedError

    assert verdict(stub) == ("not attempted", "", None)


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: map(float, x[0]),
        lambda x: (row.mean() for row in x),
        lambda x: [jax.random.key(0), jax.random.key(1)],
    ],
)
def test_what_cannot_be_an_array_is_wrong_and_does_not_stop_the_notebook(answer):
    assert verdict(answer).status == "wrong"
    shape = Exercise(
        id="9.9", title="", reference=lambda x: (2, 2), cases=EXERCISE.cases
    )
    assert judge(shape, answer).status == "wrong"


def test_a_learners_division_by_zero_is_judged_and_not_warned_about():
    assert "nan" in verdict(lambda x: np.zeros(2) / np.zeros(2)).message


VALUE = Exercise(
    id="9.8", title="a value", reference=8, wrong=(WrongAnswer("six", 6, "Multiply."),)
)


def test_several_values_may_be_right():
    either = Exercise(id="9.8", title="a root of 4", reference=2, also_right=(-2,))
    assert judge(either, -2).status == judge(either, 2).status == "right"
    assert judge(either, 0).status == "wrong"


@pytest.mark.parametrize("answer", [8, 8.0, np.int64(8), jnp.asarray(8)])
def test_a_value_may_have_any_numeric_type(answer):
    assert judge(VALUE, answer).status == "right"


@pytest.mark.parametrize("answer", [7, "8", None, [8], 8.01, lambda: 8])
def test_other_values_are_wrong(answer):
    assert judge(VALUE, answer).status == "wrong"


def test_a_wrong_value_gets_its_own_message():
    assert judge(VALUE, 6).message == "Multiply."
    assert judge(VALUE, ...).status == "not attempted"


@pytest.mark.parametrize(
    ("got", "want", "equal"),
    [
        ((1, 2), (1, 2), True),
        ([1, 2], (1, 2), True),
        (np.array([1, 2]), (1, 2), True),
        ("12", (1, 2), False),
        (3, (1, 2), False),
        ((1, 2, 3), (1, 2), False),
        ({"a": 1.0}, {"a": 1}, True),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        (1048575, 1048576, False),
        (np.array([1048575.0]), np.array([1048576]), False),
        ((2_000_010,), (2_000_000,), False),
        (np.inf, np.inf, True),
        (-np.inf, np.inf, False),
        (np.nan, np.nan, True),
        (0.0, 1e-9, True),
        (0.0, 1e-6, False),
        (1e-12, 2e-12, True),
        ("a", "a", True),
        ("a", "b", False),
        (True, True, True),
        (None, True, False),
    ],
)
def test_same(got, want, equal):
    assert same(got, want, rtol=1e-5) is equal


def test_an_absolute_tolerance_is_asked_for_by_name():
    assert not same(0.1, 0.0, rtol=0.5)
    assert same(0.1, 0.0, rtol=0.0, atol=0.2) and not same(0.3, 0.0, 0.0, atol=0.2)
    assert same((0.1, {"a": 0.1}), (0.0, {"a": 0.0}), rtol=0.0, atol=0.2)
    loose = Exercise(id="9.8", title="", reference=0.0, rtol=0.0, atol=0.2)
    assert judge(loose, 0.1).status == "right" and judge(loose, 0.3).status == "wrong"


def test_a_diagnosis_is_asked_for_what_no_named_answer_explains():
    def diagnose(answer):
        return f"{answer} is odd." if answer % 2 else None

    even = dataclasses.replace(VALUE, diagnose=diagnose, otherwise="Think.")
    assert judge(even, 7) == ("wrong", "7 is odd.", None)
    assert judge(even, 6).message == "Multiply."  # a named one comes first
    assert judge(even, 10).message.endswith("Think.")
    assert judge(even, 8).status == "right"
    assert judge(even, None).status == "wrong"  # the diagnosis itself fails


def test_the_reference_is_run_before_an_answer_and_once(monkeypatch):
    runs = []

    def reference(x):
        runs.append(1)
        return np.asarray(x).sum()

    def vandal(x):
        monkeypatch.setattr(np, "asarray", lambda *args, **kwargs: None)
        return None

    exercise = Exercise(
        id="9.7", title="a sum", reference=reference, cases=(Case("two", ([1, 2],)),)
    )
    outcome = judge(exercise, vandal)
    monkeypatch.undo()
    assert outcome.status != "right"
    assert judge(exercise, sum).status == "right"
    assert judge(exercise, len).status == "wrong"
    assert len(runs) == 1
