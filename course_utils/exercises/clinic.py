"""The bug clinic: versions of one part, some with a silent fault, and instruments.

A learner says who is guilty and which instrument proves it. A clinic declares what each
instrument can see; `problems` runs them all and is empty when the declaration holds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from course_utils.exercises.exercise import Exercise, WrongAnswer


@dataclass(frozen=True)
class Clinic:
    """Suspects, the fault among them, and the instruments at hand.

    Args:
        id: the exercise id of the verdict, such as "1.6".
        suspects: name -> version of the part under suspicion.
        guilty: name of the faulty version.
        fault: what is wrong with it, shown with the verdict.
        instruments: name -> `instrument(suspect)`, True when it finds nothing wrong.
        blind: name -> why that instrument cannot see this fault.
        hints: as in `Exercise`.
    """

    id: str
    suspects: dict[str, Callable]
    guilty: str
    fault: str
    instruments: dict[str, Callable[[Callable], bool]]
    blind: dict[str, str]
    hints: tuple[str, ...] = ()


def problems(clinic: Clinic) -> list[str]:
    """Run every instrument on every suspect; say where the declared evidence fails."""
    found = []
    for name, passes in clinic.instruments.items():
        convicted = {s for s, part in clinic.suspects.items() if not passes(part)}
        expected = set() if name in clinic.blind else {clinic.guilty}
        if convicted != expected:
            found.append(
                f"{name!r} convicts {convicted or None}, not {expected or None}"
            )
    if not set(clinic.instruments) - set(clinic.blind):
        found.append(f"no instrument convicts {clinic.guilty}")
    return found


def verdict_exercise(clinic: Clinic) -> Exercise:
    """Return the exercise "who is guilty, and which instrument proves it?"."""
    convicting = [name for name in clinic.instruments if name not in clinic.blind]
    right = [{"guilty": clinic.guilty, "instrument": name} for name in convicting]
    suspects = " or ".join(clinic.suspects)
    instruments = " or ".join(map(repr, clinic.instruments))
    return Exercise(
        id=clinic.id,
        title="bug clinic: the verdict",
        reference=right[0],
        also_right=tuple(right[1:]),
        wrong=tuple(_false_verdicts(clinic, convicting)),
        hints=clinic.hints,
        afterword=f"{clinic.guilty}: {clinic.fault}.",
        otherwise=f'"guilty" is {suspects}; "instrument" is {instruments}.',
    )


def _false_verdicts(clinic: Clinic, convicting: list[str]) -> Iterator[WrongAnswer]:
    """Yield every wrong verdict with what speaks against it."""
    for name in clinic.instruments:
        for suspect in clinic.suspects:
            answer = {"guilty": suspect, "instrument": name}
            label = f"accuses {suspect} by {name}"
            if name not in convicting:
                # Whether the suspect is the right one is not given away.
                message = f"{name!r} proves nothing against {suspect}, nor any other: "
                yield WrongAnswer(label, answer, message + clinic.blind[name])
            elif suspect != clinic.guilty:
                message = f"{name!r} finds nothing wrong with {suspect}. Try it."
                yield WrongAnswer(label, answer, message)
