"""Files are what the registry says, or refused with their repair."""

import hashlib
import re
import shutil
import subprocess
import sys

import pytest
from files import DATA, FILES, LABELS, PUBLISHER_MD5, README, REGISTRY, flip_bit

from course_utils.data import (
    DataError,
    data_dir,
    load_photo,
    read_idx,
    read_verified,
    registry,
)


@pytest.mark.parametrize("name", REGISTRY)
def test_every_registered_file_verifies(name):
    assert read_verified(name) == (DATA / name).read_bytes()


def test_every_file_of_the_two_folders_is_registered():
    files = {
        path.relative_to(DATA).as_posix()
        for folder in ("fashion-mnist", "photos")
        for path in (DATA / folder).iterdir()
    }
    assert files - {"fashion-mnist/LICENSE"} <= REGISTRY.keys()


@pytest.mark.parametrize(("name", "md5"), PUBLISHER_MD5.items())
def test_files_are_the_publishers(name, md5):
    content = (DATA / "fashion-mnist" / name).read_bytes()
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == md5
    assert f"| `{name}` | `{md5}` |" in README


@pytest.mark.parametrize("name", PUBLISHER_MD5)
def test_registry_describes_the_arrays(name):
    entry = REGISTRY[f"fashion-mnist/{name}"]
    array = read_idx(DATA / "fashion-mnist" / name)
    assert (list(array.shape), array.dtype.name) == (entry["shape"], entry["dtype"])


def test_registry_describes_the_photograph():
    entry, photo = REGISTRY["photos/chelsea.png"], load_photo()
    assert (list(photo.shape), photo.dtype.name) == (entry["shape"], entry["dtype"])


@pytest.mark.parametrize("name", FILES)
def test_datasheet_lists_the_file(name):
    licence = REGISTRY[name]["licence"].replace("CC0-1.0", "CC0 1.0")
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
    assert f"| {REGISTRY[name]['bytes']:,} |" in row
    assert row.endswith(f"| {licence} |")


def test_licence_of_the_publisher_is_there():
    text = (DATA / "fashion-mnist" / "LICENSE").read_text(encoding="utf-8")
    assert "MIT License" in text and "2017 Zalando SE" in text


def test_import_does_not_load_jax():
    code = "import sys, course_utils.data; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_folder_is_beside_the_package_unless_course_data_is_set(monkeypatch, tmp_path):
    assert data_dir() == DATA
    monkeypatch.setenv("COURSE_DATA", "")
    assert data_dir() == DATA
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert data_dir() == tmp_path.resolve()


def test_a_folder_without_the_course_s_data_is_explained(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"registry\.json is missing.*unset it"):
        read_verified(LABELS)


def test_a_damaged_registry_is_refused(copy_of):
    (copy_of() / "registry.json").write_text('{"fashion', encoding="utf-8")
    with pytest.raises(DataError, match=r"registry\.json is damaged: expected JSON"):
        read_verified(LABELS)


@pytest.mark.parametrize("name", ["photos/dog.png", "../pyproject.toml"])
def test_an_unregistered_name_is_refused(name):
    with pytest.raises(DataError, match="not registered.*photos/chelsea.png"):
        read_verified(name)


DAMAGE = {
    "truncated": (lambda b: b[:-1], "5148 bytes", "5147 bytes"),
    "too long": (lambda b: b + b"\0", "5148 bytes", "5149 bytes"),
    "altered": (lambda b: flip_bit(b, 2500), "SHA-256 67da17c7", "SHA-256 67da17c7"),
}


@pytest.mark.parametrize(("problem", "case"), DAMAGE.items())
def test_damage_is_named_with_expected_found_and_repair(copy_of, problem, case):
    damage, expected, found = case
    folder = copy_of(LABELS)
    content = damage((folder / LABELS).read_bytes())
    (folder / LABELS).write_bytes(content)
    if problem == "altered":
        found = hashlib.sha256(content).hexdigest()[:16]
    with pytest.raises(DataError) as caught:
        read_verified(LABELS)
    message = str(caught.value)
    assert message.startswith(f"{data_dir() / LABELS} is {problem}: ")
    assert f"expected {expected}" in message
    assert f"found {found}" in message
    assert f"COURSE_DATA points to {data_dir()}: unset it" in message


def test_a_missing_file_is_named_with_its_repair(copy_of):
    copy_of()
    with pytest.raises(DataError, match=r"labels.*gz is missing: .*unset it"):
        read_verified(LABELS)


def test_an_unreadable_file_is_named(copy_of):
    folder = copy_of(LABELS)
    (folder / LABELS).unlink()
    (folder / LABELS).mkdir()
    with pytest.raises(DataError, match=r"labels.*gz is unreadable: .*unset it"):
        read_verified(LABELS)


def test_repair_in_a_clone_is_git_restore(copy_of, monkeypatch):
    clone = copy_of().parent / "clone"
    (clone / "data").mkdir(parents=True)
    shutil.copyfile(DATA / "registry.json", clone / "data" / "registry.json")
    monkeypatch.delenv("COURSE_DATA")
    monkeypatch.setattr(registry, "ROOT", clone)
    with pytest.raises(DataError, match=f"git restore data/{re.escape(LABELS)} "):
        read_verified(LABELS)
