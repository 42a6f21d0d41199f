"""The course's own environment: ``.venv``, made, repaired or brought up to date.

A stamp in it, written last, says for which Python, folder and files it is complete.
While that holds, it is used as it is: no package index is asked, no network needed.

Standard library only: this runs before anything is installed.
"""

import contextlib
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

STAMP = "course-stamp.txt"
DISK_GB = 2  # measured: .venv 1.1, pip's temporary files and its cache 0.25 each

# What pip prints when it fails, and what to do about it; the first hit counts.
CAUSES = (
    (("Errno 28]", "WinError 112]"), "the disk is full: free 2 GB and try again"),
    (
        ("CERTIFICATE_VERIFY_FAILED",),
        "the network replaces certificates: try another one, or ask who runs it",
    ),
    (
        ("NewConnectionError", "NameResolutionError", "ConnectTimeout", "ProxyError")
        + ("ReadTimeout", "ProtocolError", "ConnectionResetError"),
        "no network, or no way to the Python package index: connect and try again",
    ),
    (
        ("No matching distribution",),
        "a package has no build for this Python or machine: try again with 64-bit "
        "Python 3.12, or use a cloud service (Colab, Codespaces)",
    ),
    (("Long Path",), "the folder's path is too long: move the clone to C:\\course"),
    (
        ("Errno 13]", "WinError 5]", "WinError 32]"),
        "a file is in use or may not be written: close Jupyter and try again",
    ),
    (("",), "the installation failed: delete .venv and try again"),
)


class InstallError(Exception):
    """What went wrong and what to do about it."""


def prepare(clone: Path) -> Path:
    """Return the interpreter of a complete environment, made now if there is none.

    Raises:
        InstallError: if it cannot be made, with what to do.
    """
    places = [clone / ".venv", cache_folder() / f"venv-{digest(str(clone))[:8]}"]
    for venv in places:
        if read_stamp(venv) == wanted_stamp(venv, clone):
            return interpreter(venv)
    venv = places[0]
    if not is_writable(clone):
        venv = places[1]
        say(f"{clone} is read-only, so the packages go into your cache folder")
    with one_at_a_time(venv):
        try:
            install(venv, clone)
        except InstallError as error:
            if not is_whole(venv):
                raise
            say(str(error))
            say("going on with the packages of the last complete installation")
    return interpreter(venv)


def install(venv: Path, clone: Path) -> None:
    """Make an environment complete and stamp it.

    One that was once complete is brought up to date. Any other is made from nothing,
    because pip would take a half-installed package for a whole one; so is one that was
    moved, because its scripts hold its old path.
    """
    say(f"installing the packages of requirements.lock into {venv}")
    pip = [str(interpreter(venv)), "-m", "pip", "install", "--no-user", "--no-input"]
    pip += ["--progress-bar=off", "--disable-pip-version-check"]
    moved = is_whole(venv) and read_stamp(venv)[1] != str(clone)
    if moved:  # it still works: without a network do not give it up
        run(venv, [*pip, "--dry-run", "--ignore-installed", "--no-deps", "pip"])
    if moved or not is_whole(venv):
        check_machine(clone if venv.parent == clone else Path.home())
        say("only this time: 1 to 5 minutes, a download of 250 MB, 1.1 GB of disk")
        make_empty(venv)
    run(venv, [*pip, "--only-binary=:all:", "-r", str(clone / "requirements.lock")])
    run(venv, [*pip, "--no-deps", "-e", str(clone)])
    write_stamp(venv, wanted_stamp(venv, clone))
    say("installed")


def make_empty(venv: Path) -> None:
    """Make an environment without packages in place of what is there."""
    if Path(sys.prefix) == venv:  # the Python that would do it is in there
        raise InstallError(f"{venv} is incomplete: type deactivate and try again")
    if (venv / "pyvenv.cfg").exists() and not (venv / STAMP).exists():
        raise InstallError(
            f"{venv} was not made by this command: activate it and install "
            "requirements.lock in it, or delete it; then try again"
        )
    if venv.exists():
        shutil.rmtree(venv)
    venv.mkdir(parents=True)
    write_stamp(venv, ["unfinished"])
    run(venv, [sys.executable, "-m", "venv", str(venv)])


