"""What ``course doctor`` checks: one line each, and one fix for each problem.

``[ok]`` needs nothing, ``[--]`` is worth knowing, ``[!!]`` keeps lessons from running.
The output is ASCII, so that every console can show it and every report can quote it.
"""

import importlib.util
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from course_utils.app.requirements import installed_version, unmet
from course_utils.paths import ROOT

OK, NOTE, BAD = "[ok]", "[--]", "[!!]"
OLDEST, NEWEST = (3, 11), (3, 13)  # that the course is tested with


class Finding(NamedTuple):
    """The result of a check: its mark, what was found and, if need be, one fix."""

    mark: str
    text: str
    fix: str = ""


def main() -> int:
    """Print all findings; return 1 if one of them is ``[!!]``, else 0."""
    marks = []
    for check in CHECKS:
        finding = examine(check)
        marks.append(finding.mark)
        print(as_ascii(f"{finding.mark} {finding.text}"), flush=True)
        if finding.fix:
            print(f"     fix: {as_ascii(finding.fix)}", flush=True)
    problems = marks.count(BAD)
    print(f"{problems} to fix" if problems else "Everything that lessons need is here.")
    return 1 if problems else 0


def examine(check: Callable[[], Finding]) -> Finding:
    """Run a check; one that cannot run is a problem, too."""
    try:
        return check()
    except Exception as error:  # whatever is broken, the other checks still run
        name = check.__name__.removeprefix("check_")
        return Finding(BAD, f"{name}: {type(error).__name__}: {error}", reinstall())


def as_ascii(text: str) -> str:
    """Return one line of ASCII: other letters, as in a path, are escaped."""
    return " ".join(text.split()).encode("ascii", "backslashreplace").decode()


def reinstall() -> str:
    """Return how to repair the packages of this environment."""
    if Path(sys.prefix) == ROOT / ".venv":
        return f"delete {ROOT / '.venv'} and type the command again"
    return f"in {ROOT}, type: python -m pip install -r requirements.lock"


def check_python() -> Finding:
    """The version is one of those that the course is tested with."""
    version = sys.version_info[:2]
    text = f"Python {platform.python_version()} on {platform.platform()}"
    if version < OLDEST:
        return Finding(BAD, f"{text} is too old", "install Python 3.12")
    if version > NEWEST:
        return Finding(NOTE, f"{text} is untested: it is newer and may well work")
    return Finding(OK, text)


def check_bits() -> Finding:
    """JAX has no 32-bit builds."""
    if sys.maxsize < 2**32:
        return Finding(BAD, "this Python is 32-bit", "install a 64-bit Python 3.12")
    return Finding(OK, "this Python is 64-bit")


def check_packages() -> Finding:
    """The packages are there, in the ranges of pyproject.toml."""
    if not (ROOT / "pyproject.toml").exists():
        return Finding(NOTE, f"packages: no pyproject.toml in {ROOT} to compare with")
    problems = unmet(ROOT / "pyproject.toml")
    if problems:
        return Finding(BAD, f"packages: {'; '.join(problems)}", reinstall())
    names = ["jax", "flax", "optax", "numpy"]
    versions = ", ".join(f"{name} {installed_version(name)}" for name in names)
    return Finding(OK, f"packages: {versions} and the others are in the tested ranges")


def check_data() -> Finding:
    """The data files are the publisher's, byte for byte; the error says what to do."""
    from course_utils.data import DataError, load_fashion_mnist, load_photo

    try:
        load_fashion_mnist()
        load_photo()
    except DataError as error:
        return Finding(BAD, f"data: {error}")
    return Finding(OK, "data: Fashion-MNIST and the photograph have the right SHA-256")


def check_memory() -> Finding:
    """3 GB of memory are recommended."""
    import psutil

    memory = psutil.virtual_memory()
    total, free = memory.total / 1e9, memory.available / 1e9
    text = f"memory: {total:.1f} GB, {free:.1f} of them free"
    if total < 3:
        return Finding(NOTE, f"{text}; 3 are recommended", "close all other programs")
    return Finding(OK, text)


def check_disk() -> Finding:
    """Caches and what learners save need a little room."""
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < 1:
        return Finding(NOTE, f"disk: {free:.1f} GB free", "free 1 GB")
    return Finding(OK, f"disk: {free:.1f} GB free")


def check_cores() -> Finding:
    """The minutes in the notebooks were measured on two cores."""
    cores = os.cpu_count() or 1
    if cores < 2:
        return Finding(NOTE, "cores: 1, so lessons take twice as long as they say")
    return Finding(OK, f"cores: {cores}")


def check_jit() -> Finding:
    """JAX compiles a small function for the CPU and gets it right."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError as error:
        # On Windows a library that JAX needs comes from Microsoft.
        library = "install Microsoft's Visual C++ Redistributable (x64)"
        fix = library if os.name == "nt" else reinstall()
        return Finding(BAD, f"JAX cannot be loaded: {error}", fix)

    def sum_of_squares(n: jax.Array) -> jax.Array:
        squares = jnp.arange(10) ** 2
        return jnp.sum(squares) + n

    start = time.perf_counter()
    with jax.default_device(jax.devices("cpu")[0]):
        result = int(jax.jit(sum_of_squares)(1))
    if result != 286:
        return Finding(BAD, f"JAX computes {result} instead of 286", reinstall())
    seconds = time.perf_counter() - start
    return Finding(OK, f"JAX compiles for the CPU ({seconds:.1f} s)")


def check_kernel() -> Finding:
    """Notebooks run in this environment: what the kernel "python3" starts."""
    from jupyter_client.kernelspec import KernelSpecManager

    spec = KernelSpecManager().get_kernel_spec("python3")
    starts = Path(spec.argv[0])
    # Jupyter replaces a bare "python" by the Python that it runs in.
    own = not starts.is_absolute() and starts.name.startswith("python")
    if own or starts.parent.resolve() == Path(sys.executable).parent.resolve():
        return Finding(OK, f"kernel: notebooks run in {sys.prefix}")
    where = "--sys-prefix" if spec.resource_dir.startswith(sys.prefix) else "--user"
    return Finding(
        BAD,
        f"kernel: notebooks would run in another environment, {starts}",
        f"type: {sys.executable} -m ipykernel install {where}",
    )


def check_widgets() -> Finding:
    """Sliders need ipywidgets and its extension for JupyterLab."""
    if all(map(importlib.util.find_spec, ("ipywidgets", "jupyterlab_widgets"))):
        return Finding(OK, "widgets: explore() shows sliders")
    return Finding(NOTE, "widgets: none, explore() shows filmstrips only", reinstall())


CHECKS = (
    check_python,
    check_bits,
    check_packages,
    check_data,
    check_memory,
    check_disk,
    check_cores,
    check_jit,
    check_kernel,
    check_widgets,
)
