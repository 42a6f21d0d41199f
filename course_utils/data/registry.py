"""The course's own files: where they are, what they must be, and what to do if not.

Each is checked against ``data/registry.json`` whenever it is read: a damaged file is an
error that names the repair, never a strange picture three notebooks later. Nothing is
downloaded, and only `course train` writes.
"""

import hashlib
import json
import os
from pathlib import Path

from course_utils.paths import ROOT


class DataError(Exception):
    """A data file is missing, damaged, or not of the kind expected."""


def data_dir() -> Path:
    """Return the folder of the data files.

    It is ``data`` beside the package's folder, or what the environment variable
    ``COURSE_DATA`` names, if that is set and not empty.
    """
    folder = os.environ.get("COURSE_DATA")
    if folder:
        return Path(folder).expanduser().resolve()
    return ROOT / "data"


def read_verified(name: str) -> bytes:
    """Return the content of a registered file, after checking its size and SHA-256.

    Args:
        name: path inside the data folder, as ``registry.json`` spells it, for example
            ``"photos/chelsea.png"``.

    Raises:
        DataError: the name is not registered, or the file is missing, truncated, too
            long or altered.
    """
    registry = _registry()
    if name not in registry:
        known = ", ".join(registry)
        raise refusal(name, "not registered", f"one of {known}", "another name", "")
    path, repair = data_dir() / name, how_to_repair(name)
    content = read_file(path, repair)
    check_size(path, registry[name]["bytes"], len(content), repair)
    expected, found = registry[name]["sha256"], hashlib.sha256(content).hexdigest()
    if found != expected:
        raise refusal(
            path, "altered", f"SHA-256 {expected[:16]}...", f"{found[:16]}...", repair
        )
    return content


def register(name: str, licence: str, source: str) -> None:
    """Write size and hash of a new file into ``registry.json``: it is as it should be.

    Args:
        name: path inside the data folder.
        licence: of the file.
        source: where it comes from, for example ``"course train vae-conv"``.
    """
    content, path = (data_dir() / name).read_bytes(), data_dir() / "registry.json"
    entries = json.loads(path.read_text(encoding="utf-8"))
    entries[name] = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "licence": licence,
        "source": source,
    }
    text = json.dumps(entries, indent=2) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def _registry() -> dict:
    """Return registry.json: what each of the course's files must be."""
    path, repair = data_dir() / "registry.json", how_to_repair("registry.json")
    try:
        return json.loads(read_file(path, repair))
    except ValueError as error:
        raise refusal(path, "damaged", "JSON", error, repair) from None


def read_file(path: Path, repair: str) -> bytes:
    """Return a file's content, or raise a DataError that says why not."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise refusal(path, "missing", "a file", "none", repair) from None
    except OSError as error:
        found = error.strerror
        raise refusal(path, "unreadable", "a file", found, repair) from error


def check_size(
    name: str | Path, expected: int, found: int, repair: str, shape: tuple = ()
) -> None:
    """Raise a DataError unless a file has exactly the expected number of bytes."""
    if found != expected:
        problem = "truncated" if found < expected else "too long"
        declared = f" for the shape {shape} in its header" if shape else ""
        raise refusal(
            name, problem, f"{expected} bytes{declared}", f"{found} bytes", repair
        )


def how_to_repair(name: str) -> str:
    """Return how to repair one of the course's own files."""
    if os.environ.get("COURSE_DATA"):
        return (
            f"COURSE_DATA points to {data_dir()}: unset it to use the course's own "
            "files, or put the right file there."
        )
    return (
        f"At the top of your clone, run: git restore data/{name} "
        "(without a clone, download the course again)."
    )


def refusal(
    name: str | Path, problem: str, expected: object, found: object, repair: str
) -> DataError:
    """Return the error in the one form that all of this module's errors have."""
    return DataError(
        f"{name} is {problem}: expected {expected}, found {found}. {repair}".rstrip()
    )
