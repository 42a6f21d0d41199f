import jax.numpy as jnp
import numpy as np
import pytest

from course_utils.claims import ClaimFailed, claim, expect_error

# --- claim


@pytest.mark.parametrize(
    "true", [True, np.True_, np.array(True), jnp.array(1) == 1, jnp.ones(3).all() == 1]
)
def test_a_true_claim_prints_the_sentence_and_nothing_else(true, capsys):
    claim("one and one is two", true)
    assert capsys.readouterr() == ("[ok] one and one is two\n", "")


def test_a_row_stands_before_the_sentence(capsys):
    claim("the table contradicts itself", True, row="A8")
    assert capsys.readouterr().out == "[ok] A8: the table contradicts itself\n"


@pytest.mark.parametrize("false", [False, np.False_, np.array(False), jnp.array(False)])
def test_a_false_claim_raises_and_prints_nothing(false, capsys):
    with pytest.raises(ClaimFailed, match="^D3: pigs fly$"):
        claim("pigs fly", false, row="D3")
    assert capsys.readouterr().out == ""
    assert issubclass(ClaimFailed, AssertionError)


@pytest.mark.parametrize(
    "never_fails",
    [
        np.array([False]),  # even one entry: the shape is a mistake
        np.array([True, True]),
        jnp.array([True]),
        jnp.array(0.3),
        0.3,
        1,
        None,
        "False",
        [],
        lambda: False,
    ],
)
def test_anything_but_one_boolean_is_refused(never_fails, capsys):
    with pytest.raises(TypeError, match=r"single True or False.*\.all\(\)"):
        claim("this could never fail", never_fails)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("row, near", [("A88", "A8"), ("a8", "A8"), ("Z", "A1")])
def test_an_unknown_row_is_refused_with_ids_that_exist(row, near):
    with pytest.raises(LookupError, match=f"no row '{row}'.*{near}"):
        claim("a sentence", True, row=row)


def test_an_empty_sentence_is_refused():
    with pytest.raises(ValueError, match="sentence"):
        claim("  ", True)


# --- bounds


@pytest.mark.parametrize(
    "value, bounds",
    [
        (0.7, {"above": 0.5}),
        (0.7, {"above": 0.5, "below": 1}),
        (np.float32(-1), {"below": 0}),
        (jnp.array([1, 2, 3]), {"above": 0}),
        ([0.1, 0.2], {"below": 0.3}),
    ],
)
def test_a_number_beyond_its_bound_prints_the_sentence(value, bounds, capsys):
    claim("most are right", value, **bounds)
    assert capsys.readouterr().out == "[ok] most are right\n"


@pytest.mark.parametrize(
    "value, bounds, words",
    [
        (0.5, {"above": 0.5}, "measured 0.5, which is not above 0.5"),
        (0.4, {"above": 0.5, "below": 1}, "measured 0.4, which is not above 0.5"),
        (1.5, {"above": 0.5, "below": 1}, "measured 1.5, which is not below 1"),
        (np.array([0.1, 2]), {"below": 1}, "measured 2, which is not below 1"),
        (np.array([0.1, np.nan]), {"below": 1}, "measured nan"),
        (jnp.nan, {"above": 0}, "measured nan"),
    ],
)
def test_a_number_at_or_behind_its_bound_fails_and_is_told(value, bounds, words):
    with pytest.raises(ClaimFailed, match=f"^C1: most are right .*{words}"):
        claim("most are right", value, row="C1", **bounds)


@pytest.mark.parametrize("value", [[], np.zeros(0), True, np.array([True]), None, "a"])
def test_a_bound_needs_a_number(value):
    with pytest.raises(TypeError, match="at least one number"):
        claim("this could never fail", value, above=0)


# --- expect_error


def test_an_expected_error_is_printed_in_one_line(capsys):
    with expect_error(ValueError):
        raise ValueError("\nfirst: line\nsecond line")
    assert capsys.readouterr() == ("[raised] ValueError: first: line\n", "")


def test_an_error_without_a_message_has_no_colon(capsys):
    with expect_error(NotImplementedError):
        raise NotImplementedError
    assert capsys.readouterr().out == "[raised] NotImplementedError\n"


@pytest.mark.parametrize("expected", [ValueError, AssertionError, Exception])
def test_no_error_at_all_is_a_failure(expected):
    with pytest.raises(AssertionError, match=f"expected {expected.__name__}, but noth"):
        with expect_error(expected):
            pass


@pytest.mark.parametrize("other", [KeyError, UnicodeError, KeyboardInterrupt])
def test_another_type_passes_through_even_a_subclass(other, capsys):
    with pytest.raises(other):
        with expect_error(ValueError):
            raise other("not this one")
    assert capsys.readouterr().out == ""
