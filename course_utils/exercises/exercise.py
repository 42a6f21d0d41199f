"""What an exercise is: the single source of its check, hints, solution and tests."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """One input to try an answer on; the name is shown when the answer fails there.

    Attributes:
        name: says what is special about the input.
        args: what the answer is called with.
        run: `run(answer, *args)` for this case alone, in place of the exercise's.
        megabytes: how much memory NumPy may take for it.
    """

    name: str
    args: tuple
    run: Callable | None = None
    megabytes: float | None = None


class WrongAnswer(NamedTuple):
    """A plausible mistake: how it behaves, and what to tell whoever makes it."""

    name: str
    answer: Any
    message: str


def call(answer: Callable, *args: Any) -> Any:
    """Run a function on a case: what most exercises do with an answer."""
    return answer(*args)


def no_more(rng: np.random.Generator) -> Iterable[Case]:
    """Return no random cases."""
    return ()


@dataclass(frozen=True, eq=False)
class Exercise:
    """One exercise, the single source of its check, hints, solution and tests.

    Args:
        id: notebook and number, such as "1.3".
        title: what is asked, in a few words.
        reference: the right answer: a function, a class or a plain value.
        cases: inputs for a function or class; none for a plain value.
        more: `more(rng)` gives further cases, drawn at random: other sizes, other
            roles, extremes. They have no wrong answer of their own to tell.
        wrong: named wrong answers, the most specific first.
        also_right: other plain values that are right as well.
        hints: from a nudge to nearly the answer.
        run: `run(answer, *case.args)` gives what is compared.
        then: what the notebook does next with an output; it must succeed and give the
            same as with the reference's output.
        parts: what is said of an entry of a tuple or dict that differs.
        diagnose: `diagnose(answer)` says what is wrong with an answer that is neither
            right nor one of the named wrong ones, or None if it cannot tell.
        afterword: what a right answer is told on top.
        otherwise: advice added when an answer is wrong in a way nobody foresaw.
        rtol: relative tolerance of the comparison.
        atol: absolute tolerance; a thousandth of `rtol` if it is None.
        seconds: of the processor that a check of an answer may take.
    """

    id: str
    title: str
    reference: Any
    cases: tuple[Case, ...] = ()
    more: Callable[[np.random.Generator], Iterable[Case]] = no_more
    wrong: tuple[WrongAnswer, ...] = ()
    also_right: tuple = ()
    hints: tuple[str, ...] = ()
    run: Callable = call
    then: Callable[[Any], Any] | None = None
    parts: Mapping = field(default_factory=dict)
    diagnose: Callable[[Any], str | None] = lambda answer: None
    afterword: str = ""
    otherwise: str = ""
    rtol: float = 1e-5
    atol: float | None = None
    seconds: float = 15.0