def run(venv: Path, command: list[str]) -> None:
    """Run one step of the installation; raise InstallError if it fails."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    lines = []
    with process:
        try:
            for line in process.stdout:
                lines.append(line.rstrip())
                show_progress(venv, lines[-1])
        except KeyboardInterrupt:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)  # it got the Ctrl-C, too, and tidies up
            process.terminate()
            raise
        finally:
            show_progress(venv, "")  # leave an empty line
    if process.returncode:
        raise InstallError(explain(venv, lines))


def show_progress(venv: Path, line: str) -> None:
    """Show in one line of the terminal what pip is doing."""
    if line.startswith("Installing collected packages"):
        # Until here pip has only fetched. From here on it changes the environment,
        # which is whole again when its stamp says so.
        write_stamp(venv, ["unfinished"])
        line = "unpacking (about a minute)"
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        print("\r" + line[:width].ljust(width), end="\r", flush=True)


def explain(venv: Path, lines: list[str]) -> str:
    """Return what to do about a failed step, its last errors and where its log is.

    A full disk cannot take the log: then the last errors must do.
    """
    output = "\n".join(lines)
    advice = next(text for signs, text in CAUSES if any(s in output for s in signs))
    errors = [line for line in lines if "error" in line.lower()] or lines
    report = [advice, *errors[-2:]]
    with contextlib.suppress(OSError):
        (venv / "install.log").write_text(output, encoding="utf-8")
        report.append(f"(all of it: {venv / 'install.log'})")
    return "\n    ".join(report)


def check_machine(folder: Path) -> None:
    """Raise InstallError if an installation in a folder cannot succeed."""
    if sys.maxsize < 2**32:
        raise InstallError("this Python is 32-bit, JAX needs 64-bit: install that one")
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        raise InstallError(
            "JAX has no current build for Intel Macs: use Colab, Codespaces or a Linux "
            "container (on an Apple-silicon Mac: install Python for arm64)"
        )
    if not all(map(importlib.util.find_spec, ("venv", "ensurepip"))):
        raise InstallError(
            "this Python cannot make environments: type sudo apt install python3-venv "
            "(or python{}.{}-venv) and try again".format(*sys.version_info)
        )
    free = shutil.disk_usage(folder).free / 1e9
    if free < DISK_GB:
        raise InstallError(
            f"{folder} has {free:.1f} GB free and {DISK_GB} are needed: free some"
        )


@contextlib.contextmanager
def one_at_a_time(venv: Path) -> Iterator[None]:
    """Hold a lock that the operating system drops when this process ends."""
    name = f"course-{digest(f'{Path.home()} {venv}')[:12]}.lock"
    with (Path(tempfile.gettempdir()) / name).open("w", encoding="utf-8") as handle:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InstallError(
                "another start is installing: wait until it is done and try again"
            ) from None
        yield


def is_whole(venv: Path) -> bool:
    """Return whether an installation was completed here and its Python still runs."""
    return read_stamp(venv)[:1] == [python_version(venv)]


def read_stamp(venv: Path) -> list[str]:
    """Return the stamp's three lines, none if there is no stamp or a damaged one."""
    stamp = venv / STAMP
    if not stamp.exists():
        return []
    lines = stamp.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines if len(lines) == 3 else []


def write_stamp(venv: Path, lines: list[str]) -> None:
    """Write what the environment is now: complete for something, or unfinished."""
    (venv / STAMP).write_text("\n".join(lines), encoding="utf-8")


def wanted_stamp(venv: Path, clone: Path) -> list[str]:
    """Return the lines of a complete environment: its Python, clone, files' digest."""
    files = [clone / "requirements.lock", clone / "pyproject.toml"]
    texts = [path.read_text(encoding="utf-8") for path in files]
    return [python_version(venv), str(clone), digest("".join(texts))]


def python_version(venv: Path) -> str:
    """Return the version of an environment's Python, such as 3.12; none if broken."""
    code = "import sys; print('{}.{}'.format(*sys.version_info))"
    command = [str(interpreter(venv)), "-c", code]
    try:
        output = subprocess.check_output(command, stderr=subprocess.DEVNULL, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return output.strip()


def interpreter(venv: Path) -> Path:
    """Return where an environment's Python is."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def cache_folder() -> Path:
    """Return the course's folder in the user's cache, for a clone that is read-only."""
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")
    return Path(base) / "image-generation-course"


def is_writable(folder: Path) -> bool:
    """Return whether files can be made in a folder (os.access errs on Windows)."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def say(message: str) -> None:
    """Print a line at once, even into a pipe."""
    print(f"course: {message}", flush=True)


def digest(text: str) -> str:
    """Return the sha256 of a text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
