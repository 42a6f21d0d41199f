"""The learner's copies: added when missing, never lost, renewed when untouched."""

import shutil
from pathlib import Path

import pytest

from course_utils.app import workspace
from course_utils.app.authoring import notebooks
from course_utils.paths import ROOT

NAME = notebooks.learner_notebooks()[0].name


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Return a folder of fresh copies, with a published folder of its own."""
    published = tmp_path / "notebooks"
    shutil.copytree(notebooks.NOTEBOOKS, published)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", published)
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "mine"))
    return workspace.prepare_workspace()


def change(path, text):
    notebook = notebooks.read(path)
    notebook.cells[1].source += text
    notebooks.write(path, notebook)


def publish_new_version():
    path = notebooks.NOTEBOOKS / NAME
    change(path, "A new sentence.")
    notebook = notebooks.read(path)
    notebook.metadata["course"]["digest"] = notebooks.digest(notebook)
    notebooks.write(path, notebook)


def test_every_notebook_is_copied(work):
    names = [path.name for path in notebooks.learner_notebooks()]
    assert sorted(path.name for path in work.iterdir()) == names


def test_a_deleted_copy_comes_back(work):
    (work / NAME).unlink()
    workspace.prepare_workspace()
    assert (work / NAME).read_bytes() == (notebooks.NOTEBOOKS / NAME).read_bytes()


def test_work_is_never_overwritten(work, capsys):
    change(work / NAME, "My answer.")
    publish_new_version()
    workspace.prepare_workspace()
    assert "My answer." in notebooks.read(work / NAME).cells[1].source
    assert f"{NAME} has a newer version; rename yours" in capsys.readouterr().out


def test_an_untouched_copy_is_renewed(work, capsys):
    publish_new_version()
    workspace.prepare_workspace()
    assert "A new sentence." in notebooks.read(work / NAME).cells[1].source
    assert capsys.readouterr().out == ""


def test_my_work_on_the_current_version_is_left_without_a_word(work, capsys):
    change(work / NAME, "My answer.")
    workspace.prepare_workspace()
    assert "My answer." in notebooks.read(work / NAME).cells[1].source
    assert capsys.readouterr().out == ""


def test_a_damaged_copy_is_left_and_named(work, capsys):
    (work / NAME).write_text("{", encoding="utf-8")
    publish_new_version()
    workspace.prepare_workspace()
    assert (work / NAME).read_text(encoding="utf-8") == "{"
    assert "delete or rename it" in capsys.readouterr().out


def test_where_the_copies_go(monkeypatch):
    monkeypatch.delenv("COURSE_WORK", raising=False)
    assert workspace._folder() == ROOT / "work"
    monkeypatch.setattr(workspace, "is_writable", lambda _: False)
    assert workspace._folder() == Path.home() / "image-generation-course"
