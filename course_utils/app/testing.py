"""The steps of `course test`: the whole proof, or the quick part of it."""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from course_utils.app.environment import cache_folder
from course_utils.paths import ROOT

_PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
# On both cores: each starts with one half of the tests and then helps the other; a
# notebook stays on one core, in one kernel.
_BOTH_CORES = ["-n", "2", "--dist", "worksteal"]
_NOTEBOOK_EACH = ["-n", "2", "--dist", "loadfile"]
_NBVAL = [
    "--nbval",
    "--nbval-current-env",
    "--nbval-cell-timeout=900",  # a busy machine is two to three times slower
    "--nbval-kernel-startup-timeout=120",
    "-o",
    "addopts=",
]
_REPORT = str(Path(tempfile.gettempdir()) / "course-solutions.xml")
STEPS = {
    "format": [sys.executable, "-m", "ruff", "format", "--check", "--no-cache", "."],
    "lint": [sys.executable, "-m", "ruff", "check", "--no-cache", "."],
    "unit": [*_PYTEST, *_BOTH_CORES, "--durations=5"],
    # Apart from the others: the type checker must see every import of the package.
    "typed": [*_PYTEST, "-o", "addopts=", "tests/typed"],
    "notebooks": [*_PYTEST, *_NBVAL, *_NOTEBOOK_EACH]
    + ["--ignore=notebooks/solutions", "notebooks"],
    # Nothing is trained again: outside the exercises a solved notebook equals the
    # learner's (a unit test), and its exercises are graded like a submission's.
    "solutions": [sys.executable, "-m", "course_utils", "grade"]
    + ["notebooks/solutions/*.ipynb", "--report", _REPORT],
}
QUICK = {
    "format": STEPS["format"],
    "lint": STEPS["lint"],
    "quick": [*_PYTEST, *_BOTH_CORES, "-m", "not slow", "--durations=5"],
}


def run_steps(names: list[str]) -> int:
    """Run steps, all of them even if one fails; print a summary, return an exit code.

    Args:
        names: of steps; `quick` stands for what takes two minutes, no name for all.

    Raises:
        ValueError: there is no such step.
    """
    steps = _chosen(names)
    results = {}
    for name, command in steps.items():
        print(f"\n=== {name} ===", flush=True)
        start = time.perf_counter()
        code = subprocess.run(command, cwd=ROOT, env=_environment(name)).returncode
        results[name] = code, time.perf_counter() - start
    print("\n=== summary ===")
    for name, (code, seconds) in results.items():
        print(f"{'ok    ' if code == 0 else 'FAILED'} {name:10} {seconds:6.0f} s")
    return 1 if any(code for code, _ in results.values()) else 0


def _chosen(names: list[str]) -> dict[str, list[str]]:
    known = STEPS | QUICK
    unknown = set(names) - set(known)
    if unknown:
        raise ValueError(f"no such step: {', '.join(unknown)}; use {', '.join(known)}")
    chosen = [step for name in names for step in (QUICK if name == "quick" else [name])]
    return {name: known[name] for name in chosen or STEPS}


def _environment(step: str) -> dict[str, str]:
    """Return an environment in which only what is in the repository decides.

    The quick run alone keeps what was compiled: the whole proof compiles everything.
    """
    others = re.compile("COURSE_|PYTEST_|JAX_|XLA_")
    ours = {k: v for k, v in os.environ.items() if not others.match(k)}
    kept = {}
    if step == "quick":  # many programs, each of which compiles in no time
        kept = compilation_cache() | {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    return {**ours, **kept, "COURSE_LIVE": "0", "JAX_PLATFORMS": "cpu"}


def compilation_cache() -> dict[str, str]:
    """Return the environment of processes that compile a program once, not every time.

    JAX's key for a program holds the versions and the processor. It keeps what took a
    second to compile; most of the course's steps take less.
    """
    defaults = {
        "JAX_COMPILATION_CACHE_DIR": str(cache_folder() / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
    }
    return {name: os.environ.get(name, value) for name, value in defaults.items()}
