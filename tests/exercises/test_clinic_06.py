"""The clinic of notebook 06: which instrument sees which fault, and which cannot."""

import dataclasses

import numpy as np
import pytest

from course_utils.assertions import influence
from course_utils.exercises.clinic import problems
from course_utils.exercises.notebook_06 import e6_6_clinic
from course_utils.exercises.notebook_06.e6_6_clinic import (
    CLINIC,
    FAULTS,
    faults,
    zero_weights,
)
from course_utils.worlds import all_images

INSTRUMENTS = CLINIC.instruments
CONVICTED_BY = {
    "mask B in the first layer": {"total", "field", "draws"},
    "no centre row in later layers": {"field"},
    "the residual is added twice": set(),
    "one uniform number for all pixels": {"draws"},
    "the cache is not cleared": {"twice"},
    "the vertical stack reads the other": {"total", "field", "draws"},
    "mask A in every layer": set(),
}
EARLIER = np.tri(9, k=-1, dtype=bool)
BLIND_SPOT = {(3, 2), (6, 5)}  # of a stack of 3x3 kernels: (who, does not see whom)


def convicting(program):
    return {name for name, passes in INSTRUMENTS.items() if not passes(program)}


def uniforms(seed, b=200):
    return np.random.default_rng(seed).random((b, 3, 3), np.float32)


def seen(program):
    x = all_images(3, 3).astype(np.float32)
    return influence(lambda x: program.logits(x).reshape(-1, 3, 3, 1), x)


def pairs(table):
    return {(int(who), int(whom)) for who, whom in np.argwhere(table)}


@pytest.mark.slow
@pytest.mark.parametrize("fault", CONVICTED_BY)
def test_the_table_of_faults_and_instruments(fault):
    for planted in (FAULTS, faults(11), faults(12)):
        assert list(planted) == list(CONVICTED_BY)
        assert convicting(planted[fault]) == CONVICTED_BY[fault]


@pytest.mark.slow
def test_4000_draws_can_be_too_few_for_a_fault_of_the_scores():
    """With these weights a pixel sees itself, but makes little of it."""
    planted = faults(7)
    name = "mask B in the first layer"
    assert convicting(planted[name]) == CONVICTED_BY[name] - {"draws"}
    name = "one uniform number for all pixels"
    assert convicting(planted[name]) == {"draws"}


@pytest.mark.slow
def test_who_opens_the_programs_sees_the_doubled_residual_and_nothing_else():
    for programs in (FAULTS, faults(11), faults(12), CLINIC.suspects):
        convicted = [name for name, run in programs.items() if not zero_weights(run)]
        doubled = "the residual is added twice"
        assert convicted == [name for name in programs if name == doubled]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [10, 12])
def test_the_verdict_does_not_hang_on_the_weights(seed):
    again = dataclasses.replace(CLINIC, suspects=e6_6_clinic.suspects(seed))
    assert problems(again) == []


@pytest.mark.slow
def test_what_the_suspects_do_not_see():
    unseen = {name: EARLIER & ~seen(run) for name, run in CLINIC.suspects.items()}
    assert {name: pairs(table) for name, table in unseen.items()} == {
        "A": BLIND_SPOT,
        "B": set(),
        "C": BLIND_SPOT | {(2, 0), (5, 3), (8, 6)},
        "D": set(),
    }


@pytest.mark.slow
def test_what_leaks():
    itself = {(i, i) for i in range(9)}
    assert pairs(seen(FAULTS["mask B in the first layer"]) & ~EARLIER) == itself
    # The horizontal map of the right neighbour knows this pixel. With every further
    # block it is one pixel more, as long as there is a neighbour to ask.
    leaks = pairs(seen(FAULTS["the vertical stack reads the other"]) & ~EARLIER)
    assert leaks == {
        (0, 0),
        (0, 1),
        (1, 1),
        (3, 3),
        (3, 4),
        (4, 4),
        (6, 6),
        (6, 7),
        (7, 7),
    }


@pytest.mark.slow
def test_the_cache_makes_no_difference_until_it_is_not_cleared():
    u, other = uniforms(0), uniforms(1)
    for name in "BC":
        program = CLINIC.suspects[name]
        assert (program.draw(u) == e6_6_clinic._naively(program, u)).all()
    faulty = FAULTS["the cache is not cleared"]
    right = e6_6_clinic._naively(faulty, u)
    faulty.restart()
    assert (faulty.draw(u) == right).all()
    faulty.draw(other)
    differ = np.asarray(faulty.draw(u) != right).any(axis=(1, 2, 3))
    assert 0.05 < differ.mean() < 1
    faulty.draw(uniforms(1, b=7))  # a batch of another size has a cache of its own
    faulty.restart()
    assert (faulty.draw(u) == right).all()


