"""What of pyproject.toml this Python lacks.

The bootstrap asks before anything is installed, so `packaging` is imported late: an
environment without it lacks our packages too, and one that has them can parse them.
"""

import importlib.metadata
import tomllib
from pathlib import Path


def unmet(pyproject: Path) -> list[str]:
    """Return one sentence for each requirement that this Python does not meet.

    Args:
        pyproject: its dependencies count, and those of its extra ``test``.
    """
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return ["packaging is not installed"]
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    texts = project["dependencies"] + project["optional-dependencies"]["test"]
    problems = []
    for wanted in map(Requirement, texts):
        version = installed_version(wanted.name)
        if version is None:
            problems.append(f"{wanted.name} is not installed")
        elif not wanted.specifier.contains(version, prereleases=True):
            found = f"{wanted.name} {version} is installed"
            problems.append(f"{found}, not {wanted.specifier}")
    return problems


def installed_version(name: str) -> str | None:
    """Return the version of an installed package, None if there is none.

    An installation that was cut short can leave a package without a version: None too.
    """
    try:
        return importlib.metadata.version(name)
    except (importlib.metadata.PackageNotFoundError, KeyError):
        return None
