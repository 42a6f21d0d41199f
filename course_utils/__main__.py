"""Start the course: ``python3 -m course_utils lab`` (on Windows ``py -m ...``).

What this does to your machine:

1. If the Python that runs it already has the packages of pyproject.toml (conda, an
   activated environment, a container): nothing. It runs the command there.
2. Otherwise it makes the folder ``.venv`` in this clone, installs the exact versions of
   requirements.lock into it (environment.py) and runs the command there. Nothing is
   installed anywhere else; pip keeps its downloads in its usual cache. To undo it all,
   delete ``.venv``.

This file uses the standard library alone, in the syntax of Python 3.6, so that an old
Python can read it and say that it is too old. It imports the other modules late for the
same reason.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from course_utils.paths import ROOT

OLDEST = (3, 11)
PYTHON = "py" if os.name == "nt" else "python3"
USAGE = f"""\
The image-generation course. Type in this folder:
  {PYTHON} -m course_utils lab     open the notebooks
  {PYTHON} -m course_utils test    check that everything works on this machine
  {PYTHON} -m course_utils doctor  find out what is wrong, if something is
The first time, the packages are installed into the folder .venv."""


def main(argv: list) -> int:
    """Run one course command in a complete environment; return its exit code."""
    if sys.version_info < OLDEST:
        return fail(too_old())
    if not argv or argv[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    from course_utils.app.environment import InstallError, prepare

    try:
        python = None if is_ready_here() else prepare(ROOT)
    except (InstallError, OSError) as error:
        return fail(error)
    except KeyboardInterrupt:
        fail("stopped. Nothing is broken: type the same command again to go on")
        return 130
    return hand_over(python, argv) if python else run_here(argv)


def fail(problem: object) -> int:
    """Print a problem and return the exit code 1."""
    print(f"course: {problem}", file=sys.stderr, flush=True)
    return 1


def too_old() -> str:
    """Explain to an old Python what is needed."""
    needed, running = ("{}.{}".format(*v) for v in (OLDEST, sys.version_info))
    newer = "py -3.12" if os.name == "nt" else "python3.12"
    return (
        f"this course needs Python {needed} or newer; you are running {running}. "
        "Install 3.12 (https://www.python.org/downloads or your package manager), "
        f"then type: {newer} -m course_utils lab"
    )


def is_ready_here() -> bool:
    """Return whether this Python has what pyproject.toml asks for.

    Raises:
        InstallError: if there is neither a clone nor an installed package.
    """
    from course_utils.app.environment import InstallError
    from course_utils.app.requirements import unmet

    if (ROOT / "pyproject.toml").exists():
        return not unmet(ROOT / "pyproject.toml")
    if importlib.util.find_spec("jax"):
        return True  # the package was installed without its clone
    raise InstallError(
        f"there is no pyproject.toml in {ROOT}: type the command in a whole clone"
    )


def run_here(argv: list) -> int:
    """Run the command in this process."""
    from course_utils.app.cli import main as course

    os.environ["PYTHONPATH"] = python_path()
    return course(argv)


def hand_over(python: Path, argv: list) -> int:
    """Run the command with another interpreter and return its exit code."""
    code = (
        "import sys; from course_utils.app.cli import main; "
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [str(python), "-c", code] + argv
    environment = dict(os.environ, PYTHONPATH=python_path())
    if os.name != "nt":  # become that process: Ctrl-C and signals reach it directly
        os.execve(str(python), command, environment)
    process = subprocess.Popen(command, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # the command got it, too, and decides


def python_path() -> str:
    """Return a PYTHONPATH that makes notebooks import this clone and no other."""
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