@pytest.mark.slow
def test_the_order_of_the_instruments_makes_no_difference():
    faulty = FAULTS["the cache is not cleared"]
    found = [INSTRUMENTS[name](faulty) for name in ("draws", "twice") * 2]
    assert found == [True, False] * 2


def test_nobody_is_told_who_is_guilty():
    assert "row" not in f"{CLINIC.suspects}".lower()


def test_the_blind_spot_is_excused_and_nothing_else():
    assert pairs(EARLIER & ~e6_6_clinic._within_reach()) == BLIND_SPOT


class Regressions:
    """An honest program: each pixel by a logistic regression on the earlier ones."""

    def __init__(self, weights=EARLIER, **faulty):
        self.weights, self.restarts = 0.5 * np.asarray(weights, float), 0
        vars(self).update(faulty)

    def __call__(self, x):
        x = x.reshape(-1, 9)
        with np.errstate(invalid="ignore"):  # logits may be NaN on purpose
            return -np.logaddexp(0, (1 - 2 * x) * self.logits(x)).sum(axis=1)

    def logits(self, x):
        x = np.asarray(x).reshape(-1, 9)
        return self.change(x @ self.weights.T - 0.5, x)

    def draw(self, uniforms):
        x = np.zeros((len(uniforms), 9))
        for i in range(9):
            p = 1 / (1 + np.exp(-self.logits(x)[:, i]))
            x[:, i] = np.asarray(uniforms).reshape(-1, 9)[:, i] < p
        return x.reshape(-1, 3, 3, 1)

    def restart(self):
        self.restarts += 1

    @staticmethod
    def change(logits, x):
        return logits


def weighing(who, whom, weight):
    """Return regressions in which one pixel has another weight for one pixel."""
    weights = EARLIER.astype(float)
    weights[who, whom] = weight
    return Regressions(weights)


def changing(column, change):
    """Return regressions one of whose logits is changed by a function of the pixels."""

    def changed(logits, x):
        logits[:, column] += change(x)
        return logits

    return Regressions(change=changed)


class Drifting(Regressions):
    """Regressions that turn the uniform numbers by a little more with every batch."""

    batches = 0

    def draw(self, uniforms):
        self.batches += 1
        return super().draw((np.asarray(uniforms) + 0.1 * self.batches) % 1)


@pytest.mark.parametrize(
    ("program", "convicted_by"),
    [
        (Regressions(), set()),
        (weighing(3, 2, 0), set()),
        (weighing(6, 5, 0), set()),
        (weighing(2, 0, 0), {"field"}),
        (weighing(6, 2, 0), {"field"}),
        (weighing(8, 0, 0), {"field"}),
        (weighing(4, 1, 0), {"field"}),
        (weighing(8, 7, 1e-3), set()),
        (weighing(4, 4, 4), {"total", "field", "draws"}),
        (weighing(0, 8, 4), {"total", "field", "draws"}),
        (Drifting(), {"twice"}),
    ],
)
def test_what_each_instrument_sees(program, convicted_by):
    assert convicting(program) == convicted_by


def test_one_image_of_512_is_enough_for_the_field():
    assert not INSTRUMENTS["field"](changing(0, lambda x: 0.1 * x.all(axis=1)))
    first_seen_in_one = weighing(8, 0, 0)
    first_seen_in_one.change = lambda logits, x: np.where(
        x[:, :8].all(axis=1, keepdims=True) & (np.arange(9) == 8), 0.7, logits
    )
    assert INSTRUMENTS["field"](first_seen_in_one)


def test_the_instruments_that_draw_start_the_program_anew():
    program = Regressions()
    for count, name in enumerate(["draws", "twice"], start=1):
        INSTRUMENTS[name](program)
        assert program.restarts == count


def crash(*_):
    raise ZeroDivisionError


def nan_in_one(x):
    return np.where(x.all(axis=1), np.nan, 0.0)


@pytest.mark.parametrize(
    ("instruments", "program"),
    [
        ("total, field, draws", changing(8, nan_in_one)),
        ("total, field, draws", Regressions(change=crash)),
        ("field", Regressions(logits=lambda x: np.zeros((len(x), 8)))),
        ("draws, twice", Regressions(draw=crash)),
        ("draws, twice", Regressions(restart=crash)),
        ("draws, twice", Regressions(draw=lambda u: np.full((*u.shape, 1), np.nan))),
        ("draws, twice", Regressions(draw=lambda u: np.asarray(u)[..., None])),
        (
            "draws, twice",
            Regressions(draw=lambda u: np.asarray(u)[:400, ..., None] < 1),
        ),
    ],
)
def test_neither_nan_nor_a_crash_counts_as_acquittal(instruments, program):
    for name in instruments.split(", "):
        try:
            acquitted = INSTRUMENTS[name](program)
        except (ValueError, ZeroDivisionError):
            continue
        assert acquitted is False, name
