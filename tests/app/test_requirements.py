"""What pyproject.toml asks for is read and compared as pip would."""

import importlib.metadata
import re
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from course_utils.app import requirements

ROOT = Path(__file__).parents[1]
VERSIONS = ["0.9", "0.12.9", "0.13rc1", "0.13.dev2", "0.13", "0.13.0", "0.13.0.1"]
VERSIONS += [
    "0.13.post1",
    "0.13+cpu",
    "0.13.1a1",
    "0.14b2",
    "1.0",
    "10.0",
    "2026.10.18",
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("sign", [">=", "<", "!=", "=="])
@pytest.mark.parametrize("bound", ["0.13", "0.13.0", "0.13.1", "0.9", "2", "10"])
def test_ranges_agree_with_an_independent_implementation(version, sign, bound):
    expected = SpecifierSet(sign + bound).contains(Version(version), prereleases=True)
    assert requirements.allows(sign + bound, version) == expected


@pytest.mark.parametrize(
    "text",
    ["jax ~= 0.1", "jax>0.1", "jax; python_version<'3'", "jax[cuda]", "jax>=", ""],
)
def test_a_form_that_the_course_does_not_use_is_refused(text):
    with pytest.raises(ValueError, match="expected a requirement such as"):
        requirements.split_requirement(text)


def test_a_version_without_a_number_is_refused():
    with pytest.raises(ValueError, match="expected a version"):
        requirements.version_key("unknown")


def test_every_kind_of_problem_is_named(monkeypatch):
    installed = {"new": "2.0", "old": "1.9", "bad": "2.5"}

    def version(name):
        if name == "broken":  # its METADATA was never written
            raise KeyError("Version")
        if name not in installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    texts = ["new>=2,<3", "old>=2,<3", "bad!=2.5", "broken>=1", "absent", "new"]
    assert requirements.unmet(texts) == [
        "old 1.9 is installed, not >=2,<3",
        "bad 2.5 is installed, not !=2.5",
        "broken is not installed",
        "absent is not installed",
    ]


def test_this_environment_meets_the_course_requirements():
    texts = requirements.read_requirements(ROOT / "pyproject.toml")
    names = [requirements.split_requirement(text)[0] for text in texts]
    assert {"jax", "jupyterlab", "nbval", "scipy"} <= set(names)
    assert requirements.unmet(texts) == []


def test_the_lock_stays_inside_the_ranges():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for text in requirements.read_requirements(ROOT / "pyproject.toml"):
        name, ranges = requirements.split_requirement(text)
        pins = re.findall(rf"^{re.escape(name)}==(\S+)", lock, flags=re.MULTILINE)
        assert pins, f"{name} is not in requirements.lock"
        for pin in pins:
            assert all(requirements.allows(part, pin) for part in ranges), (name, pin)
