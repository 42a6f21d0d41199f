"""The learner's own copies of the notebooks, which `course lab` opens.

The published notebooks stay as they are, so that updating the course never collides
with somebody's work and `course test` tests what was published.
"""

import os
import shutil
from pathlib import Path

from course_utils.app.authoring import notebooks
from course_utils.app.environment import is_writable
from course_utils.paths import ROOT


def prepare_workspace() -> Path:
    """Return the folder of copies, after adding those that are missing.

    It is `work/` in the clone; or `image-generation-course/` in the home folder if the
    clone is read-only; or what the environment variable COURSE_WORK names.

    A copy is never overwritten, unless nobody has changed it and the published notebook
    is newer: then the new one takes its place.
    """
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    for published in notebooks.learner_notebooks():
        copy = folder / published.name
        if not copy.exists() or _is_outdated(copy, published):
            shutil.copyfile(published, copy)
    return folder


def _folder() -> Path:
    if os.environ.get("COURSE_WORK"):
        return Path(os.environ["COURSE_WORK"]).expanduser().resolve()
    if is_writable(ROOT):
        return ROOT / "work"
    return Path.home() / "image-generation-course"


def _is_outdated(copy: Path, published: Path) -> bool:
    """Return whether an untouched copy differs from the notebook published now."""
    try:
        mine = notebooks.read(copy)
    except ValueError as error:
        print(f"{error}; delete or rename it to get a fresh one")
        return False
    if notebooks.stored_digest(mine) == notebooks.stored_digest(
        notebooks.read(published)
    ):
        return False
    if notebooks.is_unchanged(mine):
        return True
    print(f"{copy.name} has a newer version; rename yours to get it")
    return False
