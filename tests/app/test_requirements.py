"""What pyproject.toml asks for is read and compared as pip would."""

import builtins
import importlib.metadata
import re
import tomllib

from packaging.requirements import Requirement

from course_utils.app import requirements
from course_utils.paths import ROOT

PYPROJECT = ROOT / "pyproject.toml"


def all_requirements():
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    texts = project["dependencies"] + project["optional-dependencies"]["test"]
    return list(map(Requirement, texts))


def test_every_kind_of_problem_is_named(monkeypatch, tmp_path):
    installed = {"new": "2.0", "old": "1.9", "bad": "2.5", "pre": "3.0rc1"}

    def version(name):
        if name == "broken":  # its METADATA was never written
            raise KeyError("Version")
        if name not in installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(
        """
[project]
dependencies = ["new>=2,<3", "old>=2,<3", "bad!=2.5", "broken>=1", "pre>=2"]
[project.optional-dependencies]
test = ["absent", "new"]
""",
        encoding="utf-8",
    )
    assert requirements.unmet(pyproject) == [
        "old 1.9 is installed, not <3,>=2",
        "bad 2.5 is installed, not !=2.5",
        "broken is not installed",
        "absent is not installed",
    ]


def test_an_environment_without_packaging_lacks_our_packages_too(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("packaging"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    assert requirements.unmet(PYPROJECT) == ["packaging is not installed"]


def test_this_environment_meets_the_course_requirements():
    assert {"jax", "jupyterlab", "nbval", "scipy"} <= {
        r.name for r in all_requirements()
    }
    assert requirements.unmet(PYPROJECT) == []


def test_the_lock_stays_inside_the_ranges():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for wanted in all_requirements():
        pins = re.findall(rf"^{re.escape(wanted.name)}==(\S+)", lock, re.MULTILINE)
        assert pins, f"{wanted.name} is not in requirements.lock"
        for pin in pins:
            assert wanted.specifier.contains(pin, prereleases=True), (wanted.name, pin)
