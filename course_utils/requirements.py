"""What pyproject.toml asks for, and what of it this Python lacks.

Standard library only: the bootstrap reads this before anything is installed. It knows
the few forms that our pyproject.toml uses (``name>=1.2,<3``) and refuses the others.
"""

import importlib.metadata
import re
import tomllib
from pathlib import Path


def read_requirements(pyproject: Path) -> list[str]:
    """Return the dependencies and those of the ``test`` extra, as written there."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    return project["dependencies"] + project["optional-dependencies"]["test"]


def unmet(requirements: list[str]) -> list[str]:
    """Return one sentence for each requirement that this Python does not meet."""
    problems = []
    for requirement in requirements:
        name, ranges = split_requirement(requirement)
        version = installed_version(name)
        if version is None:
            problems.append(f"{name} is not installed")
        elif not all(allows(part, version) for part in ranges):
            wanted = ",".join(ranges)
            problems.append(f"{name} {version} is installed, not {wanted}")
    return problems


def split_requirement(requirement: str) -> tuple[str, list[str]]:
    """Return name and ranges: ``"jax>=0.10,<0.13"`` -> ``"jax", [">=0.10", "<0.13"]``.

    Raises:
        ValueError: for a form that the course does not use, such as a marker.
    """
    match = re.fullmatch(r"([\w.-]+)((?:(?:>=|<|!=|==)[\w.]+,?)*)", requirement)
    if not match:
        raise ValueError(
            f"expected a requirement such as 'jax>=0.10,<0.13', got {requirement!r}; "
            "write it with >=, <, != and == alone, without spaces or markers"
        )
    return match[1], [part for part in match[2].split(",") if part]


def installed_version(name: str) -> str | None:
    """Return the version of an installed package, None if there is none.

    An installation that was cut short can leave a package without a version: None too.
    """
    try:
        return importlib.metadata.version(name)
    except (importlib.metadata.PackageNotFoundError, KeyError):
        return None


def allows(part: str, version: str) -> bool:
    """Return whether one range such as ``"<0.13"`` admits a version (PEP 440).

    A pre-release comes before its release, so 0.13rc1 does not meet ``>=0.13``; and it
    already has that release's changes, so it does not meet ``<0.13`` either.
    """
    sign, bound = re.fullmatch(r"(>=|<|!=|==)(.+)", part).groups()
    found, limit = version_key(version), version_key(bound)
    if sign == ">=":
        return found >= limit
    if sign == "<":
        return found[0] < limit[0]
    return (found == limit) == (sign == "==")


def version_key(version: str) -> tuple[tuple[int, ...], int]:
    """Return what versions are ordered by: the release's numbers, then its stage.

    Zeros at the end do not count (1.0 equals 1). The stage is -1 before the release, 0
    for it and 1 after it; what comes after a "+" does not count.
    """
    stages = {"": 0, "post": 1}  # and a, b, rc, dev: -1
    match = re.match(r"(\d+(?:\.\d+)*)[-_.]?(a|b|rc|dev|post|)", version)
    if not match:
        raise ValueError(f"expected a version such as 1.2.3, got {version!r}")
    numbers = [int(number) for number in match[1].split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers), stages.get(match[2], -1)
