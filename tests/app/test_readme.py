"""What the README says can be typed and clicked exists."""

import re

import pytest

from course_utils.app import cli
from course_utils.app.authoring.notebooks import learner_notebooks
from course_utils.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = set(re.findall(r"python3? -m course_utils (\w+)", README))


def test_the_two_commands_are_there():
    assert {"lab", "test"} <= COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_of_the_readme_is_understood(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--help"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: course {command}")


def test_every_command_is_in_the_readme():
    listed = cli._parser().format_help().split("{")[1].split("}")[0].split(",")
    assert set(listed) == COMMANDS


@pytest.mark.parametrize("page", ["README.md", ".github/CONTRIBUTING.md"])
def test_links_and_paths_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        found = link.startswith("https://") or (ROOT / page).parent.joinpath(link)
        assert found is True or found.exists(), link


def test_the_map_of_rooms_names_what_is_there():
    page = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = page.split("## The map of rooms")[1].split("## ")[0]
    named = re.findall(r"^\| `(course_utils/[\w./]*)`", rooms, re.MULTILINE)
    for room in named:
        assert (ROOT / room).exists(), room
    there = {p.name for p in (ROOT / "course_utils").iterdir() if p.suffix != ".pyc"}
    unnamed = {n for n in there if n.removesuffix(".py") not in rooms}
    assert unnamed <= {"__init__.py", "__main__.py", "__pycache__"}


def test_the_map_says_which_notebooks_are_ready():
    ready = re.findall(r"\(notebooks/(\d\d_\w+\.ipynb)\)[^|]*\|[^|]*\| ready", README)
    assert ready == [path.name for path in learner_notebooks()]
